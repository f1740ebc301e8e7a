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

"""Whether a request that was refused would fit if something were different.

The search itself is asked, on a cluster that differs: so nothing is promised
that placing would not keep. It is asked many times; therefore devices that
can make no difference are left out, and what counting tells is not searched.
"""

import dataclasses
import heapq
import itertools
import math
import operator
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TypeVar

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import unequal
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.request import Division
from manila_gluster_heketi.allocator.request import Request

# What the last resort of the search looks at, however few sets there may be.
_ROOMIEST = 12
# Among so few devices the very least is looked for; else what is hardly more,
# since each question takes its time.
_FEW_DEVICES = 100
_FEW_DEVICES_TO_TRY = 20
_ROUGHLY = 1 / 128
_ROUGHLY_BY_TRYING = 1 / 16

_Thing = TypeVar('_Thing')


class WhatIf:
    """A cluster, as far as it matters to a request.

    :ivar request: without what its devices meet already
    :ivar labels: what tells its domains apart
    :ivar domains: groups of devices for data or arbiters: as many as a set
        needs that are apart go first, then those with least room
    :ivar divisions: into equal sets, that the limits allow
    :ivar extent_bytes: a unit that suits all volume groups
    :ivar must_try: whether no counting tells what fits
    :ivar thorough: whether the very least is looked for
    """

    def __init__(self, inventory: Inventory, request: Request) -> None:
        ground = inventory.ground(request)
        domains = search.Domains(ground, capacity.strict_labels(request))
        self._cluster = inventory.cluster
        self.labels = domains.labels
        self.must_try = (
            not domains.nest or request.durability.has_arbiter
        )
        self.domains = _apart_first(
            sorted(
                ground.either.groups(*self.labels),
                key=lambda group: (group.free_bytes, group.name),
            ),
            request.durability.bricks_per_set,
        )
        self.extent_bytes = ground.estate.extent_bytes
        self.request = dataclasses.replace(
            request, tags='', excluded=frozenset()
        )
        self.divisions = tuple(self.request.divisions(self.extent_bytes))
        matter = {
            device_id
            for estate in (ground.estate, ground.arbiters)
            for device_id in self._matter(estate)
        }
        self._whole = tuple(
            each
            for each in inventory.snapshot().devices
            if each.device.id in ground.either.rooms
        )
        self._devices = tuple(
            each for each in self._whole if each.device.id in matter
        )
        few, roughly = _FEW_DEVICES, _ROUGHLY
        if self.must_try:
            few, roughly = _FEW_DEVICES_TO_TRY, _ROUGHLY_BY_TRYING
        self.thorough = len(self._devices) <= few
        self._roughly = 0 if self.thorough else roughly

    def fits(
        self,
        more: filters.Candidates = (),
        request: Request | None = None,
    ) -> bool:
        """Tell whether all sets find places.

        :param more: devices that are there in addition
        :param request: in place of the one that was refused
        """
        return self._fit((*self._devices, *more), request)

    def stands(
        self,
        more: filters.Candidates = (),
        request: Request | None = None,
    ) -> bool:
        """Tell whether they do so in the whole cluster, to be on firm ground.

        What is looked at last depends on what else there is.
        """
        if len(self._devices) == len(self._whole):
            return True
        return self._fit((*self._whole, *more), request)

    def _fit(
        self, devices: filters.Candidates, request: Request | None
    ) -> bool:
        wanted = request or self.request
        return bool(search.find(self._ground(devices, wanted), wanted))

    def surely_fits(
        self,
        more: filters.Candidates = (),
        request: Request | None = None,
    ) -> bool:
        """Tell whether that is plain to see; it may fit though it is not."""
        if self.must_try:
            return self.fits(more, request)
        wanted = request or self.request
        ground = self._ground((*self._devices, *more), wanted)
        groups = ground.estate.groups(*self.labels)
        divisions: Sequence[Division] = self.divisions
        if request is not None:
            divisions = tuple(wanted.divisions(self.extent_bytes))
        return any(
            counting.count_places(groups, each.brick_bytes, each.sets)
            >= each.sets * wanted.copies
            for each in divisions
        ) or bool(unequal.unequal_sets(groups, wanted, self.extent_bytes))

    def least(
        self,
        low: int,
        high: int,
        surely: Callable[[int], bool],
        fits: Callable[[int], bool],
    ) -> int | None:
        """Return a number that is enough while the one below is not.

        Or one that is hardly more, where it takes too long to be thorough.

        :param low: is not enough
        :param surely: tells of :meth:`surely_fits`
        :param fits: tells of :meth:`fits`
        :returns: None if there is none up to ``high``
        """
        if surely(high):
            high = _first(low, high, surely, self._roughly)
        elif self.must_try or not fits(high):
            return None
        if self.must_try or not self.thorough:
            return high
        if high - 1 > low and fits(high - 1):
            high = _first(low, high - 1, fits, 0)
        return high

    def may_hold(self, rooms: Sequence[int]) -> bool:
        """Tell whether domains with so much room could hold the data.

        That is quick to say, but of a no alone one can be sure.
        """
        part = self.request.durability.part_bytes(self.request.data_bytes)
        return counting.fluid_bound(rooms, self.request.copies) >= part

    def _ground(
        self, devices: filters.Candidates, wanted: Request
    ) -> search.Ground:
        snapshot = model.Snapshot(self._cluster, tuple(devices))
        return Inventory(snapshot).ground(wanted)

    def _matter(self, estate: Estate) -> Iterator[str]:
        """Yield devices that cover for all others.

        There are no more sets than may be, each with a brick in a domain:
        so it is the roomiest devices, in the roomiest domains.
        """
        sets = max(1, self.request.most_sets)
        groups: Sequence[Group] = estate.groups(*self.labels)
        count = sets * self.request.durability.bricks_per_set
        if len(self.labels) == 1:
            groups = _roomiest(groups, max(count, _ROOMIEST))
        for group in groups:
            for room in group.roomiest(sets):
                yield room.device_id
        for room in heapq.nsmallest(
            _ROOMIEST,
            estate.rooms.values(),
            key=lambda room: (-room.free_bytes, room.order),
        ):
            yield room.device_id


def _apart_first(groups: Sequence[Group], count: int) -> Sequence[Group]:
    """Move so many groups to the front that differ in each label."""
    first: list[Group] = []
    for group in groups:
        if len(first) < count and not any(
            any(map(operator.eq, group.value, each.value)) for each in first
        ):
            first.append(group)
    return [*first, *(group for group in groups if group not in first)]


def _roomiest(groups: Sequence[Group], count: int) -> Sequence[Group]:
    """Return groups with much room in all, or on a device."""
    if len(groups) <= count:
        return groups
    return tuple(
        dict.fromkeys(
            (
                *heapq.nlargest(count, groups, key=lambda g: g.free_bytes),
                *heapq.nlargest(count, groups, key=lambda g: g.most_bytes),
            )
        )
    )


def few_ways(
    things: Sequence[_Thing], count: int, most: int
) -> Iterator[tuple[_Thing, ...]]:
    """Yield ways to choose so many things; of many, among the first alone.

    :param most: how many ways there may be
    """
    first = len(things)
    while math.comb(first, count) > most:
        first -= 1
    yield from itertools.combinations(things[:first], count)


def _first(
    low: int, high: int, fits: Callable[[int], bool], roughly: float
) -> int:
    while high - low > max(1, high * roughly):
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle
    return high
