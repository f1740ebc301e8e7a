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

"""Devices, thin volumes, file systems and mounts."""

import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from manila_gluster_heketi.hostcmd import device
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.hostcmd import xfs
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Tolerance
from manila_gluster_heketi.tls import keys
from tests.contract import site
from tests.unit.tls import authorities

_MIB = site.MIB
_TAGS = ('gluster-heketi', 'gluster-heketi.brick.1')


def make_brick(lv='brick_1', megabytes=320):
    """Make a brick as operations do."""
    return (
        lvm.brick_create(site.VG, 'pool', lv, megabytes * _MIB, _TAGS),
        xfs.make(site.lv_device(lv)),
        mounts.make_directory(site.mount_path(lv)),
        mounts.fstab_add(site.lv_device(lv), site.mount_path(lv)),
        mounts.mount(site.lv_device(lv), site.mount_path(lv)),
        mounts.make_directory(site.mount_path(lv) + '/brick'),
    )


def destroy_brick(lv='brick_1'):
    """Destroy a brick as operations do."""
    return (
        mounts.unmount(site.mount_path(lv)),
        mounts.remove_directory(site.mount_path(lv)),
        mounts.fstab_remove(site.mount_path(lv)),
        lvm.lv_remove(site.VG, lv),
    )


class BrickContract(site.Contract):
    """One host is enough."""

    host_count = 1

    @property
    def node(self):
        return self.nodes[0]

    def _probe(self):
        lsblk, wipefs = self.run_on(self.node, *device.probe(self.node.device))
        return device.parse_probe('n', lsblk.stdout, wipefs.stdout)

    def _volumes(self):
        found = lvm_report.logical_volumes(
            'n', self.said(self.node, lvm.lvs(site.VG))
        )
        return {each.name: each for each in found}

    def test_a_device_from_empty_to_empty(self):
        self.assertTrue(self._probe().is_empty)

        self.assert_repeatable(self.node, *site.thin_pool(self.node))
        taken = self._probe()
        [volume] = lvm_report.physical_volumes(
            'n', self.said(self.node, lvm.pvs(self.node.device))
        )
        self.assert_repeatable(
            self.node,
            lvm.pool_remove(site.VG, 'pool'),
            lvm.vg_remove(site.VG),
            lvm.pv_remove(self.node.device),
        )

        self.assertEqual(('LVM2_member',), taken.signatures)
        self.assertTrue(taken.holders)
        self.assertEqual(site.VG, volume.vg_name)
        self.assertEqual(taken.size_bytes, volume.device_bytes)
        self.assertEqual(lvm.EXTENT_BYTES, volume.extent_bytes)
        # A spare as big as the metadata is taken too.
        self.assertEqual(
            volume.vg_bytes - (2048 + 16 + 16) * _MIB, volume.vg_free_bytes
        )
        self.assertEqual(
            {'gluster-heketi', 'gluster-heketi.device.contract'},
            set(volume.vg_tags),
        )
        self.assertTrue(self._probe().is_empty)

    def test_a_device_in_use_is_refused(self):
        self.run_on(self.node, *site.thin_pool(self.node))

        self.assert_refused(
            f"is already in volume group '{site.VG}'",
            self.node,
            lvm.vg_create('vg_other', self.node.device, ()),
        )
        self.assert_refused(
            f'is used by VG {site.VG}',
            self.node,
            lvm.pv_remove(self.node.device),
        )
        self.assert_refused('busy', self.node, device.wipe(self.node.device))

    def test_a_device_that_is_not_there(self):
        path = '/dev/nothing'
        self.assert_refused(
            'No device found', self.node, lvm.vg_create('vg_x', path, ())
        )
        self.assert_refused(
            'not a block device', self.node, *device.probe(path)
        )
        self.assert_refused('No such file', self.node, device.wipe(path))
        self.assert_refused('device not found', self.node, lvm.pvs(path))

    def test_a_device_that_lvm_does_not_use(self):
        self.assert_refused(
            'Failed to find physical volume',
            self.node,
            lvm.pvs(self.node.device),
        )

    def test_a_pool_that_does_not_fit(self):
        error = self.assert_refused(
            'insufficient free space',
            self.node,
            *site.thin_pool(self.node, 8192),
        )

        self.assertEqual(1, error.fields['completed'])

    def test_a_brick_lives_twice_over(self):
        self.run_on(self.node, *site.thin_pool(self.node))
        self.assert_repeatable(self.node, *make_brick())
        made = self._volumes()
        self.assert_repeatable(
            self.node,
            lvm.lv_extend(site.VG, 'brick_1', 512 * _MIB),
            xfs.grow(site.mount_path('brick_1')),
        )
        grown = self._volumes()
        self.assert_repeatable(self.node, *destroy_brick())

        self.assertEqual(320 * _MIB, made['brick_1'].size_bytes)
        self.assertEqual('pool', made['brick_1'].pool)
        self.assertEqual(set(_TAGS), set(made['brick_1'].tags))
        self.assertTrue(made['brick_1'].is_active)
        self.assertFalse(made['brick_1'].is_pool)
        self.assertEqual(512 * _MIB, grown['brick_1'].size_bytes)
        pool = grown['pool']
        self.assertTrue(pool.is_pool)
        self.assertEqual(16 * _MIB, pool.metadata_bytes)
        self.assertIsNotNone(pool.metadata_percent)
        self.assertEqual({'pool'}, set(self._volumes()))

    def _geometries(self, *lvs):
        paths = [site.mount_path(lv) for lv in lvs]
        said = self.said(self.node, xfs.geometries(paths))
        return xfs.parse_geometries(said)

    def test_how_large_a_file_system_is(self):
        self.run_on(self.node, *site.thin_pool(self.node), *make_brick())
        path = site.mount_path('brick_1')

        made = self._geometries('brick_9', 'brick_1')
        self.run_on(self.node, lvm.lv_extend(site.VG, 'brick_1', 512 * _MIB))
        extended = self._geometries('brick_1')
        self.run_on(self.node, xfs.grow(path))
        grown = self._geometries('brick_1')
        self.run_on(self.node, *destroy_brick())

        # One that is not mounted is left out.
        self.assertEqual({path}, set(made))
        self.assertEqual(0, made[path].room_in(320 * _MIB))
        self.assertEqual(made, extended)
        self.assertEqual(192 * _MIB, extended[path].room_in(512 * _MIB))
        self.assertEqual(0, grown[path].room_in(512 * _MIB))
        self.assertEqual(512 * _MIB, grown[path].size_bytes)
        self.assertEqual({}, self._geometries('brick_1'))

    def test_tags_are_added(self):
        self.run_on(self.node, *site.thin_pool(self.node), *make_brick())
        more = ('gluster-heketi.set.0', 'gluster-heketi.position.12')

        self.assert_repeatable(
            self.node,
            lvm.lv_tag(site.VG, 'brick_1', more),
            lvm.vg_tag(site.VG, ('gluster-heketi.device.2',)),
        )

        tags = self._volumes()['brick_1'].tags
        self.assertEqual({*_TAGS, *more}, set(tags))
        self.assertEqual(len(set(tags)), len(tags))
        [volume] = lvm_report.physical_volumes(
            'n', self.said(self.node, lvm.pvs(self.node.device))
        )
        self.assertIn('gluster-heketi.device.2', volume.vg_tags)
        self.assert_refused(
            'Failed to find logical volume',
            self.node,
            lvm.lv_tag(site.VG, 'brick_2', more),
        )

    def test_what_is_mounted_is_seen(self):
        self.run_on(self.node, *site.thin_pool(self.node), *make_brick())
        path = site.mount_path('brick_1')
        _, mounted = mount_table.devices_of(site.VG, 'brick_1')

        table = self.said(self.node, system.read_file('/proc/mounts'))
        fstab = self.said(self.node, system.read_file('/etc/fstab'))
        directories = self.said(
            self.node,
            mounts.directories([f'{path}/brick', f'{path}/nothing']),
        )

        self.assertIn(
            mount_table.Entry(mounted, path, 'xfs'), mount_table.parse(table)
        )
        self.assertIn(
            mount_table.Entry(site.lv_device('brick_1'), path, 'xfs'),
            mount_table.parse(fstab),
        )
        self.assertIn(f'{path}/brick', directories.splitlines())
        self.assertNotIn(f'{path}/nothing', directories.splitlines())
        self.assertIn(path, directories.splitlines())

    def test_what_is_in_use_stays(self):
        self.run_on(self.node, *site.thin_pool(self.node), *make_brick())

        self.assert_refused(
            'contains a filesystem in use',
            self.node,
            lvm.lv_remove(site.VG, 'brick_1'),
        )
        self.run_on(self.node, lvm.pool_remove(site.VG, 'pool'))
        self.assertEqual({'brick_1', 'pool'}, set(self._volumes()))
        self.assert_refused('not removed', self.node, lvm.vg_remove(site.VG))
        self.run_on(self.node, lvm.lv_extend(site.VG, 'brick_1', 304 * _MIB))
        self.assertEqual(320 * _MIB, self._volumes()['brick_1'].size_bytes)
        self.assert_refused(
            'not empty|busy',
            self.node,
            mounts.remove_directory(site.mount_path('brick_1')),
        )

    def test_what_is_not_there_can_not_be_changed(self):
        self.run_on(self.node, *site.thin_pool(self.node))
        path = site.mount_path('brick_9')

        for pattern, command in (
            ('not found', lvm.lv_extend(site.VG, 'brick_9', 512 * _MIB)),
            ('not found', lvm.lv_extend('vg_none', 'brick_9', 512 * _MIB)),
            ('not found', lvm.brick_create(site.VG, 'p9', 'b', 512 << 20, ())),
            ('not found', lvm.lvs('vg_none')),
            ('No such file', xfs.make(site.lv_device('brick_9'))),
            ('not a mounted XFS', xfs.grow('/srv')),
            ('does not exist', mounts.mount('/dev/vg_none/b', '/srv')),
            ('does not exist', mounts.mount('/dev/vg_none/b', path)),
        ):
            self.assert_refused(pattern, self.node, command)

    def test_a_brick_that_is_too_small(self):
        self.assert_refused(
            'larger than 300MB',
            self.node,
            *site.thin_pool(self.node),
            *make_brick(megabytes=128),
        )

    def test_a_volume_without_file_system(self):
        self.assert_refused(
            'wrong fs type',
            self.node,
            *site.thin_pool(self.node),
            *(each for each in make_brick() if each.program != 'mkfs.xfs'),
        )

    def test_bricks_are_mounted_at_boot(self):
        self.run_on(
            self.node,
            *site.thin_pool(self.node),
            *make_brick('brick_1'),
            *make_brick('brick_2'),
            mounts.fstab_remove(site.mount_path('brick_2')),
            system.sync(),
        )

        self.power_off(self.node)
        self.power_on(self.node)

        results = self.run_on(
            self.node,
            *(
                mounts.mount(site.lv_device(lv), site.mount_path(lv))
                for lv in ('brick_1', 'brick_2')
            ),
        )
        self.assertEqual([True, False], [each.skipped for each in results])

    def test_what_is_taken_out_of_fstab_stays_out(self):
        self.run_on(
            self.node, *site.thin_pool(self.node), *make_brick(), system.sync()
        )
        self.run_on(self.node, mounts.fstab_remove(site.mount_path('brick_1')))

        self.power_off(self.node)
        self.power_on(self.node)

        [result] = self.run_on(
            self.node,
            mounts.mount(
                site.lv_device('brick_1'), site.mount_path('brick_1')
            ),
        )
        self.assertFalse(result.skipped)

    def test_a_brick_that_became_read_only(self):
        self.run_on(self.node, *site.thin_pool(self.node), *make_brick())
        self.spoil_brick(self.node, 'brick_1')

        self.assert_refused(
            'Read-only file system',
            self.node,
            mounts.make_directory(site.mount_path('brick_1') + '/other'),
        )
        self.assert_refused(
            'Read-only file system',
            self.node,
            lvm.lv_extend(site.VG, 'brick_1', 512 * _MIB),
            xfs.grow(site.mount_path('brick_1')),
        )
        self.repair_brick(self.node, 'brick_1')
        self.run_on(self.node, xfs.grow(site.mount_path('brick_1')))


