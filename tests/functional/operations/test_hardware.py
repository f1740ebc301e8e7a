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

"""Nodes and devices that go, or take no new bricks."""

import itertools

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.store import topology
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import once
from tests.functional.interference import says

OFFLINE = model.EntryState.OFFLINE
ONLINE = model.EntryState.ONLINE


class HardwareTestCase(deployment.DeployedTestCase):
    """Three nodes with a share, and a fourth one with two empty devices."""

    def setUp(self) -> None:
        """Load the three, look at the world, and load the fourth."""
        super().setUp()
        self.d = self.deploy(nodes=4, disks=2, load=False)
        self.d.load(self.d.document('gl1', 'gl2', 'gl3'))
        self.d.create('first')
        self.before = self.d.world()
        self.d.load()

    @property
    def hardware(self):
        """Where nodes and devices are changed."""
        return self.d.service.hardware

    def remove_fourth(self, **how) -> None:
        """Remove its devices, then the node."""
        for path in self.d.disks:
            self.hardware.remove_device('gl4', path, **how)
        self.hardware.remove_node('gl4', **how)

    def test_a_node_goes(self) -> None:
        """Everything is as before it came; it may come again."""
        self.remove_fourth()
        self.assertEqual(self.before, self.d.world())
        self.d.load()
        self.assertEqual(4, len(self.d.service.nodes()))

    def test_the_last_node_goes(self) -> None:
        """And its cluster with it."""
        self.remove_fourth()
        self.d.service.delete_volume('first')
        for host, path in itertools.product(
            ('gl1', 'gl2', 'gl3'), self.d.disks
        ):
            self.hardware.remove_device(host, path)
        for host in ('gl1', 'gl2', 'gl3'):
            self.hardware.remove_node(host)
        self.assertEqual((), self.d.service.clusters())
        self.d.load()
        self.d.create('second')

    def test_a_device_with_bricks(self) -> None:
        """It stays as it is, online too."""
        [brick, *_] = self.d.bricks(self.d.service.volume('first'))
        with self.d.service.store.read() as tx:
            found = topology.devices_of(tx, [brick.device_id])
        device, node = found[brick.device_id]
        world = self.d.world()
        error = self.assertRaises(
            exceptions.Conflict,
            self.hardware.remove_device,
            node.manage_host,
            device.path,
        )
        self.assertIn('it holds 1 bricks', str(error))
        self.assertEqual(world, self.d.world())

    def test_a_device_with_volumes_of_somebody(self) -> None:
        """They are named, and nothing is removed."""
        device = self.hardware.device('gl4', '/dev/vdb')
        create = lvm.brick_create(
            device.vg_name, device.pool_name, 'precious', 2**29, ('mine',)
        )
        self.d.cluster.run_batch('gl4', [create])
        world = self.d.world()
        error = self.assertRaises(
            exceptions.DeviceUnfit,
            self.hardware.remove_device,
            'gl4',
            '/dev/vdb',
        )
        self.assertIn('precious', str(error))
        self.assertEqual(world, self.d.world())

    def test_a_node_with_devices(self) -> None:
        """They are named."""
        world = self.d.world()
        error = self.assertRaises(
            exceptions.Conflict, self.hardware.remove_node, 'gl4'
        )
        self.assertIn('/dev/vdb, /dev/vdc', str(error))
        self.assertEqual(world, self.d.world())

    def test_things_that_are_not_there(self) -> None:
        """Each is named."""
        for call, arguments in (
            (self.hardware.remove_node, ('gl9',)),
            (self.hardware.remove_device, ('gl9', '/dev/vdb')),
            (self.hardware.remove_device, ('gl4', '/dev/vdz')),
            (self.hardware.set_node_state, ('gl9', OFFLINE)),
            (self.hardware.set_device_state, ('gl4', '/dev/vdz', OFFLINE)),
        ):
            error = self.assertRaises(exceptions.NotFound, call, *arguments)
            self.assertIn(arguments[0], error.fields['identity'])

    def test_a_host_that_does_not_answer(self) -> None:
        """Nothing changes, until it is said to be lost for good."""
        self.d.cluster.power_off('gl4')
        record = self.d.record()
        self.assertRaises(
            exceptions.HostUnreachable,
            self.hardware.remove_device,
            'gl4',
            '/dev/vdb',
        )
        self.assertEqual(record, self.d.record())
        self.remove_fourth(forget=True)
        self.assertEqual(self.before['record'], self.d.record())
        notes = [o.error for o in self.d.service.operations(every=True)]
        self.assertEqual(
            3, sum(note.startswith('forgotten: gl4') for note in notes)
        )
        self.d.create('second')

    def test_a_host_that_dies_meanwhile(self) -> None:
        """It takes no bricks from then on, and is finished when it is back."""
        self.d.executor.before = once(
            says('vgremove'), lambda host, _: self.d.cluster.power_off(host)
        )
        self.assertRaises(
            exceptions.OperationStuck,
            self.hardware.remove_device,
            'gl4',
            '/dev/vdb',
        )
        self.assertIs(
            OFFLINE, self.hardware.device('gl4', '/dev/vdb').state
        )
        self.d.cluster.power_on('gl4')
        self.remove_rest()
        self.assertEqual(self.before, self.d.world())

    def remove_rest(self) -> None:
        """Recovery goes first, by itself."""
        self.hardware.remove_device('gl4', '/dev/vdc')
        self.hardware.remove_node('gl4')

    def test_the_process_dies_after_any_command(self) -> None:
        """The next one finishes it."""
        for commands in itertools.count():
            self.d.executor.kill_after(commands)
            try:
                self.remove_fourth()
            except Killed:
                self.d.service, self.d.executor = self.d.process()
                self.d.expire_leases()
                for each in self.d.service.recover():
                    self.assertEqual('', each.error)
                self.finish()
                self.assertEqual(self.before, self.d.world(), commands)
                self.d.load()
                continue
            break
        self.assertGreater(commands, 10)

    def finish(self) -> None:
        """Remove what is left of the fourth node."""
        with self.d.service.store.read() as tx:
            node = topology.node_by_host(tx, 'gl4')
            devices = (
                topology.devices(tx, node.id) if node else ()
            )
        for device in devices:
            self.hardware.remove_device('gl4', device.path)
        if node:
            self.hardware.remove_node('gl4')

    def test_offline(self) -> None:
        """No brick comes to it; online again, one may."""
        self.hardware.set_node_state('gl1', OFFLINE)
        for path in self.d.disks:
            self.hardware.set_device_state('gl4', path, OFFLINE)
        # Two nodes are left for three bricks.
        self.assertRaises(exceptions.NoSpace, self.d.create, 'second')
        self.hardware.set_device_state('gl4', '/dev/vdc', ONLINE)
        volume = self.d.create('second')
        device = self.hardware.device('gl4', '/dev/vdc')
        self.assertIn(
            device.id, {b.device_id for b in self.d.bricks(volume)}
        )
