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

"""The search finds what looking at everything finds, and looks at little."""

import dataclasses
import heapq
import itertools
import random
import statistics

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi import tags
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import scoring
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import strategies
from manila_gluster_heketi.allocator import unequal
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.group import values_of
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.request import Division
from manila_gluster_heketi.sizes import GIB
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import full_scan
from tests.unit.allocator.clusters import Disk

ACROSS = 'zone:strict,rack:strict'
_USES = st.sampled_from([use.value for use in tags.ArbiterUse])


@st.composite
def states(draw: st.DrawFn, most: int = 8) -> model.Snapshot:
    """Draw nodes in zones and racks that do not nest, partly used."""
    disks, racks = [], {}
    for index in range(draw(st.integers(2, most))):
        name, zone = f'n{index}', draw(st.integers(1, 3))
        racks[name] = {'rack': draw(st.sampled_from('abcd'))}
        for _ in range(draw(st.integers(1, 2))):
            total = draw(st.sampled_from([10, 20, 40]))
            used = draw(st.integers(0, total)) if draw(st.booleans()) else 0
            disks.append(Disk(name, zone, total, used))
    return clusters.tagged(clusters.snapshot(disks), **racks)


def _with_tag(
    state: model.Snapshot, tag: str, values: dict[str, str]
) -> model.Snapshot:
    """Give devices a tag, by their identities."""
    return dataclasses.replace(
        state,
        devices=tuple(
            dataclasses.replace(
                each,
                device=dataclasses.replace(
                    each.device, tags={tag: values[each.device.id]}
                ),
            )
            for each in state.devices
        ),
    )


def _request(
    kind: str, tiers: str, gib: float, most_sets: int = 20
) -> allocator.Request:
    parsed = durability.parse(kind)
    limits = allocator.Limits(volume_bricks=most_sets * parsed.bricks_per_set)
    return allocator.Request(
        int(gib * GIB), parsed, spread.parse(tiers), limits
    )


def _named(sets: search.BrickSets) -> list[list[tuple[str, int]]]:
    return [
        sorted((room.device_id, size) for room, size in bricks)
        for bricks in sets
    ]


