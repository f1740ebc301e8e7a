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

"""The same question has the same answer, and what is freed is free."""

import dataclasses
import random

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from tests import base
from tests.unit.allocator import drawn

_SEEDS = st.integers(0, 3)


def _answer(
    inventory: allocator.Inventory, request: allocator.Request, seed: int = 0
) -> allocator.Placement | allocator.Explanation:
    """Place, or say why not."""
    try:
        return allocator.place(inventory, request, seed=seed)
    except exceptions.NoSpace as refusal:
        explanation: allocator.Explanation = refusal.fields['explanation']
        return explanation


def _changes(
    answer: allocator.Placement | allocator.Explanation,
) -> tuple[allocator.Change, ...]:
    """Say what would help."""
    if isinstance(answer, allocator.Placement):
        return ()
    return answer.changes


class RepeatableTestCase(base.TestCase):
    """All kinds of durability, tiers, tags and limits."""

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(drawn.states(), drawn.requests(), _SEEDS, st.randoms())
    def test_order_of_rows(
        self,
        state: model.Snapshot,
        request: allocator.Request,
        seed: int,
        chance: random.Random,
    ) -> None:
        """A database gives them in any order; what is advised is the same."""
        rows = list(state.devices)
        chance.shuffle(rows)
        shuffled = dataclasses.replace(state, devices=tuple(rows))
        one = _answer(allocator.Inventory(state), request, seed)
        other = _answer(allocator.Inventory(shuffled), request, seed)
        self.assertEqual(one, other)
        self.assertEqual(_changes(one), _changes(other))

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        drawn.states(),
        drawn.requests(),
        _SEEDS,
        st.lists(drawn.requests(), max_size=3),
    )
    def test_same_seed(
        self,
        state: model.Snapshot,
        request: allocator.Request,
        seed: int,
        others: list[allocator.Request],
    ) -> None:
        """Whatever else was asked before."""
        first = _answer(allocator.Inventory(state), request, seed)
        inventory = allocator.Inventory(state)
        for other in others:
            _answer(inventory, other, seed + 1)
        self.assertEqual(first, _answer(inventory, request, seed))

    @hypothesis.given(
        drawn.states(),
        st.lists(drawn.requests(), min_size=1, max_size=6),
        st.randoms(),
    )
    def test_freed_space_comes_back_exactly(
        self,
        state: model.Snapshot,
        requests: list[allocator.Request],
        chance: random.Random,
    ) -> None:
        """In whatever order, on devices that hold other things too."""
        inventory = allocator.Inventory(state)
        placed = []
        for number, request in enumerate(requests):
            small = dataclasses.replace(
                request, data_bytes=request.data_bytes // 10
            )
            try:
                found = allocator.place(inventory, small)
            except exceptions.NoSpace:
                continue
            inventory.change(found.slots, number)
            placed.append(found)
        chance.shuffle(placed)
        for found in placed:
            inventory.change(found.slots, 0, freed=True)
        self.assertEqual(state.devices, inventory.snapshot().devices)
        fresh = allocator.Inventory(state)
        for request in requests:
            self.assertEqual(
                _answer(fresh, request), _answer(inventory, request)
            )
