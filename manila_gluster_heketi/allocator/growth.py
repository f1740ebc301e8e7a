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
from manila_gluster_heketi.allocator import explain
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import placement
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import strategies
from manila_gluster_heketi.allocator.estate import EXTENT_BYTES
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.place import place
from manila_gluster_heketi.allocator.remedies import remedies
from manila_gluster_heketi.durability import Durability


def extend(
    inventory: Inventory,
    volume: model.Volume,
    bricks: Iterable[model.Brick],
    wanted_data_bytes: int,
    *,
    seed: int = 0,
    excluded: frozenset[str] = frozenset(),
    limits: requests.Limits = requests.DEFAULT_LIMITS,
    strategy: strategies.Strategy = strategies.BALANCED,
) -> placement.Growth:
    """Find capacity for ``wanted_data_bytes`` in all.

    Bricks grow in place if each of their devices has the room, the smallest
    sets first. None grows on a node or device that is not online: that one
    does not answer or is about to be emptied. If any can't grow, whole sets
    are added under the volume's own constraints.

    :param bricks: all bricks of the volume
    :param wanted_data_bytes: capacity in all: the new quota and headroom
    :param excluded: identities of nodes and devices to leave out
    :raises InvalidInput: no volume can be that large
    :raises NoSpace: there is room for neither; ``fields['explanation']`` is
        an :class:`.explain.Explanation`, whose sizes are of the whole volume
    """
    requests.check_size('size', wanted_data_bytes)
    sets = brick_sets(bricks)
    held = _held_bytes(sets, volume.durability)
    request = requests.Request(
        data_bytes=wanted_data_bytes - held,
        durability=volume.durability,
        spread=volume.spread,
        limits=limits,
        tags=volume.tags,
        average_file_bytes=volume.average_file_bytes,
        bricks_before=sum(len(brick_set.bricks) for brick_set in sets),
        excluded=excluded,
    )
    snapshot = inventory.snapshot()
    in_place = _InPlace(sets, snapshot.devices, request)
    if sets and not in_place.obstacles(wanted_data_bytes):
        return in_place.growth(wanted_data_bytes)
    try:
        added = place(inventory, request, strategy=strategy, seed=seed)
    except exceptions.NoSpace as refusal:
        raise exceptions.NoSpace(
            wanted=explain.wanted(wanted_data_bytes, request),
            explanation=_explained(
                refusal.fields['explanation'],
                snapshot,
                request,
                in_place,
                wanted_data_bytes,
            ),
        ) from None
    return placement.AddSets(added, held + added.capacity_bytes)


def capacity_of(bricks: Iterable[model.Brick], durability: Durability) -> int:
    """Add up the tenant's data, in bytes, that a volume's bricks hold."""
    return _held_bytes(brick_sets(bricks), durability)


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


def _held_bytes(sets: Iterable[model.BrickSet], durability: Durability) -> int:
    """Add up what sets hold; the smallest brick with data decides."""
    return sum(_set_bytes(each, durability) for each in sets)


def _set_bytes(brick_set: model.BrickSet, durability: Durability) -> int:
    data = brick_set.bricks[: durability.data_bricks]
    return durability.parts * min(
        sizes.data_bytes_of(brick.size_bytes) for brick in data
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
        candidates: filters.Candidates,
        request: requests.Request,
    ) -> None:
        self._sets = sets
        self._request = request
        places = {b.device_id for s in sets for b in s.bricks}
        # Tags say where new bricks go; those that are there may stay.
        self._devices = {
            candidate.device.id: candidate
            for candidate in filters.online(request, candidates)
            if candidate.device.id in places
        }

    @property
    def held_bytes(self) -> int:
        """What the volume holds now."""
        return _held_bytes(self._sets, self._request.durability)

    def growth(self, wanted: int) -> placement.GrowBricks:
        """Grow what has to; nothing if there is enough already."""
        sizes_bytes = self._sizes(wanted)
        grown = [
            dataclasses.replace(
                brick_set,
                bricks=tuple(
                    dataclasses.replace(
                        brick,
                        size_bytes=sizes_bytes.get(brick.id, brick.size_bytes),
                    )
                    for brick in brick_set.bricks
                ),
            )
            for brick_set in self._sets
        ]
        held = _held_bytes(grown, self._request.durability)
        return placement.GrowBricks(sizes_bytes, held)

    def obstacles(self, wanted: int) -> frozenset[str]:
        """Return the identities of the devices that can't take it."""
        sizes_bytes = self._sizes(wanted)
        blocked = set()
        more: dict[str, int] = collections.defaultdict(int)
        for brick_set in self._sets:
            for brick in brick_set.bricks:
                size = sizes_bytes.get(brick.id, brick.size_bytes)
                most = self._request.limits.brick_max_bytes
                if size > max(most, brick.size_bytes):
                    blocked.add(brick.device_id)
                more[brick.device_id] += size - brick.size_bytes
        for device_id, growth in more.items():
            device = self._devices.get(device_id)
            room = device.free_bytes if device else 0
            if growth > room:
                blocked.add(device_id)
        return frozenset(blocked)

    def could_grow(
        self,
        candidates: filters.Candidates,
        limits: requests.Limits,
        wanted: int,
    ) -> bool:
        """Tell whether all could grow if these devices were online."""
        request = dataclasses.replace(
            self._request, limits=limits, excluded=frozenset()
        )
        there = _InPlace(self._sets, candidates, request)
        return bool(self._sets) and not there.obstacles(wanted)

    def largest_bytes(self, too_much: int) -> int:
        """Return the largest capacity below ``too_much`` in place."""
        low = self.held_bytes
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
        durability = self._request.durability
        held = [_set_bytes(each, durability) for each in self._sets]
        level = _level(held, wanted)
        part = durability.part_bytes(level)
        grown = {}
        for brick_set in self._sets:
            for brick in brick_set.bricks:
                extent_bytes = self._extent(brick)
                if brick.position >= durability.data_bricks:
                    size = self._request.arbiter_bytes(level, extent_bytes)
                elif sizes.data_bytes_of(brick.size_bytes) < part:
                    size = sizes.brick_bytes_for(part, extent_bytes)
                else:
                    continue
                if size > brick.size_bytes:
                    grown[brick.id] = size
        return grown

    def _extent(self, brick: model.Brick) -> int:
        device = self._devices.get(brick.device_id)
        return device.device.extent_bytes if device else EXTENT_BYTES


def _explained(
    explanation: explain.Explanation,
    snapshot: model.Snapshot,
    request: requests.Request,
    in_place: _InPlace,
    wanted: int,
) -> explain.Explanation:
    """Explain a refusal of sets as one of the whole volume."""

    def could_grow(
        devices: filters.Candidates, limits: requests.Limits
    ) -> bool:
        return in_place.could_grow(devices, limits, wanted)

    blocked = in_place.obstacles(wanted)
    return dataclasses.replace(
        explanation,
        refusals=(_cannot_grow(snapshot, blocked), *explanation.refusals),
        largest_bytes=max(
            in_place.held_bytes + explanation.largest_bytes,
            in_place.largest_bytes(wanted),
        ),
        find_changes=lambda: remedies(snapshot, request, could_grow),
    )


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
