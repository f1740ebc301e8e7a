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

"""Tests of clusters, nodes, devices and snapshots on record."""

import dataclasses

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests.functional import databases
from tests.functional.store import base


@databases.on_each_engine
class TopologyTestCase(base.StoreTestCase):
    """A cluster of two nodes, one with two devices."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        self.cluster = self.add_cluster()
        self.second = self.add_node(self.cluster, 'b')
        self.first = self.add_node(self.cluster, 'a')
        self.disk = self.add_device(self.first, '/dev/sdb')
        self.ssd = self.add_device(self.first, '/dev/nvme0n1')
        self.far = self.add_device(self.second, '/dev/sdb')
        with self.store.read() as tx:
            # What was added was counted.
            [self.cluster] = topology.clusters(tx)

    def test_what_was_put_in_comes_out(self) -> None:
        """Values are equal, lists in order."""
        with self.store.read() as tx:
            self.assertEqual(
                self.cluster, topology.cluster(tx, self.cluster.id)
            )
            self.assertEqual((self.first, self.second), topology.nodes(tx))
            self.assertEqual(self.first, topology.node(tx, self.first.id))
            self.assertEqual(
                (self.ssd, self.disk), topology.devices(tx, self.first.id)
            )
            self.assertEqual(
                {self.disk.id, self.ssd.id, self.far.id},
                {device.id for device in topology.devices(tx)},
            )
            self.assertEqual(self.far, topology.device(tx, self.far.id))

    def test_lists_are_in_the_same_order_everywhere(self) -> None:
        """That of the characters, and of no language."""
        names = ['10', '9', 'A', 'Z', '_', 'a', 'a b', 'a-b', 'ab', 'z', 'ä']
        for name in reversed(names):
            self.add_cluster(name=name)
        with self.store.read() as tx:
            found = [each.name for each in topology.clusters(tx)]
        found.remove(self.cluster.name)
        self.assertEqual(names, found)

    def test_nodes_of_another_cluster(self) -> None:
        """Each cluster has its own, with addresses of its own."""
        other = self.add_cluster(name='two')
        node = dataclasses.replace(
            self.first,
            id=model.new_id(),
            cluster_id=other.id,
            manage_host='c',
        )
        with self.store.write() as tx:
            topology.add_node(tx, node)
            self.assertEqual((node,), topology.nodes(tx, other.id))
            self.assertEqual(3, len(topology.nodes(tx)))

    def test_node_by_the_name_that_ssh_uses(self) -> None:
        """The other name is not looked at."""
        with self.store.read() as tx:
            self.assertEqual(self.first, topology.node_by_host(tx, 'a'))
            self.assertIsNone(topology.node_by_host(tx, 'a-data'))

    def test_node_and_device_change(self) -> None:
        """All fields are written."""
        node = dataclasses.replace(
            self.first, state=model.EntryState.OFFLINE, tags={}, zone=9
        )
        disk = dataclasses.replace(self.disk, total_bytes=2**60, pv_uuid='x')
        with self.store.write() as tx:
            topology.update_node(tx, node)
            topology.update_device(tx, disk)
            self.assertEqual(node, topology.node(tx, node.id))
            self.assertEqual(disk, topology.device(tx, disk.id))

    def test_cluster_changes(self) -> None:
        """Who knows the cluster by a generation reads it anew."""
        before = self.stored_cluster()
        with self.store.write() as tx:
            topology.set_secure_access(tx, before.id, True)
        after = self.stored_cluster()
        self.assertTrue(after.secure_access)
        self.assertGreater(after.shape_generation, before.generation)

    def stored_cluster(self) -> model.Cluster:
        """Read the cluster."""
        with self.store.read() as tx:
            return topology.cluster(tx, self.cluster.id)

    def test_things_that_are_not_there(self) -> None:
        """Each is named by kind and id."""
        none = 'f' * 32
        node = dataclasses.replace(self.first, id=none)
        device = dataclasses.replace(self.disk, id=none)
        with self.store.write() as tx:
            for kind, call, argument in (
                ('cluster', topology.cluster, none),
                ('cluster', topology.snapshot, none),
                ('node', topology.node, none),
                ('node', topology.remove_node, none),
                ('node', topology.update_node, node),
                ('device', topology.device, none),
                ('device', topology.remove_device, none),
                ('device', topology.update_device, device),
            ):
                error = self.assertRaises(
                    exceptions.NotFound, call, tx, argument
                )
                self.assertEqual(
                    {'kind': kind, 'identity': none}, error.fields
                )

    def test_things_that_are_there_already(self) -> None:
        """Names and addresses are had once."""
        new = model.new_id()
        for call, value in (
            (topology.add_cluster, model.Cluster(new, 'one')),
            (topology.add_node, dataclasses.replace(self.first, id=new)),
            (
                topology.add_node,
                dataclasses.replace(self.first, id=new, manage_host='x'),
            ),
            (topology.add_device, dataclasses.replace(self.disk, id=new)),
            (
                topology.add_device,
                dataclasses.replace(self.disk, id=new, path='/dev/sdz'),
            ),
            (
                topology.update_node,
                dataclasses.replace(self.second, manage_host='a'),
            ),
        ):
            with self.store.write() as tx:
                error = self.assertRaises(exceptions.Conflict, call, tx, value)
            self.assertEqual(value.id, error.fields['identity'])

    def test_parent_is_not_there(self) -> None:
        """A device without a node would be lost."""
        orphan = dataclasses.replace(
            self.disk, id=model.new_id(), node_id='f' * 32
        )
        with self.store.write() as tx:
            error = self.assertRaises(
                exceptions.Conflict, topology.add_device, tx, orphan
            )
        self.assertIn('belongs to is not there', str(error))
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict,
                topology.update_device,
                tx,
                dataclasses.replace(self.disk, node_id='f' * 32),
            )

    def test_node_goes_after_its_devices(self) -> None:
        """And not before."""
        with self.store.write() as tx:
            error = self.assertRaises(
                exceptions.Conflict,
                topology.remove_node,
                tx,
                self.second.id,
            )
            self.assertIn('others belong to it', str(error))
            topology.remove_device(tx, self.far.id)
            topology.remove_node(tx, self.second.id)
            self.assertEqual((self.first,), topology.nodes(tx))

    def test_cluster_goes_after_its_nodes(self) -> None:
        """And not before."""
        empty = self.add_cluster(name='two')
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict,
                topology.remove_cluster,
                tx,
                self.cluster.id,
            )
            topology.remove_cluster(tx, empty.id)
            self.assertEqual((self.cluster,), topology.clusters(tx))

    def test_cluster_was_changed_meanwhile(self) -> None:
        """Who planned on what was before can't write."""
        before = self.cluster.generation
        with self.store.write() as tx:
            generations.claim(tx, self.cluster.id, before)
        with self.store.write() as tx:
            error = self.assertRaises(
                exceptions.StaleGeneration,
                generations.claim,
                tx,
                self.cluster.id,
                before,
            )
            self.assertEqual(self.cluster.id, error.fields['cluster'])
            generations.claim(tx, self.cluster.id, before + 1)
            self.assertEqual(
                before + 2, topology.cluster(tx, self.cluster.id).generation
            )

    def test_cluster_went_meanwhile(self) -> None:
        """It is not stale, it is not there."""
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.NotFound,
                generations.claim,
                tx,
                'f' * 32,
                0,
            )

    def test_many_plan_on_the_same_generation(self) -> None:
        """One of them may write."""

        def change() -> None:
            with self.store.write() as tx:
                generations.claim(tx, self.cluster.id, self.cluster.generation)

        results = self.all_at_once([change] * 4)
        self.assertEqual(1, results.count(None))
        for result in results:
            if result is not None:
                self.assertIsInstance(result, exceptions.StaleGeneration)

    def test_snapshot_of_a_cluster(self) -> None:
        """Every device with its node and what its bricks hold."""
        other = self.add_cluster(name='two')
        self.add_device(self.add_node(other, 'c'), '/dev/sdb')
        live = self.add_volume(self.cluster)
        dead = self.add_volume(self.cluster, state=model.VolumeState.CONDEMNED)
        with self.store.write() as tx:
            volumes.add_bricks(
                tx,
                [
                    self.brick(live, self.disk),
                    self.brick(dead, self.disk),
                    self.brick(live, self.far, position=1),
                ],
            )
        with self.store.read() as tx:
            snapshot = topology.snapshot(tx, self.cluster.id)
            self.assertEqual(
                topology.cluster(tx, self.cluster.id), snapshot.cluster
            )
        self.assertEqual(
            sorted(
                [
                    (self.disk.id, 'a', 20 * base.GIB),
                    (self.ssd.id, 'a', 0),
                    (self.far.id, 'b', 10 * base.GIB),
                ]
            ),
            [
                (each.device.id, each.node.manage_host, each.used_bytes)
                for each in snapshot.devices
            ],
        )
        self.assertEqual(
            {base.GIB * n for n in (80, 90, 100)},
            {each.free_bytes for each in snapshot.devices},
        )
