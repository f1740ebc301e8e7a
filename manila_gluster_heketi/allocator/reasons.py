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

"""Why bricks were placed where they are, and what was passed over.

Worked out for those who ask, from the cluster as it was before: placing does
not keep its reasons.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import Trial
from manila_gluster_heketi.allocator.estate import trial_on
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.partition import Partition
from manila_gluster_heketi.allocator.placement import Placement
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.scoring import Balanced
from manila_gluster_heketi.allocator.scoring import Option
from manila_gluster_heketi.allocator.scoring import Scoring
from manila_gluster_heketi.allocator.scoring import change_of_square
from manila_gluster_heketi.allocator.scoring import fair_levels
from manila_gluster_heketi.allocator.search import Domains
from manila_gluster_heketi.allocator.search import Ground


@dataclasses.dataclass(frozen=True, slots=True)
class Prospect:
    """A device, as it is and as it would be with a brick.

    :ivar domain: what it is in, of which a set uses each but once
    :ivar before: the part of it that is taken, 0 to 1
    :ivar after: the same with the brick
    :ivar level: how full it should be for all to be alike
    :ivar cost: what the brick adds to the squares of the distances from the
        levels, which placing keeps low
    """

    device_id: str
    host: str
    path: str
    zone: int
    domain: str
    before: float
    after: float
    level: float
    cost: float

    def __str__(self) -> str:
        return (
            f'{self.host}:{self.path} ({self.domain}): {self.before:.1%} '
            f'taken, {self.after:.1%} with the brick, fair {self.level:.1%}'
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """Why a brick is where it is.

    :ivar set_index: of its set, from 0
    :ivar position: in its set, from 0
    :ivar domain_is_due: every set needs its domain, or else room in others
        would be of no use
    :ivar beside: the next best device of the same domain
    :ivar elsewhere: the best device of the next best domain that the set
        does not use
    """

    set_index: int
    position: int
    size_bytes: int
    taken: Prospect
    domain_is_due: bool
    beside: Prospect | None
    elsewhere: Prospect | None

    @property
    def reason(self) -> str:
        """For people."""
        if self.domain_is_due:
            return f'every set needs {self.taken.domain}'
        if self.elsewhere and self.elsewhere.cost < self.taken.cost:
            return f'room for other bricks is left in {self.elsewhere.domain}'
        if not self.elsewhere and not self.beside:
            return 'no other has room'
        return 'nearest to its fair level'

    def as_data(self) -> dict[str, Any]:
        """Make it of what JSON has."""
        return {**dataclasses.asdict(self), 'reason': self.reason}


def explain_placement(
    inventory: Inventory,
    request: Request,
    placement: Placement,
    scoring: type[Scoring] = Balanced,
) -> tuple[Choice, ...]:
    """Say of each slot why it is there, in the placement's order.

    :param inventory: as it was when the slots were found
    :param request: what they were found for
    """
    ground = inventory.ground(request, scoring)
    with trial_on(ground.estate, ground.arbiters) as trial:
        replay = _Replay(ground, request, placement, trial)
        return tuple(
            choice
            for index, slots in enumerate(placement.sets)
            for choice in replay.choices(index, slots)
        )


class _Replay:
    """The sets of a placement, chosen once more."""

    def __init__(
        self,
        ground: Ground,
        request: Request,
        placement: Placement,
        trial: Trial,
    ) -> None:
        self._ground = ground
        self._request = request
        self._trial = trial
        for labels, wished in request.label_sets():
            self._labels: Sequence[str] = Domains(ground, labels).labels
            self._wished: Sequence[str] = wished
            if all(map(self._are_apart, placement.sets)):
                break

    def _are_apart(self, slots: Sequence[Slot]) -> bool:
        rooms = [self._ground.either.rooms[slot.device_id] for slot in slots]
        return all(
            len({value_of(room.capacity, label) for room in rooms})
            == len(rooms)
            for label in self._labels
        )

    def choices(self, index: int, slots: Sequence[Slot]) -> Sequence[Choice]:
        """Say why each device of a set; then take the places."""
        rooms = [
            self._estate(position).rooms[slot.device_id]
            for position, slot in enumerate(slots)
        ]
        found = [
            self._choice(index, position, slot.size_bytes, rooms)
            for position, slot in enumerate(slots)
        ]
        for room, slot in zip(rooms, slots, strict=True):
            self._trial.take(room, slot.size_bytes)
        return found

    def _estate(self, position: int) -> Estate:
        if self._request.durability.is_arbiter(position):
            return self._ground.arbiters
        return self._ground.estate

    def _choice(
        self, index: int, position: int, size_bytes: int, rooms: Sequence[Room]
    ) -> Choice:
        room = rooms[position]
        others = [each for each in rooms if each is not room]
        outlook = _Outlook(
            self._ground,
            self._estate(position).groups(*self._labels),
            self._request.copies,
            size_bytes,
        )
        mine = outlook.group_of(room)
        taken = outlook.prospect(mine, room)
        due = outlook.is_due(mine)
        elsewhere = self._elsewhere(outlook, mine, others)
        depth = self._trial.depth
        # Whatever is left of the device taken, it is not the next best.
        self._trial.take(room, room.free_bytes)
        beside = outlook.best(mine)
        self._trial.back_to(depth)
        return Choice(
            set_index=index,
            position=position,
            size_bytes=size_bytes,
            taken=taken,
            domain_is_due=due,
            beside=beside and outlook.prospect(mine, beside.room),
            elsewhere=elsewhere
            and outlook.prospect(elsewhere.group, elsewhere.room),
        )

    def _elsewhere(
        self, outlook: '_Outlook', mine: Group, others: Sequence[Room]
    ) -> Option | None:
        """Find what would have been next, in a domain of its own."""

        def in_common(option: Option, label: str) -> int:
            value = value_of(option.room.capacity, label)
            return sum(
                value_of(other.capacity, label) == value for other in others
            )

        options = [
            option
            for group in outlook.groups
            if group is not mine
            for option in [outlook.best(group)]
            if option
            and not any(in_common(option, label) for label in self._labels)
        ]
        return min(
            options,
            key=lambda option: (
                *(in_common(option, label) for label in self._wished),
                option,
            ),
            default=None,
        )


class _Outlook:
    """What placing sees when it looks for a place for a brick."""

    def __init__(
        self,
        ground: Ground,
        groups: Partition,
        copies: int,
        size_bytes: int,
    ) -> None:
        self.groups = groups
        self._size_bytes = size_bytes
        self._scoring = ground.scoring(groups, copies, size_bytes, ground.seed)
        self.best = self._scoring.best
        levels = fair_levels(groups, copies, copies * size_bytes)
        self._levels = {
            group.value: level
            for group, level in zip(groups, levels, strict=True)
        }

    def group_of(self, room: Room) -> Group:
        """Find the domain of a device."""
        return next(group for group in self.groups if group in room.groups)

    def is_due(self, group: Group) -> bool:
        """Tell whether each set needs a domain."""
        return any(each is group for each in self._scoring.due())

    def prospect(self, group: Group, room: Room) -> Prospect:
        """Say how a device is, and would be with the brick."""
        level = self._levels[group.value]
        part = self._size_bytes / room.total_bytes
        node = room.capacity.node
        return Prospect(
            device_id=room.device_id,
            host=node.manage_host,
            path=room.capacity.device.path,
            zone=node.zone,
            domain=group.name,
            before=room.use,
            after=room.use + part,
            level=level,
            cost=change_of_square(room.use - level, part),
        )
