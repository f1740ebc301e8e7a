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

"""The lab's hosts as the contracts use them, and how they are cleaned."""

import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import tempfile

from manila_gluster_heketi.conf import settings
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.hostcmd import device
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import nodes
from tests import base

MIB = 1024 * 1024
VG = 'vg_contract'
MOUNTS = '/var/lib/gluster-heketi/mounts/vg_contract'

_LAB_DIRECTORY = 'GLUSTER_HEKETI_LAB_DIR'

_CHANGE_ALONE = """\
systemctl stop glusterd
record=/var/lib/glusterd/vols/$1/info
version=$(sed -n 's/^version=//p' "$record") &&
sed -i -e "s/^version=.*/version=$((version + 1))/" "$record" &&
echo user.alone=yes >>"$record"
"""


@dataclasses.dataclass(frozen=True)
class Node:
    """A host to test on.

    :ivar host: where SSH goes
    :ivar storage: what peers connect to
    """

    host: str
    storage: str
    device: str


class Bench:
    """Hosts of the lab that runs, and an executor for them.

    :ivar has_bricks: each host has its brick, left by the test before
    """

    def __init__(self, host_count):
        where = os.environ.get(_LAB_DIRECTORY)
        self.lab = layout.Lab.load(
            pathlib.Path(where) if where else os.environ[base.LAB_VARIABLE]
        )
        self.nodes = [
            Node(each.name, each.address, each.devices[-1])
            for each in self.lab.nodes[:host_count]
        ]
        self.has_bricks = False
        self._directory = tempfile.mkdtemp()
        self.executor = openssh.OpenSshExecutor(
            settings.SshSettings(
                control_directory=self._directory,
                known_hosts=str(self.lab.known_hosts),
                config_file=str(self.lab.ssh_config),
                host_key_policy='strict',
            )
        )

    def close(self):
        """Close the connections."""
        self.executor.close()
        shutil.rmtree(self._directory)

    def power_off(self, node):
        """Cut a host's power: what it has not flushed is lost."""
        nodes.kill(self.lab, node.host, dirty=True)
        self.executor.forget(node.host)

    def power_on(self, node):
        """Boot a host again."""
        nodes.start(self.lab, [node.host])

    def change_alone(self, node, volume):
        """Stop a glusterd, and leave a record of a change that it made alone.

        As after a power cut in the midst of it, but each time.
        """
        self.executor.run_batch(
            node.host,
            [Command(('sh', '-c', _CHANGE_ALONE, 'change_alone', volume))],
        )

    def clean(self):
        """Take away what the contract, or a run that failed, left."""
        self.has_bricks = False
        self.clean_gluster()
        self._leave_pool(self.nodes[0].host)
        with concurrent.futures.ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(self._clean_device, self.nodes))

    def clean_gluster(self):
        """Delete the volumes of the contract."""
        host = self.nodes[0].host
        [listing] = self.executor.run_batch(host, [gluster.volume_info()])
        for each in gluster_xml.volumes(host, listing.stdout):
            if any(MOUNTS in address for address in each.addresses):
                self.executor.run_batch(
                    host,
                    [
                        gluster.volume_stop(each.name),
                        gluster.volume_delete(each.name),
                    ],
                )

    def _leave_pool(self, host):
        listing, pool = self.executor.run_batch(
            host, [gluster.volume_list(), gluster.pool_list()]
        )
        # Volumes of others need their peers.
        if not gluster_xml.volume_names(host, listing.stdout):
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
