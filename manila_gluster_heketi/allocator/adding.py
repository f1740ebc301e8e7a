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

"""The fewest and smallest devices with which a request would fit.

New domains are the last resort: a disk is bought sooner than a zone is built.
Then few domains go before small devices, none of which is larger than those
that there are, if that will do.
"""

import collections
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import newcomers
from manila_gluster_heketi.allocator.changes import AddDevices
from manila_gluster_heketi.allocator.changes import DevicesIn
from manila_gluster_heketi.allocator.estate import EXTENT_BYTES
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.request import Division
from manila_gluster_heketi.allocator.whatif import WhatIf
from manila_gluster_heketi.allocator.whatif import few_ways

# Choices of domains that are compared.
_MOST_WAYS = 20

#: A domain that is there, or the number of a new one.
_Domain = Group | int
#: Where devices go, one each; a domain may be there several times.
_Way = tuple[_Domain, ...]


def add_devices(case: WhatIf, tags_wanted: str = '') -> AddDevices | None:
    """Say what to add, in which domains.

    :param tags_wanted: what the request asks of the tags of devices
    :returns: None if no devices would help, as where limits are too low
    """
    if not case.divisions:
        return None
    adding = _Adding(case)
    found = adding.found()
    if found is None or not case.stands(adding.devices(*found)):
        return None
    way, size = found
    counts = collections.Counter(way)
    new = [each for each in counts if isinstance(each, int)]
    there = {
        _name(each, adding.labels): counts[each]
        for each in counts
        if isinstance(each, Group)
    }
    return AddDevices(
        count=len(way),
        size_bytes=sizes.disk_bytes_for(size, EXTENT_BYTES),
        room_bytes=size,
        label=' and '.join(adding.labels if new else case.labels),
        where=tuple(
            DevicesIn(name, there[name])
            for name in sorted(there, key=_natural)
        ),
        elsewhere=tuple(counts[each] for each in new),
        other_than=adding.there() if new else (),
        tags=tags_wanted,
    )


