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

"""A cluster's devices while bricks move about on them.

The inventory that it is made from stays as it is: a plan is no change.
"""

import collections
import dataclasses
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.scoring import change_of_square
from manila_gluster_heketi.allocator.scoring import fair_levels

_Key = tuple[str, tuple[str, ...], frozenset[str], bool]


class Terrain:
    """Devices with their fair levels.

    :param rule: the kind of volume whose constraints make the fair levels
    :param leaving: identities of devices that are to be emptied
    """

    def __init__(
        self,
        snapshot: model.Snapshot,
        rule: requests.Request,
        leaving: frozenset[str] = frozenset(),
    ) -> None:
        self.cluster = snapshot.cluster
        self.leaving = leaving
        self._devices = snapshot.devices
        self._estate = Estate(snapshot.devices)
        self.levels = _levels(snapshot.devices, rule, leaving)
        self._groups: dict[_Key, Sequence[Group]] = {}

    def room(self, device_id: str) -> Room:
        """Find a device.

        :raises NotFound: the cluster does not have it
        """
        room = self._estate.rooms.get(device_id)
        if room is None:
            raise exceptions.NotFound(kind='device', identity=device_id)
        return room

    def distance(self, room: Room) -> float:
        """Say how far a device is above its fair level, -1 to 1."""
        return room.use - self.levels[room.device_id]

    def gain(self, size_bytes: int, source: Room, target: Room) -> float:
        """Say by how much a move lowers the objective."""
        leaves = change_of_square(
            self.distance(source), -size_bytes / source.total_bytes
        )
        comes = change_of_square(
            self.distance(target), size_bytes / target.total_bytes
        )
        return -leaves - comes

    @property
    def objective(self) -> float:
        """The sum of the squares of all distances."""
        return sum(
            self.distance(self._estate.rooms[device_id]) ** 2
            for device_id in self.levels
        )

    @property
    def worst(self) -> float:
        """The largest distance above a fair level, 0 to 1."""
        return max(
            (
                self.distance(self._estate.rooms[device_id])
                for device_id in self.levels
            ),
            default=0.0,
        )

    def move(self, size_bytes: int, source: Room, target: Room) -> None:
        """Follow a brick to another device."""
        self._estate.change(source.device_id, -size_bytes)
        self._estate.change(target.device_id, size_bytes)

    def now(self) -> Sequence[model.DeviceCapacity]:
        """Show the devices as they are now."""
        return [
            dataclasses.replace(
                each,
                used_bytes=each.device.total_bytes
                - self._estate.rooms[each.device.id].free_bytes,
            )
            for each in self._devices
        ]

    def groups(
        self, request: requests.Request, *, arbiter: bool
    ) -> Sequence[Group]:
        """Return devices that a brick may go to.

        Those of one group have the same fair level, and are alike in all
        tiers of the request but its nodes.
        """
        tiers = request.spread.tiers
        labels = tuple(
            tier.label
            for tier in tiers
            if tier.mode is not spreads.Mode.NONE
            and tier.label != spreads.NODE
        )
        key = request.tags, labels, request.excluded, arbiter
        if key not in self._groups:
            usable = filters.usable(request, self._devices, arbiter=arbiter)
            self._groups[key] = self._grouped(usable, labels)
        return self._groups[key]

    def _grouped(
        self, candidates: filters.Candidates, labels: Sequence[str]
    ) -> Sequence[Group]:
        rooms: dict[tuple[str, ...], list[Room]] = collections.defaultdict(
            list
        )
        for each in candidates:
            device_id = each.device.id
            if device_id not in self.leaving:
                values = [value_of(each, label) for label in labels]
                values.append(repr(self.levels[device_id]))
                rooms[tuple(values)].append(self._estate.rooms[device_id])
        named = (*labels, 'level')
        return [Group(named, value, rooms[value]) for value in sorted(rooms)]


def _levels(
    devices: Sequence[model.DeviceCapacity],
    rule: requests.Request,
    leaving: frozenset[str],
) -> dict[str, float]:
    """Return the fair levels of devices that take bricks, or are to leave.

    Devices that the rule does not use, such as those for arbiters alone, are
    compared with each other.
    """
    staying = [c for c in devices if c.device.id not in leaving]
    usual = Estate(filters.usable(rule, staying))
    rest = [
        c
        for c in filters.online(rule, staying)
        if c.device.id not in usual.rooms
    ]
    coming = sum(c.used_bytes for c in devices if c.device.id in leaving)
    levels = {c.device.id: 0.0 for c in devices if c.device.id in leaving}
    for groups, copies, more in (
        (_domains(usual, rule), rule.copies, coming),
        (Estate(rest).groups(spreads.NODE), 1, 0),
    ):
        for group, level in zip(
            groups, fair_levels(groups, copies, more), strict=True
        ):
            levels.update((room.device_id, level) for room in group.rooms())
    return levels


def _domains(estate: Estate, rule: requests.Request) -> Sequence[Group]:
    """Return the domains that placing would keep the bricks of a set in."""
    for labels, _ in rule.label_sets():
        for label in labels:
            groups = estate.groups(label)
            if len(groups) < rule.durability.bricks_per_set:
                break
        else:
            return estate.groups(_coarsest(estate, labels))
    return estate.groups(spreads.NODE)


def _coarsest(estate: Estate, labels: Sequence[str]) -> str:
    """Return the label with the fewest domains."""
    return min(labels, key=lambda label: len(estate.groups(label)))
