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

"""Which devices one brick of a set may go to.

They have to meet what placing the set anew would ask of them: the other
bricks stay, and so do the volume's own constraints.
"""

import dataclasses
import math
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator

from manila_gluster_heketi import model
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.scoring import Option
from manila_gluster_heketi.allocator.scoring import change_of_square
from manila_gluster_heketi.allocator.terrain import Terrain


@dataclasses.dataclass(frozen=True, slots=True)
class Seat:
    """A brick that is to go elsewhere.

    :ivar here: the device that it is on
    :ivar others: the devices of the set's other bricks
    """

    volume: model.Volume
    brick: model.Brick
    here: model.DeviceCapacity
    others: tuple[model.DeviceCapacity, ...]

    @property
    def is_arbiter(self) -> bool:
        """Whether it has names alone."""
        durability = self.volume.durability
        return self.brick.position >= durability.data_bricks

    @property
    def taken_nodes(self) -> frozenset[str]:
        """Identities of the nodes of the set's other bricks."""
        return frozenset(c.node.id for c in self.others)

    def shared(self, capacity: model.DeviceCapacity) -> tuple[int, ...]:
        """Count the others that a device would have in common with it.

        :returns: for each preferred tier, in order of their weight
        """
        return tuple(
            sum(value_of(c, label) == value for c in self.others)
            for label in self.volume.spread.labels(spreads.Mode.PREFER)
            for value in [value_of(capacity, label)]
        )

    def apart(self, capacity: model.DeviceCapacity) -> bool:
        """Tell whether a device meets the strict tiers, nodes aside."""
        return all(
            value_of(capacity, label) != value_of(other, label)
            for label in self.volume.spread.labels(spreads.Mode.STRICT)
            for other in self.others
        )

    def may_take(self, room: Room) -> bool:
        """Tell whether a device has room and is apart from the others."""
        return (
            room.free_bytes >= self.brick.size_bytes
            and room.node_id not in self.taken_nodes
            and self.apart(room.capacity)
        )


def kind_of(
    volume: model.Volume, excluded: frozenset[str] = frozenset()
) -> requests.Request:
    """Return what the places of a volume's bricks have to meet."""
    return requests.Request(
        data_bytes=0,
        durability=volume.durability,
        spread=volume.spread,
        tags=volume.tags,
        excluded=excluded,
    )


def seat_on(
    terrain: Terrain,
    volume: model.Volume,
    brick: model.Brick,
    here: str,
    others: Iterable[str],
) -> Seat:
    """Describe a brick by where it and the others of its set are.

    :param here: identity of its device
    :raises NotFound: the cluster does not have one of the devices
    """
    return Seat(
        volume,
        brick,
        terrain.room(here).capacity,
        tuple(terrain.room(each).capacity for each in others),
    )


def best(
    terrain: Terrain,
    seat: Seat,
    *,
    within: float = math.inf,
    no_worse: bool = False,
    excluded: frozenset[str] = frozenset(),
) -> Option | None:
    """Return the best device for a brick, None if there is none.

    As in placing, what keeps it apart by preferred tiers goes before how
    full devices are.

    :param within: how far above its fair level it may lift a device
    :param no_worse: only where no preferred tier is met less than now
    """
    taken = seat.taken_nodes
    found = None
    for group, shared in _groups(terrain, seat, no_worse, excluded):
        for room in _emptiest(group, seat, taken):
            part = seat.brick.size_bytes / room.total_bytes
            distance = terrain.distance(room)
            if distance + part > within:
                continue
            rank = (*shared, change_of_square(distance, part))
            option = Option(rank, room.order, group, room)
            if found is None or option[:2] < found[:2]:
                found = option
    return found


def nearly(
    terrain: Terrain, seat: Seat, within: float, count: int
) -> list[Room]:
    """Return devices that a brick would lift too high, the lowest first.

    They would take it if they gave something smaller away.

    :param within: how far above its fair level a device may be
    :param count: how many of each group and size to look at
    """
    size_bytes = seat.brick.size_bytes
    taken = seat.taken_nodes
    found = []
    for group, _ in _groups(terrain, seat, no_worse=True):
        for entries in group.emptiest():
            for _, order, room in entries[:count]:
                beyond = terrain.distance(room) - within
                lacks = beyond * room.total_bytes + size_bytes
                if (
                    beyond < 0 < lacks
                    and room.node_id not in taken
                    and room.device_id != seat.here.device.id
                ):
                    found.append((lacks, order, room))
    return [room for _, _, room in sorted(found, key=lambda each: each[:2])]


def is_oversize(terrain: Terrain, seat: Seat, within: float) -> bool:
    """Tell whether a brick alone lifts each device too high.

    :param within: how far above its fair level a device may be
    """
    return all(
        seat.brick.size_bytes / entries[0][2].total_bytes - level > within
        for group, _ in _groups(terrain, seat, no_worse=True)
        for entries in group.emptiest()
        for level in [terrain.levels[entries[0][2].device_id]]
    )


def _groups(
    terrain: Terrain,
    seat: Seat,
    no_worse: bool,
    excluded: frozenset[str] = frozenset(),
) -> Iterator[tuple[Group, tuple[int, ...]]]:
    """Yield what meets the strict tiers, and how well the preferred ones."""
    now = seat.shared(seat.here)
    request = kind_of(seat.volume, excluded)
    for group in terrain.groups(request, arbiter=seat.is_arbiter):
        sample = next(group.rooms()).capacity
        shared = seat.shared(sample)
        if seat.apart(sample) and not (no_worse and shared > now):
            yield group, shared


def _emptiest(
    group: Group, seat: Seat, taken: Collection[str]
) -> Iterator[Room]:
    """Yield for each size of devices the emptiest one that may be used."""
    for entries in group.emptiest():
        for negative, _, room in entries:
            if -negative < seat.brick.size_bytes:
                break
            if room.node_id in taken or room.device_id == seat.here.device.id:
                continue
            yield room
            break
