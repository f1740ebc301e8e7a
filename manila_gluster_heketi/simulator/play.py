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

"""Plays a scenario and measures the cluster after each round."""

import dataclasses
import math
import statistics
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

from manila_gluster_heketi import spread
from manila_gluster_heketi import strategies
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.terrain import Terrain
from manila_gluster_heketi.simulator import chance
from manila_gluster_heketi.simulator import scenario as scenarios
from manila_gluster_heketi.simulator.world import Share
from manila_gluster_heketi.simulator.world import World

Clock = Callable[[], float]

#: How far above its fair level a device may be and still count as level.
_LEVEL = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """A cluster after a round; parts are from 0 to 1.

    :ivar fill: stored once, of what could be stored at most
    :ivar false_refusals: of the refusals, those of what would have fitted
    :ivar rms: root mean square distance of devices from their fair level
    :ivar deviation: standard deviation of how full devices are
    :ivar to_move: part of what is stored that lies more than 5 points above
        the fair level of its device: the least to move for a level cluster
    :ivar on_new: what the round put on devices that were added, as a
        multiple of their part of all room; 0 if none were
    :ivar sharing: part of the sets that have two bricks in a zone
    :ivar copysets: different groups of devices that hold sets
    :ivar replaced: part of the lost bricks that had a new place
    :ivar p50_ms: milliseconds of half of the round's placements
    """

    strategy: str
    seed: int
    round: int
    verb: str
    shares: int
    fill: float
    refusals: int
    false_refusals: int
    rms: float
    deviation: float
    most_used: float
    to_move: float
    on_new: float
    sets_per_share: float
    sharing: float
    copysets: int
    replaced: float
    p50_ms: float
    p99_ms: float


@dataclasses.dataclass
class _Counted:
    """What is counted while a round is played."""

    refusals: int = 0
    false_refusals: int = 0
    replaced: float = 1
    times: list[float] = dataclasses.field(default_factory=list)

    def refuse(self, fits: bool) -> None:
        """Count a refusal, and whether it was one without need."""
        self.refusals += 1
        self.false_refusals += fits


def play(
    scenario: scenarios.Scenario, name: str, seed: int, clock: Clock
) -> Iterator[Figures]:
    """Play all rounds with one strategy.

    But for what the clock says, the same seed gives the same figures. With
    every strategy it gives the same hardware and the same sizes of shares.

    :param clock: seconds, to time placements by
    :raises InvalidInput: no such strategy, or no such hardware to lose
    """
    world = World(scenario, strategies.named(name), seed)
    return rounds(world, scenario.rounds, name, clock)


def rounds(
    world: World,
    verbs: Iterable[scenarios.Verb],
    name: str,
    clock: Clock,
) -> Iterator[Figures]:
    """Play rounds in a world that is there.

    :param name: what figures call the strategy
    """
    for number, verb in enumerate(verbs, 1):
        counted = _Counted()
        world.placed.clear()
        _Round(world, number, counted, clock).play(verb)
        yield Figures(
            strategy=name,
            seed=world.seed,
            round=number,
            verb=type(verb).__name__.lower(),
            shares=len(world.shares),
            fill=fill(world),
            refusals=counted.refusals,
            false_refusals=counted.false_refusals,
            replaced=counted.replaced,
            p50_ms=_quantile(counted.times, 0.5),
            p99_ms=_quantile(counted.times, 0.99),
            **_devices(world),
            **_sets(world),
        )


class _Round:
    """One round, with chance that no other round and no strategy shares."""

    def __init__(
        self, world: World, number: int, counted: _Counted, clock: Clock
    ) -> None:
        self._world = world
        self._number = number
        self._counted = counted
        self._clock = clock

    def play(self, verb: scenarios.Verb) -> None:
        """Do what it says."""
        match verb:
            case scenarios.Create():
                self._create(verb)
            case scenarios.Delete():
                for share in self._some(verb.fraction):
                    self._world.delete(share)
            case scenarios.Extend():
                for share in self._some(verb.fraction):
                    self._extend(share, verb.factor)
            case scenarios.Add():
                self._world.add(verb.hardware)
            case scenarios.Lose():
                lost, replaced = self._world.lose(verb)
                self._counted.replaced = replaced / lost if lost else 1

    def _create(self, verb: scenarios.Create) -> None:
        """Create shares until there are enough, or one is refused."""
        draws = chance.stream(self._world.seed, 'sizes', self._number)
        made = 0
        while not verb.count or made < verb.count:
            if verb.until_fill and fill(self._world) >= verb.until_fill:
                return
            size = verb.sizes.draw(draws)
            start = self._clock()
            placed = self._world.create(f'{self._number}-{made}', size)
            self._counted.times.append(self._clock() - start)
            made += 1
            if not placed:
                self._counted.refuse(self._world.fits(size))
                if not verb.count:
                    return

    def _extend(self, share: Share, factor: float) -> None:
        size = int(share.data_bytes * factor)
        more = size - share.data_bytes
        if more > 0 and not self._world.extend(share, size):
            self._counted.refuse(self._world.fits(more, share))

    def _some(self, fraction: float) -> list[Share]:
        """Choose shares by lots that depend on their names alone."""
        shares = sorted(
            self._world.shares.values(),
            key=lambda share: chance.stream(
                self._world.seed, 'lots', self._number, share.name
            ).random(),
        )
        return shares[: int(fraction * len(shares))]


def fill(world: World) -> float:
    """Say what is stored, as a part of what could be at most."""
    return world.stored_bytes / max(1, world.bound_bytes)


def _devices(world: World) -> dict[str, Any]:
    """Measure how full devices are, and how full they should be."""
    terrain = Terrain(world.snapshot(), world.request)
    rooms = [terrain.room(device_id) for device_id in terrain.levels]
    above = [(room, terrain.distance(room)) for room in rooms]
    uses = [room.use for room in rooms]
    taken = sum(room.use * room.total_bytes for room in rooms)
    to_move = sum(
        max(0, distance - _LEVEL) * room.total_bytes
        for room, distance in above
    )
    squares = sum(distance**2 for _, distance in above)
    return {
        'rms': math.sqrt(squares / max(1, len(above))),
        'deviation': statistics.pstdev(uses) if uses else 0,
        'most_used': max(uses, default=0),
        'to_move': to_move / max(1, taken),
        'on_new': _on_new(world, rooms),
    }


def _on_new(world: World, rooms: list[Room]) -> float:
    placed = sum(slot.size_bytes for slot in world.placed)
    on_new = sum(
        slot.size_bytes
        for slot in world.placed
        if slot.device_id in world.added
    )
    total = sum(room.total_bytes for room in rooms)
    new = sum(r.total_bytes for r in rooms if r.device_id in world.added)
    if not placed or not new:
        return 0
    return (on_new / placed) / (new / total)


def _sets(world: World) -> dict[str, Any]:
    """Measure what sets have in common."""
    sets = [slots for share in world.shares.values() for slots in share.sets]
    zones = {
        each.device.id: value_of(each, spread.ZONE)
        for each in world.snapshot().devices
    }
    sharing = sum(
        len({zones[slot.device_id] for slot in slots}) < len(slots)
        for slots in sets
    )
    return {
        'sets_per_share': len(sets) / max(1, len(world.shares)),
        'sharing': sharing / max(1, len(sets)),
        'copysets': len(
            {frozenset(slot.device_id for slot in slots) for slots in sets}
        ),
    }


def _quantile(times: list[float], part: float) -> float:
    ordered = sorted(times)
    if not ordered:
        return 0
    return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]
