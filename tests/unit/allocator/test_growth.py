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

"""Tests of giving existing volumes more capacity."""

import dataclasses
from collections.abc import Iterable

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import growth as growths
from manila_gluster_heketi.durability import replicate
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk


class GrowthTestCase(base.TestCase):
    """Bricks grow in place, or sets are added."""

    def setUp(self) -> None:
        """Place a volume of 10 GiB on three nodes with 50 GiB each."""
        super().setUp()
        self._use([Disk(f'n{zone}', zone, 50) for zone in (1, 2, 3)])

    def _use(self, disks: Iterable[Disk], size: float = 10) -> None:
        state = clusters.snapshot(disks)
        self.placement = clusters.place(state, clusters.spec(size))
        self.state = clusters.filled(state, clusters.slots(self.placement))
        self.bricks = clusters.bricks(self.placement)
        self.volume = clusters.volume(self.placement)

    def _extend(
        self,
        gib: float,
        exclude: str = '',
        limits: allocator.Limits = allocator.Limits(),
    ) -> allocator.Growth:
        return clusters.extend(
            self.state,
            self.volume,
            self.bricks,
            int(gib * GIB),
            excluded=frozenset({exclude}),
            limits=limits,
        )

    def _add(self, *disks: Disk) -> None:
        more = clusters.snapshot(disks).devices
        self.state = dataclasses.replace(
            self.state, devices=self.state.devices + more
        )

    def test_bricks_grow_where_there_is_room(self) -> None:
        """All bricks, to the same size."""
        growth = self._extend(30)
        assert isinstance(growth, allocator.GrowBricks)
        size = sizes.brick_bytes_for(30 * GIB, 4 * sizes.MIB)
        self.assertEqual(
            {brick.id: size for brick in self.bricks}, growth.sizes_bytes
        )
        self.assertGreaterEqual(growth.capacity_bytes, 30 * GIB)
        self.assertLess(growth.capacity_bytes, 30.1 * GIB)

    def test_nothing_grows_within_the_headroom(self) -> None:
        """Only the quota has to be raised."""
        growth = self._extend(10)
        self.assertEqual(
            allocator.GrowBricks({}, self.placement.capacity_bytes), growth
        )

    def test_sets_are_added_when_a_device_is_full(self) -> None:
        """They hold what is missing, under the same constraints."""
        self._add(*(Disk(f'm{zone}', zone, 60) for zone in (1, 2, 3)))
        growth = self._extend(60)
        assert isinstance(growth, allocator.AddSets)
        self.assertGreaterEqual(growth.capacity_bytes, 60 * GIB)
        self.assertEqual(
            growth.capacity_bytes,
            self.placement.capacity_bytes + growth.placement.capacity_bytes,
        )
        (brick_set,) = growth.placement.sets
        self.assertEqual(
            ['m1', 'm2', 'm3'], sorted(slot.node_id for slot in brick_set)
        )

    def test_bricks_do_not_grow_on_what_is_offline(self) -> None:
        """It does not answer, or is about to be emptied."""
        self._add(Disk('n4', 4, 50))
        self.state = dataclasses.replace(
            self.state,
            devices=(
                dataclasses.replace(
                    self.state.devices[0],
                    node=dataclasses.replace(
                        self.state.devices[0].node,
                        state=model.EntryState.OFFLINE,
                    ),
                ),
                *self.state.devices[1:],
            ),
        )
        growth = self._extend(20)
        assert isinstance(growth, allocator.AddSets)
        nodes = {s.node_id for s in clusters.slots(growth.placement)}
        self.assertEqual({'n2', 'n3', 'n4'}, nodes)

    def test_bricks_do_not_grow_on_an_excluded_node(self) -> None:
        """It failed a moment ago."""
        self._add(Disk('n4', 4, 50))
        growth = self._extend(20, exclude='n1')
        self.assertIsInstance(growth, allocator.AddSets)

    def test_brick_does_not_grow_beyond_the_limit(self) -> None:
        """Another set is added though the device has the room."""
        growth = self._extend(
            25, limits=allocator.Limits(brick_max_bytes=20 * GIB)
        )
        self.assertIsInstance(growth, allocator.AddSets)

    def test_two_bricks_of_a_volume_on_one_device(self) -> None:
        """Their growth is added up."""
        self._use((Disk(f'n{zone}', zone, 50) for zone in (1, 2, 3)), 20)
        second = [
            dataclasses.replace(brick, id=f'{brick.id}x', set_index=1)
            for brick in self.bricks
        ]
        self.state = clusters.filled(
            self.state, clusters.slots(self.placement)
        )
        self.bricks += tuple(second)
        # 50 GiB hold 2 * 20 with overhead; 2 * 4.5 more do not fit.
        self.assertIsInstance(self._extend(46), allocator.GrowBricks)
        self.assertRaises(exceptions.NoSpace, self._extend, 49)

    def test_smallest_set_grows_first(self) -> None:
        """Gluster spreads files evenly, so sets should be equal."""
        self._add(*(Disk(f'm{zone}', zone, 60) for zone in (1, 2, 3)))
        growth = self._extend(60)
        assert isinstance(growth, allocator.AddSets)
        added = [
            dataclasses.replace(brick, id=f'{brick.id}x', set_index=1)
            for brick in clusters.bricks(growth.placement)
        ]
        self.state = clusters.filled(
            self.state, clusters.slots(growth.placement)
        )
        first = {brick.id for brick in self.bricks}
        self.bricks += tuple(added)
        grown = self._extend(70)
        assert isinstance(grown, allocator.GrowBricks)
        self.assertEqual(first, set(grown.sizes_bytes))

    def test_refusal_speaks_of_the_whole_volume(self) -> None:
        """Which growing in place may have made largest."""
        error = self.assertRaises(exceptions.NoSpace, self._extend, 60)
        self.assertIn('60.00 GiB', error.fields['wanted'])
        explanation = error.fields['explanation']
        first = explanation.refusals[0]
        self.assertEqual(
            ('grow-in-place', 3, ('n1.example', 'n2.example', 'n3.example')),
            (first.constraint, first.devices, first.where),
        )
        largest = explanation.largest_bytes / GIB
        self.assertGreater(largest, clusters.data_gib(49.9))
        self._extend(largest)
        self.assertRaises(exceptions.NoSpace, self._extend, largest + 0.1)

    def test_limit_on_bricks_counts_those_that_are_there(self) -> None:
        """A volume can't have more of them by growing often."""
        self._add(*(Disk(f'm{zone}', zone, 60) for zone in (1, 2, 3)))
        limits = allocator.Limits(volume_bricks=5)
        error = self.assertRaises(
            exceptions.NoSpace, self._extend, 60, limits=limits
        )
        self.assertIn('3 before', str(error))

    def test_capacity_of_bricks(self) -> None:
        """The smallest brick of a set decides what it holds."""
        held = growths.capacity_of(self.bricks, replicate(3))
        self.assertEqual(self.placement.capacity_bytes, held)
        larger = dataclasses.replace(self.bricks[0], size_bytes=40 * GIB)
        self.assertEqual(
            held, growths.capacity_of([larger, *self.bricks[1:]], replicate(3))
        )
