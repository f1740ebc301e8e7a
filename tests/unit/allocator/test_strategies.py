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


"""Tests of Heketi's ring, and of the look at what strategies answer."""

import collections
import dataclasses
from collections.abc import Callable

import ddt
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import strategies
from manila_gluster_heketi.allocator.strategies import checked
from manila_gluster_heketi.allocator.strategies import heketi_ring
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import Disk
from tests.unit.allocator.test_properties import SPECS
from tests.unit.allocator.test_properties import states

STRICT = zones(Mode.STRICT)


def _request(
    gib: float,
    durability: str = 'replicate:3',
    spread: spreads.Spread = STRICT,
    limits: allocator.Limits = heketi_ring.LIMITS,
) -> allocator.Request:
    return allocator.Request(
        int(gib * GIB), durabilities.parse(durability), spread, limits
    )


def _found(
    state: model.Snapshot, request: allocator.Request, seed: int = 0
) -> search.BrickSets:
    ground = allocator.Inventory(state).ground(request)
    ground = dataclasses.replace(ground, seed=seed)
    return strategies.HEKETI_RING.find(ground, request)


def _tagged(state: model.Snapshot, **uses: str) -> model.Snapshot:
    """Say of nodes what arbiter bricks they take."""
    return dataclasses.replace(
        state,
        devices=tuple(
            dataclasses.replace(
                each,
                node=dataclasses.replace(
                    each.node, tags={'arbiter': uses[each.node.id]}
                ),
            )
            if each.node.id in uses
            else each
            for each in state.devices
        ),
    )


class AnyStrategyTestCase(base.TestCase):
    """What holds for all of ours."""

    @hypothesis.given(
        states(),
        SPECS,
        st.integers(0, 3),
        st.sampled_from(strategies.OURS),
    )
    def test_constraints_hold(
        self,
        state: model.Snapshot,
        spec: model.VolumeSpec,
        seed: int,
        strategy: strategies.Strategy,
    ) -> None:
        """Nothing is wrong with what they answer, and nothing stays taken."""
        inventory = allocator.Inventory(state)
        request = allocator.request_for(spec)
        ground = inventory.ground(request, seed=seed)
        free = {
            r.device_id: r.free_bytes for r in ground.estate.rooms.values()
        }
        found = strategy.find(ground, request)
        self.assertEqual([], list(checked.faults(found, ground, request)))
        self.assertEqual(found, strategy.find(ground, request))
        self.assertEqual(
            free,
            {r.device_id: r.free_bytes for r in ground.estate.rooms.values()},
        )


