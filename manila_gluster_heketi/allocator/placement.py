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

"""What the allocator answers."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """Room for one brick on a device.

    Why there, :func:`.reasons.explain_placement` says.
    """

    device_id: str
    node_id: str
    size_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    """Whole brick sets on devices of one cluster.

    :ivar sets: slots of each set, in order of position
    :ivar capacity_bytes: the tenant's data that the sets hold together
    """

    cluster_id: str
    sets: tuple[tuple[Slot, ...], ...]
    capacity_bytes: int

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots of all sets."""
        return tuple(slot for each in self.sets for slot in each)


@dataclasses.dataclass(frozen=True, slots=True)
class GrowBricks:
    """Grow bricks where they are.

    :ivar sizes_bytes: new size of each brick that grows, by its identity;
        empty if the volume is large enough as it is
    :ivar capacity_bytes: the tenant's data that the volume then holds
    """

    sizes_bytes: Mapping[str, int]
    capacity_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class AddSets:
    """Add whole brick sets.

    :ivar capacity_bytes: the tenant's data that the volume then holds,
        with what it held before
    """

    placement: Placement
    capacity_bytes: int


Growth = GrowBricks | AddSets
