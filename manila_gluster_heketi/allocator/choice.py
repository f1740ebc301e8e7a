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

"""Which devices the next set takes: the sets that there can be, best first.

Where domains nest, the best of them in turn make the best set. Where tiers
cross, what is best for one may spoil another; so may an arbiter beside data.
So a set is made as if only one tier had to be kept. If a device of it clashes
with another in the rest, there are two ways on: sets that have this device
for sure, so that nothing else may clash with it, and sets without it. Of all
ways that are open the one that promises most is followed (branch and bound).
So the first set found is the one with the least sum of ranks, among those
that have as little in common, beyond that, as one after the other can have.
"""

import dataclasses
import heapq
import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator.group import Value
from manila_gluster_heketi.allocator.scoring import Option

# Ways that are looked down in search of the very best. After that what is
# nearest to a whole set goes first.
_MOST_FOR_BEST = 200

_Cost = tuple[tuple[int, ...], int, tuple[float, ...]]


class Lane:
    """Options that have the same in common with others, best first.

    :ivar wishes: what bricks of a set should rather not have in common
    :ivar weight: options of less go before those of more
    """

    def __init__(
        self, wishes: Value, weight: int, options: Iterable[Option]
    ) -> None:
        self.wishes = wishes
        self.weight = weight
        self._coming = iter(options)
        self._known: list[Option] = []

    def first(
        self, place: int, suits: Callable[[Option], bool]
    ) -> tuple[int, Option | None]:
        """Find the first that suits from a place on; tell its place too."""
        while True:
            while place >= len(self._known):
                option = next(self._coming, None)
                if option is None:
                    return place, None
                self._known.append(option)
            if suits(self._known[place]):
                return place, self._known[place]
            place += 1

    def all(self) -> Sequence[Option]:
        """Return all options."""
        self._known.extend(self._coming)
        return self._known


class Patience:
    """How many ways may be looked down before it is given up."""

    def __init__(self, ways: int) -> None:
        self._left = ways

    def lasts(self) -> bool:
        """Take one more; False if that is too many."""
        self._left -= 1
        return self._left >= 0


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """What a set has to be.

    :ivar copies: its bricks with data
    :ivar tier: place in groups' values of the label that is kept throughout
    :ivar needed: bricks that have to be in indispensable domains
    :ivar indispensable: the values of these
    """

    copies: int
    tier: int = 0
    needed: int = 0
    indispensable: frozenset[str] = frozenset()


class _Pick(NamedTuple):
    """An option, with what is said of its lane."""

    weight: int
    option: Option
    wishes: Value

    @property
    def value(self) -> Value:
        """What is said of its group."""
        return self.option.group.value


@dataclasses.dataclass(frozen=True, slots=True)
class _Way:
    """Sets that have some options for sure, and others for sure not.

    :ivar picks: the best of them, if only one tier is kept; certain ones
        first, the arbiter last
    :ivar certain: how many of the picks are certain
    :ivar clash: a pick that is not apart from another; None if this is a set
    """

    picks: tuple[_Pick, ...]
    certain: int
    without: frozenset[Option]
    cost: _Cost
    clash: _Pick | None


class Choice:
    """The sets that there can be.

    :param arbiters: options for an arbiter; None if there is to be none
    """

    def __init__(
        self,
        terms: Terms,
        lanes: Sequence[Lane],
        arbiters: Sequence[Lane] | None,
        patience: Patience,
    ) -> None:
        self._terms = terms
        self._lanes = lanes
        self._arbiters = arbiters
        self._patience = patience
        self._looked = 0
        self._open: list[tuple[tuple[object, ...], int, _Way]] = []

    def sets(self) -> Iterator[Sequence[Option]]:
        """Yield sets, best first, as long as patience lasts."""
        self._look((), frozenset())
        while self._open:
            way = heapq.heappop(self._open)[-1]
            if way.clash is not None:
                certain = way.picks[: way.certain]
                self._look((*certain, way.clash), way.without)
                self._look(certain, way.without | {way.clash.option})
                continue
            yield [pick.option for pick in way.picks]
            for index in range(way.certain, len(way.picks)):
                without = way.without | {way.picks[index].option}
                self._look(way.picks[:index], without)

    def _look(
        self, certain: tuple[_Pick, ...], without: frozenset[Option]
    ) -> None:
        """Open a way, unless there is no set on it."""
        if not self._patience.lasts():
            return
        picks = _Completion(self._terms, certain, without).picks(
            self._lanes, self._arbiters
        )
        if picks is None:
            return
        way = _Way(
            picks=picks,
            certain=len(certain),
            without=without,
            cost=_cost(picks, self._terms.copies),
            clash=_clash(picks, len(certain)),
        )
        self._looked += 1
        if self._looked == _MOST_FOR_BEST:
            self._give_up_the_best()
        heapq.heappush(self._open, (self._key(way), self._looked, way))

    def _give_up_the_best(self) -> None:
        """Be content with any set from now on, if there is one at all."""
        values = [o.group.value for lane in self._lanes for o in lane.all()]
        if not counting.may_be_apart(values, self._terms.copies):
            self._patience = Patience(0)
        self._open = [(self._key(w), n, w) for _, n, w in self._open]
        heapq.heapify(self._open)

    def _key(self, way: _Way) -> tuple[object, ...]:
        """Say what goes first, the lowest."""
        if self._looked < _MOST_FOR_BEST:
            return way.cost, -way.certain
        if way.clash is None:
            return 0, 0, way.cost
        return 1, -way.certain, way.cost


