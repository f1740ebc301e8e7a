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

"""What goes wrong on simulated hosts, and what they refuse to guess.

What they do when all is well is tested by ``tests/contract``.
"""

import time
import tracemalloc

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.hostcmd import command
from manila_gluster_heketi.hostcmd import device
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import xfs
from tests import base

_MIB = 1024 * 1024
_BRICK = '/dev/vg/b1'
_MOUNT = '/m/b1'
_MAKE = (
    lvm.vg_create('vg', '/dev/vdb', ('tag',)),
    lvm.thin_pool_create('vg', 'pool', 1024 * _MIB, 16 * _MIB),
    lvm.brick_create('vg', 'pool', 'b1', 320 * _MIB, ()),
    xfs.make(_BRICK),
    mounts.make_directory(_MOUNT),
    mounts.fstab_add(_BRICK, _MOUNT),
    mounts.mount(_BRICK, _MOUNT),
)


class _ClusterCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.cluster = self.make(2)

    def make(self, count, latency=None, **fields):
        return cluster.SimulatedCluster(
            [
                HostSpec(
                    f'n{n}',
                    devices={'/dev/vdb': 4096 * _MIB},
                    **fields,
                )
                for n in range(1, count + 1)
            ],
            latency,
        )

    def fail_with(self, kind, *batch, host='n1'):
        return self.assertRaises(kind, self.cluster.run_batch, host, batch)


class UnreachableTest(_ClusterCase):
    """No way to a host."""

    def test_an_unknown_host(self):
        self.fail_with(exceptions.HostUnreachable, system.clock(), host='n9')

    def test_a_host_without_power_keeps_what_is_on_its_disks(self):
        self.cluster.run_batch('n1', _MAKE)

        self.cluster.power_off('n1')
        self.fail_with(exceptions.HostUnreachable, system.clock())
        self.assertEqual({}, self.cluster.host('n1').space.mounts)
        self.cluster.power_on('n1')

        self.assertIn(_MOUNT, self.cluster.host('n1').space.mounts)

    def test_a_brick_that_is_not_in_fstab_is_not_mounted_at_boot(self):
        self.cluster.run_batch('n1', [*_MAKE, mounts.fstab_remove(_MOUNT)])

        self.cluster.power_off('n1')
        self.cluster.power_on('n1')

        self.assertEqual({}, self.cluster.host('n1').space.mounts)

    def test_a_host_without_network_goes_on(self):
        self.cluster.run_batch('n1', _MAKE)

        self.cluster.cut_network('n1')
        self.fail_with(exceptions.HostUnreachable, system.clock())
        self.cluster.restore_network('n1')

        self.assertIn(_MOUNT, self.cluster.host('n1').space.mounts)
        self.cluster.run_batch('n1', [system.clock()])

    def test_a_host_that_lets_nobody_in(self):
        error = exceptions.LoginRefused(host='n1', user='root', reason='no')

        self.cluster.refuse('n1', error)
        self.assertIs(
            error, self.fail_with(exceptions.LoginRefused, system.clock())
        )
        self.cluster.refuse('n1', None)

        self.cluster.run_batch('n1', [system.clock()])


@ddt.ddt
class ConnectionLostTest(_ClusterCase):
    """The connection breaks while commands run."""

    @ddt.data(0, 1, 3, len(_MAKE))
    def test_so_many_commands_ran(self, count):
        self.cluster.fail_after('n1', count)

        error = self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.assertEqual(count, self.cluster.statistics.commands)
        # What was told last is the last that ran: its answer is lost.
        self.assertEqual(
            str(_MAKE[max(0, count - 1)]), error.fields['command']
        )

    def test_it_breaks_once(self):
        self.cluster.fail_after('n1', 2)
        self.fail_with(exceptions.ConnectionLost, *_MAKE)

        self.cluster.run_batch('n1', _MAKE)

    def test_it_may_break_in_a_later_batch(self):
        self.cluster.fail_after('n1', len(_MAKE) + 1)
        self.cluster.run_batch('n1', _MAKE)

        self.fail_with(
            exceptions.ConnectionLost, system.clock(), system.clock()
        )

    def test_other_hosts_go_on(self):
        self.cluster.fail_after('n2', 0)

        self.cluster.run_batch('n1', _MAKE)


