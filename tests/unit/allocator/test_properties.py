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

"""What holds for every cluster and every volume."""

import dataclasses
import itertools
import random
from collections.abc import Iterator
from collections.abc import Sequence

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import Spread
from manila_gluster_heketi.spread import zones
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

STRICT = zones(Mode.STRICT)
SPREADS = st.sampled_from([zones(mode) for mode in Mode])
REPLICAS = st.integers(1, 3)
# The size of bricks that exhaustive search tries: half a GiB.
_UNIT = GIB // 2


@st.composite
def states(
    draw: st.DrawFn, nodes: int = 8, disks: int = 4, most: int = 40
) -> model.Snapshot:
    """Draw a cluster, unequal and partly used and offline."""
    made = []
    for index in range(draw(st.integers(1, nodes))):
        zone = draw(st.integers(1, 4))
        online = draw(st.integers(0, 9)) > 0
        for _ in range(draw(st.integers(1, disks))):
            total = draw(st.integers(1, most))
            made.append(
                Disk(
                    f'n{index}',
                    zone,
                    total,
                    used=draw(st.integers(0, total)),
                    online=draw(st.integers(0, 9)) > 0,
                    node_online=online,
                )
            )
    return clusters.snapshot(made)


SPECS = st.builds(
    clusters.spec,
    size=st.floats(0.1, 120),
    replica=REPLICAS,
    spread=SPREADS,
    headroom=st.sampled_from([0, 5]),
)


def _placed(
    state: model.Snapshot,
    spec: model.VolumeSpec,
    seed: int = 0,
    limits: allocator.Limits = allocator.Limits(),
) -> allocator.Placement | None:
    try:
        return clusters.place(state, spec, seed=seed, limits=limits)
    except exceptions.NoSpace:
        return None


class InvariantTestCase(base.TestCase):
    """No constraint is ever broken."""

    @hypothesis.given(states(), SPECS, st.integers(0, 3))
    def test_constraints_hold(
        self, state: model.Snapshot, spec: model.VolumeSpec, seed: int
    ) -> None:
        """Nodes and zones differ, all is online, nothing over-committed."""
        placement = _placed(state, spec, seed)
        if placement is None:
            return
        here = {c.device.id: c for c in state.devices}
        for brick_set in placement.sets:
            self.assertEqual(spec.durability.bricks_per_set, len(brick_set))
            nodes = {slot.node_id for slot in brick_set}
            self.assertEqual(len(brick_set), len(nodes))
            zones = {here[s.device_id].node.zone for s in brick_set}
            if spec.spread == STRICT:
                self.assertEqual(len(brick_set), len(zones))
        for slot in clusters.slots(placement):
            candidate = here[slot.device_id]
            self.assertEqual(candidate.node.id, slot.node_id)
            self.assertIs(model.EntryState.ONLINE, candidate.node.state)
            self.assertIs(model.EntryState.ONLINE, candidate.device.state)
            self.assertEqual(0, slot.size_bytes % (4 * clusters.MIB))
        after = clusters.filled(state, clusters.slots(placement))
        for candidate in after.devices:
            self.assertLessEqual(
                candidate.used_bytes, candidate.device.total_bytes
            )
        wanted = spec.size_bytes + spec.headroom_bytes
        self.assertGreaterEqual(placement.capacity_bytes, wanted)

    @hypothesis.given(states(), SPECS, st.integers(0, 3), st.randoms())
    def test_order_of_rows_does_not_matter(
        self,
        state: model.Snapshot,
        spec: model.VolumeSpec,
        seed: int,
        chance: random.Random,
    ) -> None:
        """A database gives them in any order."""
        rows = list(state.devices)
        chance.shuffle(rows)
        shuffled = dataclasses.replace(state, devices=tuple(rows))
        self.assertEqual(
            _placed(state, spec, seed), _placed(shuffled, spec, seed)
        )

    @hypothesis.given(states(), SPECS)
    def test_prefer_refuses_nothing_that_none_takes(
        self, state: model.Snapshot, spec: model.VolumeSpec
    ) -> None:
        """A preference is no constraint."""
        fits = {
            spread: _placed(state, dataclasses.replace(spec, spread=spread))
            is not None
            for spread in map(zones, Mode)
        }
        self.assertEqual(fits[zones(Mode.NONE)], fits[zones(Mode.PREFER)])
        if fits[STRICT]:
            self.assertTrue(fits[zones(Mode.PREFER)])

    @hypothesis.given(states(), SPECS)
    def test_prefer_spreads_where_strict_can(
        self, state: model.Snapshot, spec: model.VolumeSpec
    ) -> None:
        """No set shares a zone if there is a way around."""
        strict = dataclasses.replace(spec, spread=STRICT)
        expected = _placed(state, strict)
        if expected is not None:
            prefer = dataclasses.replace(spec, spread=zones(Mode.PREFER))
            self.assertEqual(expected, _placed(state, prefer))

    @hypothesis.given(states(), st.lists(SPECS, min_size=1, max_size=8))
    def test_freed_space_comes_back(
        self, state: model.Snapshot, specs: list[model.VolumeSpec]
    ) -> None:
        """What fitted fits again when the rest is deleted."""
        first = _placed(state, specs[0])
        now = state
        for spec in specs:
            placement = _placed(now, spec)
            if placement:
                now = clusters.filled(now, clusters.slots(placement))
        freed = dataclasses.replace(
            now,
            devices=tuple(
                dataclasses.replace(c, used_bytes=before.used_bytes)
                for c, before in zip(now.devices, state.devices, strict=True)
            ),
        )
        self.assertEqual(first, _placed(freed, specs[0]))