class _Completion:
    """Makes the best of what is certain if only one tier is kept."""

    def __init__(
        self,
        terms: Terms,
        certain: Sequence[_Pick],
        without: frozenset[Option],
    ) -> None:
        self._terms = terms
        self._picks = list(certain)
        self._without = without
        # Values of each label that nothing else may have.
        self._used = [set(values) for values in _columns(certain)]
        self._taken = {pick.value[terms.tier] for pick in certain}

    def picks(
        self, lanes: Sequence[Lane], arbiters: Sequence[Lane] | None
    ) -> tuple[_Pick, ...] | None:
        """Return all picks; None if there are not enough options."""
        terms = self._terms
        missing = terms.needed - len(self._taken & terms.indispensable)
        more = terms.copies - len(self._picks) - max(0, missing)
        if (
            more >= 0
            and self._pick(lanes, missing, self._is_indispensable)
            and self._pick(lanes, more, self._is_apart)
            and (arbiters is None or self._pick(arbiters, 1, self._is_open))
        ):
            return tuple(self._picks)
        return None

    def _pick(
        self,
        lanes: Sequence[Lane],
        count: int,
        suits: Callable[[Option], bool],
    ) -> bool:
        """Pick so many more options; False if there are not enough."""
        places = [0] * len(lanes)
        for _ in range(count):
            pick = self._best(lanes, places, suits)
            if pick is None:
                return False
            self._picks.append(pick)
            self._taken.add(pick.value[self._terms.tier])
        return True

    def _best(
        self,
        lanes: Sequence[Lane],
        places: list[int],
        suits: Callable[[Option], bool],
    ) -> _Pick | None:
        """Return the best option: of those least in common, the lightest."""
        best = None
        for index, lane in enumerate(lanes):
            places[index], option = lane.first(places[index], suits)
            if option is not None:
                shared = _shared(lane.wishes, self._picks)
                pick = shared, _Pick(lane.weight, option, lane.wishes)
                if best is None or pick < best:
                    best = pick
        return best[1] if best else None

    def _is_indispensable(self, option: Option) -> bool:
        value = option.group.value[self._terms.tier]
        return value in self._terms.indispensable and self._is_apart(option)

    def _is_apart(self, option: Option) -> bool:
        """Tell whether an option keeps the tier, beside what is picked."""
        value = option.group.value[self._terms.tier]
        return value not in self._taken and self._is_open(option)

    def _is_open(self, option: Option) -> bool:
        """Tell whether a way has an option besides what is certain."""
        return option not in self._without and not any(
            value in used
            for value, used in zip(
                option.group.value, self._used, strict=False
            )
        )


def _clash(picks: Sequence[_Pick], certain: int) -> _Pick | None:
    """Return a pick that is not certain and not apart from all others."""
    columns = list(_columns(picks))
    if all(len(set(values)) == len(values) for values in columns):
        return None
    for pick in picks[certain:]:
        for value, values in zip(pick.value, columns, strict=True):
            if values.count(value) > 1:
                return pick
    return None


def _columns(picks: Sequence[_Pick]) -> Iterator[tuple[str, ...]]:
    """Yield the values of all groups, label by label."""
    return zip(*(pick.value for pick in picks), strict=True)


def _shared(wishes: Value, picks: Sequence[_Pick]) -> tuple[int, ...]:
    """Count those that have the same in common, wish by wish."""
    return tuple(
        sum(pick.wishes[index] == wish for pick in picks)
        for index, wish in enumerate(wishes)
    )


def _cost(picks: Sequence[_Pick], copies: int) -> _Cost:
    """Say how good a set is; the lowest is best."""
    pairs = [
        _shared(pick.wishes, picks[:index]) for index, pick in enumerate(picks)
    ]
    ranks = zip(*(pick.option.rank for pick in picks), strict=True)
    return (
        tuple(map(sum, zip(*pairs, strict=True))),
        sum(pick.weight for pick in picks[:copies]),
        tuple(map(math.fsum, ranks)),
    )