class _Adding:
    """Looks for domains, and for the number and size of devices in them.

    :ivar labels: what has to be different in a new domain
    """

    def __init__(self, case: WhatIf) -> None:
        self._case = case
        self._unit = case.extent_bytes
        self._bricks = case.request.durability.bricks_per_set
        self.labels = case.request.spread.labels(spread.Mode.STRICT) or (
            spread.NODE,
        )
        # Room for all bricks that a domain may get; sets that differ in size
        # have more overhead.
        most = max(d.sets * _largest_brick(d) for d in case.divisions)
        self._huge = sizes.round_up(most + most // 4, self._unit)

    def found(self) -> tuple[_Way, int] | None:
        """Find where devices go, and their size."""
        new = self._new_domains()
        if new is None:
            return None
        way, size = self._smallest(list(self._ways(new)))
        way, size = self._divided(way, size)
        way = self._without_needless(way, size)
        smaller = size - self._unit
        if self._case.thorough and smaller and self._fits(smaller, way):
            size = self._size(way, smaller)
        return way, size

    def _new_domains(self) -> Sequence[int] | None:
        """Return as many new domains as there have to be."""
        for count in range(self._bricks + 1):
            new = tuple(range(count))
            if self._surely(self._huge, (*self._case.domains, *new)):
                return new
        return None

    def _ways(self, new: Sequence[int]) -> Iterator[_Way]:
        """Yield choices of the fewest domains that are enough."""
        domains = self._case.domains
        several = self._case.thorough and not self._case.must_try
        most = _MOST_WAYS if several else 1
        for count in range(self._bricks + 1):
            found = False
            for way in few_ways(domains, count, most):
                if self._surely(self._huge, (*way, *new)):
                    found = True
                    yield (*way, *new)
            if found:
                return

        def first_are_enough(count: int) -> bool:
            return self._surely(self._huge, (*domains[:count], *new))

        first = self._case.least(
            0, len(domains), first_are_enough, first_are_enough
        )
        yield self._without_needless((*domains[:first], *new), self._huge)

    def _smallest(self, ways: Sequence[_Way]) -> tuple[_Way, int]:
        """Find the way with the smallest devices, and their size."""
        best, size = ways[0], self._size(ways[0], self._huge)
        for way in ways[1:]:
            smaller = size - self._unit
            if smaller > 0 and self._surely(smaller, way):
                best, size = way, self._size(way, smaller)
        return best, size

    def _divided(self, way: _Way, size: int) -> tuple[_Way, int]:
        """Put several devices into each domain if one would be too large."""
        there = (room.total_bytes for room in self._rooms())
        brick = max(map(_largest_brick, self._case.divisions))
        most = sizes.round_up(max([brick, *there]), self._unit)
        if size <= most:
            return way, size
        for count in range(size // most, self._case.request.most_sets + 1):
            if self._surely(most, way * count):
                if self._case.thorough:
                    most = self._size(way * count, most)
                return way * count, most
        return way, size

    def _without_needless(self, way: _Way, size: int) -> _Way:
        """Leave out devices, the last first, as long as the others will do."""
        for domain in reversed(dict.fromkeys(way)):
            others = tuple(each for each in way if each != domain)
            here = way.count(domain)

            def fits(
                count: int,
                others: _Way = others,
                domain: _Domain = domain,
            ) -> bool:
                return self._fits(size, others + (domain,) * count)

            count = here
            if fits(here - 1):
                least = self._case.least
                count = 0 if fits(0) else least(0, here - 1, fits, fits) or 0
            way = others + (domain,) * count
        return way

    def _size(self, way: _Way, enough: int) -> int:
        """Return the size with which it fits, and with an extent less not.

        :param enough: a size that is
        """
        found = self._case.least(
            0,
            enough // self._unit,
            lambda extents: self._surely(extents * self._unit, way),
            lambda extents: self._fits(extents * self._unit, way),
        )
        return enough if found is None else found * self._unit

    def _fits(self, size: int, way: _Way) -> bool:
        return self._may_hold(size, way) and self._case.fits(
            self.devices(way, size)
        )

    def _surely(self, size: int, way: _Way) -> bool:
        return self._may_hold(size, way) and self._case.surely_fits(
            self.devices(way, size)
        )

    def _may_hold(self, size: int, way: _Way) -> bool:
        counts = collections.Counter(way)
        rooms = [
            group.free_bytes + size * counts.pop(group, 0)
            for group in self._case.domains
        ]
        return self._case.may_hold(
            [*rooms, *(size * count for count in counts.values())]
        )

    def devices(
        self, way: _Way, size: int
    ) -> Sequence[model.DeviceCapacity]:
        """Make the devices that are added."""
        return [
            newcomers.apart(
                self._rooms(),
                self._case.request.spread,
                domain,
                f'new-{index}',
                size,
            )
            if isinstance(domain, int)
            else newcomers.beside(domain, f'new-{index}', size)
            for index, domain in enumerate(way)
        ]

    def _rooms(self) -> Iterator[Room]:
        for group in self._case.domains:
            yield from group.rooms()

    def there(self) -> tuple[str, ...]:
        """Name the domains that the new ones have to differ from."""
        names = {
            _domain(room.capacity, label)
            for label in self.labels
            for room in self._rooms()
        }
        return tuple(sorted(names, key=_natural))


def _largest_brick(division: Division) -> int:
    return max(division.brick_bytes, division.arbiter_bytes)


def _natural(name: str) -> tuple[int, str]:
    return len(name), name


def _name(group: Group, labels: Sequence[str]) -> str:
    there = next(group.rooms()).capacity
    return '/'.join(_domain(there, label) for label in labels)


def _domain(capacity: model.DeviceCapacity, label: str) -> str:
    if label == spread.NODE:
        return capacity.node.manage_host
    return f'{label} {value_of(capacity, label) or "(none)"}'
