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

"""Tests of volumes and bricks on record."""

import dataclasses

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.durability import disperse
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests.functional import databases
from tests.functional.store import base

_NOBODY = 'f' * 32


@databases.on_each_engine
class VolumeTestCase(base.StoreTestCase):
    """Volumes of one cluster."""

    def setUp(self) -> None:
        """Make the cluster."""
        super().setUp()
        self.cluster = self.add_cluster()

    def test_what_was_put_in_comes_out(self) -> None:
        """Values are equal, lists in order."""
        second = self.add_volume(self.cluster, name='b')
        first = self.add_volume(self.cluster, name='a', access=())
        other = self.add_cluster(name='two')
        third = self.add_volume(other, name='b')
        with self.store.read() as tx:
            self.assertEqual(
                (first, second), volumes.volumes(tx, self.cluster.id)
            )
            self.assertEqual({first, second, third}, set(volumes.volumes(tx)))
            self.assertEqual(second, volumes.volume(tx, second.id))
            for name, free in (('a', False), ('b', False), ('c', True)):
                self.assertEqual(
                    free, volumes.is_name_free(tx, self.cluster.id, name)
                )
            self.assertTrue(volumes.is_name_free(tx, other.id, 'a'))

    def test_volumes_are_counted_by_cluster(self) -> None:
        """The condemned ones too; empty clusters are left out."""
        other = self.add_cluster(name='two')
        self.add_cluster(name='three')
        self.add_volume(self.cluster, name='a')
        self.add_volume(
            self.cluster, name='b', state=model.VolumeState.CONDEMNED
        )
        self.add_volume(other, name='a')
        with self.store.read() as tx:
            self.assertEqual(
                {self.cluster.id: 2, other.id: 1}, volumes.counts(tx)
            )

    def test_what_is_allocated(self) -> None:
        """The quotas of each cluster's volumes, more than 32 bits too."""
        other = self.add_cluster(name='two')
        self.add_cluster(name='empty')
        for cluster, name, size in (
            (self.cluster, 'a', 2**40),
            (self.cluster, 'b', 3),
            (other, 'a', 5),
        ):
            self.add_volume(cluster, name=name, size_bytes=size)
        with self.store.read() as tx:
            self.assertEqual(
                {
                    self.cluster.id: volumes.Allocated(2, 2**40 + 3),
                    other.id: volumes.Allocated(1, 5),
                },
                volumes.allocated(tx),
            )

    def test_volume_changes(self) -> None:
        """All fields are written."""
        volume = self.add_volume(self.cluster)
        changed = dataclasses.replace(
            volume,
            size_bytes=2**50,
            capacity_bytes=2**51,
            durability=disperse(4, 2),
            spread=spread.parse('zone:none,rack:strict'),
            state=model.VolumeState.READY,
            access=('zoë',),
            tags="disk = 'ssd'",
            average_file_bytes=2**40,
        )
        with self.store.write() as tx:
            volumes.update_volume(tx, changed)
            self.assertEqual(changed, volumes.volume(tx, volume.id))

    def test_things_that_are_not_there(self) -> None:
        """Each is named by kind and id."""
        volume = dataclasses.replace(self.volume(self.cluster), id=_NOBODY)
        with self.store.write() as tx:
            for call, argument in (
                (volumes.volume, _NOBODY),
                (volumes.remove_volume, _NOBODY),
                (volumes.update_volume, volume),
            ):
                error = self.assertRaises(
                    exceptions.NotFound, call, tx, argument
                )
                self.assertEqual(
                    {'kind': 'volume', 'identity': _NOBODY}, error.fields
                )
            self.assertIsNone(volumes.by_share(tx, 'none'))

    def test_share_finds_its_volume(self) -> None:
        """While it is made, and when it is ready."""
        volume = self.add_volume(self.cluster)
        ready = dataclasses.replace(volume, state=model.VolumeState.READY)
        with self.store.write() as tx:
            self.assertEqual(volume, volumes.by_share(tx, volume.share_id))
            volumes.update_volume(tx, ready)
            self.assertEqual(ready, volumes.by_share(tx, volume.share_id))

    def test_share_is_made_again_while_its_first_volume_goes(self) -> None:
        """A condemned volume has no share, but holds its name."""
        volume = self.add_volume(self.cluster, name='first')
        condemned = dataclasses.replace(
            volume, state=model.VolumeState.CONDEMNED
        )
        with self.store.write() as tx:
            volumes.update_volume(tx, condemned)
            self.assertIsNone(volumes.by_share(tx, volume.share_id))
        again = self.add_volume(self.cluster, share_id=volume.share_id)
        with self.store.write() as tx:
            self.assertEqual(again, volumes.by_share(tx, volume.share_id))
            self.assertFalse(
                volumes.is_name_free(tx, self.cluster.id, 'first')
            )
            # What is condemned does not come back.
            self.assertRaises(
                exceptions.Conflict, volumes.update_volume, tx, volume
            )

    def test_bricks_of_a_cluster(self) -> None:
        """By volume, set and position; not those of others."""
        made = []
        for cluster in (self.cluster, self.add_cluster(name='two')):
            node = self.add_node(cluster, f'host-of-{cluster.name}')
            device = self.add_device(node, '/dev/sdb')
            for name in ('a', 'b'):
                volume = self.add_volume(cluster, name=name)
                made += [
                    self.brick(volume, device, index, position)
                    for index in (0, 1)
                    for position in (0, 1)
                ]
        mine = sorted(made[:8], key=lambda brick: brick.volume_id)
        with self.store.write() as tx:
            volumes.add_bricks(tx, reversed(made))
            self.assertEqual(
                tuple(mine), volumes.bricks_of_cluster(tx, self.cluster.id)
            )
            self.assertEqual((), volumes.bricks_of_cluster(tx, _NOBODY))

    def test_brick_moves(self) -> None:
        """Both devices say what they hold then."""
        node = self.add_node(self.cluster, 'a')
        here, there = (self.add_device(node, f'/dev/sd{x}') for x in 'bc')
        brick = self.brick(self.add_volume(self.cluster), here)
        with self.store.write() as tx:
            volumes.add_bricks(tx, [brick])
            seen = topology.cluster(tx, self.cluster.id).generation
            moved = dataclasses.replace(brick, device_id=there.id)
            volumes.update_brick(tx, moved)
            self.assertEqual(
                {here.id: 0, there.id: brick.size_bytes},
                generations.used_since(tx, self.cluster.id, seen),
            )
            seen = topology.cluster(tx, self.cluster.id).generation
            self.assertEqual(
                {}, generations.used_since(tx, self.cluster.id, seen)
            )

    def test_two_condemned_volumes_of_one_share(self) -> None:
        """Each of two attempts can be left to the cleaner."""
        for _ in range(2):
            self.add_volume(
                self.cluster,
                share_id='one',
                state=model.VolumeState.CONDEMNED,
            )

    def test_many_volumes_without_a_share(self) -> None:
        """Adopted volumes have none."""
        self.add_volume(self.cluster, share_id='')
        self.add_volume(self.cluster, share_id='')
        with self.store.read() as tx:
            self.assertIsNone(volumes.by_share(tx, ''))

    def test_two_threads_make_the_same_share(self) -> None:
        """One volume is made, the other thread is told."""
        other = self.another_store()

        def make(number: int) -> None:
            store = (self.store, other)[number % 2]
            volume = dataclasses.replace(
                self.volume(self.cluster), share_id='wanted'
            )
            with store.write() as tx:
                volumes.add_volume(tx, volume)

        results = self.all_at_once(
            [lambda number=number: make(number) for number in range(4)]
        )
        self.assertEqual(1, results.count(None))
        self.assertEqual(
            3,
            sum(isinstance(each, exceptions.Conflict) for each in results),
        )

    def test_name_is_taken_in_its_cluster(self) -> None:
        """Another cluster may have it."""
        self.add_volume(self.cluster, name='one')
        self.add_volume(self.add_cluster(name='two'), name='one')
        error = self.assertRaises(
            exceptions.Conflict, self.add_volume, self.cluster, name='one'
        )
        self.assertIn('is there already', str(error))