class FullScanTestCase(base.TestCase):
    """Where domains nest, nothing is lost by looking at the best alone."""

    @hypothesis.given(
        states(),
        st.sampled_from(['none', 'strict', 'rack:strict']),
        st.sampled_from(
            ['distribute', 'replicate:2', 'replicate:3', 'disperse:2+1']
        ),
        st.lists(st.floats(0.2, 50), min_size=1, max_size=4),
        st.sampled_from([0, 7]),
    )
    def test_one_volume_after_the_other(
        self,
        state: model.Snapshot,
        tiers: str,
        kind: str,
        sizes: list[float],
        seed: int,
    ) -> None:
        """An index that is kept gives what a scan of all gives."""
        kept = allocator.Inventory(state)
        for number, gib in enumerate(sizes):
            request = _request(kind, tiers, gib)
            anew = allocator.Inventory(kept.snapshot())
            expected = full_scan.find(anew.ground(request, seed=seed), request)
            found = search.find(kept.ground(request, seed=seed), request)
            self.assertEqual(_named(expected), _named(found))
            slots = [
                Slot(room.device_id, room.node_id, size)
                for bricks in found
                for room, size in bricks
            ]
            kept.change(slots, number)

    @hypothesis.given(
        states(),
        st.sampled_from(['prefer', 'rack:prefer']),
        st.sampled_from(['replicate:2', 'replicate:3', 'disperse:3+1']),
        st.floats(0.2, 20),
    )
    def test_too_few_domains_for_a_preference(
        self, state: model.Snapshot, tiers: str, kind: str, gib: float
    ) -> None:
        """Nodes share as few of them as can be, the best of these nodes."""
        request = _request(kind, tiers, gib, most_sets=1)
        ground = allocator.Inventory(state).ground(request)
        self.assertEqual(
            _named(full_scan.find(ground, request)),
            _named(search.find(ground, request)),
        )

    def test_another_device_of_a_node_may_share_less(self) -> None:
        """Three bricks on two kinds of shelves: not all on the emptier."""
        state = clusters.snapshot(
            Disk(node, 1, 100, used) for node in 'abc' for used in (0, 40)
        )
        shelves = {f'{node}-d{n}': 'xy'[n] for node in 'abc' for n in (0, 1)}
        state = _with_tag(state, 'shelf', shelves)
        placement = allocator.place(
            allocator.Inventory(state),
            _request('replicate:3', 'shelf:prefer', 10),
        )
        used = [shelves[slot.device_id] for slot in placement.slots]
        self.assertEqual(['x', 'x', 'y'], sorted(used))

    @hypothesis.given(
        states(most=40), st.integers(1, 3), st.integers(1, 10), st.booleans()
    )
    def test_options_in_order(
        self, state: model.Snapshot, copies: int, gib: int, by_node: bool
    ) -> None:
        """All domains come, with their best device, the best first."""
        groups = Estate(state.devices).groups('node' if by_node else 'zone')
        opinion = scoring.Balanced(groups, copies, gib * GIB)
        options = (opinion.best(group) for group in groups)
        expected = sorted(option for option in options if option)
        self.assertEqual(expected, list(opinion.ranked()))

    def test_hundreds_of_options_in_order(self) -> None:
        """Also if all of them are asked for."""
        chance = random.Random(1)
        state = clusters.snapshot(
            Disk(f'n{node}', 1, total, used=chance.uniform(0, total))
            for node in range(300)
            for total in chance.sample([100, 200, 400], 2)
        )
        groups = Estate(state.devices).groups('node')
        opinion = scoring.Balanced(groups, 3, 10 * GIB)
        options = (opinion.best(group) for group in groups)
        expected = sorted(option for option in options if option)
        self.assertEqual(expected, list(opinion.ranked()))

    @hypothesis.given(
        states(), st.integers(1, 4), st.integers(1, 3), st.integers(1, 20)
    )
    def test_groups_that_can_not_be_passed_over(
        self, state: model.Snapshot, sets: int, copies: int, gib: int
    ) -> None:
        """If fewer are used, too few places are left; counted for each."""
        groups = Estate(state.devices).groups('node')
        size = gib * GIB
        places = {group: group.places(size, sets) for group in groups}
        surplus = sum(places.values()) - sets * copies
        self.assertEqual(
            surplus >= 0, counting.may_fit(groups, size, sets, copies)
        )
        if sets > 1 and surplus >= 0:
            full = {group for group in groups if places[group] == sets}
            needed, found = counting.indispensable(groups, size, sets, copies)
            self.assertEqual(max(0, len(full) - surplus), needed)
            if needed:
                self.assertEqual(full, found)

    @hypothesis.given(states(most=40), st.integers(1, 15))
    def test_roomiest_devices(self, state: model.Snapshot, count: int) -> None:
        """None is missed that is behind another of its own group."""
        groups = Estate(state.devices).groups('zone')
        rooms = [
            (-room.free_bytes, group.use, room.order)
            for group in groups
            for room in group.rooms()
        ]
        self.assertEqual(
            heapq.nsmallest(count, rooms),
            [spot[:3] for spot in groups.roomiest(count)],
        )

    @hypothesis.given(states(most=20), st.integers(1, 3))
    def test_groups_to_cut_unequal_sets_from(
        self, state: model.Snapshot, most_sets: int
    ) -> None:
        """Those that are not looked at would not have been used."""
        request = _request('replicate:2', 'none', 1, most_sets)
        whole = Estate(state.devices).groups('node')

        def useful(group: scoring.Group) -> int:
            roomiest = group.roomiest(most_sets)
            return sum(room.free_bytes for room in roomiest)

        used = {
            group.value[0]
            for group in heapq.nlargest(2 * most_sets, whole, key=useful)
        }
        rest = [c for c in state.devices if c.node.id in used]
        of_rest = Estate(rest).groups('node')
        self.assertEqual(
            unequal.largest_data_bytes(of_rest, request, 4 * clusters.MIB),
            unequal.largest_data_bytes(whole, request, 4 * clusters.MIB),
        )

    @hypothesis.given(
        states(most=20),
        st.integers(1, 6),
        st.sampled_from(['none', 'strict']),
        st.floats(0.3, 1),
    )
    def test_what_is_said_to_fit_fits(
        self, state: model.Snapshot, most_sets: int, tiers: str, part: float
    ) -> None:
        """Also where most of what unequal sets could use is slivers."""
        kind = _request('replicate:2', tiers, 1, most_sets)
        ground = allocator.Inventory(state).ground(kind)
        largest = capacity.largest_data_bytes(ground, kind)
        request = dataclasses.replace(kind, data_bytes=int(part * largest))
        if request.data_bytes:
            self.assertTrue(search.find(ground, request))

    def test_few_of_many_nodes_are_looked_at(self) -> None:
        """A scan would form an opinion on each of 500."""
        looked = []

        class Counting(scoring.Balanced):
            def _option(self, group, room):
                looked.append(room)
                return super()._option(group, room)

        inventory = allocator.Inventory(clusters.grid(5, 100, 2))
        for tiers, kind, most in (
            ('none', 'replicate:3', 10),
            ('strict', 'replicate:3', 10),
            ('prefer', 'disperse:4+2', 30),
            ('none', 'arbiter', 10),
        ):
            looked.clear()
            request = _request(kind, tiers, 50)
            strategy = strategies.Scored(Counting)
            allocator.place(inventory, request, strategy=strategy)
            self.assertLessEqual(len(looked), most, (tiers, kind))


