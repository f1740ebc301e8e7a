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


"""What a device can't do, another one does; the error names both."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.functional.interference import refusal

_FULL = (
    '  Cannot create new thin volume, free space in thin pool vg/pool reached '
    'threshold.'
)


class ElsewhereTestCase(deployment.DeployedTestCase):
    """Three nodes for three copies: none of them can be done without."""

    def setUp(self) -> None:
        """Have two disks on each node."""
        super().setUp()
        self.d = self.deploy(disks=2)
        self.broken: set[str] = set()
        self.words = 'lvcreate'
        self.d.executor.before = self._break

    def _break(self, host: str, command: Command) -> None:
        if self.words in command.argv and any(
            name in str(command) for name in self.broken
        ):
            raise refusal(host, command, _FULL)

    def _groups(self, path: str) -> set[str]:
        [cluster] = self.d.service.clusters()
        return {
            each.device.vg_name
            for each in cluster.devices
            if each.device.path == path
        }

    def _group(self, host: str, path: str) -> str:
        [cluster] = self.d.service.clusters()
        [found] = [
            each.device.vg_name
            for each in cluster.devices
            if each.device.path == path and each.node.manage_host == host
        ]
        return found

    def test_the_other_device_of_the_node(self) -> None:
        """It is taken, where a node could not be done without."""
        first, second = self.d.disks
        for path in (first, second):
            share = f'share-{path[-1]}'
            self.broken = {self._group('gl1', path)}
            volume = self.d.create(share)
            used = {b.vg_name for b in self.d.bricks(volume)}
            self.assertFalse(used & self.broken)
        self.assertEqual((), self.d.service.operations())

    def test_no_device_is_left(self) -> None:
        """The error tells node, device, command, status and words."""
        before = self.d.world()
        self.broken = self._groups(self.d.disks[0])
        self.broken |= self._groups(self.d.disks[1])
        error = self.assertRaises(exceptions.OperationFailed, self.d.create)
        self.assertNotIsInstance(error, exceptions.OperationStuck)
        self.assertEqual(before, self.d.world())
        for part in ('lvm lvcreate', 'status 5', 'reached threshold'):
            self.assertIn(part, str(error))
        self.assertRegex(str(error), r'about device /dev/vd\w of gl\d')

    def test_a_brick_that_can_not_grow(self) -> None:
        """New sets are made on the devices that can."""
        volume = self.d.create()
        [brick, *_] = self.d.bricks(volume)
        self.words = 'lvextend'
        self.broken = {brick.vg_name}
        self.d.service.extend_volume('share-1', 5 * GIB)
        bricks = self.d.bricks(volume)
        self.assertEqual({0, 1}, {each.set_index for each in bricks})
        new = {b.vg_name for b in bricks if b.set_index}
        self.assertFalse(new & self.broken)
        self.assertEqual((), self.d.service.operations())


class KindTestCase(deployment.DeployedTestCase):
    """What went wrong has a code of its own."""

    def _kinds(self, error: exceptions.OperationFailed) -> set[type]:
        return {type(each) for each in error.fields['errors']}

    def test_pools_are_full(self) -> None:
        """That is told from other failures."""
        d = self.deploy()
        for host in d.hosts:
            d.cluster.fill_pools(host)
        error = self.assertRaises(exceptions.OperationFailed, d.create)
        self.assertEqual({exceptions.DiskFull}, self._kinds(error))

    def test_a_disk_can_only_be_read(self) -> None:
        """So is that."""
        d = self.deploy()
        for host in d.hosts:
            d.cluster.spoil_disks(host, bricks=False)
        error = self.assertRaises(exceptions.OperationFailed, d.create)
        self.assertEqual({exceptions.DiskReadOnly}, self._kinds(error))
