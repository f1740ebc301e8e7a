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

"""Hosts and devices that can not be taken: nothing is changed."""

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.sizes import MIB
from tests.functional import deployment


def _power_off(d):
    d.cluster.power_off('gl2')


def _refuse(kind, **fields):
    def act(d):
        d.cluster.refuse('gl2', kind(host='gl2', **fields))

    return act


def _set_program(**versions):
    def act(d):
        host = d.cluster.host('gl2')
        host.programs = {
            name: text
            for name, text in {**host.programs, **versions}.items()
            if text
        }

    return act


def _stop_glusterd(d):
    d.cluster.host('gl2').glusterd_runs = False


def _wrong_clock(d):
    d.cluster.host('gl2').clock_offset_seconds = -3600.0


def _signature(d):
    d.cluster.host('gl2').disks.devices['/dev/vdb'].signatures[:] = ['ext4']


def _read_only(d):
    d.cluster.host('gl2').disks.devices['/dev/vdb'].read_only = True


def _is_a_node(d):
    d.cluster.host('gl2').space.root.files[names.NODE_RECORD] = File('', 0o644)


def _tiny(d):
    d.cluster.host('gl2').disks.devices['/dev/vdb'].size_bytes = 64 * MIB


def _no_device(d):
    del d.cluster.host('gl2').disks.devices['/dev/vdb']


def _in_use(d):
    host = d.cluster.host('gl2')
    made = host.disks
    device = made.devices['/dev/vdb']
    device.signatures[:] = []
    for argv in (
        (
            'lvm',
            'vgcreate',
            '-qq',
            '--physicalextentsize=4194304b',
            '--metadatasize=1048576b',
            '--dataalignment=262144b',
            'vg_root',
            '/dev/vdb',
        ),
        (
            'lvm',
            'lvcreate',
            '-qq',
            '--type=thin-pool',
            '--name=pool',
            '--size=1073741824b',
            '--poolmetadatasize=4194304b',
            'vg_root',
        ),
    ):
        assert host._programs()['lvm'](argv).status == 0


@ddt.ddt
class UnfitHostTestCase(deployment.DeployedTestCase):
    """A host or device that can't be taken: nothing is changed anywhere."""

    @ddt.data(
        (_power_off, exceptions.HostUnreachable, 'No route to host'),
        (
            _refuse(exceptions.HostKeyRefused, reason='changed'),
            exceptions.HostKeyRefused,
            'known_hosts',
        ),
        (
            _refuse(exceptions.LoginRefused, user='root', reason='denied'),
            exceptions.LoginRefused,
            'authorized_keys',
        ),
        (
            _refuse(exceptions.SudoRefused, user='stack', reason='password'),
            exceptions.SudoRefused,
            'sudo',
        ),
        (
            _set_program(gluster=''),
            exceptions.HostUnfit,
            'it lacks gluster; packages: glusterfs-server',
        ),
        (
            _set_program(gluster='glusterfs 8.6'),
            exceptions.HostUnfit,
            'gluster 8.6 is too old, 9 is needed',
        ),
        (_set_program(lvm=''), exceptions.HostUnfit, 'packages: lvm2'),
        (
            _set_program(lvm='  LVM version:     2.02.98(2) (2012-10-15)'),
            exceptions.HostUnfit,
            'lvm 2.02.98 is too old',
        ),
        (_set_program(thin_check=''), exceptions.HostUnfit, 'thin-prov'),
        (_stop_glusterd, exceptions.HostUnfit, 'glusterd is not running'),
        (_wrong_clock, exceptions.HostUnfit, 'its clock is -3600 s off'),
        (
            _signature,
            exceptions.DeviceUnfit,
            r'device /dev/vdb: it holds data: ext4.*destroydata',
        ),
        (_is_a_node, exceptions.HostUnfit, 'node already.*db rebuild'),
        (_read_only, exceptions.DeviceUnfit, '/dev/vdb: it is read-only'),
        (_tiny, exceptions.DeviceUnfit, 'too few for a brick'),
        (_no_device, exceptions.DeviceUnfit, '/dev/vdb: .*not a block device'),
        (_in_use, exceptions.DeviceUnfit, '/dev/vdb: it is in use'),
    )
    @ddt.unpack
    def test_refused(self, break_it, kind, pattern) -> None:
        """The error names host and reason."""
        d = self.deploy(load=False)
        break_it(d)
        before = d.world()

        error = self.assertRaises(kind, d.load)

        self.assertIn('gl2', str(error))
        self.assertRegex(str(error), pattern)
        self.assertEqual(before, d.world())

    def test_destroydata_does_not_take_what_is_in_use(self) -> None:
        """It wipes signatures, never a disk that something works on."""
        d = self.deploy(load=False)
        _in_use(d)
        document = d.document()
        document['clusters'][0]['nodes'][1]['devices'] = [
            {'name': '/dev/vdb', 'destroydata': True}
        ]
        before = d.world()
        self.assertRaises(exceptions.DeviceUnfit, d.load, document)
        self.assertEqual(before, d.world())

    def test_a_clock_that_is_no_number(self) -> None:
        """What a host says and we can't read is shown."""
        d = self.deploy(load=False)
        host = d.cluster.host('gl2')
        self.useFixture(
            fixtures.MockPatchObject(
                host, '_date', lambda argv: Outcome(stdout='soon\n')
            )
        )
        error = self.assertRaises(exceptions.OutputNotUnderstood, d.load)
        self.assertIn('soon', str(error))
        self.assertEqual((), d.service.nodes())
