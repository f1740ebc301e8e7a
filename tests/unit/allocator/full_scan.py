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

"""The search for sets without an index or a bound: everything is looked at.

What :mod:`manila_gluster_heketi.allocator.search` finds is compared with it.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import few
from manila_gluster_heketi.allocator import scoring
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import unequal
from manila_gluster_heketi.allocator.estate import trial_on
from manila_gluster_heketi.allocator.group import Group
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.group import Value
from manila_gluster_heketi.allocator.group import values_of
from manila_gluster_heketi.allocator.request import Division
from manila_gluster_heketi.allocator.request import Request

#: What a set costs; the lowest is best.
Cost = tuple[tuple[int, ...], int, tuple[float, ...]]
Sets = list[list[tuple[Room, int]]]


@dataclasses.dataclass(frozen=True)
class Candidate:
    """The best device of a domain, among those that share the same."""

    rank: scoring.Rank
    order: int
    room: Room
    group: Group
    wishes: Value
    is_due: bool


class Scan:
    """Sets that must differ in some labels, and should in others."""

    def __init__(
        self,
        ground: search.Ground,
        request: Request,
        labels: Sequence[str],
        wished: Sequence[str] = (),
    ) -> None:
        domains = search.Domains(ground, labels, wished)
        self.labels = domains.labels
        self._estate = ground.estate
        self._groups = list(domains.groups)
        self._copies = request.copies
        self._wished = wished

    def fill(self, division: Division) -> Sets:
        """Take the best set again and again; empty if there is none."""
        found: Sets = []
        with trial_on(self._estate) as trial:
            for remaining in range(division.sets, 0, -1):
                best = self.best(division, remaining)
                if best is None:
                    return []
                found.append(
                    [(each.room, division.brick_bytes) for each in best]
                )
                for room, size in found[-1]:
                    trial.take(room, size)
        return found

    def best(
        self, division: Division, remaining: int
    ) -> Sequence[Candidate] | None:
        """Return the first of the best sets, for the next of so many."""
        sets = list(self.sets(division, remaining))
        return min(sets, key=cost) if sets else None

    def sets(
        self, division: Division, remaining: int
    ) -> Iterator[Sequence[Candidate]]:
        """Yield all sets that may be the next of so many."""
        size = division.brick_bytes
        places = {g: _places(g, size, remaining) for g in self._groups}
        surplus = sum(places.values()) - remaining * self._copies
        full = {g for g in self._groups if places[g] == remaining}
        if surplus < 0:
            return
        candidates = sorted(
            self._candidates(size), key=lambda each: (each.rank, each.order)
        )
        for chosen in itertools.combinations(candidates, self._copies):
            passed = full.difference(each.group for each in chosen)
            if are_apart(chosen) and len(passed) <= surplus:
                yield chosen

    def _candidates(self, size: int) -> Iterator[Candidate]:
        groups, copies = self._groups, self._copies
        levels = scoring.fair_levels(groups, copies, copies * size)
        bound = counting.fluid_bound((g.free_bytes for g in groups), copies)
        for group, level in zip(groups, levels, strict=True):
            due = len(groups) > copies and group.free_bytes >= bound > 0
            best: dict[Value, Candidate] = {}
            for room in group.rooms():
                if room.free_bytes < size:
                    continue
                part = size / room.total_bytes
                change = scoring.change_of_square(room.use - level, part)
                wishes = values_of(room.capacity, self._wished)
                rank = change, group.use
                candidate = Candidate(
                    rank, room.order, room, group, wishes, due
                )
                # One that is due gives its best device, whatever it shares.
                lane = () if due else wishes
                if lane not in best or _rank(candidate) < _rank(best[lane]):
                    best[lane] = candidate
            yield from best.values()


def find(ground: search.Ground, request: Request) -> Sets:
    """Find places for all sets, none of them with an arbiter."""
    estate = ground.estate
    for labels, wished in request.label_sets():
        scan = Scan(ground, request, labels, wished)
        for division in request.divisions(
            estate.extent_bytes, estate.device_bytes
        ):
            found = scan.fill(division)
            if found:
                return found
        if len(scan.labels) > 1:
            continue
        groups = estate.groups(*scan.labels)
        for find_unequal in (unequal.unequal_sets, few.few_sets):
            found = find_unequal(groups, request, estate.extent_bytes)
            if found:
                return found
    return []


def cost(chosen: Sequence[Candidate]) -> Cost:
    """Say what a set costs: what it shares, what it passes over, its ranks."""
    pairs = list(itertools.combinations(chosen, 2))
    shared = tuple(
        sum(one.wishes[index] == other.wishes[index] for one, other in pairs)
        for index in range(len(chosen[0].wishes))
    )
    ranks = zip(*(each.rank for each in chosen), strict=True)
    return (
        shared,
        sum(not each.is_due for each in chosen),
        tuple(map(math.fsum, ranks)),
    )


def are_apart(chosen: Sequence[Candidate]) -> bool:
    """Tell whether no two have a value of their domains in common."""
    columns = zip(*(each.group.value for each in chosen), strict=True)
    return all(len(set(column)) == len(chosen) for column in columns)


def _places(group: Group, size: int, most: int) -> int:
    return min(most, sum(room.free_bytes // size for room in group.rooms()))


def _rank(candidate: Candidate) -> tuple[scoring.Rank, int]:
    return candidate.rank, candidate.order
