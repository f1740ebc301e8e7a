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

"""Tests of what processes keep of the store: it is what the store has."""

import shutil

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import Transaction
from tests import base
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says


class InventoriesTestCase(base.TestCase):
    """Two processes work on one store."""

    def setUp(self) -> None:
        """Make a cluster that has a share."""
        super().setUp()
        self.d = self.useFixture(deployment.Deployment(nodes=4, disks=2))
        self.d.load(self.d.document('gl1', 'gl2', 'gl3'))
        self.other, _ = self.d.process()
        self.d.create('first')
        self.kept = Inventories()
        self.inventory = self.look()

    def look(self) -> allocator.Inventory:
        """Borrow the inventory; it has to be what the store says."""
        with self.d.service.store.read() as tx:
            [cluster] = topology.clusters(tx)
            with self.kept.of(tx, [cluster.id]) as (inventory,):
                found = inventory.snapshot()
            there = topology.snapshot(tx, cluster.id)
        self.assertEqual(_in_order(there), _in_order(found))
        return inventory

    def test_another_process_creates_extends_and_deletes(self) -> None:
        """What it changed is followed; nothing is read anew."""
        for change in (
            lambda: self.other.create_volume(self.d.spec('second', 3)),
            lambda: self.other.extend_volume('second', 5 * GIB),
            lambda: self.other.shrink_volume('second', 4 * GIB),
            lambda: self.other.delete_volume('first'),
        ):
            change()
            self.assertIs(self.inventory, self.look())

    def test_places_are_found_by_what_another_process_left(self) -> None:
        """A device that another process filled is not offered again."""
        spec = self.d.spec('large', 15)
        with self.d.service.store.read() as tx:
            with self.kept.of(tx, [self.inventory.cluster.id]) as found:
                before = allocator.place_anywhere(found, spec)
        self.other.create_volume(spec)
        with self.d.service.store.read() as tx:
            with self.kept.of(tx, [self.inventory.cluster.id]) as found:
                after = allocator.place_anywhere(found, spec)
        self.assertEqual(
            set(),
            {slot.device_id for slot in before.slots}
            & {slot.device_id for slot in after.slots},
        )

    def test_a_creation_that_is_undone(self) -> None:
        """Its room is there again."""
        self.d.executor.before = once(says('volume', 'set'), fail())
        self.assertRaises(
            exceptions.OperationFailed,
            self.d.service.create_volume,
            self.d.spec('undone'),
        )
        self.assertIs(self.inventory, self.look())

    def test_a_node_comes(self) -> None:
        """A cluster of another shape is read anew."""
        self.d.load()
        after = self.look()
        self.assertIsNot(self.inventory, after)
        self.assertEqual(8, len(after.snapshot().devices))

    def test_a_store_is_put_back(self) -> None:
        """What came after the copy was made never was."""
        path = f'{self.d.directory}/store.sqlite'
        self._close()
        shutil.copy(path, f'{path}.copy')
        self.d.create('second')
        self.look()
        self._close()
        shutil.copy(f'{path}.copy', path)
        after = self.look()
        self.assertIsNot(self.inventory, after)

    def _close(self) -> None:
        # The last one to close empties the write-ahead log.
        self.other.store.close()
        self.d.service.store.close()

    def test_asked_after_writing(self) -> None:
        """What may be undone is never kept."""
        with self.d.service.store.write() as tx:
            self._borrow(tx)
            topology.add_cluster(tx, model.Cluster(model.new_id(), 'c2'))
            self.assertRaises(ValueError, self._borrow, tx)

    def _borrow(self, tx: Transaction) -> None:
        with self.kept.of(tx, [self.inventory.cluster.id]):
            pass


def _in_order(snapshot: model.Snapshot) -> tuple[object, ...]:
    devices = sorted(snapshot.devices, key=lambda each: each.device.id)
    return snapshot.cluster, devices
