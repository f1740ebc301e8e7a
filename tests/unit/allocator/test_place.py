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

"""Tests of placing new volumes."""

import collections
import dataclasses

import ddt

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import Spread
from manila_gluster_heketi.spread import zones
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

STRICT = zones(Mode.STRICT)
PREFER = zones(Mode.PREFER)
NONE = zones(Mode.NONE)


def _zones(
    snapshot: model.Snapshot, slots: tuple[allocator.Slot, ...]
) -> list[int]:
    zone = {c.node.id: c.node.zone for c in snapshot.devices}
    return sorted(zone[slot.node_id] for slot in slots)


class PlaceTestCase(base.TestCase):
    """Where the bricks of one volume go."""

    def test_one_set_holds_what_was_asked_for(self) -> None:
        """The bricks are larger than the share, and equal."""
        state = clusters.grid(3, 1, 1)
        placement = clusters.place(state, clusters.spec(10))
        self.assertEqual('c1', placement.cluster_id)
        self.assertEqual(1, len(placement.sets))
        self.assertGreaterEqual(placement.capacity_bytes, 10 * GIB)
        self.assertEqual(
            sizes.brick_bytes_for(10 * GIB, 4 * sizes.MIB),
            clusters.brick_bytes(placement),
        )
        for slot in clusters.slots(placement):
            self.assertEqual(clusters.brick_bytes(placement), slot.size_bytes)

    def test_headroom_is_placed_too(self) -> None:
        """Capacity beyond the quota lets a share grow at once."""
        state = clusters.grid(3, 1, 1)
        placement = clusters.place(state, clusters.spec(10, headroom=5))
        self.assertGreaterEqual(placement.capacity_bytes, 15 * GIB)

    def test_six_disks_of_100_take_300_twice(self) -> None:
        """heketi#1175: three sets, where doubling finds none."""
        disk = sizes.brick_bytes_for(100 * GIB, 4 * sizes.MIB) / GIB
        state = clusters.snapshot(
            Disk(f'n{index}', 1, disk) for index in range(6)
        )
        placement = clusters.place(state, clusters.spec(300, replica=2))
        self.assertEqual(3, len(placement.sets))
        used = {slot.device_id for slot in clusters.slots(placement)}
        self.assertEqual(6, len(used))

    def test_five_disks_of_five_nodes_take_five_sets_of_two(self) -> None:
        """The number of sets need not divide the number of disks."""
        state = clusters.snapshot(
            Disk(f'n{index}', 1, 210) for index in range(5)
        )
        size = 5 * 100
        placement = clusters.place(state, clusters.spec(size, replica=2))
        self.assertEqual(5, len(placement.sets))

    def test_large_node_does_not_block_the_others(self) -> None:
        """A domain that every set needs is used by every set."""
        # Three sets of two need the large node three times: choosing two
        # small ones for any set would leave places of one node only.
        state = clusters.snapshot(
            [
                Disk('big', 1, 110),
                Disk('big', 1, 110),
                Disk('big', 1, 110),
                Disk('a', 2, 500, used=390),
                Disk('b', 3, 500, used=390),
                Disk('c', 4, 500, used=390),
            ]
        )
        placement = clusters.place(state, clusters.spec(300, replica=2))
        for brick_set in placement.sets:
            self.assertIn('big', {slot.node_id for slot in brick_set})

    def test_roomy_nodes_are_not_used_up_together(self) -> None:
        """Score alone would take both large nodes and strand the rest."""
        # 4 places on x, 2 each on y and z: x must be in every set of 4, or
        # y and z alone would have to make one.
        state = clusters.snapshot(
            [
                *(Disk('x', 1, 26) for _ in range(4)),
                *(Disk('y', 2, 40) for _ in range(2)),
                *(Disk('z', 3, 40) for _ in range(2)),
            ]
        )
        placement = clusters.place(state, clusters.spec(96, replica=2))
        self.assertEqual(4, len(placement.sets))
        for brick_set in placement.sets:
            self.assertIn('x', {slot.node_id for slot in brick_set})

    def test_one_disk_takes_several_bricks(self) -> None:
        """When its room is more than a brick may be."""
        state = clusters.snapshot(
            Disk(f'n{zone}', zone, 10_000) for zone in (1, 2, 3)
        )
        placement = clusters.place(state, clusters.spec(7_000))
        self.assertEqual(2, len(placement.sets))
        self.assertLessEqual(clusters.brick_bytes(placement), 4 * sizes.TIB)

    def test_no_brick_is_smaller_than_xfs_can_be(self) -> None:
        """A share of 1 MiB has bricks of 304 MiB."""
        state = clusters.grid(3, 1, 1)
        placement = clusters.place(state, clusters.spec(1 / 1024))
        self.assertEqual(304 * sizes.MIB, clusters.brick_bytes(placement))

    def test_extents_of_all_devices_divide_the_brick(self) -> None:
        """LVM rounds up, and the account must not be wrong by that."""
        state = clusters.snapshot(
            Disk(f'n{zone}', zone, 100, extent_bytes=extent * sizes.MIB)
            for zone, extent in ((1, 4), (2, 6), (3, 32))
        )
        placement = clusters.place(state, clusters.spec(10))
        self.assertEqual(0, clusters.brick_bytes(placement) % (96 * sizes.MIB))

    def test_distribute_only(self) -> None:
        """One brick a set."""
        state = clusters.grid(1, 1, 2)
        placement = clusters.place(state, clusters.spec(150, replica=1))
        self.assertEqual([1, 1], [len(s) for s in placement.sets])

    def test_exactly_full_device_is_used(self) -> None:
        """Room that equals the brick is enough."""
        brick = sizes.brick_bytes_for(10 * GIB, 4 * sizes.MIB) / GIB
        state = clusters.snapshot(
            Disk(f'n{zone}', zone, 100, used=100 - brick) for zone in (1, 2, 3)
        )
        clusters.place(state, clusters.spec(10))

    def test_overdrawn_device_is_left_alone(self) -> None:
        """An adopted device may have more bricks than its size."""
        state = clusters.snapshot(
            [Disk('a', 1, 10, used=90), Disk('a', 1, 20), Disk('b', 1, 20)]
        )
        placement = clusters.place(state, clusters.spec(10, replica=2))
        used = {slot.device_id for slot in clusters.slots(placement)}
        self.assertEqual({'a-d1', 'b-d0'}, used)

    def test_offline_and_excluded_are_left_out(self) -> None:
        """Each for its own reason."""
        state = clusters.snapshot(
            [
                Disk('a', 1, 900, node_online=False),
                Disk('b', 2, 900, online=False),
                Disk('b', 2, 50),
                Disk('c', 3, 900),
                Disk('d', 4, 50),
            ]
        )
        placement = clusters.place(
            state,
            clusters.spec(10, replica=2),
            excluded=frozenset({'c'}),
        )
        used = {slot.device_id for slot in clusters.slots(placement)}
        self.assertEqual({'b-d1', 'd-d0'}, used)


