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

"""Finds the places for brick sets.

:mod:`.counting` tells whether equal sets fit at all; each choice then goes by
score alone, except that a domain without which the remaining sets would not
fit has to be used. So hardly anything is tried twice. Only where the bricks
of a set differ in size, or must be apart in ways that do not nest, may a
choice turn out wrong; then the next best is tried, a bounded number of times.
"""

import dataclasses
import sys
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import tags
from manila_gluster_heketi.allocator import choice
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import few
from manila_gluster_heketi.allocator import unequal
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.estate import Trial
from manila_gluster_heketi.allocator.estate import trial_on
from manila_gluster_heketi.allocator.group import Room
from manila_gluster_heketi.allocator.partition import Partition
from manila_gluster_heketi.allocator.request import Division
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.scoring import Scoring

# Sets that are tried in vain, and ways to sets that are looked down, before
# equal sets of some size are given up.
_MOST_TRIES = 300
_MOST_WAYS = 1000

Brick = tuple[Room, int]
BrickSets = list[list[Brick]]


@dataclasses.dataclass(frozen=True, slots=True)
class Ground:
    """Where sets are to be placed.

    :ivar estate: devices that take bricks of data
    :ivar arbiters: devices that take arbiter bricks
    :ivar either: both of them
    :ivar scoring: makes an opinion for a size of bricks
    """

    estate: Estate
    arbiters: Estate
    either: Estate
    scoring: type[Scoring]
    seed: int = 0


def find(ground: Ground, request: Request) -> BrickSets:
    """Find places for all sets of a request.

    What keeps bricks further apart goes before fewer sets, and equal sets go
    before unequal ones.

    :returns: bricks of each set, data before the arbiter; empty if there is
        no room
    """
    for labels, wished in request.label_sets():
        domains = Domains(ground, labels, wished)
        if domains.may_hold(request):
            found = domains.equal_sets(request) or domains.unequal_sets(
                request
            )
            if found:
                return found
    return []


class Domains:
    """Groups of devices that a set may use one of each.

    :param labels: what the devices of a set must not have in common
    :param wished: what they should rather not have in common
    :ivar labels: those of them that no other implies
    :ivar groups: by all of these labels
    :ivar tiers: groups by each of them
    """

    def __init__(
        self,
        ground: Ground,
        labels: Sequence[str],
        wished: Sequence[str] = (),
    ) -> None:
        self._ground = ground
        either = ground.either
        self.labels = tuple(
            label
            for index, label in enumerate(labels)
            if not any(
                either.implies(other, label)
                and not (place > index and either.implies(label, other))
                for place, other in enumerate(labels)
                if other != label
            )
        )
        self._wished = tuple(
            wish
            for wish in wished
            if not any(either.implies(label, wish) for label in self.labels)
        )
        self.groups = ground.estate.groups(*self.labels, beside=self._wished)
        self.tiers: Sequence[Partition] = [self.groups]
        if not self.nest:
            self.tiers = [ground.estate.groups(label) for label in self.labels]

    @property
    def nest(self) -> bool:
        """Whether different groups are apart in every way."""
        return len(self.labels) == 1

    def may_hold(self, request: Request) -> bool:
        """Tell whether one set at least may be possible."""
        least = request.least_brick_bytes(self._ground.estate.extent_bytes)
        return self._ground.either.may_be_apart(
            self.labels, request.durability.bricks_per_set
        ) and self.may_fit(1, least, request.copies)

    def equal_sets(self, request: Request) -> BrickSets:
        """Find places for equal sets; empty if there are not enough."""
        estate = self._ground.estate
        for division in request.divisions(
            estate.extent_bytes, estate.device_bytes
        ):
            with trial_on(estate, self._ground.arbiters) as trial:
                filling = _Filling(
                    self, self._ground, division, request, trial
                )
                found = filling.sets()
            if found:
                return found
        return []

    def unequal_sets(self, request: Request) -> BrickSets:
        """Find sets that differ in size; empty if that is of no use."""
        if not self.nest or request.durability.has_arbiter:
            return []
        extent_bytes = self._ground.estate.extent_bytes
        return unequal.unequal_sets(
            self.groups, request, extent_bytes
        ) or few.few_sets(self.groups, request, extent_bytes)

    def may_fit(self, sets: int, brick_bytes: int, copies: int) -> bool:
        """Count places; where domains nest this is all there is to it."""
        return all(
            counting.may_fit(tier, brick_bytes, sets, copies)
            for tier in self.tiers
        )

    def arbiters(self) -> Partition:
        """Return groups for the arbiter's device, in lanes by role too."""
        return self._ground.arbiters.groups(
            *self.labels, beside=(tags.ARBITER, *self._wished)
        )


