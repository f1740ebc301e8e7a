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


"""What would have been possible, found in another way than placing does.

Equal sets are put down one after the other, each on the domains that have
most places left. That finds a way wherever there is one: a set that leaves
out a domain with more places for one with fewer can be exchanged.
"""

import collections
import heapq
from collections.abc import Iterable
from collections.abc import Mapping

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import counting

_EXTENT_BYTES = 4 * sizes.MIB

#: Free bytes of each device, by zone.
Rooms = Mapping[int, list[int]]


def rooms(snapshot: model.Snapshot) -> Rooms:
    """Say what is free in each zone."""
    found: dict[int, list[int]] = collections.defaultdict(list)
    for each in snapshot.devices:
        found[each.node.zone].append(each.free_bytes)
    return found


def fits_apart(
    free: Rooms, copies: int, data_bytes: int, limits: allocator.Limits
) -> bool:
    """Tell whether equal sets fit with each brick in a zone of its own."""
    for sets in range(1, limits.volume_bricks // copies + 1):
        brick = sizes.brick_bytes_for(-(-data_bytes // sets), _EXTENT_BYTES)
        if brick <= limits.brick_max_bytes and _can_put(
            free.values(), copies, sets, max(brick, limits.brick_min_bytes)
        ):
            return True
    return False


def within_bound(
    free: Rooms, copies: int, data_bytes: int, limits: allocator.Limits
) -> bool:
    """Tell whether it would fit if bricks could be cut at will.

    A zone gives no more than its devices with most room, one for each set
    that a volume may have. What fits is within the bound; what is within it
    need not fit.
    """
    most = limits.volume_bricks // copies
    roomy = (
        sum(
            r
            for r in heapq.nlargest(most, zone)
            if r >= limits.brick_min_bytes
        )
        for zone in free.values()
    )
    bound = counting.fluid_bound(roomy, copies)
    return data_bytes <= sizes.data_bytes_of(bound)


def _can_put(
    zones: Iterable[list[int]], copies: int, sets: int, brick: int
) -> bool:
    places = [
        -min(sets, sum(room // brick for room in devices)) for devices in zones
    ]
    heapq.heapify(places)
    for _ in range(sets):
        if len(places) < copies:
            return False
        taken = [heapq.heappop(places) for _ in range(copies)]
        if taken[-1] == 0:
            return False
        for place in taken:
            heapq.heappush(places, place + 1)
    return True
