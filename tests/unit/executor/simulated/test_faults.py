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

"""Faults of simulated hosts: power, networks, disks, hangs."""

import ddt

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import hooks
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import xfs
from tests import base

_MIB = 1024 * 1024
_BRICK = '/dev/vg/b1'
_MOUNT = '/m/b1'
_POOL = (
    lvm.vg_create('vg', '/dev/vdb', ('tag',)),
    lvm.thin_pool_create('vg', 'pool', 1024 * _MIB, 16 * _MIB),
)
_BRICKS = (
    lvm.brick_create('vg', 'pool', 'b1', 320 * _MIB, ()),
    xfs.make(_BRICK),
    mounts.make_directory(_MOUNT),
    mounts.fstab_add(_BRICK, _MOUNT),
    mounts.mount(_BRICK, _MOUNT),
    mounts.make_directory(f'{_MOUNT}/brick'),
)
_MAKE = (*_POOL, *_BRICKS)


class FaultsCase(base.TestCase):
    """One host with a device."""

    def setUp(self):
        super().setUp()
        self.cluster = cluster.SimulatedCluster(
            [HostSpec('n1', devices={'/dev/vdb': 4096 * _MIB})]
        )
        self.space = self.host.space

    @property
    def host(self):
        return self.cluster.host('n1')

    def run_batch(self, *batch):
        return self.cluster.run_batch('n1', batch)

    def fail_with(self, kind, *batch):
        return self.assertRaises(kind, self.run_batch, *batch)

    def power_cycle(self):
        self.cluster.power_off('n1')
        self.cluster.power_on('n1')


@ddt.ddt
class AppointedTest(FaultsCase):
    """Faults that wait for their command."""

    @ddt.data(*range(len(_MAKE) + 1))
    def test_power_is_cut_after_so_many_commands(self, commands):
        self.cluster.appoint(
            'n1', commands, lambda: self.cluster.power_off('n1')
        )

        error = self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.assertEqual(
            str(_MAKE[max(0, commands - 1)]), error.fields['command']
        )
        self.assertEqual(commands, self.cluster.statistics.commands)

    def test_it_happens_once(self):
        self.cluster.appoint('n1', 1, lambda: self.cluster.cut_network('n1'))
        self.fail_with(exceptions.ConnectionLost, *_MAKE)
        self.cluster.restore_network('n1')

        self.run_batch(*_MAKE)

    def test_in_the_midst_of_a_command_that_is_skipped(self):
        self.cluster.appoint(
            'n1',
            0,
            lambda: self.cluster.cut_network('n1'),
            in_midst=True,
        )

        self.fail_with(
            exceptions.ConnectionLost, mounts.remove_directory('/m/none')
        )


@ddt.ddt
class ScriptRunsOnTest(FaultsCase):
    """A host does not know that nobody listens."""

    def test_a_network_cut(self):
        self.cluster.appoint('n1', 2, lambda: self.cluster.cut_network('n1'))

        error = self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.assertEqual(str(_MAKE[1]), error.fields['command'])
        self.assertIn(_MOUNT, self.space.mounts)

    def test_a_failure_that_nobody_hears_of_ends_the_batch(self):
        self.cluster.appoint('n1', 0, lambda: self.cluster.cut_network('n1'))

        self.fail_with(exceptions.ConnectionLost, lvm.lvs('vg_none'), *_MAKE)

        self.assertEqual({}, self.host.disks.groups)

    @ddt.data(0, 1, 3)
    def test_a_connection_breaks_and_some_more_commands_run(self, more):
        self.cluster.fail_after('n1', 2, more)

        error = self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.assertEqual(str(_MAKE[1]), error.fields['command'])
        self.assertEqual(2 + more, self.cluster.statistics.commands)
        self.run_batch(*_MAKE)

    def test_more_than_there_are(self):
        self.cluster.fail_after('n1', 2, 99)

        self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.run_batch(*_MAKE)