@ddt.ddt
class UnknownCommandTest(_ClusterCase):
    """Nothing that was not taught succeeds."""

    @ddt.data(
        ('reboot',),
        ('lvm', 'vgcreate', 'vg', '/dev/vdb'),
        ('lvm', 'vgextend', '-qq', 'vg', '/dev/vdc'),
        ('lvm', 'lvremove', '-qq', '--force', 'vg/b1'),
        ('lvm', 'lvs', '-o', 'lv_name'),
        ('mkdir', '/a'),
        ('mkfs.xfs', '-f', '/dev/vg/b1'),
        ('umount', '-l', '/m'),
        ('rm', '-f', '/etc/fstab'),
        ('sh', '-c', 'true', 'unheard-of'),
        ('flock', '/run/lock/other', 'true'),
        ('systemctl', 'stop', 'glusterd'),
        ('date',),
        ('gluster', 'volume', 'info'),
        ('gluster', '--mode=script', 'volume', 'heal', 'v', 'full'),
        ('gluster', '--mode=script', 'volume', 'stop', 'v'),
        ('gluster', '--mode=script', 'volume', 'info', 'v'),
        ('gluster', '--mode=script', 'snapshot', 'list'),
    )
    def test_it_is_refused_aloud(self, argv):
        # "volume stop" needs its volume before it is looked at closely.
        brick = f'n1:{_MOUNT}/brick'
        self.cluster.run_batch(
            'n1', [*_MAKE, gluster.volume_create('v', DISTRIBUTE, [brick])]
        )

        self.fail_with(UnknownCommand, command.Command(argv))


@ddt.ddt
class DeviceTest(_ClusterCase):
    """Devices that are not empty, or not fit."""

    @ddt.data(
        ('gpt', 'device is partitioned'),
        ('dos', 'device is partitioned'),
        ('ext4', 'ext4 signature detected'),
    )
    @ddt.unpack
    def test_data_is_seen_and_kept(self, signature, words):
        self.cluster = self.make(1, signatures={'/dev/vdb': signature})

        error = self.fail_with(exceptions.CommandFailed, *_MAKE[:1])
        lsblk, wipefs = self.cluster.run_batch('n1', device.probe('/dev/vdb'))
        found = device.parse_probe('n1', lsblk.stdout, wipefs.stdout)

        self.assertIn(words, error.fields['stderr'])
        self.assertEqual((signature,), found.signatures)

    def test_a_wiped_device_can_be_taken(self):
        self.cluster = self.make(1, signatures={'/dev/vdb': 'ext4'})

        self.cluster.run_batch('n1', [device.wipe('/dev/vdb'), *_MAKE])

    def test_a_tiny_device(self):
        self.cluster = cluster.SimulatedCluster(
            [HostSpec('n1', devices={'/dev/vdb': _MIB})]
        )

        error = self.fail_with(exceptions.CommandFailed, *_MAKE)

        self.assertIn('too small', error.fields['stderr'])

    def test_a_size_that_is_no_multiple_of_sectors(self):
        odd = lvm.brick_create('vg', 'pool', 'b2', 320 * _MIB + 1, ())
        error = self.fail_with(exceptions.CommandFailed, *_MAKE, odd)

        self.assertEqual(3, error.fields['status'])


