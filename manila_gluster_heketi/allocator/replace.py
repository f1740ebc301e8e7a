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

"""Where one brick of a set that is there may go.

One place, or the reason why there is none, constraint by constraint.
"""

import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import explain
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import seat as seats
from manila_gluster_heketi.allocator.changes import AddDevices
from manila_gluster_heketi.allocator.changes import BringBack
from manila_gluster_heketi.allocator.estate import EXTENT_BYTES
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.terrain import Terrain
from manila_gluster_heketi.allocator.wording import gib


@dataclasses.dataclass(frozen=True, slots=True)
class _Elsewhere:
    """The device is neither the brick's own nor about to be emptied."""

    name: ClassVar[str] = 'elsewhere'
    why: ClassVar[str] = 'holds the brick now, or is to be emptied'

    devices: Collection[str]

    def keep(self, candidates: filters.Candidates) -> filters.Candidates:
        """Return the devices that meet the constraint."""
        return [c for c in candidates if c.device.id not in self.devices]


@dataclasses.dataclass(frozen=True, slots=True)
class _Apart:
    """The device differs from those of the set's other bricks.

    :ivar label: in what
    """

    label: str
    others: tuple[model.DeviceCapacity, ...]

    # A filter's name and reason are those of its class elsewhere; here the
    # label makes them.
    @property
    def name(self) -> str:
        """Stable name of the constraint."""
        return f'different-{self.label}s'

    @property
    def why(self) -> str:
        """What is the matter with the devices that it removes."""
        return f'another brick of the set is in the same {self.label}'

    def keep(self, candidates: filters.Candidates) -> filters.Candidates:
        """Return the devices that meet the constraint."""
        used = {value_of(other, self.label) for other in self.others}
        return [c for c in candidates if value_of(c, self.label) not in used]


def replace(
    inventory: Inventory,
    volume: model.Volume,
    bricks: Iterable[model.Brick],
    brick: model.Brick,
    *,
    excluded: frozenset[str] = frozenset(),
) -> Slot:
    """Find the place for one brick of a volume that its own gives up.

    :param bricks: all bricks of the volume, or at least those of the set
    :param excluded: identities of nodes and devices to leave out
    :raises NotFound: a brick of the set is on no device of the cluster
    :raises NoSpace: nothing meets the constraints; ``fields['explanation']``
        is an :class:`.explain.Explanation`, whose size is of a brick
    """
    snapshot = inventory.snapshot()
    terrain = Terrain(snapshot, seats.kind_of(volume, excluded))
    others = [
        each.device_id
        for each in bricks
        if each.set_index == brick.set_index and each.id != brick.id
    ]
    seat = seats.seat_on(terrain, volume, brick, brick.device_id, others)
    found = seats.best(terrain, seat, excluded=excluded)
    if found is None:
        raise exceptions.NoSpace(
            wanted=f'brick {brick.id} of {gib(brick.size_bytes)}',
            explanation=why_not(terrain, seat, excluded),
        )
    room = found.room
    return Slot(room.device_id, room.node_id, brick.size_bytes)


def why_not(
    terrain: Terrain,
    seat: seats.Seat,
    excluded: frozenset[str] = frozenset(),
) -> explain.Explanation:
    """Say why there is no place for a brick."""
    request = seats.kind_of(seat.volume, excluded)
    devices = terrain.now()
    refusals: list[explain.Refusal] = []
    candidates: filters.Candidates = devices
    apart: list[filters.Filter] = [
        _Elsewhere({seat.here.device.id, *terrain.leaving}),
        *(
            _Apart(label, seat.others)
            for label in (*_strict(seat.volume), spreads.NODE)
        ),
    ]
    for constraint in (
        *filters.filters_for(request, arbiter=seat.is_arbiter),
        *apart,
    ):
        refusals += explain.refused(constraint, candidates)
        candidates = constraint.keep(candidates)
    room = filters.Room(seat.brick.size_bytes)
    refusals += explain.refused(room, candidates)
    cluster = terrain.cluster
    return explain.Explanation(
        cluster=cluster.name or cluster.id,
        devices=len(devices),
        refusals=tuple(refusals),
        largest_bytes=max((c.free_bytes for c in candidates), default=0),
        find_changes=lambda: (
            _device_for(seat),
            *_bring_back(seat, devices, [*apart, room]),
        ),
    )


def _strict(volume: model.Volume) -> Sequence[str]:
    return volume.spread.labels(spreads.Mode.STRICT)


def _device_for(seat: seats.Seat) -> AddDevices:
    """Say which device would take the brick."""
    labels = [s for s in _strict(seat.volume) if s != spreads.NODE]
    if labels:
        taken = {
            f'{label} {value_of(other, label) or "(none)"}'
            for other in seat.others
            for label in labels
        }
    else:
        labels = [spreads.NODE]
        taken = {other.node.manage_host for other in seat.others}
    room = seat.brick.size_bytes
    return AddDevices(
        count=1,
        size_bytes=sizes.disk_bytes_for(room, EXTENT_BYTES),
        room_bytes=room,
        label=' and '.join(labels),
        elsewhere=(1,),
        other_than=tuple(sorted(taken)),
        tags=seat.volume.tags,
    )


def _bring_back(
    seat: seats.Seat,
    devices: filters.Candidates,
    constraints: Iterable[filters.Filter],
) -> tuple[BringBack, ...]:
    """Name a device that has a place, but is not to be used."""
    online = model.EntryState.ONLINE
    found: filters.Candidates = [
        c
        for c in devices
        if c.node.state is not online or c.device.state is not online
    ]
    wanted: list[filters.Filter] = [
        filters.Role(seat.is_arbiter),
        filters.Tags(seat.volume.tags),
        *constraints,
    ]
    for constraint in wanted:
        found = constraint.keep(found)
    if not found:
        return ()
    first = min(found, key=lambda c: c.device.id)
    host = first.node.manage_host
    if first.node.state is not online:
        return (BringBack(nodes=(host,)),)
    return (BringBack(devices=(f'{host}:{first.device.path}',)),)
