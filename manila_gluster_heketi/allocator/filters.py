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
from collections.abc import Iterable
from collections.abc import Sequence
from typing import ClassVar
from typing import Protocol

from manila_gluster_heketi import model
from manila_gluster_heketi import tags
from manila_gluster_heketi.allocator import request as requests

Candidates = Sequence[model.DeviceCapacity]


class Filter(Protocol):
    """A constraint on single devices."""

    @property
    def name(self) -> str:
        """Stable name of the constraint, for programs."""

    @property
    def why(self) -> str:
        """What is the matter with the devices that it removes."""

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
class NotExcluded:
    """Neither node nor device is one that was just found to fail."""

    name: ClassVar[str] = 'not-excluded'
    why: ClassVar[str] = 'node or device failed in this operation'

    excluded: frozenset[str]

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        if not self.excluded:
            return candidates
        return [
            c
            for c in candidates
            if self.excluded.isdisjoint((c.node.id, c.device.id))
        ]


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
class Role:
    """The device takes the kind of bricks: data, or an arbiter's names."""

    name: ClassVar[str] = 'role'
    why: ClassVar[str] = 'kept for arbiter bricks, or for others than those'

    arbiter: bool

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        other = tags.ArbiterUse.REQUIRED
        if self.arbiter:
            other = tags.ArbiterUse.DISABLED
        # As c.tags, which would cost more than all the rest here.
        name = tags.ARBITER
        return [
            c
            for c in candidates
            if c.device.tags.get(name, c.node.tags.get(name)) != other
        ]


@dataclasses.dataclass(frozen=True, slots=True)
class Tags:
    """The tags of the device, or of its node, are as asked for."""

    name: ClassVar[str] = 'tags'
    why: ClassVar[str] = 'tags not as asked for'

    expression: str

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        if not self.expression:
            return candidates
        expression = tags.parse(self.expression)
        return [c for c in candidates if expression.matches(c.tags)]


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    """The device has room for a brick, without over-commit."""

    name: ClassVar[str] = 'room'
    why: ClassVar[str] = 'too little free space'

    brick_bytes: int

    def keep(self, candidates: Candidates) -> Candidates:
        """Return the devices that meet the constraint."""
        return [c for c in candidates if c.free_bytes >= self.brick_bytes]


def filters_for(
    request: requests.Request, *, arbiter: bool | None = False
) -> tuple[Filter, ...]:
    """Return the constraints that do not depend on the size of bricks.

    :param arbiter: for arbiter bricks, not for those with data; None for both
    """
    return *_online_for(request), *_meant_for(request, arbiter)


def usable(
    request: requests.Request,
    candidates: Candidates,
    *,
    arbiter: bool | None = False,
) -> Candidates:
    """Return the devices that may be used, whatever their room."""
    return _pass(filters_for(request, arbiter=arbiter), candidates)


def meant(
    request: requests.Request,
    candidates: Candidates,
    *,
    arbiter: bool | None = False,
) -> Candidates:
    """Return the devices that could be used if all were online."""
    return _pass(_meant_for(request, arbiter), candidates)


def online(request: requests.Request, candidates: Candidates) -> Candidates:
    """Return the devices on which bricks that are there may grow."""
    return _pass(_online_for(request), candidates)


def _online_for(request: requests.Request) -> tuple[Filter, ...]:
    return NodeOnline(), NotExcluded(request.excluded), DeviceOnline()


def _meant_for(
    request: requests.Request, arbiter: bool | None
) -> tuple[Filter, ...]:
    role = () if arbiter is None else (Role(arbiter),)
    return *role, Tags(request.tags)


def _pass(constraints: Iterable[Filter], candidates: Candidates) -> Candidates:
    for constraint in constraints:
        candidates = constraint.keep(candidates)
    return candidates
