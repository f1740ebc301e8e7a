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

"""Sets of unequal bricks, where equal ones do not fit.

All that is free, up to the bound on what can be stored, can be used by sets
that differ in size. Lay the room of each domain along a line, one after the
other, and cut the line into as many rows as a set has bricks, each as long as
the volume: no domain is longer than a row, so that whatever stands in one
column is in different domains. Where no piece ends, columns are alike: they
are a set. (McNaughton's wrap-around rule for machines, 1959.)
"""

import dataclasses
import heapq
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.partition import Partition
from manila_gluster_heketi.allocator.request import Request

# How many lengths of rows are tried between what is needed without overhead
# and all there is.
_STEPS = 12

Brick = tuple[Room, int]


@dataclasses.dataclass(frozen=True, slots=True)
class _Piece:
    """Room on one device, up to some place in a row."""

    room: Room
    end: int


def unequal_sets(
    groups: Partition, request: Request, extent_bytes: int
) -> list[list[Brick]]:
    """Cut the free room of groups into sets that hold what is asked.

    :returns: bricks of each set, the largest set first; empty if they do not
        hold enough, or would be too many
    """
    field = _Field(groups, request, extent_bytes)
    for length in field.lengths():
        sets = _largest_sets(field.sets(length), request)
        if sets:
            return sets
    return []


def largest_data_bytes(
    groups: Partition, request: Request, extent_bytes: int
) -> int:
    """Return the most data that sets of unequal bricks can hold."""
    field = _Field(groups, request, extent_bytes)
    held = sorted(
        (
            request.set_data_bytes(bricks[0][1])
            for bricks in field.sets(field.longest)
        ),
        reverse=True,
    )
    return sum(held[: request.most_sets])


class _Field:
    """The room that sets can be cut from.

    A group gives no more devices than there may be sets, and no more groups
    can be used than there may be bricks.

    :ivar longest: the longest row, in bytes
    """

    def __init__(
        self, groups: Partition, request: Request, extent_bytes: int
    ) -> None:
        self._request = request
        self._extent = extent_bytes
        self._groups = self._roomiest(groups)
        bound = counting.fluid_bound(map(_total, self._groups), request.copies)
        self.longest = sizes.round_down(bound, extent_bytes)

    def _roomiest(self, groups: Partition) -> list[list[Brick]]:
        """Return what is on the largest devices of the largest groups."""
        most_sets = self._request.most_sets
        most = most_sets * self._request.copies
        kept: list[tuple[int, int, list[Brick]]] = []
        for number, group in enumerate(groups.freest()):
            # The groups that come have no more than this one in all.
            if len(kept) == most and (
                not kept or group.free_bytes <= kept[0][0]
            ):
                break
            rooms = [
                (room, size)
                for room in group.roomiest(most_sets)
                for size in [sizes.round_down(room.free_bytes, self._extent)]
                if size
            ]
            heapq.heappush(kept, (_total(rooms), -number, rooms))
            if len(kept) > most:
                heapq.heappop(kept)
        return [rooms for total, _, rooms in sorted(kept, reverse=True)]

    def lengths(self) -> Iterator[int]:
        """Yield lengths of rows to try, in whole extents, shortest first."""
        part = self._request.durability.part_bytes(self._request.data_bytes)
        shortest = sizes.brick_bytes_for(part, self._extent)
        if shortest > self.longest:
            return
        steps = (
            shortest + (self.longest - shortest) * step // _STEPS
            for step in range(_STEPS + 1)
        )
        yield from dict.fromkeys(
            sizes.round_down(step, self._extent) for step in steps
        )

    def sets(self, length: int) -> list[list[Brick]]:
        """Lay the line, cut it into rows, and find the sets in the columns."""
        if not length:
            return []
        rows = self._rows(length)
        cuts = sorted({0, *(piece.end for row in rows for piece in row)})
        if any(not row or row[-1].end < length for row in rows):
            return []
        sets: list[list[Brick]] = []
        at = [0] * len(rows)
        for start, end in zip(cuts, cuts[1:], strict=False):
            for index, row in enumerate(rows):
                while row[at[index]].end <= start:
                    at[index] += 1
            rooms = [row[i].room for row, i in zip(rows, at, strict=True)]
            sets += self._column(rooms, end - start)
        return sets

    def _rows(self, length: int) -> list[list[_Piece]]:
        """Lay out the room of the largest groups, and devices, in rows."""
        rows: list[list[_Piece]] = [[] for _ in range(self._request.copies)]
        at, end = 0, self._request.copies * length
        for rooms in self._groups:
            left = min(length, end - at)
            for room, size in rooms:
                here = min(size, left)
                left -= here
                while here:
                    row, start = divmod(at, length)
                    part = min(here, length - start)
                    rows[row].append(_Piece(room, start + part))
                    at += part
                    here -= part
        return rows

    def _column(
        self, rooms: Sequence[Room], width: int
    ) -> Iterator[list[Brick]]:
        """Yield the set that a column is; several if it is too wide."""
        least = self._request.least_brick_bytes(self._extent)
        most = sizes.round_down(
            self._request.limits.brick_max_bytes, self._extent
        )
        if most < least:
            return
        parts = -(-width // most)
        for part in range(parts):
            first, last = width * part // parts, width * (part + 1) // parts
            size = sizes.round_down(last - first, self._extent)
            if size >= least:
                yield [(room, size) for room in rooms]


def _total(rooms: Sequence[Brick]) -> int:
    return sum(size for _, size in rooms)


def _largest_sets(
    sets: list[list[Brick]], request: Request
) -> list[list[Brick]]:
    """Return as few sets as hold what is asked; none if they do not."""
    sets.sort(key=lambda bricks: -bricks[0][1])
    held = 0
    for count, bricks in enumerate(sets[: request.most_sets], 1):
        held += request.set_data_bytes(bricks[0][1])
        if held >= request.data_bytes:
            return sets[:count]
    return []
