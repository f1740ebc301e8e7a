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

"""Which of several possible places is the better one.

Placing asks here, and so does whatever moves bricks later: two opinions on
what is better would move bricks to and fro. Ranks are compared, the lowest
is best.
"""

import abc
import bisect
import collections
import dataclasses
import functools
import hashlib
import heapq
import itertools
import math
import sys
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator.group import Group
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.group import Value
from manila_gluster_heketi.allocator.partition import Partition
from manila_gluster_heketi.allocator.partition import Spot

Rank = tuple[float, ...]

#: Whatever is free on a device.
ANY_ROOM = range(sys.maxsize)


class Option(NamedTuple):
    """A device that a brick may be put on, the best of its group."""

    rank: Rank
    order: int
    group: Group
    room: Room


class Scoring(abc.ABC):
    """An opinion on where a brick of a certain size goes.

    :param groups: all domains that sets may use
    :param copies: bricks of a set
    :param brick_bytes: size of each
    :param seed: for strategies that leave something to chance
    """

    def __init__(
        self,
        groups: Partition,
        copies: int,
        brick_bytes: int,
        seed: int = 0,
    ) -> None:
        self.groups = groups
        self.copies = copies
        self.brick_bytes = brick_bytes
        self.seed = seed
        self._prepare()

    def _prepare(self) -> None:
        """Work out what does not change from one question to the next."""

    def due(self) -> Collection[Group]:
        """Return groups that every set has to use, if they can be."""
        return ()

    @abc.abstractmethod
    def best(self, group: Group) -> Option | None:
        """Return the best device of a group, or None if none has room."""

    def ranked(
        self, lane: Value = (), free: range = ANY_ROOM
    ) -> Iterator[Option]:
        """Yield the best device of each group, the best of all first.

        :param lane: only devices of this lane of the groups
        :param free: only devices with so much room
        """
        for option in self._by_lane.get(lane, ()):
            if option.room.free_bytes in free:
                yield option

    @functools.cached_property
    def _by_lane(self) -> Mapping[Value, Sequence[Option]]:
        by_lane: dict[Value, list[Option]] = collections.defaultdict(list)
        options = (self.best(group) for group in self.groups)
        for option in sorted(o for o in options if o is not None):
            by_lane[self.groups.lane_of(option.room)].append(option)
        return by_lane

    def _fitting(self, group: Group) -> list[Room]:
        """Return the emptiest device of each size, if the brick fits."""
        return [
            entries[0][2]
            for entries in group.emptiest()
            if -entries[0][0] >= self.brick_bytes
        ]


class Balanced(Scoring):
    """Keeps each device as near as can be to its fair level.

    The fair level is what the same bytes would come to if they could be cut
    at will: all devices equally full, but for domains so large that even one
    brick of each set does not fill them. Large bricks go to large devices.

    What could be stored in all is not given away: a domain that every set
    has to use, or room elsewhere is stranded, goes first.
    """

    def _prepare(self) -> None:
        groups = self.groups
        taken = groups.total_bytes - groups.free_bytes
        large = groups.largest(self.copies - 1)
        self._level = _fair_level(
            groups.total_bytes,
            [group.total_bytes for group in large],
            self.copies,
            taken + self.copies * self.brick_bytes,
        )
        self._large = [g for g in large if self._level.is_too_large(g)]

    def due(self) -> Collection[Group]:
        """Return the domains that can hold a copy of all that still fits."""
        groups = self.groups
        if len(groups) <= self.copies:
            return ()
        freest = itertools.islice(groups.freest(), self.copies - 1)
        bound = counting.bound_of(
            groups.free_bytes,
            (group.free_bytes for group in freest),
            self.copies,
        )
        return list(
            itertools.takewhile(
                lambda group: group.free_bytes >= bound > 0, groups.freest()
            )
        )

    def best(self, group: Group) -> Option | None:
        """Return the device that adds least to the squares of distances."""
        options = (self._option(group, room) for room in self._fitting(group))
        return min(options, default=None)

    def ranked(
        self, lane: Value = (), free: range = ANY_ROOM
    ) -> Iterator[Option]:
        """Yield the best device of each group, the best of all first."""
        free = range(max(free.start, self.brick_bytes), free.stop)
        # All groups but few have the same level: of devices of one size the
        # emptiest are best.
        streams = [
            self._options(spots) for spots in self.groups.heads(lane, free)
        ]
        streams.append(iter(sorted(self._of_large(lane, free))))
        seen = set()
        for option in heapq.merge(*streams):
            if option.group not in seen:
                seen.add(option.group)
                yield option

    def _options(self, spots: Iterator[Spot]) -> Iterator[Option]:
        for spot in spots:
            if spot.group not in self._large:
                yield self._option(spot.group, spot.room)

    def _of_large(self, lane: Value, free: range) -> Iterator[Option]:
        for group in self._large:
            for (its, _), entries in group.alike.items():
                room = entries[0][2]
                if its == lane and room.free_bytes in free:
                    yield self._option(group, room)

    def _option(self, group: Group, room: Room) -> Option:
        part = self.brick_bytes / room.total_bytes
        distance = room.use - self._level.of(group)
        rank = change_of_square(distance, part)
        return Option((rank, group.use), room.order, group, room)