@ddt.ddt
class HeketiRingTestCase(base.TestCase):
    """It does as Heketi was seen to do."""

    @ddt.data((100, 1), (101, 2), (201, 4), (401, 8))
    @ddt.unpack
    def test_sets_are_doubled(self, gib: int, sets: int) -> None:
        """1, 2, 4, 8; never 3."""
        limits = dataclasses.replace(
            heketi_ring.LIMITS,
            # What 100 GiB of data need.
            brick_max_bytes=sizes.brick_bytes_for(100 * GIB, 4 * sizes.MIB),
        )
        found = _found(
            clusters.grid(3, 3, 2, 1000), _request(gib, limits=limits)
        )
        self.assertEqual(sets, len(found))

    def test_no_sixteenth_set(self) -> None:
        """32 bricks leave room for eight sets of three, no matter how many."""
        state = clusters.grid(3, 4, 4, 100)
        largest = 8 * sizes.data_bytes_of(99 * GIB) / GIB
        self.assertEqual(8, len(_found(state, _request(largest))))
        self.assertEqual([], _found(state, _request(10 * 99)))

    def test_bricks_below_a_gib_end_it(self) -> None:
        """A small share has one set, and is not cut to fit."""
        state = clusters.grid(3, 1, 4, 1.2)
        self.assertEqual(1, len(_found(state, _request(1))))
        self.assertEqual([], _found(state, _request(1.5)))
        balanced = clusters.place(state, clusters.spec(1.5, spread=STRICT))
        self.assertEqual(2, len(balanced.sets))

    def test_room_has_to_be_more_than_a_brick(self) -> None:
        """As much is not enough."""
        request = _request(10)
        (division,) = [
            d for d in request.divisions(4 * sizes.MIB) if d.sets == 1
        ]
        exact = division.brick_bytes / GIB
        self.assertEqual([], _found(clusters.grid(3, 1, 1, exact), request))
        self.assertEqual(
            1, len(_found(clusters.grid(3, 1, 1, exact + 1 / 256), request))
        )

    def test_the_ring(self) -> None:
        """Zone after zone, in each node after node, the last device first.

        Three zones of two nodes with three devices: where it begins and the
        order of zones and nodes are chance, the rest is not.
        """
        request = _request(1)
        ground = allocator.Inventory(clusters.grid(3, 2, 3)).ground(request)
        division = next(request.divisions(4 * sizes.MIB))
        rings = heketi_ring._Rings(
            ground, request, division, heketi_ring._chance(ground)
        )
        starts = set()
        for _ in range(50):
            names = [
                room.device_id
                for room in rings._in_turn(ground.estate.rooms.values())
            ]
            self.assertCountEqual(ground.estate.rooms, names)
            disks = [name[-1] for name in names]
            (start,) = [
                turn
                for turn in range(18)
                if disks[turn:] + disks[:turn] == sorted(disks, reverse=True)
            ]
            starts.add(start)
            ring = names[start:] + names[:start]
            for place in range(0, 18, 3):
                zones = {name[:2] for name in ring[place : place + 3]}
                self.assertEqual(3, len(zones))
            for place in range(0, 18, 6):
                nodes = {name[:4] for name in ring[place : place + 6]}
                self.assertEqual(6, len(nodes))
        self.assertGreater(len(starts), 6)

    def test_chance_is_fair(self) -> None:
        """Each device is used about as often, whatever its size."""
        state = clusters.snapshot(
            Disk(f'n{zone}{node}', zone, 100 if node else 1000)
            for zone in (1, 2, 3)
            for node in (0, 1)
        )
        used = collections.Counter(
            room.device_id
            for seed in range(200)
            for bricks in _found(state, _request(1), seed)
            for room, _ in bricks
        )
        self.assertEqual(6, len(used))
        self.assertGreater(min(used.values()), 60)

    def test_next_volume_has_its_own_chance(self) -> None:
        """Without a seed volumes don't all go to the same devices."""
        inventory = allocator.Inventory(clusters.grid(3, 4, 1))
        request = _request(1)
        used = set()
        for generation in range(12):
            placement = allocator.place(
                inventory, request, strategy=strategies.HEKETI_RING
            )
            inventory.change(placement.slots, generation)
            used |= {slot.device_id for slot in placement.slots}
        self.assertGreater(len(used), 8)

    def test_zones_that_are_not_strict(self) -> None:
        """They make the ring, but are no reason to look further.

        At its end only the zone with most nodes is left: this is why 38 % of
        the volumes that Heketi made on such a cluster shared a zone.
        """
        state = clusters.snapshot(
            Disk(f'n{node}', node % 3, 100)
            for node in range(5)
            for _ in range(2)
        )
        for mode in (Mode.NONE, Mode.PREFER):
            sharing = 0
            for seed in range(300):
                (bricks,) = _found(
                    state, _request(2, spread=zones(mode)), seed
                )
                places = {room.capacity.node.zone for room, _ in bricks}
                sharing += len(places) < 3
            self.assertGreater(sharing, 60)
            self.assertLess(sharing, 170)

    def test_arbiters_go_where_nothing_else_goes(self) -> None:
        """Data goes where no arbiter does, as long as there is room."""
        state = _tagged(
            clusters.grid(1, 6, 1), z1n0='required', z1n1='disabled'
        )
        request = _request(10, 'arbiter', zones(Mode.NONE))
        for seed in range(20):
            (bricks,) = _found(state, request, seed)
            names = [room.node_id for room, _ in bricks]
            self.assertEqual('z1n0', names[2])
            self.assertIn('z1n1', names[:2])

    def test_arbiters_among_others(self) -> None:
        """Where no device is for them alone, any will do."""
        request = _request(10, 'arbiter', zones(Mode.NONE))
        (bricks,) = _found(clusters.grid(3, 1, 1), request)
        self.assertEqual(3, len({room.node_id for room, _ in bricks}))

    def test_giving_up_where_there_is_a_way(self) -> None:
        """The refusal says whose fault it is, and what would have fitted."""
        # heketi#1175: 300 GiB twice on six devices; three sets of 100.
        state = clusters.grid(1, 6, 1, 103)
        request = _request(300, 'replicate:2', zones(Mode.NONE))
        inventory = allocator.Inventory(state)
        allocator.place(inventory, request)
        error = self.assertRaises(
            exceptions.NoSpace,
            allocator.place,
            inventory,
            request,
            strategy=strategies.HEKETI_RING,
        )
        explanation = error.fields['explanation']
        (refusal,) = explanation.refusals
        self.assertEqual('strategy', refusal.constraint)
        self.assertIn('balanced', explanation.advice)
        # Eight sets, three bricks to a device.
        self.assertEqual(267, explanation.largest_gib)

    def test_refusal_where_there_is_no_way(self) -> None:
        """It is explained as ever."""
        error = self.assertRaises(
            exceptions.NoSpace,
            allocator.place,
            allocator.Inventory(clusters.grid(3, 1, 1)),
            _request(200),
            strategy=strategies.HEKETI_RING,
        )
        names = [r.constraint for r in error.fields['explanation'].refusals]
        self.assertEqual(['room'], names)


