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

"""Plans that level a cluster: what holds for each, and for every prefix."""

import collections
import dataclasses
import itertools
import random

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.allocator import rebalance
from manila_gluster_heketi.allocator.inventory import Inventory
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import holdings
from tests.unit.allocator import soundness
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

BUDGETS = st.builds(
    moves.Budget,
    max_bytes=st.none() | st.integers(0, 200 * GIB),
    max_moves=st.none() | st.integers(0, 8),
    min_gain=st.sampled_from([0.0, 0.01]),
    tolerance=st.sampled_from([0.0, 0.05]),
)


class PlanTestCase(soundness.SoundTestCase):
    """What holds for every plan."""

    @hypothesis.given(holdings.held(), BUDGETS)
    def test_every_prefix_is_sound_and_better(
        self, state: holdings.Held, budget: moves.Budget
    ) -> None:
        """A plan may be stopped anywhere."""
        plan = holdings.plan(state, budget)
        missed = self.zones_missed(state)
        for count in range(len(plan.moves) + 1):
            now = holdings.after(state, plan.moves[:count])
            self.assert_sound(now)
            self.assertLessEqual(self.zones_missed(now), missed)
        gains: collections.Counter[int] = collections.Counter()
        for move in plan.moves:
            gains[move.step] += move.gain
        self.assertAlmostEqual(
            plan.objective_before - sum(gains.values()), plan.objective_after
        )
        for gain in gains.values():
            self.assertGreater(gain, budget.min_gain)

    @hypothesis.given(holdings.held(), BUDGETS)
    def test_the_budget_is_kept(
        self, state: holdings.Held, budget: moves.Budget
    ) -> None:
        """Moves and bytes, and each brick is paid for once."""
        plan = holdings.plan(state, budget)
        moved = {move.brick.id for move in plan.moves}
        if len(moved) < len(plan.moves):
            self.assert_some_trade_places(plan)
        if budget.max_moves is not None:
            self.assertLessEqual(len(plan.moves), budget.max_moves)
        if budget.max_bytes is not None:
            self.assertLessEqual(plan.moved_bytes, budget.max_bytes)
        whole = holdings.plan(
            state,
            dataclasses.replace(budget, max_bytes=None, max_moves=None),
        )
        self.assertEqual(plan.is_cut_short, len(plan.moves) < len(whole.moves))

    def assert_some_trade_places(self, plan: moves.Plan) -> None:
        """Find a set whose bricks can't all go at once to where they end."""
        start: dict[str, moves.Move] = {}
        end: dict[str, moves.Move] = {}
        for move in plan.moves:
            start.setdefault(move.brick.id, move)
            end[move.brick.id] = move
        trades = [
            (one, other)
            for one, other in itertools.permutations(start, 2)
            for a, b in [(start[one], end[other])]
            if a.volume.id == b.volume.id
            and (
                a.source.node.id == b.target.node.id
                or a.source.node.zone == b.target.node.zone
            )
        ]
        self.assertNotEqual([], trades)

    @hypothesis.given(holdings.held(), BUDGETS)
    def test_a_second_plan_has_nothing_to_add(
        self, state: holdings.Held, budget: moves.Budget
    ) -> None:
        """Nothing flaps."""
        budget = dataclasses.replace(budget, max_bytes=None, max_moves=None)
        plan = holdings.plan(state, budget)
        self.assertFalse(plan.is_cut_short)
        again = holdings.plan(holdings.after(state, plan.moves), budget)
        self.assertEqual((), again.moves)
        self.assertEqual(
            [each.device.device.id for each in plan.too_full],
            [each.device.device.id for each in again.too_full],
        )

    @hypothesis.given(holdings.held(), BUDGETS)
    def test_what_stays_too_full_is_told(
        self, state: holdings.Held, budget: moves.Budget
    ) -> None:
        """With the reason, and nothing else was lifted too high."""
        plan = holdings.plan(state, budget)
        self.assertTrue(all(each.reason for each in plan.too_full))
        worst = max((each.distance for each in plan.too_full), default=0)
        if plan.worst_after > budget.tolerance + moves.NOTHING:
            self.assertEqual(plan.worst_after, worst)
        else:
            self.assertEqual((), plan.too_full)

    @hypothesis.given(holdings.held(), st.randoms())
    def test_order_of_rows_does_not_matter(
        self, state: holdings.Held, chance: random.Random
    ) -> None:
        """A database gives them in any order."""
        rows, held = list(state[0].devices), list(state[1])
        chance.shuffle(rows)
        chance.shuffle(held)
        shuffled = dataclasses.replace(state[0], devices=tuple(rows))
        expected = [
            (m.brick.id, m.target.device.id)
            for m in holdings.plan(state).moves
        ]
        plan = holdings.plan((shuffled, tuple(held)))
        self.assertEqual(
            expected, [(m.brick.id, m.target.device.id) for m in plan.moves]
        )