class HostTest(_ClusterCase):
    """Programs, clock, glusterd."""

    def test_a_program_that_is_missing(self):
        host = self.cluster.host('n1')
        host.programs = {
            name: said
            for name, said in host.programs.items()
            if name != 'thin_check'
        }

        [result] = self.cluster.run_batch('n1', [system.versions()])

        self.assertEqual(
            ('thin_check',), system.parse_versions(result.stdout).missing
        )

    def test_a_clock_that_is_wrong(self):
        self.cluster.host('n1').clock_offset_seconds = 3600

        [result] = self.cluster.run_batch('n1', [system.clock()])

        offset = system.parse_clock('n1', result.stdout) - time.time()
        self.assertAlmostEqual(3600, offset, delta=60)

    def test_a_glusterd_that_does_not_run(self):
        self.cluster.host('n1').glusterd_runs = False

        [answer] = self.cluster.run_batch('n1', [gluster.pool_list()])
        self.assertRaises(
            exceptions.HostUnfit, gluster_xml.peers, 'n1', answer.stdout
        )
        failure = self.fail_with(
            exceptions.CommandFailed, gluster.volume_start('v')
        )
        self.assertIsInstance(gluster.classify(failure), exceptions.HostUnfit)
        self.fail_with(exceptions.CommandFailed, system.service_is_active())
        self.cluster.run_batch(
            'n1', [system.service_start(), gluster.pool_list()]
        )

    def test_an_option_that_kills_glusterd(self):
        self.cluster.run_batch(
            'n1',
            [
                *_MAKE,
                gluster.volume_create('v', DISTRIBUTE, ['n1:/m/b1/brick']),
            ],
        )

        for length in (4000, 4094):
            option = {'auth.ssl-allow': 'a' * length}
            batch = [gluster.volume_set('v', option)]
            if length == 4000:
                self.cluster.run_batch('n1', batch)
        self.fail_with(exceptions.CommandFailed, *batch)

        self.assertFalse(self.cluster.host('n1').glusterd_runs)

    def test_what_clients_wrote_counts_against_the_quota(self):
        self.cluster.run_batch(
            'n1',
            [
                *_MAKE,
                gluster.volume_create('v', DISTRIBUTE, ['n1:/m/b1/brick']),
                gluster.volume_start('v'),
                gluster.quota_enable('v'),
                gluster.quota_limit('v', 100),
            ],
        )
        self.cluster.volume('n1', 'v').used_bytes = 30

        [answer] = self.cluster.run_batch('n1', [gluster.quota_list('v')])
        [limit] = gluster_xml.quota_limits('n1', answer.stdout)

        self.assertEqual((30, 70), (limit.used_bytes, limit.available_bytes))
        self.assertEqual(('v',), self.cluster.volume_names('n1'))

    def test_hosts_of_two_pools_can_not_be_joined(self):
        self.cluster = self.make(4)
        self.cluster.run_batch('n1', [gluster.peer_probe('n2')])
        self.cluster.run_batch('n3', [gluster.peer_probe('n4')])

        error = self.fail_with(
            exceptions.CommandFailed, gluster.peer_probe('n3')
        )

        self.assertIn('another cluster', error.fields['stderr'])


class ScaleTest(_ClusterCase):
    """Time and memory."""

    def test_latency_is_real_time(self):
        self.cluster = self.make(
            1, cluster.Latency({'ssh': 0.05, 'lvm vgcreate': 0.05})
        )
        begun = time.monotonic()

        results = self.cluster.run_batch('n1', _MAKE[:1])

        self.assertGreaterEqual(time.monotonic() - begun, 0.1)
        self.assertGreaterEqual(results[0].seconds, 0.05)

    def test_measured_latencies_by_command(self):
        latency = cluster.Latency()

        self.assertEqual(0.3, latency.of(_MAKE[1].argv))
        self.assertEqual(0.1, latency.of(_MAKE[0].argv))
        self.assertEqual(1.0, latency.of(gluster.volume_start('v').argv))
        self.assertEqual(0, latency.of(mounts.make_directory('/a').argv))

    def test_a_thousand_hosts_are_small(self):
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        many = self.make(1000)
        for n in range(1, 1001):
            many.run_batch(f'n{n}', _MAKE)

        used, _ = tracemalloc.get_traced_memory()
        self.assertLess(used, 32 * _MIB)
        self.assertEqual(1000, many.statistics.batches)
        self.assertEqual(1000 * len(_MAKE), many.statistics.commands)
