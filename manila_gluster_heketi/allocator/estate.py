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

"""The free room of a cluster, indexed by what may fail together.

Built once from a snapshot and then kept in step with what is placed and
freed: going over ten thousand devices for each share would cost more than all
the rest of a placement.
"""

import collections
import contextlib
import hashlib
import math
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator.group import Group
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.group import Value
from manila_gluster_heketi.allocator.group import value_of
from manila_gluster_heketi.allocator.group import values_of
from manila_gluster_heketi.allocator.partition import Partition

# Devices and groups are known from here, too.
__all__ = [
    'EXTENT_BYTES',
    'Estate',
    'Group',
    'Room',
    'Trial',
    'trial_on',
    'value_of',
]

#: LVM's own choice, to speak of bricks where there is no device.
EXTENT_BYTES = 4 * sizes.MIB


class Estate:
    """The devices that a request may use, and their groups.

    :ivar rooms: by device identity; those that are full too
    :ivar extent_bytes: a unit that suits all volume groups
    :ivar device_bytes: size of an average device
    """

    def __init__(
        self, candidates: Sequence[model.DeviceCapacity], seed: int = 0
    ) -> None:
        ordered = sorted(candidates, key=lambda c: _tie(seed, c.device.id))
        self.rooms = {
            candidate.device.id: Room(candidate, order)
            for order, candidate in enumerate(ordered)
        }
        extents = {c.device.extent_bytes for c in candidates}
        self.extent_bytes = math.lcm(*extents) if extents else EXTENT_BYTES
        total_bytes = sum(room.total_bytes for room in self.rooms.values())
        self.device_bytes = total_bytes // max(1, len(self.rooms))
        self._groups: dict[tuple[Value, Value], Partition] = {}
        self._tells_apart: dict[tuple[str, str], bool] = {}
        self._may_be_apart: dict[tuple[Value, int], bool] = {}

    def groups(self, *labels: str, beside: Sequence[str] = ()) -> Partition:
        """Return the devices in groups by the values of labels.

        :param beside: further labels to tell devices apart by
        """
        key = labels, tuple(beside)
        if key not in self._groups:
            by_value: dict[Value, list[Room]] = collections.defaultdict(list)
            for room in self.rooms.values():
                by_value[values_of(room.capacity, labels)].append(room)
            ordered = {
                value: by_value[value]
                for value in sorted(by_value, key=_natural)
            }
            self._groups[key] = Partition(labels, ordered, key[1])
        return self._groups[key]

    def implies(self, coarse: str, fine: str) -> bool:
        """Tell whether a different ``coarse`` means a different ``fine``."""
        key = coarse, fine
        if key not in self._tells_apart:
            seen: dict[str, str] = {}
            self._tells_apart[key] = all(
                seen.setdefault(value_of(room.capacity, fine), above) == above
                for room in self.rooms.values()
                for above in [value_of(room.capacity, coarse)]
            )
        return self._tells_apart[key]

    def may_be_apart(self, labels: Value, count: int) -> bool:
        """Tell whether so many devices may differ in each of some labels.

        Labels are looked at two by two; room is not looked at.
        """
        key = labels, count
        if key not in self._may_be_apart:
            values = [group.value for group in self.groups(*labels)]
            self._may_be_apart[key] = counting.may_be_apart(values, count)
        return self._may_be_apart[key]

    def change(self, device_id: str, taken_bytes: int) -> None:
        """Follow what was placed on a device, or freed there (negative)."""
        room = self.rooms.get(device_id)
        if room is not None:
            free_bytes = room.free_bytes - taken_bytes
            for group in room.groups:
                group.follow(room, free_bytes)
            room.free_bytes = free_bytes


class Trial:
    """Places that are taken for the time of a search."""

    def __init__(self, estates: Sequence[Estate]) -> None:
        self._estates = estates
        self._taken: list[tuple[str, int]] = []

    def take(self, room: Room, size_bytes: int) -> None:
        """Put a brick on a device."""
        for estate in self._estates:
            estate.change(room.device_id, size_bytes)
        self._taken.append((room.device_id, size_bytes))

    @property
    def depth(self) -> int:
        """How many places are taken."""
        return len(self._taken)

    def back_to(self, depth: int) -> None:
        """Free the places that were taken since."""
        while len(self._taken) > depth:
            device_id, size_bytes = self._taken.pop()
            for estate in self._estates:
                estate.change(device_id, -size_bytes)


@contextlib.contextmanager
def trial_on(*estates: Estate) -> Iterator[Trial]:
    """Let places be taken that are free again afterwards."""
    trial = Trial(tuple(dict.fromkeys(estates)))
    try:
        yield trial
    finally:
        trial.back_to(0)


def _natural(value: Value) -> tuple[tuple[int, str], ...]:
    return tuple((len(word), word) for word in value)


def _tie(seed: int, identity: str) -> tuple[bytes, str]:
    """Order equals: the same for the same seed; 0 orders by identity."""
    if seed == 0:
        return b'', identity
    text = f'{seed}:{identity}'.encode()
    return hashlib.blake2b(text, digest_size=8).digest(), identity