class GrowthTestCase(base.TestCase):
    """A cluster that grew, compared with what has to move."""

    @hypothesis.given(st.integers(1, 8), st.integers(1, 4), st.integers(1, 4))
    def test_no_more_moves_than_must_leave(
        self, bricks: int, old: int, new: int
    ) -> None:
        """Equal bricks: the least number of moves is known exactly."""
        state = clusters.snapshot(
            Disk(f'n{index}', 1, 100) for index in range(old + new)
        )
        request = allocator.Request(
            9 * GIB, durability.DISTRIBUTE, spread.zones(spread.Mode.NONE)
        )
        inventory = Inventory(
            dataclasses.replace(state, devices=state.devices[:old])
        )
        held = [
            each
            for number in range(min(bricks, 8) * old)
            if (each := holdings.hold(inventory, request, number)) is not None
        ]
        now = {c.device.id: c for c in inventory.snapshot().devices}
        grown = dataclasses.replace(
            state,
            devices=tuple(now.get(c.device.id, c) for c in state.devices),
        )
        size = held[0].bricks[0].size_bytes
        total = sum(c.used_bytes for c in grown.devices)
        level = total / sum(c.device.total_bytes for c in grown.devices)
        least = sum(
            max(0, each.used_bytes // size - most)
            for each in grown.devices
            for most in [int((level + 0.1) * each.device.total_bytes) // size]
        )
        rule = dataclasses.replace(request, data_bytes=0)
        plan = rebalance.plan(
            Inventory(grown), held, rule, moves.Budget(tolerance=0.1)
        )
        self.assertLessEqual(len(plan.moves), least)
        if plan.worst_after <= 0.1:
            self.assertEqual(least, len(plan.moves))


class LevelTestCase(base.TestCase):
    """Clusters of which one knows how they become level."""

    def setUp(self) -> None:
        """Let bricks be anywhere."""
        super().setUp()
        self.kind = allocator.Request(
            0, durability.DISTRIBUTE, spread.zones(spread.Mode.NONE)
        )

    def _state(
        self, disks: list[int], bricks: list[tuple[int, int]]
    ) -> holdings.Held:
        """Make disks of so many GiB, each its node, and bricks on them.

        :param bricks: disk, size in GiB
        """
        snapshot = clusters.snapshot(
            Disk(f'n{index}', 0, total) for index, total in enumerate(disks)
        )
        held = tuple(
            holdings.put(number, gib, self.kind, [f'n{disk}-d0'])
            for number, (disk, gib) in enumerate(bricks)
        )
        return holdings.with_only(snapshot, held), held

    def _plan(
        self, state: holdings.Held, budget: moves.Budget = moves.Budget()
    ) -> moves.Plan:
        return rebalance.plan(Inventory(state[0]), state[1], self.kind, budget)

    def test_a_large_brick_for_small_ones(self) -> None:
        """All large disks are full enough, so one of them gives some away."""
        small = [(1, 10)] * 16
        state = self._state([100, 400, 100], [(0, 60), *small, (2, 20)])
        plan = self._plan(state)
        self.assertEqual((), plan.too_full)
        self.assertLess(plan.objective_after, plan.objective_before)
        self.assertEqual({0}, {move.step for move in plan.moves})
        [large] = [m for m in plan.moves if m.source.device.id == 'n0-d0']
        self.assertEqual('n1-d0', large.target.device.id)
        rest = [m for m in plan.moves if m is not large]
        self.assertEqual({'n1-d0'}, {m.source.device.id for m in rest})
        self.assertLess(sum(m.size_bytes for m in rest), large.size_bytes)

    def test_a_chain_of_three(self) -> None:
        """What is given away finds a place that something leaves for it."""
        state = self._state(
            [200, 400, 200, 100],
            [
                (0, 110),
                *[(1, 55)] * 3,
                *[(2, 10)] * 8,
                (3, 25),
            ],
        )
        plan = self._plan(state)
        self.assertEqual((), plan.too_full)
        self.assertEqual(
            {'n0-d0', 'n1-d0', 'n2-d0'},
            {m.source.device.id for m in plan.moves},
        )

    def test_a_brick_that_is_more_than_any_disk_may_take(self) -> None:
        """It is left alone on a disk as large as any, and that is told."""
        state = self._state([200, 100, 100, 100], [(0, 80), (0, 25), (1, 15)])
        plan = self._plan(state)
        self.assertEqual(
            [('v1-b0-0', 'n0-d0')],
            [(m.brick.id, m.source.device.id) for m in plan.moves],
        )
        [left] = plan.too_full
        self.assertEqual('n0-d0', left.device.device.id)
        self.assertIn('brick v0-b0-0 of 80.00 GiB', left.reason)
        self.assertAlmostEqual(80 / 200 - 120 / 500, left.distance)

    def test_such_a_brick_on_a_small_disk(self) -> None:
        """It goes where it does less harm."""
        state = self._state([100, 300, 100], [(0, 90)])
        [move] = self._plan(state).moves
        self.assertEqual('n1-d0', move.target.device.id)

    def test_two_such_bricks_on_one_disk(self) -> None:
        """One of them goes to another disk of that size."""
        state = self._state([200, 200, 100, 100], [(0, 80), (0, 70)])
        [move] = self._plan(state).moves
        self.assertEqual(
            ('v1-b0-0', 'n1-d0'), (move.brick.id, move.target.device.id)
        )

    def test_a_small_budget_goes_where_it_gains_most(self) -> None:
        """Large bricks go first only if all can."""
        state = self._state(
            [100, 400, 400, 400], [(0, 8)] * 10 + [(1, 30)] * 7
        )
        first = self._plan(state).moves[0]
        self.assertEqual('n1-d0', first.source.device.id)
        plan = self._plan(state, moves.Budget(max_moves=1))
        [move] = plan.moves
        self.assertEqual('n0-d0', move.source.device.id)
        self.assertTrue(plan.is_cut_short)
        reasons = {t.device.device.id: t.reason for t in plan.too_full}
        self.assertEqual('the budget is spent', reasons['n0-d0'])

    def test_a_gain_that_is_too_small(self) -> None:
        """Nothing moves for it."""
        state = self._state([100, 100], [(0, 10), (0, 10)])
        [move] = self._plan(state).moves
        budget = moves.Budget(min_gain=move.gain)
        plan = self._plan(state, budget)
        self.assertEqual(((), False), (plan.moves, plan.is_cut_short))
        self.assertEqual(1, len(plan.too_full))


class BadBudgetTestCase(base.TestCase):
    """A budget that is none."""

    def test_names_field_and_value(self) -> None:
        """As every error of input does."""
        for field, value in (
            ('max_bytes', -1),
            ('max_moves', -1),
            ('min_gain', float('nan')),
            ('tolerance', 1.5),
        ):
            error = self.assertRaises(
                exceptions.InvalidInput, moves.Budget, **{field: value}
            )
            self.assertEqual(field, error.fields['field'])
