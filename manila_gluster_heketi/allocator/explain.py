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

"""Why nothing was placed, and what would help."""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import changes as changing
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.remedies import remedies
from manila_gluster_heketi.allocator.wording import gib
from manila_gluster_heketi.allocator.wording import gib_needed
from manila_gluster_heketi.allocator.wording import listing

FindChanges = Callable[[], tuple[changing.Change, ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """What one constraint removed.

    :ivar constraint: its stable name, for programs
    :ivar devices: how many devices it removed
    :ivar where: the nodes' manage hosts, or the zones
    :ivar reason: for people
    """

    constraint: str
    devices: int
    where: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        where = f' ({listing(self.where)})' if self.where else ''
        count = f'{self.devices} refused, ' if self.devices else ''
        return f'{count}{self.reason}{where}'


def _no_changes() -> tuple[changing.Change, ...]:
    return ()


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a request does not fit into a cluster.

    :ivar devices: how many devices the cluster has
    :ivar refusals: what each constraint removed, in order of their checks
    :ivar largest_bytes: the largest size that fits
    :ivar advice: what to do where no change is known to help
    :ivar find_changes: finds those that are; it is asked once, and only if
        somebody wants to know, since trying them out takes its time
    """

    cluster: str
    devices: int
    refusals: tuple[Refusal, ...]
    largest_bytes: int
    advice: str = 'ask for less'
    find_changes: FindChanges = dataclasses.field(
        default=_no_changes, repr=False, compare=False
    )

    @functools.cached_property
    def changes(self) -> tuple[changing.Change, ...]:
        """What would help: each alone is enough, the first is cheapest."""
        return self.find_changes()

    @property
    def remedy(self) -> str:
        """What would help, for people."""
        return ', or '.join(map(str, self.changes)) or self.advice

    @property
    def largest_gib(self) -> int:
        """The largest size that fits, in whole GiB."""
        return self.largest_bytes // sizes.GIB

    def __str__(self) -> str:
        parts = [f'cluster {self.cluster} has {self.devices} devices']
        parts += [str(refusal) for refusal in self.refusals]
        parts.append(f'the largest that fits is {gib(self.largest_bytes)}')
        parts.append(self.remedy)
        return '; '.join(parts)

    def __getstate__(self) -> dict[str, Any]:
        # What is to be found is not for other processes; what was found is.
        return {
            **self.__dict__,
            'changes': self.changes,
            'find_changes': _no_changes,
        }

    def lines(self) -> Iterator[str]:
        """Yield the text for people that have a screen to read it on."""
        yield f'cluster {self.cluster} has {self.devices} devices:'
        for refusal in self.refusals:
            yield f'  {refusal}'
        yield f'the largest that fits is {gib(self.largest_bytes)}'
        if not self.changes:
            yield self.advice
            return
        yield 'one of these is enough:'
        for change in self.changes:
            yield f'  {change}'

    def as_data(self) -> dict[str, Any]:
        """Make it of what JSON has."""
        return {
            'cluster': self.cluster,
            'devices': self.devices,
            'refusals': [dataclasses.asdict(each) for each in self.refusals],
            'largest_bytes': self.largest_bytes,
            'advice': self.remedy,
            'changes': [changing.as_data(each) for each in self.changes],
        }


@dataclasses.dataclass(frozen=True, slots=True)
class _Shortage:
    """A request divided into equal bricks that do not all fit.

    :ivar label: what the domains are: 'node', 'zone' or a tag
    :ivar groups: domains with devices for data
    :ivar domains: how many there are, for arbiters too
    :ivar bricks: of a set, each in a domain of its own
    """

    label: str
    groups: Sequence[Group]
    domains: int
    copies: int
    bricks: int
    division: requests.Division

    @property
    def missing(self) -> int:
        """Places for bricks with data that are not there."""
        sets = self.division.sets
        places = counting.count_places(
            self.groups, self.division.brick_bytes, sets
        )
        return sets * self.copies - places

    def crowded(self) -> list[Refusal]:
        """Say which devices have room that no set can use."""
        beyond = {}
        for group in self._full():
            roomy = sum(
                room.free_bytes >= self.division.brick_bytes
                for room in group.rooms()
            )
            if roomy > self.division.sets:
                beyond[group.name] = roomy - self.division.sets
        reason = (
            f'the {self.bricks} bricks of a set must be in different '
            f'{self.label}s'
        )
        if self.domains < self.bricks:
            reason += f', and there are {self.domains} alone'
        elif not beyond:
            return []
        name = f'different-{self.label}s'
        return [Refusal(name, sum(beyond.values()), tuple(beyond), reason)]

    def _full(self) -> list[Group]:
        """The domains that each set uses: more room there is of no use."""
        brick_bytes, sets = self.division.brick_bytes, self.division.sets
        full = [
            group
            for group in self.groups
            if group.places(brick_bytes, sets) == sets
        ]
        return sorted(full, key=lambda group: (len(group.name), group.name))


def wanted(size_bytes: int, request: requests.Request) -> str:
    """Name what was asked for."""
    tags = f', tags {request.tags}' if request.tags else ''
    return (
        f'{gib(size_bytes)} ({request.durability}, '
        f'spread {request.spread}{tags})'
    )


def choice(room: Room, size_bytes: int) -> str:
    """Say how full a device is, and would be with one more brick."""
    after = room.use + size_bytes / room.total_bytes
    return f'{room}: {room.use:.1%} taken, {after:.1%} with this brick'


def explain(
    inventory: Inventory,
    request: requests.Request,
) -> Explanation:
    """Say why a request was refused.

    Of the divisions into sets that the limits allow, the one is explained
    that lacks the fewest places: a few disks to buy are easier to name than
    many slivers of room.

    What would help is found later, from the cluster as it is now.
    """
    snapshot = inventory.snapshot()
    ground = inventory.ground(request)
    return Explanation(
        cluster=snapshot.cluster.name or snapshot.cluster.id,
        devices=len(snapshot.devices),
        refusals=tuple(_refusals(snapshot.devices, ground, request)),
        largest_bytes=capacity.largest_data_bytes(ground, request),
        find_changes=lambda: remedies(snapshot, request),
    )


def _refusals(
    candidates: filters.Candidates,
    ground: search.Ground,
    request: requests.Request,
) -> Iterator[Refusal]:
    """Yield what each constraint removes of what the last one left."""
    for constraint in filters.filters_for(request):
        yield from refused(constraint, candidates)
        candidates = constraint.keep(candidates)
    shortage = _nearest(ground, request)
    if shortage is None:
        yield _limit(request)
        return
    size = shortage.division.brick_bytes
    for each in refused(filters.Room(size), candidates):
        reason = f'{each.reason} for a brick of {gib_needed(size)}'
        yield dataclasses.replace(each, reason=reason)
    yield from shortage.crowded()
    if shortage.missing <= 0:
        yield _not_together(request, shortage.division)


def _nearest(
    ground: search.Ground, request: requests.Request
) -> _Shortage | None:
    """Return the division that lacks fewest places, then the smallest."""
    label = capacity.strict_labels(request)[0]
    groups = ground.estate.groups(label)
    domains = len(ground.either.groups(label))
    bricks = request.durability.bricks_per_set
    return min(
        (
            _Shortage(
                label, groups, domains, request.copies, bricks, division
            )
            for division in request.divisions(ground.estate.extent_bytes)
        ),
        key=lambda each: (each.missing, each.division.brick_bytes),
        default=None,
    )


def _not_together(
    request: requests.Request, division: requests.Division
) -> Refusal:
    """Say what is the matter where there are places enough."""
    apart = ' and '.join(capacity.strict_labels(request))
    reason = f'the devices with room are not apart in {apart}'
    if division.arbiter_bytes:
        size = gib(division.arbiter_bytes)
        reason = (
            'beside the bricks with data no other has room for an arbiter '
            f'of {size}, apart in {apart}'
        )
    return Refusal('together', 0, (), reason)


def refused(
    constraint: filters.Filter, candidates: filters.Candidates
) -> list[Refusal]:
    """Say what a filter removes; nothing if that is nothing."""
    kept = {c.device.id for c in constraint.keep(candidates)}
    removed = [c for c in candidates if c.device.id not in kept]
    if not removed:
        return []
    hosts = tuple(sorted({c.node.manage_host for c in removed}))
    return [Refusal(constraint.name, len(removed), hosts, constraint.why)]


def _limit(request: requests.Request) -> Refusal:
    limits = request.limits
    reason = (
        f'a volume has at most {limits.volume_bricks} bricks of at most '
        f'{gib(limits.brick_max_bytes)}, this one has '
        f'{request.bricks_before} before'
    )
    return Refusal('limits', 0, (), reason)