@databases.on_each_engine
class BrickTestCase(base.StoreTestCase):
    """Bricks of one volume on two devices."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        cluster = self.add_cluster()
        self.one = self.add_device(self.add_node(cluster, 'a'), '/dev/sdb')
        self.two = self.add_device(self.add_node(cluster, 'b'), '/dev/sdb')
        self.volume = self.add_volume(cluster)
        self.bricks = (
            self.brick(self.volume, self.one, 0, 0),
            self.brick(self.volume, self.two, 0, 1),
            self.brick(self.volume, self.two, 1, 0),
            self.brick(self.volume, self.one, 1, 1),
        )
        with self.store.write() as tx:
            volumes.add_bricks(tx, reversed(self.bricks))

    def test_bricks_of_a_volume(self) -> None:
        """By set and position."""
        with self.store.read() as tx:
            self.assertEqual(self.bricks, volumes.bricks(tx, self.volume.id))
            self.assertEqual(
                (
                    model.BrickSet(0, self.bricks[:2]),
                    model.BrickSet(1, self.bricks[2:]),
                ),
                volumes.brick_sets(tx, self.volume.id),
            )
            self.assertEqual((), volumes.brick_sets(tx, _NOBODY))

    def test_bricks_of_a_device(self) -> None:
        """By id."""
        mine = [self.bricks[0], self.bricks[3]]
        with self.store.read() as tx:
            self.assertEqual(
                tuple(sorted(mine, key=lambda brick: brick.id)),
                volumes.bricks_of_device(tx, self.one.id),
            )

    def test_brick_grows(self) -> None:
        """All fields are written."""
        grown = dataclasses.replace(self.bricks[0], size_bytes=2**45)
        with self.store.write() as tx:
            volumes.update_brick(tx, grown)
            self.assertEqual(grown, volumes.bricks(tx, self.volume.id)[0])
            error = self.assertRaises(
                exceptions.NotFound,
                volumes.update_brick,
                tx,
                dataclasses.replace(grown, id=_NOBODY),
            )
        self.assertEqual('brick', error.fields['kind'])

    def test_logical_volume_is_taken(self) -> None:
        """Its volume group has one of each name."""
        twin = dataclasses.replace(self.bricks[0], id=model.new_id())
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict, volumes.add_bricks, tx, [twin]
            )

    def test_one_of_many_bricks_is_taken(self) -> None:
        """None is recorded, and the transaction may go on."""
        new = self.brick(self.volume, self.one, 2)
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict,
                volumes.add_bricks,
                tx,
                [new, self.bricks[0]],
            )
            volumes.add_bricks(tx, [new])
        with self.store.read() as tx:
            self.assertEqual(
                (*self.bricks, new), volumes.bricks(tx, self.volume.id)
            )

    def test_device_is_not_there(self) -> None:
        """A brick would hold space nowhere."""
        lost = dataclasses.replace(
            self.bricks[0], id=model.new_id(), device_id=_NOBODY
        )
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict, volumes.add_bricks, tx, [lost]
            )

    def test_volume_goes_after_its_bricks(self) -> None:
        """And not before; a second time changes nothing."""
        ids = [brick.id for brick in self.bricks]
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict,
                volumes.remove_volume,
                tx,
                self.volume.id,
            )
            volumes.remove_bricks(tx, ids)
            volumes.remove_bricks(tx, ids)
            volumes.remove_volume(tx, self.volume.id)
            self.assertEqual((), volumes.volumes(tx))

    def test_very_many_bricks_go(self) -> None:
        """More than a statement has parameters for."""
        more = [
            self.brick(self.volume, self.one, number) for number in range(1200)
        ]
        with self.store.write() as tx:
            volumes.add_bricks(tx, more)
            volumes.remove_bricks(tx, {brick.id for brick in more})
            self.assertEqual(self.bricks, volumes.bricks(tx, self.volume.id))

    def test_no_bricks(self) -> None:
        """Nothing to do is no error."""
        with self.store.write() as tx:
            volumes.add_bricks(tx, ())
            volumes.remove_bricks(tx, ())
