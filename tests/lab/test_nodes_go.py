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

"""Nodes that leave: as if they had never been in a cluster."""

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests.lab import footprint
from tests.lab import site
from tests.lab.test_topology_load import BareNodesCase


class NodesGoTest(BareNodesCase):
    """A cluster of the four nodes, taken apart by the command line."""

    def run_well(self, *argv: str) -> None:
        done = site.run(self.file, *argv)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_all_nodes_one_after_the_other(self) -> None:
        done = self.load()
        self.assertEqual(0, done.returncode, done.stderr)
        service = Service(site.settings(self.file))
        service.prepare()
        service.create_volume(
            model.VolumeSpec(
                share_id='one',
                name='one',
                size_bytes=GIB,
                durability=durability.replicate(3),
                spread=spread.zones(spread.Mode.STRICT),
            )
        )
        [brick, *_] = service.bricks(service.volume('one'))
        host = brick.partition(':')[0]
        [path, *_] = (
            device.path
            for snapshot in service.clusters()
            for capacity in snapshot.devices
            for device in [capacity.device]
            if capacity.used_bytes and capacity.node.storage_host == host
        )
        refused = site.run(self.file, 'device', 'remove', f'{host}:{path}')
        self.assertEqual(ExitCode.FAILED, refused.returncode)
        self.assertIn('it holds 1 bricks', refused.stderr)

        service.delete_volume('one')
        for node in self.lab.nodes:
            for device in node.devices:
                self.run_well('device', 'remove', f'{node.address}:{device}')
            self.run_well('node', 'remove', node.address)
        self.assertEqual((), service.clusters())
        self.assertEqual((), service.operations())
        service.executor.close()
        self.assertEqual(self.before, footprint.look(self.lab))
