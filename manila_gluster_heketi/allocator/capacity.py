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

import collections
import dataclasses
import heapq
from collections.abc import Sequence

from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import bounds
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import unequal
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.inventory import Inventory

# How near the largest size is looked for where counting does not tell.
_NEAR = 1 / 256


@dataclasses.dataclass(frozen=True, slots=True)
class PoolCapacity:
    """Capacity for volumes of one durability, spread and tags.

    The ``data`` figures are of a tenant's data, the ``raw`` ones of thin
    pools, all of those devices that are meant for such volumes. Total and
    free are bounds: no placement of many volumes can hold more.

    :ivar total_data_bytes: what the cluster could hold if it were empty and
        all of it online
    :ivar free_data_bytes: what can still be added on what is online
    :ivar largest_volume_bytes: the largest single volume that fits now
    :ivar raw_total_bytes: size of the thin pools
    :ivar raw_used_bytes: what bricks have reserved of it
    :ivar raw_free_bytes: what is free and online
    :ivar stranded: where some of that can't be used
    """

    total_data_bytes: int
    free_data_bytes: int
    largest_volume_bytes: int
    raw_total_bytes: int
    raw_used_bytes: int
    raw_free_bytes: int
    stranded: tuple['Stranded', ...]

    @property
    def raw_stranded_bytes(self) -> int:
        """What is free and online but of no use."""
        return sum(each.raw_bytes for each in self.stranded)


@dataclasses.dataclass(frozen=True, slots=True)
class Stranded:
    """Free room in one domain that can't be used.

    Each of its bytes would need partners in other domains, and these have
    less room together.

    :ivar domain: what people call it, such as 'zone 1'
    """

    domain: str
    raw_bytes: int


def pool_stats(
    inventory: Inventory, request: requests.Request
) -> PoolCapacity:
    """Measure one cluster for one kind of volume.

    :param request: the kind; its size does not matter
    """
    ground = inventory.ground(request)
    free = _free(ground, request)
    largest = largest_data_bytes(ground, request)
    online = ground.either.rooms
    devices = inventory.snapshot().devices
    away = [c for c in devices if c.device.id not in online]
    total = _total(ground, away, request)
    used_bytes = sum(
        [c.used_bytes for c in devices if c.device.id in online]
    ) + sum([c.used_bytes for c in _meant(request, away)])
    free_bytes = bounds.data_bytes(free.stored_bytes, request)
    return PoolCapacity(
        total_data_bytes=bounds.data_bytes(total.stored_bytes, request),
        # Rounding of several bricks must not make one volume look larger.
        free_data_bytes=max(free_bytes, largest),
        largest_volume_bytes=largest,
        raw_total_bytes=total.every_bytes,
        raw_used_bytes=used_bytes,
        raw_free_bytes=free.every_bytes,
        stranded=_stranded(ground.estate, free),
    )


def free_bound(
    inventory: Inventory, request: requests.Request
) -> bounds.Bound:
    """Bound what can be added to a cluster, in bytes of thin pools."""
    return _free(inventory.ground(request), request)


def free_data_bytes(inventory: Inventory, request: requests.Request) -> int:
    """Bound what can be added to a cluster, to compare it with others."""
    free = free_bound(inventory, request)
    return bounds.data_bytes(free.stored_bytes, request)


def largest_data_bytes(
    ground: search.Ground, request: requests.Request
) -> int:
    """Return the most data for which whole sets fit, within the limits.

    Of equal sets, and of those that use all there is. A little more may be
    found where few sets may be made and disks are uneven.
    """
    domains = search.Domains(ground, strict_labels(request))
    counted = min(
        _largest_equal(ground, ground.estate.groups(label), request)
        for label in domains.labels
    )
    if not domains.nest or request.durability.has_arbiter:
        return _largest_found(ground, request, counted)
    return max(
        counted,
        unequal.largest_data_bytes(
            domains.groups, request, ground.estate.extent_bytes
        ),
    )


