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

"""Devices with their free room, and groups of those that fail together."""

import bisect
import collections
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import spread

Value = tuple[str, ...]


class Room:
    """A device and what is left of it.

    :ivar order: how equals are ordered, a number of its own for each
    :ivar groups: all that count it
    """

    __slots__ = ('capacity', 'free_bytes', 'groups', 'order', 'total_bytes')

    def __init__(self, capacity: model.DeviceCapacity, order: int) -> None:
        self.capacity = capacity
        self.order = order
        self.total_bytes = capacity.device.total_bytes
        self.free_bytes = capacity.free_bytes
        self.groups: list[Group] = []

    @property
    def device_id(self) -> str:
        """Identity of the device."""
        return self.capacity.device.id

    @property
    def node_id(self) -> str:
        """Identity of its node."""
        return self.capacity.node.id

    @property
    def use(self) -> float:
        """The part of it that is taken, 0 to 1."""
        return 1 - self.free_bytes / self.total_bytes

    def __repr__(self) -> str:
        return f'{self.capacity.node.manage_host}:{self.capacity.device.path}'


class Group:
    """Devices of which a set may use only one.

    :param beside: further labels that devices are to be told apart by
    :param changed: where it puts itself when its room changes
    :ivar value: what its devices have in common, for each label
    :ivar free_bytes: room on all its devices
    :ivar alike: its devices by what further labels say and by size, most
        free room first: (minus the free bytes, order, device)
    """

    __slots__ = (
        '_changed',
        '_entries',
        'alike',
        'free_bytes',
        'labels',
        'total_bytes',
        'value',
    )

    def __init__(
        self,
        labels: Sequence[str],
        value: Value,
        rooms: Iterable[Room],
        beside: Sequence[str] = (),
        changed: set['Group'] | None = None,
    ) -> None:
        self.labels = labels
        self.value = value
        self.free_bytes = 0
        self.total_bytes = 0
        self._changed = set() if changed is None else changed
        # Devices of one size are ordered alike by free room and by use, and
        # there are few sizes: what is looked for is at the front of a list.
        alike: dict[tuple[Value, int], list[tuple[int, int, Room]]] = (
            collections.defaultdict(list)
        )
        self._entries: dict[Room, list[tuple[int, int, Room]]] = {}
        for room in rooms:
            room.groups.append(self)
            self.free_bytes += room.free_bytes
            self.total_bytes += room.total_bytes
            lane = values_of(room.capacity, beside)
            entries = self._entries[room] = alike[lane, room.total_bytes]
            entries.append(_entry(room))
        for entries in alike.values():
            entries.sort()
        self.alike = {kind: alike[kind] for kind in sorted(alike)}

    @property
    def name(self) -> str:
        """What people call it."""
        if self.labels == (spread.NODE,):
            return next(self.rooms()).capacity.node.manage_host
        return ', '.join(
            f'{label} {value or "(none)"}'
            for label, value in zip(self.labels, self.value, strict=True)
        )

    @property
    def use(self) -> float:
        """The part of it that is taken, 0 to 1."""
        return 1 - self.free_bytes / max(1, self.total_bytes)

    @property
    def most_bytes(self) -> int:
        """Room on the device that has most."""
        return max(-entries[0][0] for entries in self.emptiest())

    def rooms(self) -> Iterator[Room]:
        """Yield all its devices."""
        yield from self._entries

    def emptiest(self) -> Iterator[Sequence[tuple[int, int, Room]]]:
        """Yield devices that are alike, most free room first.

        :returns: (minus the free bytes, order, device)
        """
        yield from self.alike.values()

    def alike_to(self, room: Room) -> Sequence[tuple[int, int, Room]]:
        """Return the devices of a kind, most free room first."""
        return self._entries[room]

    def roomiest(self, count: int) -> list[Room]:
        """Return the devices that have most room, most first."""
        found = [
            entry
            for entries in self.alike.values()
            for entry in entries[:count]
        ]
        return [room for _, _, room in sorted(found)[:count]]

    def places(self, brick_bytes: int, most: int) -> int:
        """Count the bricks that it has places for, up to ``most``."""
        count = 0
        for entries in self.alike.values():
            for negative, _, _ in entries:
                here = -negative // brick_bytes
                if not here:
                    break
                count += here
                if count >= most:
                    return most
        return count

    def follow(self, room: Room, free_bytes: int) -> None:
        """Take note that a device of it is about to have so much room."""
        entries = self._entries[room]
        del entries[bisect.bisect_left(entries, _entry(room))]
        bisect.insort(entries, (-free_bytes, room.order, room))
        self.free_bytes += free_bytes - room.free_bytes
        self._changed.add(self)


def _entry(room: Room) -> tuple[int, int, Room]:
    return -room.free_bytes, room.order, room


def value_of(capacity: model.DeviceCapacity, label: str) -> str:
    """Return what a label says of a device; '' if nothing.

    A device's own tag goes before that of its node.
    """
    if label == spread.NODE:
        return capacity.node.id
    if label == spread.ZONE:
        return str(capacity.node.zone)
    return capacity.tags.get(label, '')


def values_of(capacity: model.DeviceCapacity, labels: Iterable[str]) -> Value:
    """Return what each of these labels says of a device."""
    return tuple(value_of(capacity, label) for label in labels)
