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

"""Where bricks are while a plan is made, and how they got there."""

import collections
import dataclasses
from collections.abc import Iterable

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import seat as seats
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.moves import Holding
from manila_gluster_heketi.allocator.terrain import Terrain


@dataclasses.dataclass(frozen=True, slots=True)
class Hop:
    """A brick went from one device to another.

    :ivar step: hops of one number belong together
    """

    brick: model.Brick
    source: Room
    target: Room
    step: int
    gain: float


class Ledger:
    """The bricks of a cluster, which may be moved about and back again.

    :ivar hops: what was done since the beginning
    """

    def __init__(self, terrain: Terrain, holdings: Iterable[Holding]) -> None:
        self.terrain = terrain
        self.hops: list[Hop] = []
        self._volumes: dict[str, model.Volume] = {}
        self._sets: dict[tuple[str, int], list[model.Brick]] = (
            collections.defaultdict(list)
        )
        self._on: dict[str, dict[str, model.Brick]] = collections.defaultdict(
            dict
        )
        self._place: dict[str, str] = {}
        for holding in holdings:
            self._volumes[holding.volume.id] = holding.volume
            for brick in holding.bricks:
                self._sets[brick.volume_id, brick.set_index].append(brick)
                self._on[brick.device_id][brick.id] = brick
                self._place[brick.id] = brick.device_id
        for device_id in self._on:
            terrain.room(device_id)

    def volume(self, brick: model.Brick) -> model.Volume:
        """Return the volume of a brick."""
        return self._volumes[brick.volume_id]

    def room(self, brick: model.Brick) -> Room:
        """Return the device that a brick is on by now."""
        return self.terrain.room(self._place[brick.id])

    def bricks_on(self, room: Room) -> list[model.Brick]:
        """List the bricks of a device, the largest first."""
        bricks = self._on.get(room.device_id, {}).values()
        return sorted(bricks, key=lambda b: (-b.size_bytes, b.id))

    def beyond_bytes(self, room: Room, tolerance: float) -> int:
        """Say how much a device has to lose to be level."""
        beyond = self.terrain.distance(room) - tolerance
        return int(beyond * room.total_bytes)

    def may_move(self, brick: model.Brick) -> bool:
        """Tell whether nobody is making or deleting its volume."""
        return self.volume(brick).state is model.VolumeState.READY

    def movable_on(self, room: Room) -> list[model.Brick]:
        """List the bricks of a device that may move, the largest first."""
        return [b for b in self.bricks_on(room) if self.may_move(b)]

    def seat(self, brick: model.Brick) -> seats.Seat:
        """Describe a brick with where the others of its set are by now."""
        others = [
            self._place[each.id]
            for each in self._sets[brick.volume_id, brick.set_index]
            if each.id != brick.id
        ]
        here = self._place[brick.id]
        return seats.seat_on(
            self.terrain, self.volume(brick), brick, here, others
        )

    def is_oversize(self, brick: model.Brick, tolerance: float) -> bool:
        """Tell whether a brick alone lifts each device too high."""
        return seats.is_oversize(self.terrain, self.seat(brick), tolerance)

    def move(
        self, brick: model.Brick, target: Room, *, joins: bool = False
    ) -> float:
        """Move a brick.

        :param joins: whether this belongs to the step before
        :returns: by how much that lowers the objective
        """
        source = self.room(brick)
        gain = self.terrain.gain(brick.size_bytes, source, target)
        step = self.hops[-1].step + (not joins) if self.hops else 0
        self.hops.append(Hop(brick, source, target, step, gain))
        self._put(brick, source, target)
        return gain

    def make(self, wanted: Iterable[tuple[model.Brick, Room]]) -> bool:
        """Move bricks in one step, in an order in which all have room.

        :returns: False if there is none; then nothing moved
        """
        depth = len(self.hops)
        left = list(wanted)
        while left:
            for pair in left:
                if self.seat(pair[0]).may_take(pair[1]):
                    break
            else:
                self.back_to(depth)
                return False
            self.move(*pair, joins=len(self.hops) > depth)
            left.remove(pair)
        return True

    def gained(self, depth: int) -> float:
        """Say by how much the hops since then lowered the objective."""
        return sum(hop.gain for hop in self.hops[depth:])

    def back_to(self, depth: int) -> list[Hop]:
        """Take hops back until so many are left.

        :returns: those taken back, in the order in which they were made
        """
        undone = self.hops[depth:]
        del self.hops[depth:]
        for hop in reversed(undone):
            self._put(hop.brick, hop.target, hop.source)
        return undone

    def again(self, hops: Iterable[Hop]) -> None:
        """Make hops that were taken back."""
        for hop in hops:
            self.hops.append(hop)
            self._put(hop.brick, hop.source, hop.target)

    def _put(self, brick: model.Brick, source: Room, target: Room) -> None:
        self.terrain.move(brick.size_bytes, source, target)
        del self._on[source.device_id][brick.id]
        self._on[target.device_id][brick.id] = brick
        self._place[brick.id] = target.device_id