class BatchContract(site.Contract):
    """What the executor promises."""

    host_count = 1

    def test_the_first_failure_ends_a_batch(self):
        node = self.nodes[0]
        path = f'{site.MOUNTS}/never'

        error = self.refused(
            node,
            system.clock(),
            lvm.lvs('vg_none'),
            mounts.make_directory(path),
        )

        self.assertEqual(1, error.fields['completed'])
        self.assertEqual(5, error.fields['status'])
        [left] = self.run_on(node, mounts.remove_directory(path))
        self.assertTrue(left.skipped)

    def test_other_words_with_a_tolerated_status_end_a_batch(self):
        node = self.nodes[0]
        path = f'{site.MOUNTS}/never'
        report = lvm.lvs('vg_none')
        tolerant = Command(
            report.argv, tolerated=(Tolerance(5, 'something else'),)
        )

        self.refused(node, tolerant, mounts.make_directory(path))

        [left] = self.run_on(node, mounts.remove_directory(path))
        self.assertTrue(left.skipped)

    def test_a_tolerated_failure_is_told_and_does_not_end_a_batch(self):
        tolerated, after = self.run_on(
            self.nodes[0], lvm.vg_remove('vg_none'), system.clock()
        )

        self.assertEqual(5, tolerated.status)
        self.assertIn('not found', tolerated.stderr)
        self.assertEqual(0, after.status)

    def test_an_empty_batch(self):
        self.assertEqual((), self.run_on(self.nodes[0]))