@ddt.ddt
class SpreadTestCase(base.TestCase):
    """How sets are spread over zones."""

    # Two zones have most of the room, the third a little.
    UNEVEN = (
        *(Disk(f'a{index}', 1, 500) for index in range(3)),
        *(Disk(f'b{index}', 2, 500) for index in range(3)),
        Disk('c', 3, 30),
    )

    @ddt.data(STRICT, PREFER)
    def test_zones_differ_where_they_can(self, spread: Spread) -> None:
        """The least of the zones is used for it."""
        state = clusters.snapshot(self.UNEVEN)
        placement = clusters.place(state, clusters.spec(10, spread=spread))
        self.assertEqual([1, 2, 3], _zones(state, placement.sets[0]))

    def test_strict_refuses_when_a_zone_is_full(self) -> None:
        """Rather than to put two copies in one zone."""
        state = clusters.snapshot(self.UNEVEN)
        self.assertRaises(
            exceptions.NoSpace,
            clusters.place,
            state,
            clusters.spec(100, spread=STRICT),
        )

    def test_prefer_shares_a_zone_when_it_must(self) -> None:
        """As few copies as possible are in one zone."""
        state = clusters.snapshot(self.UNEVEN)
        placement = clusters.place(state, clusters.spec(100, spread=PREFER))
        (brick_set,) = placement.sets
        self.assertEqual(2, len(set(_zones(state, brick_set))))
        self.assertEqual(3, len({slot.node_id for slot in brick_set}))

    def test_prefer_splits_sooner_than_it_shares(self) -> None:
        """Two sets over three zones are safer than one over two."""
        state = clusters.snapshot(
            [*self.UNEVEN[:-1], Disk('c', 3, 60), Disk('c', 3, 60)]
        )
        placement = clusters.place(state, clusters.spec(100, spread=PREFER))
        self.assertEqual(2, len(placement.sets))
        for brick_set in placement.sets:
            self.assertEqual([1, 2, 3], _zones(state, brick_set))

    def test_none_goes_for_room_alone(self) -> None:
        """The small zone is left alone."""
        state = clusters.snapshot(self.UNEVEN)
        placement = clusters.place(state, clusters.spec(10, spread=NONE))
        self.assertNotIn(3, _zones(state, placement.sets[0]))

    @ddt.data(1, 2, 3, 4, 5, 6, 7)
    def test_no_zone_is_shared_without_need(self, zones: int) -> None:
        """Over 1 to 7 zones, until the cluster is full."""
        state = clusters.grid(zones, 3, 2, total=50)
        while True:
            try:
                placement = clusters.place(state, clusters.spec(7))
            except exceptions.NoSpace:
                break
            for brick_set in placement.sets:
                distinct = len(set(_zones(state, brick_set)))
                self.assertEqual(min(3, zones), distinct)
            state = clusters.filled(state, clusters.slots(placement))


