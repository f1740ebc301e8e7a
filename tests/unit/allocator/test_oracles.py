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

"""Places are found where a maximum flow, or trying it all, says they are."""

import itertools
from collections.abc import Sequence

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator.request import Division
from tests import base
from tests.benchmarks import refusals
from tests.unit.allocator import clusters
from tests.unit.allocator import drawn
from tests.unit.allocator import flows

_SPREADS = ('zone:strict', 'none')


@st.composite
def _states(
    draw: st.DrawFn, nodes: int = 10, disks: int = 6
) -> model.Snapshot:
    """Draw up to 60 devices, in zones and nodes of any size."""
    made = []
    for number in range(draw(st.integers(1, nodes))):
        zone = draw(st.integers(1, 5))
        for total in draw(
            st.lists(st.integers(1, 40), min_size=1, max_size=disks)
        ):
            used = draw(st.integers(0, total))
            made.append(clusters.Disk(f'n{number}', zone, total, used))
    return clusters.snapshot(made)


def _requests(*kinds: str) -> st.SearchStrategy[allocator.Request]:
    return st.builds(
        drawn.request,
        kind=st.sampled_from(kinds),
        tiers=st.sampled_from(_SPREADS),
        gib=st.floats(0.5, 300),
        bricks=st.sampled_from([60, 60, 12]),
        brick_gib=st.sampled_from([4096, 10, 3]),
    )


class FlowTestCase(base.TestCase):
    """Counting and placing agree with the flow."""

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        _states(), _requests('replicate:2', 'replicate:3', 'disperse:4+2')
    )
    def test_each_division(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """Places are enough where all bricks flow, and nowhere else."""
        ground = allocator.Inventory(state).ground(request)
        label = 'zone' if str(request.spread) == 'zone:strict' else 'node'
        groups = ground.estate.groups(label)
        for division in request.divisions(ground.estate.extent_bytes):
            places = counting.count_places(
                groups, division.brick_bytes, division.sets
            )
            self.assertEqual(
                flows.flows(state.devices, request, division),
                places >= division.sets * request.copies,
                repr(division),
            )

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        _states(),
        _requests('distribute', 'replicate:3', 'disperse:2+1', 'arbiter'),
    )
    def test_what_flows_is_placed(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """Whichever division it is."""
        if flows.fits(state, request):
            self.assertIsNotNone(drawn.placed(state, request))

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        _states(), _requests('distribute', 'replicate:2', 'replicate:3')
    )
    def test_equal_bricks_that_are_placed_flow(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """The network would have them too: it is not too strict."""
        placement = drawn.placed(state, request)
        sizes = {s.size_bytes for s in placement.slots} if placement else set()
        if placement is None or len(sizes) > 1:
            return
        division = Division(len(placement.sets), *sizes)
        self.assertTrue(flows.flows(state.devices, request, division))


def _most_sets(rooms: Sequence[int], copies: int) -> int:
    """Try all ways of taking one from each of some domains."""
    best = 0
    for chosen in itertools.combinations(range(len(rooms)), copies):
        if all(rooms[index] for index in chosen):
            left = list(rooms)
            for index in chosen:
                left[index] -= 1
            best = max(best, 1 + _most_sets(tuple(left), copies))
    return best


class BoundTestCase(base.TestCase):
    """The bound on what can be stored is reached, and never passed."""

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        st.lists(st.integers(0, 3), max_size=4), st.integers(1, 3)
    )
    def test_largest_number_of_unit_sets(
        self, rooms: list[int], copies: int
    ) -> None:
        """As many sets of the smallest bricks as it says can be made."""
        self.assertEqual(
            _most_sets(tuple(rooms), copies),
            counting.fluid_bound(rooms, copies),
        )


class LargeClustersTestCase(base.TestCase):
    """Hundreds of devices that are nearly full."""

    def test_refusals_where_it_fits(self) -> None:
        """Not one in two hundred; the benchmark has more of them."""
        for kind in refusals.KINDS:
            outcome = refusals.measure(kind, range(3), 10)
            self.assertGreater(outcome.asked, 20)
            self.assertLessEqual(outcome.missed, outcome.fitting // 200)
            self.assertGreater(outcome.fitting, 0)
            self.assertGreater(outcome.asked - outcome.fitting, 0)
