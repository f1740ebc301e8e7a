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

"""Heketi's way, to compare with, or for those who are used to it.

As observed on a running Heketi v10 and told by its tests. Sets are doubled
until they fit. For each set all devices are put in a ring, zone after zone
and node after node, in an order left to chance; its bricks go to the first
that will do, in one pass and without a second thought.

Zones are kept apart where they are strict alone: Heketi knows no preference.
Limits are those of the request, since Heketi has options for them as well;
its own defaults are :data:`LIMITS`. Bricks are sized as everywhere here.
"""

import random
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import Trial
from manila_gluster_heketi.allocator.estate import trial_on
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.request import Division
from manila_gluster_heketi.allocator.request import Limits
from manila_gluster_heketi.allocator.request import Request

#: Heketi's own: bricks of 1 GiB to 4 TiB, 32 of them in a volume.
LIMITS = Limits(
    brick_min_bytes=sizes.GIB,
    brick_max_bytes=4 * sizes.TIB,
    volume_bricks=32,
)


class HeketiRing:
    """Round and round by zone and node; room does not count."""

    def find(
        self, ground: search.Ground, request: Request
    ) -> search.BrickSets:
        """Find places for all sets; empty if there is no room."""
        chance = _chance(ground)
        for division in _doubled(request, ground.estate.extent_bytes):
            with trial_on(ground.estate, ground.arbiters) as trial:
                ring = _Rings(ground, request, division, chance)
                found: search.BrickSets = []
                while len(found) < division.sets:
                    bricks = ring.one_set()
                    if not bricks:
                        break
                    _take(trial, bricks)
                    found.append(bricks)
                else:
                    return found
        return []


def _chance(ground: search.Ground) -> random.Random:
    """Make chance that is the same for the same question alone.

    Heketi's comes from identities that it draws. Here each volume that is
    placed leaves less room, so that the next one has a chance of its own.
    """
    free_bytes = sum(room.free_bytes for room in ground.either.rooms.values())
    # It decides on nothing secret.
    return random.Random(f'{ground.seed}/{free_bytes}')  # noqa: S311


def _doubled(request: Request, extent_bytes: int) -> Iterator[Division]:
    """Yield 1, 2, 4, 8 ... equal sets while the limits allow it.

    Bricks that are too large are passed over; those that are too small end
    it, but for a single set: a small share is no reason to refuse it.
    """
    least = request.least_brick_bytes(extent_bytes)
    sets = 1
    while sets <= request.most_sets:
        share = -(-request.data_bytes // sets)
        part = request.durability.part_bytes(share)
        brick_bytes = sizes.brick_bytes_for(part, extent_bytes)
        if brick_bytes < least and sets > 1:
            return
        if brick_bytes <= request.limits.brick_max_bytes:
            yield Division(
                sets,
                max(brick_bytes, least),
                request.arbiter_bytes(share, extent_bytes),
            )
        sets *= 2


def _take(trial: Trial, bricks: Iterable[search.Brick]) -> None:
    for room, size_bytes in bricks:
        trial.take(room, size_bytes)


class _Rings:
    """Gives sets of one size, each from a ring of its own."""

    def __init__(
        self,
        ground: search.Ground,
        request: Request,
        division: Division,
        chance: random.Random,
    ) -> None:
        self._ground = ground
        self._copies = request.copies
        self._division = division
        self._chance = chance
        strict = request.spread.labels(spread.Mode.STRICT)
        self._labels = (*strict, spread.NODE)

    def one_set(self) -> list[search.Brick]:
        """Find places for one set; empty if a pass ends before it is full.

        An arbiter comes first, and devices that take nothing else come
        before those that take both.
        """
        arbiter: list[search.Brick] = []
        arbiter_bytes = self._division.arbiter_bytes
        data, arbiters = self._ground.estate, self._ground.arbiters
        if arbiter_bytes:
            arbiter = self._pass(arbiters, data, arbiter_bytes, 1, [])
            if not arbiter:
                return []
        brick_bytes = self._division.brick_bytes
        bricks = self._pass(data, arbiters, brick_bytes, self._copies, arbiter)
        return [*bricks, *arbiter] if bricks else []

    def _pass(
        self,
        estate: Estate,
        other: Estate,
        size_bytes: int,
        count: int,
        beside: Sequence[search.Brick],
    ) -> list[search.Brick]:
        """Go round once; empty if there were not enough places.

        What is passed over is not looked at again for the set's next brick.
        """
        found: list[search.Brick] = []
        for room in self._ring(estate, other):
            # Heketi wants more than a brick takes, not just as much.
            if room.free_bytes > size_bytes and self._apart(
                room, (*beside, *found)
            ):
                found.append((room, size_bytes))
                if len(found) == count:
                    return found
        return []

    def _apart(self, room: Room, others: Iterable[search.Brick]) -> bool:
        return all(
            value_of(room.capacity, label) != value_of(other.capacity, label)
            for other, _ in others
            for label in self._labels
        )

    def _ring(self, estate: Estate, other: Estate) -> Iterator[Room]:
        """Put devices in rings: those that ``other`` lacks, then the rest."""
        alone: list[Room] = []
        both: list[Room] = []
        for device_id, room in estate.rooms.items():
            (both if device_id in other.rooms else alone).append(room)
        for rooms in (alone, both):
            yield from self._in_turn(rooms)

    def _in_turn(self, rooms: Iterable[Room]) -> list[Room]:
        """Put devices in a ring that begins somewhere.

        Step i takes the last device of the i-th node of the i-th zone,
        counted round and round among those that have any left.
        """
        by_zone: dict[str, dict[str, list[Room]]] = {}
        for room in sorted(rooms, key=lambda room: room.device_id):
            zone = value_of(room.capacity, spread.ZONE)
            nodes = by_zone.setdefault(zone, {})
            nodes.setdefault(room.node_id, []).append(room)
        zones = [list(nodes.values()) for nodes in by_zone.values()]
        self._chance.shuffle(zones)
        for nodes_of_zone in zones:
            self._chance.shuffle(nodes_of_zone)
        ring: list[Room] = []
        while zones:
            nodes_here = zones[len(ring) % len(zones)]
            devices = nodes_here[len(ring) % len(nodes_here)]
            ring.append(devices.pop())
            if not devices:
                nodes_here.remove(devices)
            if not nodes_here:
                zones.remove(nodes_here)
        start = self._chance.randrange(len(ring)) if ring else 0
        return ring[start:] + ring[:start]