class BalanceTestCase(base.TestCase):
    """How even a cluster becomes."""

    def test_unequal_devices_are_filled_in_proportion(self) -> None:
        """A device at 27 % beside one at 99 % is what users complain of."""
        state = clusters.snapshot(
            Disk(f'n{node}', node % 3, total)
            for node in range(6)
            for total in (1000, 2000, 4000)
        )
        for _ in range(200):
            placement = clusters.place(state, clusters.spec(30))
            state = clusters.filled(state, clusters.slots(placement))
        use = [c.used_bytes / c.device.total_bytes for c in state.devices]
        self.assertLess(max(use) - min(use), 0.05)

    def test_unequal_zones_are_used_by_their_room(self) -> None:
        """So that all of it can be used in the end."""
        state = clusters.snapshot(
            Disk(f'z{zone}n{node}', zone, 100)
            for zone in range(5)
            for node in range(zone + 1)
        )
        bound = clusters.pool_stats(state, replicate(3), STRICT)
        held = 0
        while True:
            try:
                placement = clusters.place(
                    state, clusters.spec(2, spread=STRICT)
                )
            except exceptions.NoSpace:
                break
            held += clusters.brick_bytes(placement)
            state = clusters.filled(state, clusters.slots(placement))
        # 15 disks: the bound in raw bytes is a third of them.
        self.assertGreater(held, 0.97 * 500 * GIB)
        self.assertGreater(bound.total_data_bytes, 480 * GIB)


