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

"""Bricks leave devices that are too full until they are level.

A device gives bricks away as long as it is above what is tolerated over its
fair level, and takes them only up to that. The largest bricks go first, as in
packing bins: when the targets are nearly full, small ones still find a place.
Devices that could not give enough have the first turn when all is tried anew.
What then stays too full is helped by exchanges; and what can't be level all
the same gives as much as it can.
"""

import collections
import heapq

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import exchange
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.allocator import seat as seats
from manila_gluster_heketi.allocator import turns
from manila_gluster_heketi.allocator.cover import cheapest_cover
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.ledger import Ledger


def level(ledger: Ledger, budget: moves.Budget) -> None:
    """Move bricks until devices are level, or nothing helps any more."""
    levelling = _Levelling(ledger, budget)
    turns.take(ledger, levelling.attempt)
    before = -1
    while before < len(ledger.hops):
        while exchange.exchange(ledger, budget, levelling.hopeful()):
            levelling.give()
        before = len(ledger.hops)
        levelling.give(partly=True)


def sources(ledger: Ledger, budget: moves.Budget) -> list[Room]:
    """Return the devices above what is tolerated, by identity."""
    terrain = ledger.terrain
    rooms = (terrain.room(each) for each in sorted(terrain.levels))
    return [
        room
        for room in rooms
        if terrain.distance(room) - budget.tolerance > moves.NOTHING
    ]


class _Levelling:
    """What a ledger's devices that are too full do about it."""

    def __init__(self, ledger: Ledger, budget: moves.Budget) -> None:
        self._ledger = ledger
        self._budget = budget

    def attempt(self, urgency: turns.Urgency) -> turns.Outcome:
        """Let them give, the urgent ones first; say what came of it."""
        self.give(urgency)
        beyond = sum(
            self._ledger.terrain.distance(room) - self._budget.tolerance
            for room in sources(self._ledger, self._budget)
        )
        moved_bytes = sum(hop.brick.size_bytes for hop in self._ledger.hops)
        wanting = [room.device_id for room in self.hopeful()]
        return turns.Outcome((beyond, moved_bytes), wanting)

    def hopeful(self) -> list[Room]:
        """Return those that have bricks which others could take if empty."""
        return [
            room
            for room in sources(self._ledger, self._budget)
            if any(
                not self._ledger.is_oversize(brick, self._budget.tolerance)
                for brick in self._ledger.movable_on(room)
            )
        ]

    def give(
        self,
        urgency: turns.Urgency = collections.Counter(),
        *,
        partly: bool = False,
    ) -> None:
        """Let them give until nothing moves.

        A brick that can't go may be able to when others have gone.

        :param partly: whether what is not enough is given, too
        """
        before = -1
        while before < len(self._ledger.hops):
            before = len(self._ledger.hops)
            self._give_once(urgency, partly)

    def _give_once(self, urgency: turns.Urgency, partly: bool) -> None:
        giving = [
            _Source(self._ledger, self._budget, room, partly)
            for room in sources(self._ledger, self._budget)
        ]
        heap = [
            (-urgency[source.room.device_id], -source.next.size_bytes, index)
            for index, source in enumerate(giving)
            if source.next
        ]
        heapq.heapify(heap)
        while heap:
            urgent, _, index = heapq.heappop(heap)
            source = giving[index]
            source.give_next()
            if source.next:
                entry = urgent, -source.next.size_bytes, index
                heapq.heappush(heap, entry)


class _Source:
    """A device above its level, and the bricks that it should give away.

    Of all bricks that may go those are chosen that bring it down with the
    fewest bytes.
    """

    def __init__(
        self, ledger: Ledger, budget: moves.Budget, room: Room, partly: bool
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._partly = partly
        self.room = room
        self._refused: set[str] = set()
        self._chosen: collections.deque[model.Brick] = collections.deque()
        self._choose()

    @property
    def next(self) -> model.Brick | None:
        """The brick that is hardest to place: the largest."""
        return self._chosen[0] if self._chosen else None

    def give_next(self) -> None:
        """Move the next brick; if it has to stay, choose others."""
        brick = self._chosen.popleft()
        target = self._target(brick)
        if target is not None:
            self._ledger.move(brick, target)
            return
        self._refused.add(brick.id)
        # If it can go nowhere, the others go, whatever that comes to.
        self._partly |= self._is_oversize(brick)
        self._choose()

    def _choose(self) -> None:
        bricks = [
            brick
            for brick in self._ledger.movable_on(self.room)
            if brick.id not in self._refused
        ]
        needed = self._ledger.beyond_bytes(self.room, self._budget.tolerance)
        sizes = [brick.size_bytes for brick in bricks]
        chosen = cheapest_cover(sizes, needed)
        is_enough = sum(sizes[index] for index in chosen) >= needed
        if not (is_enough or self._partly):
            chosen = []
        self._chosen = collections.deque(bricks[index] for index in chosen)

    def _target(self, brick: model.Brick) -> Room | None:
        """Find where a brick may go so that it is worth it."""
        terrain = self._ledger.terrain
        seat = self._ledger.seat(brick)
        within = self._budget.tolerance
        found = seats.best(terrain, seat, within=within, no_worse=True)
        if found is None and self._is_oversize(brick):
            # It does least harm alone, on a device as large as can be.
            within = self._harm(brick) - moves.NOTHING
            found = seats.best(terrain, seat, within=within, no_worse=True)
        if found is None:
            return None
        gain = terrain.gain(brick.size_bytes, self.room, found.room)
        return found.room if self._budget.is_worth(gain) else None

    def _is_oversize(self, brick: model.Brick) -> bool:
        return self._ledger.is_oversize(brick, self._budget.tolerance)

    def _harm(self, brick: model.Brick) -> float:
        """Say how far above its level the device stays while it has it."""
        if self._ledger.bricks_on(self.room)[0] is not brick:
            return self._ledger.terrain.distance(self.room)
        # All others go before the largest does.
        level = self._ledger.terrain.levels[self.room.device_id]
        return brick.size_bytes / self.room.total_bytes - level