class SystemContract(site.Contract):
    """Files, services, programs."""

    host_count = 1

    @property
    def node(self):
        return self.nodes[0]

    def test_a_host_is_fit_to_be_a_node(self):
        versions, clock, _, directory = self.run_on(
            self.node,
            system.versions(),
            system.clock(),
            system.service_is_active(),
            system.tls_directory(),
        )

        self.assertEqual((), system.parse_versions(versions.stdout).missing)
        self.assertAlmostEqual(
            time.time(), system.parse_clock('n', clock.stdout), delta=30
        )
        self.assertEqual(
            '/usr/lib/ssl', system.parse_tls_directory('n', directory.stdout)
        )

    def test_files(self):
        path = '/usr/lib/ssl/contract.key'
        self.assert_repeatable(
            self.node,
            system.write_file(path, 'a\n', 0o600, sensitive=True),
        )
        self.assertEqual('a\n', self.said(self.node, system.read_file(path)))
        first, second, third = self.run_on(
            self.node,
            system.remove_file(path),
            system.remove_file(path),
            system.read_file(path),
        )

        self.assertEqual(
            [False, True, True],
            [first.skipped, second.skipped, third.skipped],
        )
        self.assert_refused(
            'No such file',
            self.node,
            system.write_file('/usr/lib/none/x', 'a\n'),
        )

    def test_the_public_part_of_a_key(self):
        path = '/usr/lib/ssl/contract.key'
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        _, first, _, second, _, third = self.run_on(
            self.node,
            system.write_file(path, keys.pem(key), 0o600),
            system.public_key(path),
            system.write_file(path, 'no key\n', 0o600),
            system.public_key(path),
            system.remove_file(path),
            system.public_key(path),
        )

        self.assertEqual(public.decode(), first.stdout)
        self.assertEqual('', second.stdout)
        self.assertTrue(third.skipped)

    def test_a_key_is_kept_and_put_back(self):
        directory, name = '/usr/lib/ssl', 'contract.key'
        path = f'{directory}/{name}'
        self.assert_repeatable(self.node, tls_files.discard(directory))
        *_, first, _, second, third, _ = self.run_on(
            self.node,
            system.write_file(path, 'old\n', 0o600),
            tls_files.keep(directory, (name, 'contract.none')),
            system.write_file(path, 'new\n', 0o640),
            system.write_file(f'{directory}/contract.none', 'new\n'),
            tls_files.permission(path),
            tls_files.restore(directory, (name, 'contract.none')),
            tls_files.permission(path),
            system.read_file(f'{directory}/contract.none'),
            tls_files.discard(directory),
        )
        self.assertEqual(
            [0o640, 0o600],
            [
                tls_files.parse_permission('n', each.stdout).mode
                for each in (first, second)
            ],
        )
        self.assertTrue(third.skipped)
        self.assertEqual('old\n', self.said(self.node, system.read_file(path)))
        restored, removed, absent = self.run_on(
            self.node,
            tls_files.restore(directory, (name,)),
            system.remove_file(path),
            tls_files.permission(path),
        )
        self.assertEqual(
            [True, False, True],
            [restored.skipped, removed.skipped, absent.skipped],
        )

    def test_a_certificate_as_the_host_reads_it(self):
        path = '/usr/lib/ssl/contract.pem'
        text = authorities.authority().certificate_pem
        _, first, _, second, _, third = self.run_on(
            self.node,
            system.write_file(path, text),
            tls_files.certificate(path),
            system.write_file(path, 'no certificate\n'),
            tls_files.certificate(path),
            system.remove_file(path),
            tls_files.certificate(path),
        )

        self.assertEqual(text, first.stdout)
        self.assertEqual('', second.stdout)
        self.assertTrue(third.skipped)

    def test_no_daemon_was_refused(self):
        said = self.said(self.node, tls_files.refused_daemons())
        # A log may tell of volumes that were there before this test.
        found = {each.volume for each in tls_files.parse_refused(said)}
        self.assertNotIn('contract', found)

    def test_ping_timeout(self):
        self.assert_repeatable(self.node, system.set_ping_timeout(7))
        first, second = self.run_on(
            self.node,
            system.restore_ping_timeout(),
            system.restore_ping_timeout(),
        )

        self.assertEqual([False, True], [first.skipped, second.skipped])

    def test_glusterd_restarts(self):
        self.assert_repeatable(
            self.node,
            system.service_restart(),
            system.service_start(),
            system.service_is_active(),
        )


class SimulatedBrickTest(BrickContract, site.SimulatedSite):
    """On simulated hosts."""


class LabBrickTest(BrickContract, site.LabSite):
    """On real hosts."""


class SimulatedBatchTest(BatchContract, site.SimulatedSite):
    """On simulated hosts."""


class LabBatchTest(BatchContract, site.LabSite):
    """On real hosts."""


class SimulatedSystemTest(SystemContract, site.SimulatedSite):
    """On simulated hosts."""


class LabSystemTest(SystemContract, site.LabSite):
    """On real hosts."""