class HangTest(FaultsCase):
    """A host that accepts everything and does nothing yet."""

    def test_what_it_was_told_takes_effect_later(self):
        self.cluster.hang('n1')
        error = self.fail_with(exceptions.CommandTimedOut, *_MAKE)
        self.fail_with(
            exceptions.CommandTimedOut, mounts.make_directory('/m/late')
        )
        self.assertEqual({}, self.host.disks.groups)

        self.cluster.release('n1')

        self.assertEqual(str(_MAKE[0]), error.fields['command'])
        self.assertEqual(_MAKE[0].timeout_seconds, error.fields['seconds'])
        self.assertIn(_MOUNT, self.space.mounts)
        self.assertTrue(self.space.exists('/m/late'))
        self.run_batch(system.clock())

    def test_in_the_middle_of_a_batch(self):
        self.cluster.appoint('n1', 2, lambda: self.cluster.hang('n1'))
        error = self.fail_with(exceptions.CommandTimedOut, *_MAKE)
        self.assertEqual(str(_MAKE[2]), error.fields['command'])
        self.assertEqual({'pool'}, set(self.host.disks.groups['vg'].volumes))

        self.cluster.release('n1')

        self.assertIn(_MOUNT, self.space.mounts)

    def test_late_commands_end_at_a_failure(self):
        self.cluster.hang('n1')
        self.fail_with(exceptions.CommandTimedOut, lvm.lvs('vg_none'), *_MAKE)

        self.cluster.release('n1')

        self.assertEqual({}, self.host.disks.groups)

    def test_a_reset_makes_it_forget(self):
        self.cluster.hang('n1')
        self.fail_with(exceptions.CommandTimedOut, *_MAKE)

        self.power_cycle()
        self.cluster.release('n1')

        self.assertEqual({}, self.host.disks.groups)
        self.run_batch(*_MAKE)


@ddt.ddt
class PowerCutTest(FaultsCase):
    """What was not written back is lost, in one piece."""

    def test_directories(self):
        self.run_batch(mounts.make_directory('/m/b1'))

        self.power_cycle()

        self.assertFalse(self.space.exists('/m'))

    def test_files_that_were_removed_stay_away(self):
        path = '/etc/ssl/glusterfs.key'
        self.run_batch(system.write_file(path, 'secret\n', 0o600))
        self.run_batch(system.set_ping_timeout(5))
        before = dict(self.space.root.files)
        self.run_batch(system.remove_file(path), system.restore_ping_timeout())

        self.power_cycle()

        self.assertEqual(2, len(before.keys() - self.space.root.files.keys()))

    def test_after_a_while_all_is_written(self):
        self.run_batch(mounts.make_directory('/m/b1'))
        self.cluster.advance(31)
        self.run_batch(mounts.make_directory('/m/b2'))

        self.power_cycle()

        self.assertTrue(self.space.exists('/m/b1'))
        self.assertFalse(self.space.exists('/m/b2'))

    @ddt.data(
        system.sync(),
        mounts.fstab_add('/dev/vg/b2', '/m/b2'),
        mounts.fstab_remove('/m/b0'),
        system.write_file('/etc/ssl/glusterfs.pem', 'x\n'),
        system.set_ping_timeout(5),
    )
    def test_a_sync_takes_what_was_before_it_along(self, command):
        self.run_batch(mounts.fstab_add('/dev/vg/b0', '/m/b0'))
        self.run_batch(mounts.make_directory('/m/b1'), command)

        self.power_cycle()

        self.assertTrue(self.space.exists('/m/b1'))

    def test_lines_of_fstab_are_on_the_disk(self):
        self.run_batch(*_MAKE, mounts.fstab_add('/dev/vg/b2', '/m/b2'))
        self.run_batch(mounts.fstab_remove('/m/b2'))

        self.power_cycle()

        fstab = self.space.root.files[names.FSTAB].content
        self.assertIn(_MOUNT, fstab)
        self.assertNotIn('/m/b2', fstab)
        self.assertIn(_MOUNT, self.space.mounts)

    def test_a_brick_directory_that_was_just_made(self):
        self.run_batch(*_MAKE)

        self.power_cycle()

        self.assertIn(_MOUNT, self.space.mounts)
        self.assertFalse(self.space.exists(f'{_MOUNT}/brick'))

    def test_a_file_system_that_was_half_made(self):
        self.cluster.appoint(
            'n1', 3, lambda: self.cluster.power_off('n1'), in_midst=True
        )
        self.fail_with(exceptions.ConnectionLost, *_MAKE)
        self.cluster.power_on('n1')

        error = self.fail_with(exceptions.CommandFailed, *_MAKE)

        self.assertIn('wrong fs type', error.fields['stderr'])
        self.run_batch(lvm.lv_remove('vg', 'b1'), *_BRICKS)

    @ddt.data((False, 0), (True, 1))
    @ddt.unpack
    def test_lvm_may_have_done_what_it_was_about(self, in_midst, count):
        self.cluster.appoint(
            'n1', 0, lambda: self.cluster.power_off('n1'), in_midst=in_midst
        )
        self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.assertEqual(count, len(self.host.disks.groups))

    def test_a_script_that_was_interrupted(self):
        self.cluster.appoint(
            'n1', 0, lambda: self.cluster.power_off('n1'), in_midst=True
        )
        self.fail_with(
            exceptions.ConnectionLost, mounts.fstab_add('/dev/vg/b1', '/m/b1')
        )

        self.assertEqual('', self.space.root.files[names.FSTAB].content)


