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

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import time

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf import settings
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd import device
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import nodes
from tests import base

MIB = 1024 * 1024
VG = 'vg_contract'
MOUNTS = '/var/lib/gluster-heketi/mounts/vg_contract'

_LAB_DIRECTORY = 'GLUSTER_HEKETI_LAB_DIR'


@dataclasses.dataclass(frozen=True)
class Node:
    """A host to test on.

    :ivar host: where SSH goes
    :ivar storage: what peers connect to
    """

    host: str
    storage: str
    device: str


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

    def power_off(self, node):
        self.cluster.power_off(node.host)

    def power_on(self, node):
        self.cluster.power_on(node.host)


class LabSite(base.LabTestCase):
    """Real hosts: the first of the lab, with their last device."""

    #: How many hosts the contract needs.
    host_count = 3

    def setUp(self):
        super().setUp()
        where = os.environ.get(_LAB_DIRECTORY)
        self.lab = layout.Lab.load(
            pathlib.Path(where) if where else os.environ[base.LAB_VARIABLE]
        )
        self.nodes = [
            Node(each.name, each.address, each.devices[-1])
            for each in self.lab.nodes[: self.host_count]
        ]
        directory = self.useFixture(fixtures.TempDir()).path
        self.executor = openssh.OpenSshExecutor(
            settings.SshSettings(
                control_directory=directory,
                known_hosts=str(self.lab.known_hosts),
                config_file=str(self.lab.ssh_config),
                host_key_policy='strict',
            )
        )
        self.addCleanup(self.executor.close)
        self._clean()
        self.addCleanup(self._clean)

    def power_off(self, node):
        nodes.kill(self.lab, node.host)
        self.executor.forget(node.host)

    def power_on(self, node):
        nodes.start(self.lab, [node.host])

    def _clean(self):
        """Take away what the contract, or a run that failed, left."""
        self._clean_gluster(self.nodes[0].host)
        with concurrent.futures.ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(self._clean_device, self.nodes))

    def _clean_gluster(self, host):
        listing, pool = self.executor.run_batch(
            host, [gluster.volume_info(), gluster.pool_list()]
        )
        found = gluster_xml.volumes(host, listing.stdout)
        ours = [
            each
            for each in found
            if any(MOUNTS in address for address in each.addresses)
        ]
        for each in ours:
            self.executor.run_batch(
                host,
                [
                    gluster.volume_stop(each.name),
                    gluster.volume_delete(each.name),
                ],
            )
        if len(ours) == len(found):
            self.executor.run_batch(
                host,
                [
                    gluster.peer_detach(each.names[0])
                    for each in gluster_xml.peers(host, pool.stdout)
                    if each.names[0] != 'localhost'
                ],
            )

    def _clean_device(self, node):
        [report] = self.executor.run_batch(node.host, [lvm.lvs()])
        found = [
            each
            for each in lvm_report.logical_volumes(node.host, report.stdout)
            if each.vg_name == VG
        ]
        batch = []
        for each in found:
            if not each.is_pool:
                batch += [
                    mounts.unmount(f'{MOUNTS}/{each.name}'),
                    mounts.fstab_remove(f'{MOUNTS}/{each.name}'),
                    lvm.lv_remove(VG, each.name),
                    mounts.remove_directory(f'{MOUNTS}/{each.name}'),
                ]
        if found:
            batch.append(lvm.pool_remove(VG, 'pool'))
        batch += [
            lvm.vg_remove(VG),
            device.wipe(node.device),
            mounts.remove_directory(MOUNTS),
        ]
        self.executor.run_batch(node.host, batch)


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
                time.sleep(0.5)

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
