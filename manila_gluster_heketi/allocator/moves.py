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

"""The words in which moves of bricks are asked for and answered."""

import dataclasses

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model

#: Sums of fractions that differ by less are the same.
NOTHING = 1e-12


@dataclasses.dataclass(frozen=True, slots=True)
class Holding:
    """A volume with its bricks."""

    volume: model.Volume
    bricks: tuple[model.Brick, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """What a plan may cost, and how good it has to be.

    :ivar max_bytes: sizes of all bricks that move; None for any
    :ivar max_moves: None for any number
    :ivar min_gain: a step has to lower the objective by more than this
    :ivar tolerance: how far above its fair level a device may stay, 0 to 1
    :raises InvalidInput: one of them is none
    """

    max_bytes: int | None = None
    max_moves: int | None = None
    min_gain: float = 0.0
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        for field, most in (
            ('max_bytes', None),
            ('max_moves', None),
            ('min_gain', None),
            ('tolerance', 1),
        ):
            value = getattr(self, field)
            if value is None:
                continue
            if not value >= 0 or (most is not None and value > most):
                raise exceptions.InvalidInput(
                    field=field,
                    value=value,
                    reason='it is below 0'
                    if most is None
                    else f'it is not between 0 and {most}',
                )

    def is_worth(self, gain: float) -> bool:
        """Tell whether a step lowers the objective by enough."""
        return gain > max(NOTHING, self.min_gain)

    def affords(self, moves: int, size_bytes: int) -> bool:
        """Tell whether so many moves of so many bytes in all are allowed."""
        return (self.max_bytes is None or size_bytes <= self.max_bytes) and (
            self.max_moves is None or moves <= self.max_moves
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """One brick, from device to device.

    :ivar step: moves of the same number make room for each other: only
        together do they lower the objective
    :ivar gain: by how much it lowers the objective; in a step of several, or
        of a drain, it may be less than nothing
    :ivar why: for people
    """

    volume: model.Volume
    brick: model.Brick
    source: model.DeviceCapacity
    target: model.DeviceCapacity
    step: int
    gain: float
    why: str = dataclasses.field(compare=False)

    @property
    def size_bytes(self) -> int:
        """What is to be copied at most."""
        return self.brick.size_bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Stuck:
    """A brick that should leave its device and can't."""

    volume: model.Volume
    brick: model.Brick
    source: model.DeviceCapacity
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class TooFull:
    """A device that a plan leaves above what is tolerated.

    :ivar distance: above its fair level, 0 to 1
    """

    device: model.DeviceCapacity
    distance: float
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Moves in the order in which they are to be made.

    :ivar stuck: what can't leave a device that is to be emptied
    :ivar too_full: devices that do not become level; none of a drain
    :ivar objective_before: sum over devices of the squared distance of their
        use from their fair level
    :ivar worst_before: the largest distance above a fair level, 0 to 1
    :ivar is_cut_short: whether more would move if the budget were larger
    """

    cluster: model.Cluster
    moves: tuple[Move, ...]
    stuck: tuple[Stuck, ...]
    too_full: tuple[TooFull, ...]
    objective_before: float
    objective_after: float
    worst_before: float
    worst_after: float
    is_cut_short: bool

    @property
    def moved_bytes(self) -> int:
        """Sizes of all bricks that move."""
        return sum(move.size_bytes for move in self.moves)
