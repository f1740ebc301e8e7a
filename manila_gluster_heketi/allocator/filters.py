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

"""Which devices may be used at all, and why the others may not.

A filter takes the whole list at once, since calling it for each of ten
thousand devices would cost more than all the rest.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar
from typing import Protocol

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import request as requests

Candidates = Sequence[model.DeviceCapacity]


class Filter(Protocol):
    """A constraint on single devices.

    :cvar name: stable name of the constraint, for programs
    :cvar why: what is the matter with the devices that it removes
    """

    name: ClassVar[str]
    why: ClassVar[str]

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""


@dataclasses.dataclass(frozen=True, slots=True)
class NodeOnline:
    """The operator takes new bricks on the node."""

    name: ClassVar[str] = 'node-online'
    why: ClassVar[str] = 'node not online'

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        online = model.EntryState.ONLINE
        return [c for c in candidates if c.node.state is online]


@dataclasses.dataclass(frozen=True, slots=True)
class NodeAllowed:
    """The node is not one that was just found to fail."""

    name: ClassVar[str] = 'node-allowed'
    why: ClassVar[str] = 'node failed in this operation'

    exclude: frozenset[str]

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        if not self.exclude:
            return candidates
        return [c for c in candidates if c.node.id not in self.exclude]


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceOnline:
    """The operator takes new bricks on the device."""

    name: ClassVar[str] = 'device-online'
    why: ClassVar[str] = 'device not online'

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        online = model.EntryState.ONLINE
        return [c for c in candidates if c.device.state is online]


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """The device has room for a brick, without over-commit."""

    name: ClassVar[str] = 'room'
    why: ClassVar[str] = 'too little free space'

    brick_bytes: int

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        return [c for c in candidates if c.free_bytes >= self.brick_bytes]


def filters_for(request: requests.Request) -> tuple[Filter, ...]:
    """Return the constraints that do not depend on the size of bricks."""
    return NodeOnline(), NodeAllowed(request.exclude_nodes), DeviceOnline()


def usable(request: requests.Request, candidates: Candidates) -> Candidates:
    """Return the devices that may be used, whatever their room."""
    for constraint in filters_for(request):
        candidates = constraint.keep(candidates)
    return candidates
