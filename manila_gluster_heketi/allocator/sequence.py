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

"""The moves of a plan, in order: each brick once, within the budget."""

import heapq
import math
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import explain
from manila_gluster_heketi.allocator import siblings
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.ledger import Hop
from manila_gluster_heketi.allocator.ledger import Ledger
from manila_gluster_heketi.allocator.moves import Budget
from manila_gluster_heketi.allocator.moves import Move

_Step = list[tuple[model.Brick, Room]]


def fit(ledger: Ledger, budget: Budget) -> frozenset[str]:
    """Leave in a ledger as much of what was done as the budget allows.

    :returns: identities of bricks that a larger budget would move
    """
    asked = [(hop.brick, hop.target) for hop in ledger.hops]
    can_pay = budget.affords(*_cost(asked))
    steps = _steps(ledger)
    if can_pay and len(_all(steps)) == len(asked):
        return frozenset()
    found = ledger.back_to(0)
    if not budget.affords(*_cost(_all(steps))):
        left = _by_worth(ledger, steps, budget)
        return frozenset(brick.id for brick, _ in _all(left))
    if _make_all(ledger, steps, budget):
        return frozenset()
    if can_pay:
        # Some make room for each other in a circle, and have to go twice.
        ledger.again(found)
        return frozenset()
    left = _by_worth(ledger, steps, budget)
    return frozenset(brick.id for brick, _ in _all(left))


def _make_all(ledger: Ledger, steps: Sequence[_Step], budget: Budget) -> bool:
    """Make all steps; those not worth it by themselves are one with others.

    :returns: False if that can't be; then nothing moved
    """
    if all(_make(ledger, step, budget) for step in steps):
        return True
    ledger.back_to(0)
    left = _by_worth(ledger, steps, budget)
    if not left or _make(ledger, _all(left), budget):
        return True
    ledger.back_to(0)
    return _make(ledger, _all(steps), budget)


def _make(ledger: Ledger, step: _Step, budget: Budget) -> bool:
    """Make a step if that can be, and is worth it."""
    depth = len(ledger.hops)
    if ledger.make(step) and _is_worth(ledger, budget, ledger.gained(depth)):
        return True
    ledger.back_to(depth)
    return False


def _is_worth(ledger: Ledger, budget: Budget, gain: float) -> bool:
    return bool(ledger.terrain.leaving) or budget.is_worth(gain)


def _all(steps: Iterable[_Step]) -> _Step:
    return [pair for step in steps for pair in step]


def moves(ledger: Ledger) -> tuple[Move, ...]:
    """Tell what was done in a ledger, and why."""
    found = []
    for hop in ledger.back_to(0):
        found.append(
            Move(
                volume=ledger.volume(hop.brick),
                brick=hop.brick,
                source=hop.source.capacity,
                target=hop.target.capacity,
                step=hop.step,
                gain=hop.gain,
                why=_why(ledger, hop),
            )
        )
        ledger.again([hop])
    return tuple(found)


def _steps(ledger: Ledger) -> list[_Step]:
    """Bring each brick at once to where it goes in the end."""
    first: dict[str, Hop] = {}
    last: dict[str, Hop] = {}
    for hop in ledger.hops:
        first.setdefault(hop.brick.id, hop)
        last[hop.brick.id] = hop
    takers = siblings.takers(ledger, first, last)
    steps: dict[int, _Step] = {}
    for hop in ledger.hops:
        if hop is last[hop.brick.id]:
            brick = takers[hop.brick.id]
            if hop.target is not first[brick.id].source:
                steps.setdefault(hop.step, []).append((brick, hop.target))
    return list(steps.values())


def _cost(pairs: Iterable[tuple[model.Brick, Room]]) -> tuple[int, int]:
    sizes = [brick.size_bytes for brick, _ in pairs]
    return len(sizes), sum(sizes)


def _by_worth(
    ledger: Ledger, steps: Sequence[_Step], budget: Budget
) -> list[_Step]:
    """Make the steps that gain most for each byte, while there is budget.

    :returns: all other steps
    """
    count = size_bytes = 0
    left = set(range(len(steps)))
    # What a step gains is known once it is looked at; it gets less as
    # others are made.
    heap = [(-math.inf, index) for index in left]
    waiting: list[int] = []
    while heap:
        _, index = heapq.heappop(heap)
        more = _cost(steps[index])
        if not budget.affords(count + more[0], size_bytes + more[1]):
            continue
        depth = len(ledger.hops)
        if not ledger.make(steps[index]):
            waiting.append(index)
            continue
        worth = ledger.gained(depth) / more[1]
        if heap and -heap[0][0] > worth:
            ledger.back_to(depth)
            heapq.heappush(heap, (-worth, index))
        elif _is_worth(ledger, budget, worth * more[1]):
            count, size_bytes = count + more[0], size_bytes + more[1]
            left.remove(index)
            for each in waiting:
                heapq.heappush(heap, (-math.inf, each))
            waiting.clear()
        else:
            ledger.back_to(depth)
    return [steps[index] for index in sorted(left)]


def _why(ledger: Ledger, hop: Hop) -> str:
    """Say why a brick goes, before it does."""
    terrain, source = ledger.terrain, hop.source
    level = terrain.levels.get(source.device_id, 0.0)
    what = f'{source}: {source.use:.1%} taken, should be {level:.1%}'
    if source.device_id in terrain.leaving:
        what = f'{source}: to be emptied'
    return f'{what}; {explain.choice(hop.target, hop.brick.size_bytes)}'