class Packed(Scoring):
    """Fills devices one after the other: large holes stay for large bricks."""

    def best(self, group: Group) -> Option | None:
        """Return the device with the least room that is enough."""
        found = None
        for entries in group.emptiest():
            index = bisect.bisect_right(
                entries, -self.brick_bytes, key=lambda entry: entry[0]
            )
            if index:
                room = entries[index - 1][2]
                if found is None or room.free_bytes < found.free_bytes:
                    found = room
        if found is None:
            return None
        return Option((-group.free_bytes,), found.order, group, found)


class MostFree(Scoring):
    """Takes the device with most free bytes, as LINSTOR does; to compare."""

    def best(self, group: Group) -> Option | None:
        """Return the device with most room."""
        fitting = self._fitting(group)
        if not fitting:
            return None
        room = max(fitting, key=lambda room: (room.free_bytes, -room.order))
        return Option((-room.free_bytes,), room.order, group, room)


class Straw2(Scoring):
    """Draws by hash, weighted by size, as CRUSH does; to compare."""

    def best(self, group: Group) -> Option | None:
        """Return the device with the longest straw."""
        draws = [
            (self._draw(room.device_id, room.total_bytes), room)
            for room in group.rooms()
            if room.free_bytes >= self.brick_bytes
        ]
        if not draws:
            return None
        _, room = min(draws, key=lambda draw: draw[0])
        length = self._draw('/'.join(group.value), group.total_bytes)
        return Option((length,), room.order, group, room)

    def _draw(self, identity: str, weight: int) -> float:
        text = f'{self.seed}:{identity}'.encode()
        digest = hashlib.blake2b(text, digest_size=8).digest()
        chance = (int.from_bytes(digest, 'big') + 1) / 2**64
        return -math.log(chance) / weight


def change_of_square(distance: float, part: float) -> float:
    """Say how a brick changes the square of a device's distance.

    The sum of the squares over all devices is what placing keeps low and
    rebalancing lowers.

    :param distance: how far the device is above its fair level
    :param part: of the device that the brick takes; negative if it leaves
    """
    return part * (part + 2 * distance)


@dataclasses.dataclass(frozen=True, slots=True)
class _FairLevel:
    """How full devices should be.

    :ivar useful_bytes: the most of a group that sets can use
    :ivar part: of what can be used, what is taken
    """

    useful_bytes: int
    part: float

    def of(self, group: Group) -> float:
        """Say it of the devices of a group, 0 to 1."""
        if not self.is_too_large(group):
            return self.part
        return self.part * self.useful_bytes / group.total_bytes

    def is_too_large(self, group: Group) -> bool:
        """Tell whether not all of a group can be used."""
        return group.total_bytes > self.useful_bytes


def _fair_level(
    total_bytes: int, largest: Sequence[int], copies: int, taken_bytes: int
) -> _FairLevel:
    """Work out the fair level for sets of so many ``copies``.

    :param total_bytes: of all groups
    :param largest: sizes of the ``copies`` - 1 largest, in falling order
    """
    bound = counting.bound_of(total_bytes, largest, copies)
    useless = sum(max(0, size - bound) for size in largest)
    return _FairLevel(bound, taken_bytes / max(1, total_bytes - useless))


def fair_levels(
    groups: Sequence[Group], copies: int, more_bytes: int = 0
) -> list[float]:
    """Say how full the devices of each group should be, 0 to 1.

    :param more_bytes: what is about to be placed on all of them together
    """
    sizes = [group.total_bytes for group in groups]
    taken = sum(group.total_bytes - group.free_bytes for group in groups)
    level = _fair_level(
        sum(sizes),
        heapq.nlargest(copies - 1, sizes),
        copies,
        taken + more_bytes,
    )
    return [level.of(group) for group in groups]