@ddt.ddt
class CheckedTestCase(base.TestCase):
    """Each fault is found."""

    def _faults(
        self, spoil: Callable[[search.Ground, search.BrickSets], object]
    ) -> str:
        """Spoil a good answer: two sets on some of 24 devices in 4 zones."""
        limits = allocator.Limits(brick_max_bytes=60 * GIB, volume_bricks=6)
        request = _request(100, limits=limits)
        ground = allocator.Inventory(clusters.grid(4, 3, 2)).ground(request)
        found = search.find(ground, request)
        self.assertEqual(2, len(found))
        self.assertEqual([], list(checked.faults(found, ground, request)))
        spoil(ground, found)
        return '; '.join(checked.faults(found, ground, request))

    @ddt.data(
        (lambda g, f: f.append(f[0]), 'more bricks than a volume may'),
        (lambda g, f: f.pop(), 'less than the'),
        (lambda g, f: f[0].pop(), 'has 3 bricks'),
        (lambda g, f: f[0].clear(), 'has 3 bricks'),
        (
            lambda g, f: f[0].__setitem__(0, (f[0][0][0], 61 * GIB)),
            'larger than allowed',
        ),
        (
            lambda g, f: f[0].__setitem__(0, (f[0][0][0], 4 * sizes.MIB)),
            'too small',
        ),
        (
            lambda g, f: f[0].__setitem__(0, (f[0][0][0], 50 * GIB + 1)),
            'no whole extents',
        ),
        (lambda g, f: f[0].__setitem__(0, f[0][1]), 'two bricks in one node'),
        (lambda g, f: f.__setitem__(1, f[0]), 'has no room'),
    )
    @ddt.unpack
    def test_fault(
        self,
        spoil: Callable[[search.Ground, search.BrickSets], object],
        words: str,
    ) -> None:
        """It is named."""
        self.assertIn(words, self._faults(spoil))

    def test_zones_that_are_shared(self) -> None:
        """Where they must not be."""

        def spoil(ground: search.Ground, found: search.BrickSets) -> None:
            (first, size), (second, _), _ = found[0]
            zone = first.capacity.node.zone
            (other,) = [
                room
                for room in ground.estate.rooms.values()
                if room.capacity.node.zone == zone
                and room.node_id != first.node_id
            ][:1]
            found[0][1] = other, size

        self.assertIn('two bricks in one zone', self._faults(spoil))

    def test_device_of_another_cluster(self) -> None:
        """Or one that is offline, or has other tags."""
        other = allocator.Inventory(clusters.grid(4, 3, 3))
        room = other.ground(_request(1)).estate.rooms['z1n0-d2']

        def spoil(ground: search.Ground, found: search.BrickSets) -> None:
            found[0][0] = room, found[0][0][1]

        self.assertIn('may not be used', self._faults(spoil))
