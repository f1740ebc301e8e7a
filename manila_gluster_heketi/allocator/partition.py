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

"""All domains of a kind, and which of them are worth looking at.

A thousand nodes are not gone over for each brick: the best are at the front
of lists that are kept in order. What changed is put in its place when
somebody asks next.
"""

import bisect
import collections
import heapq
import itertools
import operator
import typing
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi.allocator.group import Group
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.group import Value
from manila_gluster_heketi.allocator.group import values_of

# Heads that are taken out of a list at first; then twice as many each time.
_FEW = 16
_MINUS_FREE = operator.itemgetter(0)


class Spot(typing.NamedTuple):
    """A device of a group, as it was when it was put in order.

    Most free room goes first, of equals what is in the group used least.
    """

    minus_free: int
    use: float
    order: int
    group: Group
    room: Room


class Partition(Sequence[Group]):
    """Devices in groups by what labels say of them.

    Devices of a group are told apart by their size and by further labels;
    what those say is a device's lane. The emptiest ones of each size, lane
    and group are heads.

    :param rooms: devices by value, in the order of groups
    :param beside: the further labels
    :ivar lanes: all there are
    """

    def __init__(
        self,
        labels: Sequence[str],
        rooms: Mapping[Value, Iterable[Room]],
        beside: Sequence[str] = (),
    ) -> None:
        self._beside = beside
        self._changed: set[Group] = set()
        self._groups = tuple(
            Group(labels, value, rooms[value], beside, self._changed)
            for value in rooms
        )
        self._by_total = sorted(self._groups, key=lambda g: -g.total_bytes)
        self.total_bytes = sum(group.total_bytes for group in self._groups)
        self._free_bytes = 0
        self._by_free: list[tuple[int, int, Group]] = []
        self._heads: dict[Value, dict[int, list[Spot]]] = (
            collections.defaultdict(lambda: collections.defaultdict(list))
        )
        self._known: dict[Group, _Known] = {}
        for position, group in enumerate(self._groups):
            self._put(position, group)
        self.lanes = tuple(sorted(self._heads))

    @typing.overload
    def __getitem__(self, index: int) -> Group: ...

    @typing.overload
    def __getitem__(self, index: slice) -> Sequence[Group]: ...

    def __getitem__(self, index: int | slice) -> Group | Sequence[Group]:
        return self._groups[index]

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def free_bytes(self) -> int:
        """Room on all devices."""
        self._refresh()
        return self._free_bytes

    def lane_of(self, room: Room) -> Value:
        """Return what the further labels say of a device."""
        return values_of(room.capacity, self._beside)

    def largest(self, count: int) -> Sequence[Group]:
        """Return groups with most bytes, taken or not."""
        return self._by_total[:count]

    def freest(self) -> Iterator[Group]:
        """Yield the groups, most free bytes first."""
        self._refresh()
        for _, _, group in self._by_free:
            yield group

    def heads(self, lane: Value, free: range) -> Iterator[Iterator[Spot]]:
        """Yield for each size the heads that have so much room, in order.

        What changes between one head and the next has to be changed back.
        """
        self._refresh()
        for heads in self._heads[lane].values():
            first = _first(heads, 1 - free.stop)
            yield self._some(heads, first, _first(heads, 1 - free.start))

    def _some(
        self, heads: Sequence[Spot], first: int, last: int
    ) -> Iterator[Spot]:
        """Yield heads, a few at a time: more are hardly ever needed."""
        count = _FEW
        while first < last:
            self._refresh()
            yield from heads[first : min(first + count, last)]
            first += count
            count *= 2

    def fitting(self, brick_bytes: int) -> Iterator[Group]:
        """Yield the groups that have a place for such a brick."""
        self._refresh()
        seen = set()
        for heads in self._all_heads():
            for spot in heads:
                if -spot.minus_free < brick_bytes:
                    break
                if spot.group not in seen:
                    seen.add(spot.group)
                    yield spot.group

    def roomiest(self, count: int) -> Sequence[Spot]:
        """Return the devices that have most room, in order."""
        self._refresh()
        # A device that is ahead of others has a head that is so too.
        first = itertools.islice(heapq.merge(*self._all_heads()), count)
        return heapq.nsmallest(
            count,
            (
                Spot(minus_free, head.use, order, head.group, room)
                for head in first
                for minus_free, order, room in itertools.islice(
                    head.group.alike_to(head.room), count
                )
            ),
        )

    def _all_heads(self) -> Iterator[list[Spot]]:
        for by_size in self._heads.values():
            yield from by_size.values()

    def _refresh(self) -> None:
        """Put what changed since somebody asked in its place."""
        while self._changed:
            group = self._changed.pop()
            known = self._known[group]
            self._free_bytes += known.by_free[0]
            del self._by_free[bisect.bisect_left(self._by_free, known.by_free)]
            for heads, spot in known.heads:
                del heads[bisect.bisect_left(heads, spot)]
            self._put(known.by_free[1], group)

    def _put(self, position: int, group: Group) -> None:
        known = _Known((-group.free_bytes, position, group), [])
        self._free_bytes += group.free_bytes
        bisect.insort(self._by_free, known.by_free)
        use = group.use
        for (lane, total_bytes), entries in group.alike.items():
            minus_free, order, room = entries[0]
            spot = Spot(minus_free, use, order, group, room)
            heads = self._heads[lane][total_bytes]
            bisect.insort(heads, spot)
            known.heads.append((heads, spot))
        self._known[group] = known


class _Known(typing.NamedTuple):
    """Where a group stands in the lists that are kept in order."""

    by_free: tuple[int, int, Group]
    heads: list[tuple[list[Spot], Spot]]


def _first(heads: Sequence[Spot], minus_free: int) -> int:
    """Find the first head that has no more room than that."""
    return bisect.bisect_left(heads, minus_free, key=_MINUS_FREE)
