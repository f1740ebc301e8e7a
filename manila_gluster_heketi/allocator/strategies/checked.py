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

"""A look at what a strategy of somebody else answers.

Two copies on one node, or a device that is promised twice, would be found
when it is too late.
"""

import collections
import dataclasses
import itertools
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.strategies.base import Strategy


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """A strategy whose answers are refused if they break a constraint.

    :ivar name: what errors call it
    """

    name: str
    strategy: Strategy

    def find(
        self, ground: search.Ground, request: Request
    ) -> search.BrickSets:
        """Find places for all sets; empty if there is no room.

        :raises StrategyAtFault: the answer breaks a constraint
        """
        found = self.strategy.find(ground, request)
        for fault in faults(found, ground, request):
            raise exceptions.StrategyAtFault(strategy=self.name, reason=fault)
        return found


def faults(
    found: search.BrickSets, ground: search.Ground, request: Request
) -> Iterator[str]:
    """Yield what is wrong with an answer; nothing if it is empty."""
    if not found:
        return
    if len(found) > request.most_sets:
        yield f'{len(found)} sets are more bricks than a volume may have'
    for bricks in found:
        yield from _of_set(bricks, ground, request)
    held = sum(
        request.set_data_bytes(min(size for _, size in bricks))
        for bricks in (each[: request.copies] for each in found)
        if bricks
    )
    if held < request.data_bytes:
        yield f'{held} bytes are less than the {request.data_bytes} asked for'
    taken: collections.Counter[Room] = collections.Counter()
    for room, size_bytes in itertools.chain.from_iterable(found):
        taken[room] += size_bytes
    for room, size_bytes in taken.items():
        if size_bytes > room.free_bytes:
            yield f'{room} has no room for {size_bytes} bytes'


def _of_set(
    bricks: Sequence[search.Brick], ground: search.Ground, request: Request
) -> Iterator[str]:
    """Yield what is wrong with one set."""
    wanted = request.durability.bricks_per_set
    if len(bricks) != wanted:
        yield f'a set of {request.durability} has {wanted} bricks'
    labels = (*request.spread.labels(spread.Mode.STRICT), spread.NODE)
    for label in labels:
        values = {value_of(room.capacity, label) for room, _ in bricks}
        if len(values) < len(bricks):
            yield f'a set has two bricks in one {label}'
    for position, (room, size_bytes) in enumerate(bricks):
        is_arbiter = request.durability.is_arbiter(position)
        estate = ground.arbiters if is_arbiter else ground.estate
        if estate.rooms.get(room.device_id) is not room:
            yield f'{room} may not be used'
        if size_bytes < sizes.BRICK_MIN_BYTES:
            yield f'a brick of {size_bytes} bytes is too small for XFS'
        if not is_arbiter and size_bytes > request.limits.brick_max_bytes:
            yield f'a brick of {size_bytes} bytes is larger than allowed'
        if size_bytes % ground.estate.extent_bytes:
            yield f'{size_bytes} bytes are no whole extents'