class ChanceTestCase(base.TestCase):
    """The same question has the same answer."""

    def test_seeds_order_equals_differently(self) -> None:
        """An empty cluster of equals is not always begun at one end."""
        state = clusters.grid(4, 4, 4)
        seen = collections.Counter(
            clusters.place(state, clusters.spec(1), seed=seed).sets
            for seed in range(20)
        )
        self.assertGreater(len(seen), 15)

    def test_seed_nought_orders_by_identity(self) -> None:
        """What a reader would expect."""
        state = clusters.grid(3, 2, 2)
        (brick_set,) = clusters.place(state, clusters.spec(1)).sets
        self.assertEqual(
            ['z1n0-d0', 'z2n0-d0', 'z3n0-d0'],
            [slot.device_id for slot in brick_set],
        )


class AnywhereTestCase(base.TestCase):
    """Choice among clusters."""

    def setUp(self) -> None:
        """Make a small and a large cluster."""
        super().setUp()
        self.small = clusters.snapshot(
            (Disk(f's{zone}', zone, 50) for zone in (1, 2, 3)), 'small'
        )
        self.large = clusters.snapshot(
            (Disk(f'l{zone}', zone, 500) for zone in (1, 2)), 'large'
        )

    def _place(self, spec: model.VolumeSpec) -> allocator.Placement:
        return clusters.place_anywhere([self.small, self.large], spec)

    def test_most_room_for_this_kind_of_volume(self) -> None:
        """The large one has two nodes, so no room for three copies."""
        spec = clusters.spec(10, replica=2)
        self.assertEqual('large', self._place(spec).cluster_id)
        spec = clusters.spec(10, replica=3)
        self.assertEqual('small', self._place(spec).cluster_id)

    def test_cluster_asked_for(self) -> None:
        """It is taken though another has more room."""
        spec = clusters.spec(10, replica=2, cluster_id='small')
        self.assertEqual('small', self._place(spec).cluster_id)

    def test_unknown_cluster(self) -> None:
        """It is not a matter of space."""
        spec = clusters.spec(10, cluster_id='other')
        self.assertRaises(exceptions.NotFound, self._place, spec)

    def test_refusal_is_of_the_cluster_where_most_fits(self) -> None:
        """That is where least has to be added."""
        error = self.assertRaises(
            exceptions.NoSpace, self._place, clusters.spec(100, replica=3)
        )
        self.assertEqual('small', error.fields['explanation'].cluster)

    def _limited(
        self, volumes: dict[str, int], cluster_id: str = ''
    ) -> allocator.Placement:
        """Place where a cluster may have three volumes."""
        return allocator.place_anywhere(
            [allocator.Inventory(each) for each in (self.small, self.large)],
            clusters.spec(10, replica=2, cluster_id=cluster_id),
            limits=allocator.Limits(cluster_volumes=3),
            volumes=volumes,
        )

    def test_cluster_with_as_many_volumes_as_it_may_have(self) -> None:
        """The next best one is taken."""
        self.assertEqual('large', self._limited({'large': 2}).cluster_id)
        full = {'large': 3, 'small': 2}
        self.assertEqual('small', self._limited(full).cluster_id)

    def test_all_clusters_have_as_many_volumes_as_they_may(self) -> None:
        """The constraint is named, with what would help."""
        for full, wanted in (
            ({'large': 4, 'small': 3}, ''),
            ({'large': 4}, 'large'),
        ):
            error = self.assertRaises(
                exceptions.NoSpace, self._limited, full, wanted
            )
            explanation = error.fields['explanation']
            self.assertEqual('large', explanation.cluster)
            (refusal,) = explanation.refusals
            self.assertEqual('cluster-volumes', refusal.constraint)
            self.assertEqual(2, refusal.devices)
            self.assertIn('has 4 volumes and may have 3', str(error))
            self.assertIn('add a cluster', explanation.advice)

    def test_zone_of_other_cluster_does_not_count(self) -> None:
        """Each cluster is placed in by itself."""
        one = dataclasses.replace(self.small, devices=self.small.devices[:1])
        self.assertRaises(
            exceptions.NoSpace,
            clusters.place_anywhere,
            [one, self.large],
            clusters.spec(10, replica=3),
        )