class _Filling:
    """Puts equal sets into an estate, best places first."""

    def __init__(
        self,
        domains: Domains,
        ground: Ground,
        division: Division,
        request: Request,
        trial: Trial,
    ) -> None:
        self._domains = domains
        self._ground = ground
        self._division = division
        self._copies = request.copies
        self._trial = trial
        self._tries = _MOST_TRIES
        self._patience = choice.Patience(_MOST_WAYS)

    def sets(self) -> BrickSets:
        """Fill all sets; empty if that was not possible."""
        found: BrickSets = []
        return found if self._fill(self._division.sets, found) else []

    def _fill(self, remaining: int, found: BrickSets) -> bool:
        """Fill the remaining sets after those that were found."""
        if not remaining:
            return True
        for bricks in self._candidates(remaining):
            depth = self._trial.depth
            for room, size_bytes in bricks:
                self._trial.take(room, size_bytes)
            found.append(bricks)
            if self._fill(remaining - 1, found):
                return True
            found.pop()
            self._trial.back_to(depth)
            self._tries -= 1
            if self._tries <= 0:
                return False
        return False

    def _candidates(self, remaining: int) -> Iterator[list[Brick]]:
        """Yield sets to put next, best first."""
        brick_bytes = self._division.brick_bytes
        if not self._domains.may_fit(remaining, brick_bytes, self._copies):
            return
        sizes = [brick_bytes] * self._copies
        arbiters = None
        if self._division.arbiter_bytes:
            sizes.append(self._division.arbiter_bytes)
            arbiters = list(self._arbiters())
        sought = choice.Choice(
            self._terms(remaining),
            list(self._lanes()),
            arbiters,
            self._patience,
        )
        for options in sought.sets():
            rooms = (option.room for option in options)
            yield list(zip(rooms, sizes, strict=True))

    def _terms(self, remaining: int) -> choice.Terms:
        """Say what the next of so many sets has to be."""
        tiers = self._domains.tiers
        # With few domains there is most to lose.
        tier = min(range(len(tiers)), key=lambda index: len(tiers[index]))
        needed, groups = counting.indispensable(
            tiers[tier], self._division.brick_bytes, remaining, self._copies
        )
        values = frozenset(group.value[0] for group in groups)
        return choice.Terms(self._copies, tier, needed, values)

    def _lanes(self) -> Iterator[choice.Lane]:
        """Yield devices for data; those of domains that are due are light."""
        groups = self._domains.groups
        scoring = self._score(groups, self._division.brick_bytes)
        due = scoring.due()
        first = [option for group in due if (option := scoring.best(group))]
        for lane in groups.lanes:
            its = [o for o in first if groups.lane_of(o.room) == lane]
            if its:
                yield choice.Lane(lane, 0, sorted(its))
            rest = (o for o in scoring.ranked(lane) if o.group not in due)
            yield choice.Lane(lane, 1, rest)

    def _arbiters(self) -> Iterator[choice.Lane]:
        """Yield devices for the arbiter; those without other use are light."""
        groups = self._domains.arbiters()
        scoring = self._score(groups, self._division.arbiter_bytes)
        data_bytes = self._division.brick_bytes
        for lane in groups.lanes:
            role, *wishes = lane
            uses = {1: range(data_bytes), 2: range(data_bytes, sys.maxsize)}
            if role == tags.ArbiterUse.REQUIRED:
                uses = {0: range(sys.maxsize)}
            for weight, free in uses.items():
                options = scoring.ranked(lane, free)
                yield choice.Lane(tuple(wishes), weight, options)

    def _score(self, groups: Partition, size_bytes: int) -> Scoring:
        return self._ground.scoring(
            groups, self._copies, size_bytes, self._ground.seed
        )