class CrossingTiersTestCase(base.TestCase):
    """Tiers that do not nest, and arbiters, are chosen as a whole."""

    @hypothesis.given(
        states(most=10),
        st.sampled_from(['replicate:2', 'replicate:3', 'disperse:2+1']),
        st.floats(0.2, 10),
    )
    def test_least_sum_of_ranks(
        self, state: model.Snapshot, kind: str, gib: float
    ) -> None:
        """No other set costs less; the same is found each time."""
        request = _request(kind, ACROSS, gib, most_sets=1)
        ground = allocator.Inventory(state).ground(request)
        ((labels, _),) = request.label_sets()
        division = next(request.divisions(ground.estate.extent_bytes))
        scan = full_scan.Scan(ground, request, labels)
        sets = list(scan.sets(division, 1))
        found = search.find(ground, request)
        if not sets:
            self.assertEqual([], found)
            return
        ((*bricks,),) = found
        rooms = {room for room, _ in bricks}
        (chosen,) = (c for c in sets if {each.room for each in c} == rooms)
        self.assertEqual(
            min(map(full_scan.cost, sets)), full_scan.cost(chosen)
        )
        turned = dataclasses.replace(state, devices=state.devices[::-1])
        again = allocator.Inventory(turned).ground(request)
        self.assertEqual(_named(found), _named(search.find(again, request)))

    def test_the_emptiest_device_may_have_to_wait(self) -> None:
        """It could only go with the fullest: the two others are more level."""
        state = clusters.tagged(
            clusters.snapshot(
                [
                    Disk('a', 1, 100, used=20),
                    Disk('b', 1, 100, used=25),
                    Disk('c', 2, 100, used=25),
                    Disk('d', 2, 100, used=85),
                ]
            ),
            a={'rack': '1'},
            b={'rack': '2'},
            c={'rack': '1'},
            d={'rack': '2'},
        )
        placement = allocator.place(
            allocator.Inventory(state), _request('replicate:2', ACROSS, 9)
        )
        self.assertEqual({'b', 'c'}, {s.node_id for s in placement.slots})
        # What goes for the emptiest device first.
        greedy = [
            dataclasses.replace(slot, node_id=node, device_id=f'{node}-d0')
            for slot, node in zip(placement.slots, 'ad', strict=True)
        ]
        self.assertLess(
            _unevenness(clusters.filled(state, placement.slots)),
            _unevenness(clusters.filled(state, greedy)),
        )

    def test_data_leaves_the_place_for_an_arbiter(self) -> None:
        """Data on b would be a little better, its arbiter on d much worse."""
        state = clusters.snapshot(
            [
                Disk('a', 1, 100, used=40),
                Disk('b', 2, 100, used=40),
                Disk('c', 3, 100, used=41),
                Disk('b', 2, 10),
                Disk('d', 4, 10, used=8),
            ]
        )
        uses = dict.fromkeys(('a-d0', 'b-d0', 'c-d0'), 'disabled')
        uses |= dict.fromkeys(('b-d1', 'd-d0'), 'required')
        state = _with_tag(state, tags.ARBITER, uses)
        [slots] = allocator.place(
            allocator.Inventory(state), _request('arbiter', 'none', 10)
        ).sets
        self.assertEqual(
            ['a-d0', 'c-d0', 'b-d1'], [slot.device_id for slot in slots]
        )

    @hypothesis.given(
        st.data(),
        st.sampled_from(
            [
                ('replicate:2', ACROSS),
                ('replicate:3', ACROSS),
                ('arbiter', ACROSS),
                ('arbiter', 'strict'),
                ('arbiter', 'none'),
            ]
        ),
        st.floats(0.3, 40),
    )
    def test_refused_only_if_nothing_fits(
        self, data: st.DataObject, kind: tuple[str, str], gib: float
    ) -> None:
        """Up to three sets of equal bricks, on ten devices at most."""
        state = data.draw(states(most=5))
        if kind[0] == 'arbiter':
            names = [each.device.id for each in state.devices]
            uses = {name: data.draw(_USES) for name in names}
            state = _with_tag(state, tags.ARBITER, uses)
        request = _request(*kind, gib, most_sets=3)
        ground = allocator.Inventory(state).ground(request)
        fits = any(
            _fits(_ways(ground, request), division)
            for division in request.divisions(ground.estate.extent_bytes)
        )
        if fits:
            self.assertTrue(search.find(ground, request))

    def test_one_device_of_each_of_twenty_racks(self) -> None:
        """All zones and racks are needed: the first try is not the last."""
        chance = random.Random(1)
        nodes = range(80)
        state = clusters.tagged(
            clusters.snapshot(
                Disk(f'n{node}', node % 20, 100, chance.uniform(0, 80))
                for node in nodes
            ),
            **{f'n{n}': {'rack': str(chance.randrange(20))} for n in nodes},
        )
        request = _request('disperse:16+4', ACROSS, 10, most_sets=1)
        ground = allocator.Inventory(state).ground(request)
        (bricks,) = search.find(ground, request)
        for label in ('zone', 'rack'):
            values = {values_of(r.capacity, [label]) for r, _ in bricks}
            self.assertEqual(20, len(values))

    @hypothesis.given(
        st.lists(st.tuples(st.sampled_from('abcd'), st.sampled_from('wxyz'))),
        st.integers(1, 4),
    )
    def test_pairs_that_may_be_apart(
        self, pairs: list[tuple[str, str]], count: int
    ) -> None:
        """Trying all comes to the same."""
        apart = any(
            all(
                len(set(column)) == count
                for column in zip(*chosen, strict=True)
            )
            for chosen in itertools.combinations(sorted(set(pairs)), count)
        )
        self.assertEqual(apart, counting.may_be_apart(pairs, count))

    def test_what_can_not_be_is_given_up(self) -> None:
        """Of five racks two have room in one of the five zones alone."""
        disks, racks = [], {}
        for index in range(200):
            name, zone, rack = f'n{index}', index % 5, index // 5 % 5
            racks[name] = {'rack': str(rack)}
            used = 0 if zone == 0 or rack > 1 else 99
            disks.append(Disk(name, zone, 100, used))
        state = clusters.tagged(clusters.snapshot(disks), **racks)
        request = _request('disperse:3+2', ACROSS, 30)
        ground = allocator.Inventory(state).ground(request)
        self.assertEqual([], search.find(ground, request))
        smaller = dataclasses.replace(
            request, durability=durability.parse('disperse:3+1')
        )
        self.assertEqual(1, len(search.find(ground, smaller)))