def strict_labels(request: requests.Request) -> tuple[str, ...]:
    """Return what the bricks of a set must not have in common."""
    return (*request.spread.labels(spreads.Mode.STRICT), spreads.NODE)


def _largest_equal(
    ground: search.Ground, groups: Sequence[Group], request: requests.Request
) -> int:
    """Return the most data that equal sets hold, each in other groups."""
    extent_bytes = ground.estate.extent_bytes
    least = request.least_brick_bytes(extent_bytes)
    # The n-th largest brick is in the n groups with the largest devices.
    roomiest = heapq.nlargest(
        request.most_sets * request.copies, groups, key=lambda g: g.most_bytes
    )
    largest = 0
    for sets in range(1, request.most_sets + 1):
        room = counting.largest_brick(
            roomiest[: sets * request.copies], request.copies, sets
        )
        brick = sizes.round_down(
            min(room, request.limits.brick_max_bytes), extent_bytes
        )
        if brick < least:
            break
        largest = max(largest, sets * request.set_data_bytes(brick))
    return largest


def _largest_found(
    ground: search.Ground, request: requests.Request, most: int
) -> int:
    """Look for the largest size by trying, from ``most`` downwards."""

    def fits(data_bytes: int) -> bool:
        asked = dataclasses.replace(request, data_bytes=data_bytes)
        return bool(search.find(ground, asked))

    if not most or fits(most):
        return most
    low, high, step = 0, most, max(1, int(most * _NEAR))
    while step < high:
        if fits(high - step):
            low = high - step
            break
        high, step = high - step, 2 * step
    while high - low > max(1, high * _NEAR):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _free(ground: search.Ground, request: requests.Request) -> bounds.Bound:
    """Bound what can be added to what is online."""
    estate, either = ground.estate, ground.either
    labels = _telling_labels(request)
    every_bytes = sum(g.free_bytes for g in either.groups(labels[0]))
    domains = [
        bounds.Domains(
            label,
            [group.free_bytes for group in estate.groups(label)],
            len(either.groups(label)),
        )
        for label in labels
    ]
    return bounds.bound(request, domains, every_bytes)


def _total(
    ground: search.Ground, away: filters.Candidates, request: requests.Request
) -> bounds.Bound:
    """Bound what could be stored if devices were empty and online.

    :param away: devices that are not, of any kind
    """
    data = filters.meant(request, away)
    every = _meant(request, away)
    every_bytes = sum(each.device.total_bytes for each in every)
    domains = []
    for label in _telling_labels(request):
        rooms = collections.Counter(
            {g.value: g.total_bytes for g in ground.estate.groups(label)}
        )
        for each in data:
            rooms[(value_of(each, label),)] += each.device.total_bytes
        values = {g.value for g in ground.either.groups(label)}
        values.update((value_of(each, label),) for each in every)
        domains.append(bounds.Domains(label, rooms.values(), len(values)))
    every_bytes += sum(g.total_bytes for g in ground.either.groups(label))
    return bounds.bound(request, domains, every_bytes)


def _meant(
    request: requests.Request, candidates: filters.Candidates
) -> filters.Candidates:
    """Return those that are meant for such volumes, arbiters included."""
    role = None if request.durability.has_arbiter else False
    return filters.meant(request, candidates, arbiter=role)


def _telling_labels(request: requests.Request) -> tuple[str, ...]:
    labels = strict_labels(request)
    # No node is in two zones.
    return labels[:-1] if spreads.ZONE in labels else labels


def _stranded(estate: Estate, free: bounds.Bound) -> tuple[Stranded, ...]:
    """Say which domains have more room than the others can match."""
    return tuple(
        Stranded(group.name, group.free_bytes - free.fluid_bytes)
        for group in estate.groups(free.label)
        if group.free_bytes > free.fluid_bytes
    )
