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

"""What a cluster can hold, in bytes of a tenant's data."""

import dataclasses
from collections.abc import Iterable

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import domains
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import request as requests


@dataclasses.dataclass(frozen=True, slots=True)
class PoolCapacity:
    """Capacity for volumes of one durability and spread.

    The ``data`` figures are of a tenant's data, the ``raw`` ones of thin
    pools. Total and free are bounds: no placement of many volumes can hold
    more.

    :ivar total_data_bytes: what the cluster could hold if it were empty and
        all of it online
    :ivar free_data_bytes: what can still be added on what is online
    :ivar largest_volume_bytes: the largest single volume that fits now
    :ivar raw_total_bytes: size of all thin pools
    :ivar raw_used_bytes: what bricks have reserved of it
    :ivar raw_stranded_bytes: what is free and online but can't be used, since
        too few other domains have as much
    """

    total_data_bytes: int
    free_data_bytes: int
    largest_volume_bytes: int
    raw_total_bytes: int
    raw_used_bytes: int
    raw_stranded_bytes: int


def fluid_bound(capacities: Iterable[int], copies: int) -> int:
    """Return the most that can be stored ``copies`` times, once per domain.

    That is the largest T with sum(min(c, T)) >= copies * T: a domain can't
    hold more than one copy of all, so that what is beyond T is of no use.
    """
    rest = sorted(capacities)
    total = sum(rest)
    while rest and copies > 1 and rest[-1] * copies > total:
        total -= rest.pop()
        copies -= 1
    return total // copies


def pool_stats(
    snapshot: model.Snapshot,
    durability: model.Durability,
    spread: model.ZoneSpread,
    *,
    limits: requests.Limits = requests.DEFAULT_LIMITS,
) -> PoolCapacity:
    """Measure one cluster for one kind of volume."""
    request = requests.Request(0, durability, spread, limits)
    everything = [
        dataclasses.replace(candidate, used_bytes=0)
        for candidate in snapshot.devices
    ]
    total = _bound(domains.Estate(everything), request)
    online = domains.Estate(filters.usable(request, snapshot.devices))
    free = _bound(online, request)
    largest = largest_data_bytes(online, request)
    raw_free = sum(node.free_bytes for node in online.nodes.values())
    return PoolCapacity(
        total_data_bytes=_data(total, limits),
        # Rounding of several bricks must not make one volume look larger.
        free_data_bytes=max(_data(free, limits), largest),
        largest_volume_bytes=largest,
        raw_total_bytes=sum(c.device.total_bytes for c in everything),
        raw_used_bytes=sum(c.used_bytes for c in snapshot.devices),
        raw_stranded_bytes=raw_free - request.copies * free,
    )


def free_data_bytes(
    snapshot: model.Snapshot,
    durability: model.Durability,
    spread: model.ZoneSpread,
) -> int:
    """Bound what can be added to a cluster, to compare it with others."""
    request = requests.Request(0, durability, spread)
    online = domains.Estate(filters.usable(request, snapshot.devices))
    return _data(_bound(online, request), request.limits)


def largest_data_bytes(
    estate: domains.Estate, request: requests.Request
) -> int:
    """Return the most data for which whole sets fit, within the limits.

    Exact: this much is placed, and an extent more in each brick is not.
    """
    zones = request.spread is model.ZoneSpread.STRICT
    over = estate.domains(zones=zones)
    least = request.least_brick_bytes(estate.extent_bytes)
    largest = 0
    for sets in range(1, request.most_sets + 1):
        room = domains.largest_brick(over, request.copies, sets)
        brick = sizes.round_down(
            min(room, request.limits.brick_max_bytes), estate.extent_bytes
        )
        if brick < least:
            break
        largest = max(largest, sets * sizes.data_bytes_of(brick))
    return largest


def _bound(estate: domains.Estate, request: requests.Request) -> int:
    zones = request.spread is model.ZoneSpread.STRICT
    over = estate.domains(zones=zones)
    return fluid_bound((d.free_bytes for d in over), request.copies)


def _data(pool_bytes: int, limits: requests.Limits) -> int:
    """Take the overhead of bricks off, as few and large as they may be."""
    bricks, rest = divmod(pool_bytes, limits.brick_max_bytes)
    full = sizes.data_bytes_of(limits.brick_max_bytes)
    return bricks * full + sizes.data_bytes_of(rest)
