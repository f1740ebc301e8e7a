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

"""Sets as large as single devices allow, where only few may be made.

The last resort before a request is refused, so it may take its time; but it
tries the roomiest devices alone, and only so often.
"""

import itertools
from collections.abc import Iterator

from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.partition import Partition
from manila_gluster_heketi.allocator.request import Request

_ROOMIEST = 12
_MOST_TRIES = 100

Brick = tuple[Room, int]


def few_sets(
    groups: Partition, request: Request, extent_bytes: int
) -> list[list[Brick]]:
    """Find sets that hold what is asked; empty if there seem to be none."""
    return _Search(groups, request, extent_bytes).sets()


class _Search:
    """Tries large sets before small ones.

    :ivar left: whole extents on each device
    """

    def __init__(
        self, groups: Partition, request: Request, extent_bytes: int
    ) -> None:
        self._request = request
        self._extent = extent_bytes
        self._least = request.least_brick_bytes(extent_bytes)
        self._most = sizes.round_down(
            request.limits.brick_max_bytes, extent_bytes
        )
        chosen = groups.roomiest(_ROOMIEST)
        self._groups = {spot.room: spot.group for spot in chosen}
        self.left = {
            spot.room: sizes.round_down(spot.room.free_bytes, extent_bytes)
            for spot in chosen
        }
        self._tries = _MOST_TRIES

    def sets(self) -> list[list[Brick]]:
        """Return the sets found."""
        found: list[list[Brick]] = []
        data_bytes = self._request.data_bytes
        return found if self._fill(data_bytes, found) else []

    def _fill(self, missing: int, found: list[list[Brick]]) -> bool:
        if missing <= 0:
            return True
        sets_left = self._request.most_sets - len(found)
        if not sets_left:
            return False
        for most, rooms in self._ways():
            if sets_left * self._request.set_data_bytes(most) < missing:
                return False
            part = self._request.durability.part_bytes(missing)
            enough = sizes.brick_bytes_for(part, self._extent)
            size = min(most, max(enough, self._least))
            for room in rooms:
                self.left[room] -= size
            found.append([(room, size) for room in rooms])
            held = self._request.set_data_bytes(size)
            if self._fill(missing - held, found):
                return True
            found.pop()
            for room in rooms:
                self.left[room] += size
            self._tries -= 1
            if self._tries <= 0:
                return False
        return False

    def _ways(self) -> Iterator[tuple[int, tuple[Room, ...]]]:
        """Yield largest bricks and their devices, the tightest first."""
        roomy = [room for room in self.left if self.left[room] >= self._least]
        ways: list[tuple[int, int, int, tuple[Room, ...]]] = []
        for rooms in itertools.combinations(roomy, self._request.copies):
            if len({self._groups[room] for room in rooms}) == len(rooms):
                most = min(self._most, *(self.left[room] for room in rooms))
                waste = sum(self.left[room] for room in rooms)
                ways.append((-most, waste, len(ways), rooms))
        for negative, _, _, rooms in sorted(ways):
            yield -negative, rooms
