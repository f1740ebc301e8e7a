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
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import domains
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import request as requests

_SHOWN = 5


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
        where = f' ({_listing(self.where)})' if self.where else ''
        return f'{self.devices} refused, {self.reason}{where}'


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request does not fit into a cluster.

    :ivar devices: how many devices the cluster has
    :ivar refusals: what each constraint removed, in order of their checks
    :ivar largest_bytes: the largest size that fits
    :ivar advice: what to add
    """

    cluster: str
    devices: int
    refusals: tuple[Refusal, ...]
    largest_bytes: int
    advice: str

    @property
    def largest_gib(self) -> int:
        """The largest size that fits, in whole GiB."""
        return self.largest_bytes // sizes.GIB

    def __str__(self) -> str:
        parts = [f'cluster {self.cluster} has {self.devices} devices']
        parts += [str(refusal) for refusal in self.refusals]
        parts.append(f'the largest that fits is {gib(self.largest_bytes)}')
        parts.append(self.advice)
        return '; '.join(parts)


@dataclasses.dataclass(frozen=True, slots=True)
class _Division:
    """A request divided into equal bricks that do not all fit.

    :ivar missing: places for bricks that are not there
    """

    over: Sequence[domains.Domain]
    kind: str
    copies: int
    sets: int
    brick_bytes: int

    @property
    def missing(self) -> int:
        """Places for bricks that are not there."""
        places = domains.count_places(self.over, self.brick_bytes, self.sets)
        return self.sets * self.copies - places

    @property
    def full(self) -> list[domains.Domain]:
        """The domains that each set uses: more room there is of no use."""
        full = [
            domain
            for domain in self.over
            if domain.places(self.brick_bytes, self.sets) == self.sets
        ]
        return sorted(full, key=lambda domain: (len(domain.name), domain.name))

    def crowded(self) -> list[Refusal]:
        """Say which devices have room that no set can use."""
        beyond = {}
        for domain in self.full:
            roomy = sum(room >= self.brick_bytes for room in domain.rooms())
            if roomy > self.sets:
                beyond[domain.name] = roomy - self.sets
        if not beyond:
            return []
        reason = f'the bricks of a set must be in different {self.kind}s'
        devices = sum(beyond.values())
        name = f'different-{self.kind}s'
        return [Refusal(name, devices, tuple(beyond), reason)]

    def advice(self) -> str:
        """Say what would make it fit."""
        bricks = '1 brick' if self.missing == 1 else f'{self.missing} bricks'
        # Rounded up: a hundredth less would again be too little.
        room = gib(self.brick_bytes + sizes.GIB // 100)
        full = self.full
        others = self.copies - len(full)
        where = f'a {self.kind}'
        if others > 1:
            where = f'{others} different {self.kind}s'
        if full:
            where += f' other than {_listing([d.name for d in full])}'
        return f'add room for {bricks} of {room} in {where}'


def gib(size_bytes: int) -> str:
    """Show a size to people; rounded down, so that it can be asked for."""
    return f'{size_bytes * 100 // sizes.GIB / 100:.2f} GiB'


def wanted(size_bytes: int, request: requests.Request) -> str:
    """Name what was asked for."""
    return (
        f'{gib(size_bytes)} ({request.durability}, '
        f'zone spread {request.spread})'
    )


def explain(
    snapshot: model.Snapshot, request: requests.Request
) -> Explanation:
    """Say why a request was refused.

    Of the divisions into sets that the limits allow, the one is explained
    that lacks the fewest places: a few disks to buy are easier to name than
    many slivers of room.
    """
    candidates: filters.Candidates = snapshot.devices
    refusals = []
    for constraint in filters.filters_for(request):
        refusals += _refused(constraint, candidates)
        candidates = constraint.keep(candidates)
    estate = domains.Estate(candidates)
    division = _nearest(estate, request)
    if division is None:
        refusals.append(_limit(request))
        advice = 'ask for less, or raise the limits on bricks'
    else:
        room = filters.Room(division.brick_bytes)
        refusals += _refused(room, candidates)
        refusals += division.crowded()
        advice = division.advice()
    if len(candidates) < len(snapshot.devices):
        advice += ', or bring back what was refused before its room was seen'
    return Explanation(
        cluster=snapshot.cluster.name or snapshot.cluster.id,
        devices=len(snapshot.devices),
        refusals=tuple(refusals),
        largest_bytes=capacity.largest_data_bytes(estate, request),
        advice=advice,
    )


def _nearest(
    estate: domains.Estate, request: requests.Request
) -> _Division | None:
    """Return the division that lacks fewest places, then the smallest."""
    zones = request.spread is model.ZoneSpread.STRICT
    over = estate.domains(zones=zones)
    kind = 'zone' if zones else 'node'
    return min(
        (
            _Division(over, kind, request.copies, sets, brick)
            for sets, brick in request.divisions(estate.extent_bytes)
        ),
        key=lambda division: (division.missing, division.brick_bytes),
        default=None,
    )


def _listing(names: Sequence[str]) -> str:
    shown = ', '.join(names[:_SHOWN])
    left = len(names) - _SHOWN
    return f'{shown} and {left} more' if left > 0 else shown


def _refused(
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
