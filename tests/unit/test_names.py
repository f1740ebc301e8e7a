# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""What is written down and read again by later releases: pinned.

A name in a store, in a journal, on a host or in somebody's script can't be
changed by changing the code. Add to these lists; change nothing in them.
"""

import inspect

import ddt

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi import service
from manila_gluster_heketi import spread
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from tests import base

_ID = '0123456789abcdef0123456789abcdef'
_BRICK = 'fedcba9876543210fedcba9876543210'

CONSTANTS = {
    'MOUNT_ROOT': '/var/lib/gluster-heketi/mounts',
    'RUN_DIRECTORY': '/run/gluster-heketi',
    'NODE_RECORD': '/var/lib/gluster-heketi/node.json',
    'FSTAB': '/etc/fstab',
    'FSTAB_LOCK': '/run/lock/gluster-heketi-fstab',
    'GLUSTERD_VOL': '/etc/glusterfs/glusterd.vol',
    'GLUSTERD_STATE': '/var/lib/glusterd',
    'SECURE_ACCESS': '/var/lib/glusterd/secure-access',
    'FLUSH_HOOKS': (
        '/var/lib/glusterd/hooks/1/create/post/S05gluster-heketi-flush.sh',
        '/var/lib/glusterd/hooks/1/add-brick/post/S05gluster-heketi-flush.sh',
    ),
    'KEPT_CERTIFICATE': 'glusterfs.before-renewal',
    'KEPT_IDENTITY': 'glusterfs.before-enrolment',
    'POOL': 'pool',
    'TAG': 'gluster-heketi',
    'TAG_DEVICE': 'gluster-heketi.device.',
    'TAG_BRICK': 'gluster-heketi.brick.',
    'TAG_VOLUME': 'gluster-heketi.volume.',
    'TAG_SET': 'gluster-heketi.set.',
    'TAG_POSITION': 'gluster-heketi.position.',
    'OPTION_PREFIX': 'user.gluster-heketi.',
    'OPTION_VOLUME_ID': 'user.gluster-heketi.volume-id',
    'OPTION_SHARE_ID': 'user.gluster-heketi.share-id',
    'OPTION_DURABILITY': 'user.gluster-heketi.durability',
    'OPTION_SPREAD': 'user.gluster-heketi.spread',
    'OPTION_TAGS': 'user.gluster-heketi.tags',
    'OPTION_AVERAGE_FILE': 'user.gluster-heketi.average-file-bytes',
    'OPTION_LIMIT': 4000,
    'VOLUME_NAME_LIMIT': 63,
    'SSL_ALLOW_LIMIT': 4000,
}

STEPS = {
    'add-tags': ('vg_name', 'lv_name', 'tags'),
    'enter-fstab': ('bricks',),
    'leave-fstab': ('path',),
    'mount-bricks': ('bricks',),
    'remove-mount-point': ('path',),
    'record-certificate': ('node_id', 'directory'),
    'renew-certificate': ('cluster_id', 'directory'),
    'restore-quota': ('name', 'hosts', 'quota_bytes'),
    'set-options': ('name', 'hosts', 'options'),
    'start-missing': ('name', 'hosts'),
    'check-member': ('directory', 'members'),
    'await-return': ('hosts', 'serving'),
    'switch-secure-access': ('wanted', 'before', 'restarts'),
    'await-members': ('hosts', 'serving'),
    'begin-rotation': ('number', 'old_pem', 'new_pem', 'link_pem'),
    'check-phase': ('directory',),
    'turn-phase': (
        'number',
        'phase',
        'direction',
        'next_phase',
        'next_direction',
    ),
    'replace-trust': ('cluster_id', 'directory', 'address', 'volumes'),
    'add-brick-sets': ('name', 'hosts', 'durability', 'addresses'),
    'deploy-certificate': ('cluster_id', 'directory'),
    'destroy-bricks': ('bricks',),
    'destroy-orphans': (
        'bricks',
        'address',
        'hosts',
        'elsewhere',
        'recorded',
    ),
    'grow-bricks': ('bricks', 'old_sizes'),
    'join-peers': ('members', 'addresses', 'own_address'),
    'keep-certificate': ('directory',),
    'leave-pool': ('hosts', 'address', 'force'),
    'make-bricks': ('bricks',),
    'make-device': (
        'device_id',
        'path',
        'vg_name',
        'pool_name',
        'data_bytes',
        'metadata_bytes',
        'destroy',
    ),
    'make-volume': (
        'name',
        'hosts',
        'durability',
        'addresses',
        'options',
        'quota_bytes',
    ),
    'prepare-glusterd': ('ping_timeout',),
    'remove-device': ('device_id', 'path', 'vg_name', 'pool_name'),
    'record-node': ('content', 'old_content'),
    'remove-volume': ('name', 'hosts'),
    'replace-certificate': ('cluster_id', 'directory', 'address', 'volumes'),
    'restore-glusterd': (),
    'retire-certificate': ('node_id', 'directory'),
    'set-access': ('name', 'hosts', 'names', 'value', 'old_value'),
    'set-quota': ('name', 'hosts', 'quota_bytes', 'old_quota_bytes'),
    'withdraw-certificate': ('directory',),
    'withdraw-names': ('name', 'hosts', 'names', 'value'),
}

CODES = {
    'MGH-000': 'GlusterHeketiError',
    'MGH-100': 'InvalidInput',
    'MGH-101': 'InvalidTopology',
    'MGH-102': 'InvalidAccess',
    'MGH-103': 'AccessListFull',
    'MGH-104': 'InvalidExport',
    'MGH-110': 'NotFound',
    'MGH-111': 'Conflict',
    'MGH-112': 'ShrinkWouldLoseData',
    'MGH-113': 'UnderWay',
    'MGH-114': 'MountsWouldBreak',
    'MGH-200': 'NoSpace',
    'MGH-201': 'StrategyAtFault',
    'MGH-300': 'HostError',
    'MGH-301': 'HostUnreachable',
    'MGH-302': 'HostKeyRefused',
    'MGH-303': 'LoginRefused',
    'MGH-304': 'SudoRefused',
    'MGH-305': 'ConnectionLost',
    'MGH-306': 'CommandTimedOut',
    'MGH-307': 'CommandFailed',
    'MGH-308': 'HostUnfit',
    'MGH-309': 'DeviceUnfit',
    'MGH-310': 'OutputNotUnderstood',
    'MGH-311': 'CommandFenced',
    'MGH-312': 'CommandStillRuns',
    'MGH-313': 'DiskFull',
    'MGH-314': 'DiskReadOnly',
    'MGH-315': 'CertificateNotServed',
    'MGH-316': 'PortUnreachable',
    'MGH-317': 'GlusterdDown',
    'MGH-318': 'TlsNotReady',
    'MGH-319': 'FenceFailed',
    'MGH-400': 'GlusterError',
    'MGH-401': 'GlusterBusy',
    'MGH-402': 'PeersDown',
    'MGH-403': 'NoNodeOnline',
    'MGH-404': 'PeerRejected',
    'MGH-405': 'PeersApart',
    'MGH-500': 'StoreError',
    'MGH-501': 'StoreTooNew',
    'MGH-502': 'StaleGeneration',
    'MGH-503': 'StoreBusy',
    'MGH-504': 'StoreLost',
    'MGH-505': 'CommitUncertain',
    'MGH-506': 'StoreNotEmpty',
    'MGH-507': 'NoFileToCopy',
    'MGH-520': 'StoreInUse',
    'MGH-521': 'RebuildRefused',
    'MGH-600': 'TlsError',
    'MGH-601': 'InvalidCommonName',
    'MGH-602': 'InsecureFile',
    'MGH-610': 'PassphraseError',
    'MGH-611': 'KeyManagerError',
    'MGH-612': 'AuthorityExists',
    'MGH-613': 'NameRevoked',
    'MGH-614': 'RevokedStillHolds',
    'MGH-620': 'InvalidToken',
    'MGH-621': 'TokenRefused',
    'MGH-622': 'EnrolmentFailed',
    'MGH-623': 'BadRequest',
    'MGH-624': 'TooManyRequests',
    'MGH-625': 'EnrolmentRefused',
    'MGH-630': 'OldCertificatesHold',
    'MGH-631': 'AuthorityElsewhere',
    'MGH-632': 'NodesBehind',
    'MGH-633': 'NoRotation',
    'MGH-700': 'OperationFailed',
    'MGH-701': 'OperationStuck',
    'MGH-702': 'InvalidTransition',
    'MGH-703': 'OperationHeld',
    'MGH-704': 'StepBroke',
    'MGH-800': 'InvalidConfiguration',
    'MGH-900': 'LabError',
    'MGH-901': 'LabPackagesMissing',
    'MGH-902': 'LabGuestFailed',
    'MGH-903': 'LabManilaFailed',
    'MGH-904': 'LabMountFailed',
}

WORDS = {
    model.OpKind: {
        'node-add',
        'device-add',
        'node-remove',
        'device-remove',
        'volume-create',
        'volume-resize',
        'volume-delete',
        'access-update',
        'repair',
        'node-certificate',
        'ca-rotation',
        'secure-access',
    },
    model.OpState: {
        'running',
        'done',
        'undoing',
        'undone',
        'stuck',
        'abandoned',
    },
    model.RotationPhase: {
        'trust-old',
        'trust-both',
        're-sign',
        'trust-new',
        'destroy-old',
    },
    model.RotationDirection: {'forward', 'back'},
    model.StepState: {'planned', 'doing', 'done', 'undone', 'undo-failed'},
    model.VolumeState: {'creating', 'ready', 'condemned'},
    model.EntryState: {'online', 'offline'},
    durability.Kind: {'distribute', 'replicate', 'arbiter', 'disperse'},
    spread.Mode: {'strict', 'prefer', 'none'},
    keys.KeyType: {'ec-p256', 'rsa-3072'},
    issue.Kind: {'node', 'client', 'endpoint'},
}

EXIT_CODES = {
    'OK': 0,
    'FAILED': 1,
    'BAD_INPUT': 2,
    'NO_SPACE': 3,
    'HOST': 4,
    'STUCK': 5,
    'FINDINGS': 6,
    'BUG': 70,
}


@ddt.ddt
class NamesTestCase(base.TestCase):
    """Every name of these lists is there, as it is."""

    @ddt.data(*CONSTANTS.items())
    @ddt.unpack
    def test_constants(self, name, value) -> None:
        """They are on hosts and in Gluster."""
        self.assertEqual(value, getattr(names, name))

    def test_no_constant_is_forgotten(self) -> None:
        """A new one is pinned here."""
        self.assertEqual(
            set(CONSTANTS), {each for each in dir(names) if each.isupper()}
        )

    def test_names_of_what_is_on_hosts(self) -> None:
        """They are in fstab and in LVM's metadata."""
        mount = f'/var/lib/gluster-heketi/mounts/vg_{_ID}/brick_{_BRICK}'
        self.assertEqual(f'vg_{_ID}', names.vg_name(_ID))
        self.assertEqual(f'brick_{_BRICK}', names.lv_name(_BRICK))
        self.assertEqual(mount, names.mount_path(_ID, _BRICK))
        self.assertEqual(f'{mount}/brick', names.brick_path(_ID, _BRICK))
        self.assertEqual(
            f'gluster-heketi-node-{_ID}', names.node_common_name(_ID)
        )

    @ddt.data(*STEPS.items())
    @ddt.unpack
    def test_steps(self, kind, fields) -> None:
        """A journal of an older release has them, with these fields.

        Which hosts were told is in later ones alone.
        """
        found = step._KINDS[kind]
        later = {'told'} if issubclass(found, step.GlusterStep) else set()
        self.assertEqual(
            {'self', 'host', *fields} | later,
            set(inspect.signature(found.__init__).parameters),
        )

    def test_no_step_is_forgotten(self) -> None:
        """A new one is pinned here."""
        # The façade imports every operation.
        self.assertTrue(service.Service)
        self.assertEqual(set(STEPS), set(step.kinds()))

    def test_every_operation_has_an_end(self) -> None:
        """The engine knows how each kind is settled."""
        for kind in model.OpKind:
            self.assertTrue(callable(kinds.behaviour_of(kind).settle))
        forward = {
            k for k in model.OpKind if kinds.behaviour_of(k).forward_only
        }
        self.assertEqual(
            {
                model.OpKind.DEVICE_REMOVE,
                model.OpKind.NODE_REMOVE,
                model.OpKind.VOLUME_DELETE,
            },
            forward,
        )

    @ddt.data(*WORDS.items())
    @ddt.unpack
    def test_words(self, kind, words) -> None:
        """They are in stores and in output that scripts read."""
        self.assertEqual(words, {each.value for each in kind})

    def test_error_codes(self) -> None:
        """People search for them."""
        found = {
            kind.code: name
            for name, kind in inspect.getmembers(exceptions, inspect.isclass)
            if issubclass(kind, exceptions.GlusterHeketiError)
        }
        self.assertEqual(CODES, found)

    def test_exit_codes(self) -> None:
        """Scripts test for them."""
        self.assertEqual(
            EXIT_CODES, {each.name: each.value for each in ExitCode}
        )