@ddt.ddt
class RootTest(FaultsCase):
    """The root file system is full, or read-only."""

    _NOTHING_WRITTEN = (
        (
            mounts.fstab_add('/dev/vg/b1', '/m/b1'),
            'fstab_add: 6: printf: printf: I/O error',
            'fstab_add: 6: cannot create /etc/fstab: Read-only file system',
        ),
        (
            mounts.fstab_remove('/m/b0'),
            "cp: error copying '/etc/fstab' to '/etc/fstab.new': "
            'No space left on device',
            "cp: cannot create regular file '/etc/fstab.new': "
            'Read-only file system',
        ),
        (
            mounts.make_directory('/m/b1/x'),
            "mkdir: cannot create directory '/m/b1': No space left on device",
            "mkdir: cannot create directory '/m/b1': Read-only file system",
        ),
        (
            system.write_file('/usr/lib/ssl/glusterfs.pem', 'x\n'),
            "dd: error writing '/usr/lib/ssl/glusterfs.pem.1.new': "
            'No space left on device',
            "dd: failed to open '/usr/lib/ssl/glusterfs.pem.1.new': "
            'Read-only file system',
        ),
        (
            system.set_ping_timeout(5),
            "cp: error copying '/etc/glusterfs/glusterd.vol' to "
            "'/etc/glusterfs/glusterd.vol.before-gluster-heketi.new': "
            'No space left on device',
            'cp: cannot create regular file '
            "'/etc/glusterfs/glusterd.vol.before-gluster-heketi.new': "
            'Read-only file system',
        ),
    )
    _NOTHING_REMOVED = (
        (
            mounts.remove_directory('/m'),
            "rmdir: failed to remove '/m': Read-only file system",
        ),
        (
            system.remove_file('/etc/ssl/x'),
            "rm: cannot remove '/etc/ssl/x': Read-only file system",
        ),
        (
            hooks.install()[1],
            f"chmod: changing permissions of '{names.FLUSH_HOOKS[0]}': "
            'Read-only file system',
        ),
        (
            system.restore_ping_timeout(),
            "mv: cannot move '/etc/glusterfs/glusterd.vol"
            ".before-gluster-heketi' to '/etc/glusterfs/glusterd.vol': "
            'Read-only file system',
        ),
    )

    def setUp(self):
        super().setUp()
        self.run_batch(
            mounts.fstab_add('/dev/vg/b0', '/m/b0'),
            mounts.make_directory('/m'),
            system.write_file('/etc/ssl/x', 'x\n'),
            hooks.install()[0],
        )

    def _assert_refused(self, command, words):
        before = (
            dict(self.space.root.files),
            set(self.space.root.directories),
        )
        error = self.fail_with(exceptions.CommandFailed, command)
        self.assertEqual(words, error.fields['stderr'])
        self.assertEqual(
            before,
            (dict(self.space.root.files), set(self.space.root.directories)),
        )

    @ddt.data(*_NOTHING_WRITTEN)
    @ddt.unpack
    def test_nothing_can_be_written(self, command, full, read_only):
        self.cluster.fill_root('n1')
        self._assert_refused(command, full)
        self.cluster.fill_root('n1', full=False)
        self.cluster.spoil_disks('n1', bricks=False)
        self._assert_refused(command, read_only)
        self.cluster.repair_disks('n1')

        self.run_batch(command)

    @ddt.data(*_NOTHING_REMOVED)
    @ddt.unpack
    def test_nothing_can_be_removed_from_a_read_only_one(self, command, words):
        self.run_batch(system.set_ping_timeout(5))
        self.cluster.spoil_disks('n1', bricks=False)
        self._assert_refused(command, words)
        self.cluster.repair_disks('n1')
        self.cluster.fill_root('n1')

        self.run_batch(command)

    def test_a_boot_replays_the_journal(self):
        self.cluster.spoil_disks('n1')

        self.power_cycle()

        self.run_batch(mounts.make_directory('/m/b1'))

    def test_what_is_so_already_needs_no_room(self):
        self.cluster.fill_root('n1')

        self.run_batch(
            mounts.make_directory('/m'),
            mounts.fstab_add('/dev/vg/b0', '/m/b0'),
            mounts.fstab_remove('/m/none'),
        )