def _unevenness(state: model.Snapshot) -> float:
    return statistics.pstdev(
        each.used_bytes / each.device.total_bytes for each in state.devices
    )


Way = tuple[tuple[Room, ...], tuple[Room, ...]]


def _ways(ground: search.Ground, request: allocator.Request) -> list[Way]:
    """Return the devices of all sets, those for data and for the arbiter."""
    ((labels, _),) = request.label_sets()
    arbiters: list[tuple[Room, ...]] = [()]
    if request.durability.has_arbiter:
        arbiters = [(room,) for room in ground.arbiters.rooms.values()]
    data = itertools.combinations(ground.estate.rooms.values(), request.copies)
    return [
        (rooms, arbiter)
        for rooms, arbiter in itertools.product(data, arbiters)
        if all(
            len({values_of(room.capacity, [label]) for room in way})
            == len(way)
            for label in labels
            for way in [(*rooms, *arbiter)]
        )
    ]


def _fits(ways: list[Way], division: Division) -> bool:
    """Try all sets; their order is no matter."""
    free = {
        room.device_id: room.free_bytes
        for way in ways
        for room in sum(way, ())
    }
    return _fit_more(ways, division, division.sets, free)


def _fit_more(
    ways: list[Way], division: Division, sets: int, free: dict[str, int]
) -> bool:
    if not sets:
        return True
    for index, (rooms, arbiter) in enumerate(ways):
        left = dict(free)
        for room in rooms:
            left[room.device_id] -= division.brick_bytes
        for room in arbiter:
            left[room.device_id] -= division.arbiter_bytes
        if min(left.values()) >= 0 and _fit_more(
            ways[index:], division, sets - 1, left
        ):
            return True
    return False
