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

"""Tests of how many more volumes fit."""

import functools
import itertools

import ddt
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

_KINDS = st.sampled_from(
    ['distribute', 'replicate:2', 'replicate:3', 'arbiter', 'disperse:2+1']
)
_TIERS = st.sampled_from(['zone:strict', 'zone:prefer', 'none'])


@st.composite
def _states(draw: st.DrawFn, most: int = 30) -> model.Snapshot:
    return clusters.snapshot(
        Disk(
            f'n{node}',
            node % 3 + 1,
            draw(st.integers(2, most)),
            used=draw(st.integers(0, 2)),
        )
        for node in range(draw(st.integers(1, 6)))
        for _ in range(draw(st.integers(1, 2)))
    )


def _request(kind: str, tiers: str, gib: float) -> allocator.Request:
    return allocator.Request(
        int(gib * GIB), durability.parse(kind), spread.parse(tiers)
    )


def _most_sets(places: tuple[int, ...], copies: int) -> int:
    """Count the sets that can be had from domains, trying all ways."""

    @functools.cache
    def most(left: tuple[int, ...]) -> int:
        return max(
            (
                1 + most(tuple(sorted(_without(left, chosen))))
                for chosen in itertools.combinations(range(len(left)), copies)
                if all(left[index] for index in chosen)
            ),
            default=0,
        )

    return most(tuple(sorted(places)))


def _without(
    places: tuple[int, ...], chosen: tuple[int, ...]
) -> list[int]:
    return [count - (index in chosen) for index, count in enumerate(places)]


@ddt.ddt
class FitTestCase(base.TestCase):
    """What is counted can be created, and nothing after it."""

    # A hundred clusters are filled; that takes long beside other work.
    TIMEOUT_SCALING_FACTOR = 3

    @hypothesis.given(_states(), _KINDS, _TIERS, st.floats(0.2, 12))
    def test_the_last_that_fits(
        self, state: model.Snapshot, kind: str, tiers: str, gib: float
    ) -> None:
        """So many are placed by hand, and the next is refused."""
        request = _request(kind, tiers, gib)
        inventory = allocator.Inventory(state)
        found = allocator.fit(inventory, request, 1000)
        self.assertEqual(state, inventory.snapshot())
        self.assertLessEqual(found.volumes, found.bound)
        self.assertLessEqual(found.counted, found.bound)
        for number in range(found.volumes):
            placed = allocator.place(inventory, request)
            inventory.change(placed.slots, number)
        refusal = self.assertRaises(
            exceptions.NoSpace, allocator.place, inventory, request
        )
        self.assertEqual(found.explanation, refusal.fields['explanation'])

    @hypothesis.given(
        st.lists(st.integers(0, 4), min_size=1, max_size=5),
        st.integers(1, 3),
    )
    def test_counting(self, places: list[int], copies: int) -> None:
        """As many single sets as trying all ways finds."""
        brick = sizes.brick_bytes_for(3 * GIB, 4 * sizes.MIB)
        state = clusters.snapshot(
            Disk(f'n{node}', node, (count * brick + GIB) / GIB)
            for node, count in enumerate(places)
        )
        request = allocator.Request(
            3 * GIB, durability.replicate(copies), spread.parse('none')
        )
        found = allocator.fit(allocator.Inventory(state), request, 1000)
        most = _most_sets(tuple(places), copies)
        self.assertEqual(most, found.counted)
        self.assertLessEqual(most, found.bound)

    def test_equal_nodes(self) -> None:
        """The three figures agree where nothing is uneven."""
        found = allocator.fit(
            allocator.Inventory(clusters.grid(3, 1, 1)),
            _request('replicate:3', 'zone:strict', 9),
            1000,
        )
        self.assertEqual(
            (10, 10, 10), (found.volumes, found.counted, found.bound)
        )

    def test_freed_space_is_counted(self) -> None:
        """One that goes makes room for another one, no less and no more."""
        inventory = allocator.Inventory(clusters.grid(3, 2, 2, total=50))
        request = _request('replicate:3', 'zone:strict', 7)
        before = allocator.fit(inventory, request, 1000)
        placed = allocator.place(inventory, request)
        inventory.change(placed.slots, 1)
        after = allocator.fit(inventory, request, 1000)
        self.assertEqual(before.volumes - 1, after.volumes)
        inventory.change(placed.slots, 2, freed=True)
        self.assertEqual(before, allocator.fit(inventory, request, 1000))

    def test_volumes_of_several_sets(self) -> None:
        """Counted are whole volumes."""
        limits = allocator.Limits(brick_max_bytes=10 * GIB)
        request = allocator.Request(
            25 * GIB,
            durability.replicate(2),
            spread.parse('none'),
            limits,
        )
        found = allocator.fit(
            allocator.Inventory(clusters.grid(2, 1, 1)), request, 1000
        )
        # Three sets each, of bricks of 8.6 GiB.
        self.assertEqual((3, 3), (found.volumes, found.counted))
        uneven = allocator.Inventory(clusters.grid(2, 1, 5, total=16))
        found = allocator.fit(uneven, request, 1000)
        # One such brick on each of five devices; smaller sets use the rest.
        self.assertEqual(
            (1, 3, 3), (found.counted, found.volumes, found.bound)
        )

    def test_told_to_stop(self) -> None:
        """Then nothing is known of what would stop it, but of the bound."""
        inventory = allocator.Inventory(clusters.grid(3, 10, 10, total=4000))
        found = allocator.fit(
            inventory, _request('replicate:3', 'zone:strict', 1), 50
        )
        self.assertEqual((50, None), (found.volumes, found.explanation))
        self.assertGreater(found.counted, 350_000)
        self.assertGreaterEqual(found.bound, found.counted)

    @ddt.data(1, 2**40, 2**62)
    def test_sizes_beyond_reason(self, data_bytes: int) -> None:
        """Small ones take the least brick there is; large ones are refused."""
        request = allocator.Request(
            data_bytes, durability.replicate(2), spread.parse('none')
        )
        found = allocator.fit(
            allocator.Inventory(clusters.grid(2, 1, 1, total=3)), request, 1000
        )
        # 3 GiB / 304 MiB.
        expected = 10 if data_bytes == 1 else 0
        self.assertEqual(
            (expected, expected, expected),
            (found.volumes, found.counted, found.bound),
        )

    def test_an_unknown_tier(self) -> None:
        """It is named, as when a share is created."""
        error = self.assertRaises(
            exceptions.InvalidInput,
            allocator.fit,
            allocator.Inventory(clusters.grid(2, 1, 1)),
            _request('replicate:2', 'room:strict', 1),
            1000,
        )
        self.assertIn('room', error.fields['reason'])