class BrickDisksTest(FaultsCase):
    """Pools are full, or bricks read-only."""

    def test_a_pool_without_room(self):
        self.run_batch(*_POOL, *_BRICKS[:1])
        self.cluster.fill_pools('n1')

        for command, words in (
            (
                lvm.brick_create('vg', 'pool', 'b2', 320 * _MIB, ()),
                'Cannot create new thin volume, free space in thin pool '
                'vg/pool reached threshold.',
            ),
            (_BRICKS[1], 'mkfs.xfs: pwrite failed: No space left on device'),
        ):
            error = self.fail_with(exceptions.CommandFailed, command)
            self.assertEqual(words, error.fields['stderr'])

        self.cluster.fill_pools('n1', full=False)
        error = self.fail_with(exceptions.CommandFailed, *_BRICKS)
        self.assertIn('wrong fs type', error.fields['stderr'])

    def test_a_brick_that_became_read_only(self):
        self.run_batch(*_MAKE)
        self.cluster.spoil_disks('n1', root=False)

        for command, words in (
            (
                mounts.make_directory(f'{_MOUNT}/other'),
                f"mkdir: cannot create directory '{_MOUNT}/other': "
                'Read-only file system',
            ),
            (
                mounts.remove_directory(f'{_MOUNT}/brick'),
                f"rmdir: failed to remove '{_MOUNT}/brick': "
                'Read-only file system',
            ),
        ):
            error = self.fail_with(exceptions.CommandFailed, command)
            self.assertEqual(words, error.fields['stderr'])
        error = self.fail_with(
            exceptions.CommandFailed,
            lvm.lv_extend('vg', 'b1', 512 * _MIB),
            xfs.grow(_MOUNT),
        )
        self.assertIn('Read-only file system', error.fields['stderr'])
        self.run_batch(mounts.make_directory('/m/b2'))

    def test_mounting_it_anew_replays_its_journal(self):
        self.run_batch(*_MAKE)
        self.cluster.spoil_disks('n1', root=False)

        self.run_batch(
            mounts.unmount(_MOUNT),
            mounts.mount(_BRICK, _MOUNT),
            mounts.make_directory(f'{_MOUNT}/other'),
        )


class SavedTest(FaultsCase):
    """The whole can be set back."""

    def test_as_often_as_one_likes(self):
        self.run_batch(*_POOL)
        saved = self.cluster.save()
        for _ in range(2):
            self.run_batch(*_BRICKS)
            self.cluster.power_off('n1')
            self.cluster.advance(10)
            self.cluster.appoint('n1', 0, self.fail)

            self.cluster.restore(saved)

            self.assertEqual({}, self.host.space.mounts)
            self.assertEqual(
                {'pool'}, set(self.host.disks.groups['vg'].volumes)
            )

    def test_gluster_too(self):
        self.run_batch(*_MAKE)
        saved = self.cluster.save()
        self.run_batch(
            gluster.volume_create(
                'v', durability.DISTRIBUTE, [f'n1:{_MOUNT}/brick']
            )
        )

        self.cluster.restore(saved)

        self.assertEqual((), self.cluster.volume_names('n1'))
