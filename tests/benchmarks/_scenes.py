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


"""Clusters and shares that placement is judged on, and who is judged."""

import dataclasses
import random
import time
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi.allocator.strategies import heketi_ring
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.simulator import play
from manila_gluster_heketi.simulator import scenario as scenarios
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones

COPIES = 3
_MEDIAN_GIB, _SIGMA = 100, 1.3
_DISKS, _DISKS_TIB = (4, 8), (1, 2, 4, 8)

#: Nodes in each zone.
FIVE_ZONES = (8, 6, 5, 3, 2)
THREE_ZONES = (6, 5, 4)

#: How far clusters are filled before they are looked at.
STEPS = tuple(step / 20 for step in range(1, 20))
HALF = STEPS.index(0.5)


@dataclasses.dataclass(frozen=True, slots=True)
class Contender:
    """A strategy, with limits of its own if it has any."""

    name: str
    strategy: str
    limits: allocator.Limits | None = None

    def limits_or(self, common: allocator.Limits) -> allocator.Limits:
        """Return its own limits, or those that all have."""
        return self.limits or common


BALANCED = Contender('balanced', 'balanced')
#: The last one sees what of Heketi's result is placing, and what is limits.
CONTENDERS = (
    BALANCED,
    Contender('packed', 'packed'),
    Contender('most_free', 'most_free'),
    Contender('straw2', 'straw2'),
    Contender('heketi_ring', 'heketi_ring'),
    Contender('heketi_ring, 32 bricks', 'heketi_ring', heketi_ring.LIMITS),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """A kind of cluster and of shares.

    :ivar nodes: how many there are in each zone
    :ivar cap_tib: the largest share
    :ivar brick_share: see :class:`allocator.Limits`
    """

    name: str
    nodes: Sequence[int]
    cap_tib: int = 2
    brick_share: float = 1.0

    def scenario(self, contender: Contender) -> scenarios.Scenario:
        """Make what is to be played: fill it step by step, to the end."""
        limits = contender.limits_or(
            allocator.Limits(brick_share=self.brick_share)
        )
        return scenarios.Scenario(
            cluster=hardware(self.nodes),
            durability=replicate(COPIES),
            spread=zones(Mode.STRICT),
            limits=limits,
            seed=0,
            rounds=(
                *(
                    scenarios.Create(shares(self.cap_tib), until_fill=step)
                    for step in STEPS
                ),
                scenarios.Create(shares(self.cap_tib)),
            ),
        )


FIVE = Scene('five zones', FIVE_ZONES)
THREE = Scene('three zones', THREE_ZONES)
TAIL = Scene('five zones, shares to 20 TiB', FIVE_ZONES, 20)
FIVE_SPLIT = Scene('five zones, split at 1/6', FIVE_ZONES, 2, 1 / 6)
THREE_SPLIT = Scene('three zones, split at 1/6', THREE_ZONES, 2, 1 / 6)
SCENES = (FIVE, THREE, TAIL, FIVE_SPLIT, THREE_SPLIT)


def hardware(nodes: Sequence[int]) -> tuple[scenarios.Hardware, ...]:
    """Describe nodes with uneven disks, so many in each zone."""
    return tuple(
        scenarios.Hardware(zone, count, _DISKS, _DISKS_TIB)
        for zone, count in enumerate(nodes, 1)
    )


def shares(cap_tib: int) -> scenarios.Sizes:
    """Describe shares: most are small, some are very large."""
    return scenarios.Sizes('log-normal', _MEDIAN_GIB, cap_tib * 1024, _SIGMA)


def run(
    scene: Scene, contender: Contender, seed: int
) -> Iterator[play.Figures]:
    """Create shares until one is refused; look at the cluster meanwhile."""
    scenario = scene.scenario(contender)
    for figures in play.play(
        scenario, contender.strategy, seed, time.perf_counter
    ):
        yield figures
        if figures.refusals:
            return


def sizes_of(chance: random.Random, cap_tib: int) -> Iterator[int]:
    """Yield sizes of shares in bytes, without end."""
    kind = shares(cap_tib)
    while True:
        yield kind.draw(chance)
