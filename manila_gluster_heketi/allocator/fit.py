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

"""How many more volumes fit: places them one after the other."""

import dataclasses
import sys

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.allocator import bounds
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import strategies
from manila_gluster_heketi.allocator.explain import Explanation
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.place import place


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """How many more volumes of one kind and size fit.

    :ivar volumes: how many were placed, one after the other
    :ivar counted: for how many there are places if each has as few brick
        sets as can be, all equal, and each is placed as suits the others
        best; the places of arbiters are not counted
    :ivar bound: more than these no placement can reach
    :ivar explanation: what stops the next one; None if nothing does, and
        counting ended where it was told to
    """

    volumes: int
    counted: int
    bound: int
    explanation: Explanation | None


def fit(
    inventory: Inventory,
    request: requests.Request,
    at_most: int,
    *,
    strategy: strategies.Strategy = strategies.BALANCED,
) -> Fit:
    """Place volumes that do not exist until one is refused.

    The inventory stays as it is.

    :param at_most: stop at so many
    :raises InvalidInput: no device says anything of a tier
    """
    ground = inventory.ground(request)
    bound = _bound(
        capacity.free_bound(inventory, request),
        request,
        ground.estate.extent_bytes,
    )
    counted = min(_counted(ground, request), bound)
    copy = Inventory(inventory.snapshot())
    explanation = None
    volumes = 0
    while volumes < at_most and explanation is None:
        try:
            found = place(copy, request, strategy=strategy)
        except exceptions.NoSpace as refusal:
            explanation = refusal.fields['explanation']
        else:
            copy.change(found.slots, copy.cluster.generation)
            volumes += 1
    return Fit(volumes, counted, bound, explanation)


def _bound(
    free: bounds.Bound, request: requests.Request, extent_bytes: int
) -> int:
    """Count volumes as if their bricks could be cut at will."""
    least = bounds.least_pool_bytes(request, extent_bytes)
    with_arbiter = request.copies * least + request.arbiter_bytes(
        request.data_bytes, extent_bytes
    )
    return min(free.stored_bytes // least, free.every_bytes // with_arbiter)


def _counted(ground: search.Ground, request: requests.Request) -> int:
    """Count volumes of equal sets, as few sets for each as may be."""
    estate = ground.estate
    division = next(
        request.divisions(estate.extent_bytes, estate.device_bytes), None
    )
    if division is None:
        return 0
    sets = min(
        counting.fluid_bound(
            [
                group.places(division.brick_bytes, sys.maxsize)
                for group in estate.groups(label)
            ],
            request.copies,
        )
        for label in capacity.strict_labels(request)
    )
    return sets // division.sets
