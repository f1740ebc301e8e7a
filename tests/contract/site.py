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

"""Where the contract is tested: simulated hosts, or those of the lab.

A contract is a mix-in that asks its site for hosts and runs commands. Each
has two test classes, one for each site. Three hosts with a device each are
enough for all of them.
"""

import contextlib
import os
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd.command import Command
from tests import base
from tests.contract import lab_bench
from tests.contract.lab_bench import MIB
from tests.contract.lab_bench import MOUNTS
from tests.contract.lab_bench import VG
from tests.contract.lab_bench import Node


class SimulatedSite(base.TestCase):
    """Hosts in memory, which take a little time for Gluster's changes."""

    def setUp(self):
        super().setUp()
        self.nodes = [
            Node(f'n{n}', f'10.0.0.{n}', '/dev/vdb') for n in (1, 2, 3)
        ]
        self.cluster = cluster.SimulatedCluster(
            [
                HostSpec(each.host, each.storage, {each.device: 4096 * MIB})
                for each in self.nodes
            ],
            cluster.Latency({'gluster volume': 0.05}),
        )
        self.executor = self.cluster

    has_bricks = False

    def power_off(self, node):
        self.cluster.power_off(node.host)

    def power_on(self, node):
        self.cluster.power_on(node.host)

    def spoil_brick(self, node, lv):
        self.cluster.spoil_disks(node.host, root=False)

    def repair_brick(self, node, lv):
        self.cluster.repair_disks(node.host)

    def change_alone(self, node, volume):
        self.cluster.change_alone(node.host, volume)
        self.cluster.host(node.host).glusterd_runs = False

    def pause(self):
        # A glusterd without ping time-out believes in a dead peer for long.
        self.cluster.advance(60)


class LabSite(base.LabTestCase):
    """Real hosts: the first of the lab, with their last device.

    :cvar host_count: how many hosts the contract needs
    :cvar keeps_bricks: bricks stay from one test to the next
    """

    host_count = 3
    keeps_bricks = False
    bench = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if os.environ.get(base.LAB_VARIABLE):
            cls.bench = lab_bench.Bench(cls.host_count)
            cls.addClassCleanup(cls.bench.close)
            cls.bench.clean()
            cls.addClassCleanup(cls.bench.clean)

    def setUp(self):
        super().setUp()
        self.nodes = self.bench.nodes
        self.executor = self.bench.executor
        self.addCleanup(
            self.bench.clean_gluster if self.keeps_bricks else self.bench.clean
        )

    @property
    def has_bricks(self):
        return self.bench.has_bricks

    @has_bricks.setter
    def has_bricks(self, value):
        self.bench.has_bricks = value

    def power_off(self, node):
        self.bench.power_off(node)

    def power_on(self, node):
        self.bench.power_on(node)

    def change_alone(self, node, volume):
        self.bench.change_alone(node, volume)

    def spoil_brick(self, node, lv):
        self._remount(node, lv, 'ro')

    def repair_brick(self, node, lv):
        self._remount(node, lv, 'rw')

    def _remount(self, node, lv, how):
        self.executor.run_batch(
            node.host,
            [Command(('mount', '-o', f'remount,{how}', mount_path(lv)))],
        )

    def pause(self):
        time.sleep(0.5)


class Contract:
    """What the contracts share."""

    def run_on(self, node, *batch):
        return self.executor.run_batch(node.host, batch)

    def said(self, node, command):
        [result] = self.run_on(node, command)
        return result.stdout

    def refused(self, node, *batch):
        """Run a batch that fails; return the error."""
        return self.assertRaises(
            exceptions.CommandFailed, self.run_on, node, *batch
        )

    def assert_refused(self, pattern, node, *batch):
        error = self.refused(node, *batch)
        self.assertRegex(error.fields['stderr'], pattern)
        return error

    def assert_repeatable(self, node, *batch):
        """Run a batch twice; both must succeed."""
        self.run_on(node, *batch)
        self.run_on(node, *batch)

    @contextlib.contextmanager
    def eventually(self, seconds):
        """Give a function that repeats a check until it holds."""
        end = time.monotonic() + seconds

        def until(check):
            while not check():
                self.assertLess(time.monotonic(), end, 'it never came')
                self.pause()

        yield until


def thin_pool(node, megabytes=2048):
    """Make a pool on a node's device."""
    tags = ('gluster-heketi', 'gluster-heketi.device.contract')
    return (
        lvm.vg_create(VG, node.device, tags),
        lvm.thin_pool_create(VG, 'pool', megabytes * MIB, 16 * MIB),
    )


def lv_device(lv):
    """Give the device of a brick."""
    return f'/dev/{VG}/{lv}'


def mount_path(lv):
    """Give the mount path of a brick."""
    return f'{MOUNTS}/{lv}'