class CapacityTestCase(base.TestCase):
    """What is said to fit fits, and nothing more."""

    @hypothesis.given(states(), REPLICAS, SPREADS)
    def test_largest_volume_fits(
        self, state: model.Snapshot, replica: int, spread: Spread
    ) -> None:
        """The largest is placed, more than the bound is not."""
        stats = clusters.pool_stats(state, replicate(replica), spread)
        largest = stats.largest_volume_bytes
        self.assertLessEqual(largest, stats.free_data_bytes)
        spec = clusters.spec(1, replica, spread)
        if largest:
            fits = dataclasses.replace(spec, size_bytes=largest)
            self.assertIsNotNone(_placed(state, fits))
        # An extent more in each of the most sets there can be.
        more = stats.free_data_bytes + 60 * 4 * clusters.MIB
        beyond = dataclasses.replace(spec, size_bytes=more)
        self.assertIsNone(_placed(state, beyond))

    @hypothesis.given(states(), SPECS)
    def test_refusal_says_what_would_have_fitted(
        self, state: model.Snapshot, spec: model.VolumeSpec
    ) -> None:
        """The size named can be asked for at once."""
        try:
            clusters.place(state, spec)
        except exceptions.NoSpace as refusal:
            largest = refusal.fields['explanation'].largest_bytes
            wanted = spec.size_bytes + spec.headroom_bytes
            self.assertLess(largest, wanted)
            if largest:
                fits = dataclasses.replace(
                    spec, size_bytes=largest, headroom_bytes=0
                )
                self.assertIsNotNone(_placed(state, fits))

    @hypothesis.given(st.lists(st.integers(0, 50), max_size=7), REPLICAS)
    def test_fluid_bound(self, rooms: list[int], copies: int) -> None:
        """It is the largest T with sum(min(c, T)) >= copies * T."""
        bound = counting.fluid_bound(rooms, copies)

        def holds(size: int) -> bool:
            return sum(min(c, size) for c in rooms) >= copies * size

        self.assertTrue(holds(bound))
        self.assertFalse(any(holds(bound + more) for more in range(1, 400)))


def _all_sets(
    state: model.Snapshot, copies: int, zones: bool
) -> Iterator[tuple[str, ...]]:
    """Yield each choice of devices that a set may have."""
    for chosen in itertools.combinations(state.devices, copies):
        of = {c.node.zone if zones else c.node.id for c in chosen}
        if len(of) == copies:
            yield tuple(c.device.id for c in chosen)


def _fits(
    ways: Sequence[tuple[str, ...]],
    rooms: dict[str, int],
    sets: int,
    missing: int,
) -> bool:
    """Try all bricks of whole units. The order of sets is no matter."""
    if missing <= 0:
        return True
    if not sets:
        return False
    for index, way in enumerate(ways):
        most = min(rooms[device] for device in way)
        for brick in range(most, 0, -_UNIT):
            if sets * sizes.data_bytes_of(most) < missing:
                break
            left = dict(rooms)
            for device in way:
                left[device] -= brick
            held = sizes.data_bytes_of(brick)
            if _fits(ways[index:], left, sets - 1, missing - held):
                return True
    return False


class CompletenessTestCase(base.TestCase):
    """What can be placed is placed: compared with trying everything."""

    @hypothesis.settings(max_examples=300)
    @hypothesis.given(
        st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), max_size=10),
        st.integers(1, 3),
        st.sampled_from([STRICT, zones(Mode.NONE)]),
        st.integers(1, 3),
        st.integers(1, 24),
    )
    def test_same_as_exhaustive_search(
        self,
        rooms: list[tuple[int, int]],
        replica: int,
        spread: Spread,
        most_sets: int,
        half_gibs: int,
    ) -> None:
        """For up to three sets, equal or not, on up to ten devices."""
        state = clusters.snapshot(
            Disk(f'n{node}', node % 3, room) for node, room in rooms
        )
        spec = clusters.spec(half_gibs / 2, replica, spread)
        ways = list(_all_sets(state, replica, spread == STRICT))
        free = {c.device.id: c.free_bytes for c in state.devices}
        if _fits(ways, free, most_sets, spec.size_bytes):
            limits = allocator.Limits(volume_bricks=most_sets * replica)
            self.assertIsNotNone(_placed(state, spec, limits=limits))

    @hypothesis.given(states(nodes=6, disks=1, most=12), st.integers(1, 10))
    def test_as_many_zones_as_there_are_with_room(
        self, state: model.Snapshot, size: int
    ) -> None:
        """For one set, sharing is never more than it must be."""
        limits = allocator.Limits(volume_bricks=3)
        placement = _placed(state, clusters.spec(size), limits=limits)
        if placement is None:
            return
        zones = {
            c.device.id: c.node.zone
            for c in state.devices
            if c.free_bytes >= clusters.brick_bytes(placement)
            and c.node.state is c.device.state is model.EntryState.ONLINE
        }
        (brick_set,) = placement.sets
        used = {zones[slot.device_id] for slot in brick_set}
        self.assertEqual(min(3, len(set(zones.values()))), len(used))

    def test_room_in_gib_is_what_the_cluster_says(self) -> None:
        """Guard of the tests' own builder."""
        (candidate,) = clusters.snapshot([Disk('a', 1, 5, used=2)]).devices
        self.assertEqual(3 * GIB, candidate.free_bytes)
