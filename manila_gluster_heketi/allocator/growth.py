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

"""How an existing volume gets more capacity.

Growing its bricks where they are comes first: no process is added, nothing
has to be rebalanced, and clients see the new size at once.
"""

import collections
import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import domains
from manila_gluster_heketi.allocator import explain
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import placement
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import search


def extend(
    snapshot: model.Snapshot,
    volume: model.Volume,
    bricks: Iterable[model.Brick],
    wanted_data_bytes: int,
    *,
    seed: int = 0,
    exclude_nodes: frozenset[str] = frozenset(),
    limits: requests.Limits = requests.DEFAULT_LIMITS,
) -> placement.Growth:
    """Find capacity for ``wanted_data_bytes`` in all.

    Bricks grow in place if each of their devices has the room, the smallest
    sets first. None grows on a node or device that is not online: that one
    does not answer or is about to be emptied. If any can't grow, whole sets
    are added under the volume's own constraints.

    :param bricks: all bricks of the volume
    :param wanted_data_bytes: capacity in all: the new quota and headroom
    :param exclude_nodes: identities of nodes to leave out
    :raises NoSpace: there is room for neither; ``fields['explanation']`` is
        an :class:`.explain.Explanation`, whose sizes are of the whole volume
    """
    sets = brick_sets(bricks)
    held = _held_bytes(brick_set.bricks for brick_set in sets)
    request = requests.Request(
        data_bytes=wanted_data_bytes - held,
        durability=volume.durability,
        spread=volume.spread,
        limits=limits,
        bricks_before=sum(len(brick_set.bricks) for brick_set in sets),
        exclude_nodes=exclude_nodes,
    )
    usable = filters.usable(request, snapshot.devices)
    in_place = _InPlace(sets, usable, limits)
    if sets and not in_place.obstacles(wanted_data_bytes):
        return in_place.growth(wanted_data_bytes)
    try:
        added = search.place_request(snapshot, request, seed=seed)
    except exceptions.NoSpace as refusal:
        blocked = in_place.obstacles(wanted_data_bytes)
        explanation = dataclasses.replace(
            refusal.fields['explanation'],
            refusals=(
                _cannot_grow(snapshot, blocked),
                *refusal.fields['explanation'].refusals,
            ),
            largest_bytes=max(
                held + refusal.fields['explanation'].largest_bytes,
                in_place.largest_bytes(wanted_data_bytes),
            ),
        )
        raise exceptions.NoSpace(
            wanted=explain.wanted(wanted_data_bytes, request),
            explanation=explanation,
        ) from None
    return placement.AddSets(added, held + added.capacity_bytes)


def capacity_of(bricks: Iterable[model.Brick]) -> int:
    """Add up the tenant's data, in bytes, that a volume's bricks hold."""
    return _held_bytes(brick_set.bricks for brick_set in brick_sets(bricks))


def brick_sets(bricks: Iterable[model.Brick]) -> tuple[model.BrickSet, ...]:
    """Group the bricks of a volume by set, in order."""
    by_index: dict[int, list[model.Brick]] = collections.defaultdict(list)
    for brick in bricks:
        by_index[brick.set_index].append(brick)
    return tuple(
        model.BrickSet(
            index,
            tuple(sorted(by_index[index], key=lambda b: b.position)),
        )
        for index in sorted(by_index)
    )


def _held_bytes(sets: Iterable[Iterable[model.Brick]]) -> int:
    """Add up what sets hold; the smallest brick of a set decides."""
    return sum(
        min(sizes.data_bytes_of(brick.size_bytes) for brick in bricks)
        for bricks in sets
    )


def _level(held: Sequence[int], wanted: int) -> int:
    """Return the level to raise the lowest to, so that the sum suffices."""
    ordered = sorted(held)
    missing = wanted - sum(ordered)
    level = 0
    for count in range(1, len(ordered) + 1):
        level = -(-(sum(ordered[:count]) + missing) // count)
        if all(level <= higher for higher in ordered[count:]):
            break
    return level


class _InPlace:
    """The bricks of a volume and the devices that they could grow on."""

    def __init__(
        self,
        sets: Sequence[model.BrickSet],
        usable: filters.Candidates,
        limits: requests.Limits,
    ) -> None:
        self._sets = sets
        self._limits = limits
        places = {b.device_id for s in sets for b in s.bricks}
        self._devices = {
            candidate.device.id: candidate
            for candidate in usable
            if candidate.device.id in places
        }

    def growth(self, wanted: int) -> placement.GrowBricks:
        """Grow what has to; nothing if there is enough already."""
        sizes_bytes = self._sizes(wanted)
        capacity_bytes = _held_bytes(
            [
                dataclasses.replace(
                    brick,
                    size_bytes=sizes_bytes.get(brick.id, brick.size_bytes),
                )
                for brick in brick_set.bricks
            ]
            for brick_set in self._sets
        )
        return placement.GrowBricks(sizes_bytes, capacity_bytes)

    def obstacles(self, wanted: int) -> frozenset[str]:
        """Return the identities of the devices that can't take it."""
        sizes_bytes = self._sizes(wanted)
        blocked = set()
        more: dict[str, int] = collections.defaultdict(int)
        for brick_set in self._sets:
            for brick in brick_set.bricks:
                size = sizes_bytes.get(brick.id, brick.size_bytes)
                if size > max(self._limits.brick_max_bytes, brick.size_bytes):
                    blocked.add(brick.device_id)
                more[brick.device_id] += size - brick.size_bytes
        for device_id, growth in more.items():
            device = self._devices.get(device_id)
            room = device.free_bytes if device else 0
            if growth > room:
                blocked.add(device_id)
        return frozenset(blocked)

    def largest_bytes(self, too_much: int) -> int:
        """Return the largest capacity below ``too_much`` in place."""
        low = _held_bytes(brick_set.bricks for brick_set in self._sets)
        high = max(too_much, low + 1)
        while high - low > 1:
            middle = (low + high) // 2
            if self.obstacles(middle):
                high = middle
            else:
                low = middle
        return low

    def _sizes(self, wanted: int) -> Mapping[str, int]:
        """Return the sizes of the bricks that have to grow."""
        held = [_held_bytes([brick_set.bricks]) for brick_set in self._sets]
        level = _level(held, wanted)
        grown = {}
        for brick_set in self._sets:
            for brick in brick_set.bricks:
                if sizes.data_bytes_of(brick.size_bytes) >= level:
                    continue
                size = sizes.brick_bytes_for(level, self._extent(brick))
                grown[brick.id] = size
        return grown

    def _extent(self, brick: model.Brick) -> int:
        device = self._devices.get(brick.device_id)
        return device.device.extent_bytes if device else domains.EXTENT_BYTES


def _cannot_grow(
    snapshot: model.Snapshot, blocked: frozenset[str]
) -> explain.Refusal:
    hosts = {
        candidate.node.manage_host
        for candidate in snapshot.devices
        if candidate.device.id in blocked
    }
    return explain.Refusal(
        'grow-in-place',
        len(blocked),
        tuple(sorted(hosts)),
        'the bricks that are there cannot all grow in place',
    )
