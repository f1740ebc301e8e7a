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

"""A device takes a large brick and gives smaller ones away for it.

That is how a large brick leaves a small device when all large devices are
about as full as they should be. What is given away may go to a device that
gives something still smaller away.
"""

from collections.abc import Iterable

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import seat as seats
from manila_gluster_heketi.allocator.cover import cheapest_cover
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.ledger import Ledger
from manila_gluster_heketi.allocator.moves import Budget

# How much is tried before a device stays as it is: so many of its bricks,
# devices of each group and size that might take them, choices of what is
# given away for one, and links of a chain; in so many ways for one device,
# and for all, the fullest first.
_BRICKS = 8
_TARGETS = 16
_CHOICES = 4
_LINKS = 2
_TRIES = 400
_TRIES_IN_ALL = 10_000


def exchange(ledger: Ledger, budget: Budget, sources: Iterable[Room]) -> bool:
    """Let devices take large bricks for smaller ones, if any can.

    :param sources: devices that are too full
    """
    terrain = ledger.terrain
    fullest = sorted(
        sources, key=lambda room: (-terrain.distance(room), room.device_id)
    )
    depth = len(ledger.hops)
    tries = 0
    for room in fullest:
        search = _Exchange(ledger, budget)
        search.relieve(room)
        tries += search.tries
        if tries > _TRIES_IN_ALL:
            break
    return len(ledger.hops) > depth


class _Exchange:
    """A search for bricks that change places.

    :ivar tries: how many times something was to be given away so far
    """

    def __init__(self, ledger: Ledger, budget: Budget) -> None:
        self._ledger = ledger
        self._budget = budget
        self.tries = 0

    def relieve(self, room: Room) -> bool:
        """Let a device that is too full give a brick away."""
        return any(
            self._swap(brick, target)
            for brick in self._candidates(room)
            for target in self._nearly(brick)
        )

    def _candidates(self, room: Room) -> list[model.Brick]:
        """Choose bricks to try: the least that is enough, or the largest."""
        bricks = self._ledger.movable_on(room)
        needed = self._ledger.beyond_bytes(room, self._budget.tolerance)
        enough = [b for b in reversed(bricks) if b.size_bytes >= needed]
        others = [b for b in bricks if b.size_bytes < needed]
        return [*enough, *others][:_BRICKS]

    def _nearly(self, brick: model.Brick) -> list[Room]:
        ledger = self._ledger
        return seats.nearly(
            ledger.terrain,
            ledger.seat(brick),
            self._budget.tolerance,
            _TARGETS,
        )

    def _swap(self, brick: model.Brick, target: Room) -> bool:
        """Bring a brick to a device that gives others away for it."""
        ledger = self._ledger
        depth = len(ledger.hops)
        ledger.move(brick, target)
        is_level = self._clear(target, brick.size_bytes, _LINKS)
        wanted = [(hop.brick, hop.target) for hop in ledger.back_to(depth)]
        if (
            is_level
            and ledger.make(wanted)
            and self._budget.is_worth(ledger.gained(depth))
        ):
            return True
        ledger.back_to(depth)
        return False

    def _clear(self, room: Room, most_bytes: int, links: int) -> bool:
        """Give away what is too much, in smaller bricks and less in all."""
        ledger = self._ledger
        refused: set[str] = set()
        for _ in range(_CHOICES):
            if self.tries >= _TRIES:
                break
            self.tries += 1
            bricks = [
                brick
                for brick in ledger.movable_on(room)
                if brick.size_bytes < most_bytes and brick.id not in refused
            ]
            needed = ledger.beyond_bytes(room, self._budget.tolerance)
            sizes = [brick.size_bytes for brick in bricks]
            chosen = cheapest_cover(sizes, needed)
            lost = sum(sizes[index] for index in chosen)
            if lost < needed:
                break
            stays = self._give([bricks[index] for index in chosen], links)
            if stays is None:
                return True
            refused.add(stays.id)
        return False

    def _give(
        self, bricks: Iterable[model.Brick], links: int
    ) -> model.Brick | None:
        """Move bricks to where it stays level; return one that can't go."""
        ledger = self._ledger
        for brick in bricks:
            found = seats.best(
                ledger.terrain,
                ledger.seat(brick),
                within=self._budget.tolerance,
                no_worse=True,
            )
            if found is not None:
                ledger.move(brick, found.room, joins=True)
            elif links <= 1 or not self._link(brick, links - 1):
                return brick
        return None

    def _link(self, brick: model.Brick, links: int) -> bool:
        """Move a brick to where others have to go for it in turn."""
        ledger = self._ledger
        depth = len(ledger.hops)
        for target in self._nearly(brick)[:_TARGETS]:
            ledger.move(brick, target, joins=True)
            if self._clear(target, brick.size_bytes, links):
                return True
            ledger.back_to(depth)
        return False
