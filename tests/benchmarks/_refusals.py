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


"""Refusals of what would have fitted, in large clusters that are full."""

import dataclasses
import random
from collections.abc import Sequence

from manila_gluster_heketi import strategies
from manila_gluster_heketi.simulator.world import World
from tests.benchmarks import _oracle
from tests.benchmarks import _scenes
from tests.benchmarks._scenes import CONTENDERS
from tests.benchmarks._scenes import COPIES
from tests.benchmarks._scenes import Contender
from tests.benchmarks._scenes import Scene
from tests.benchmarks._table import Table

_LARGE = (10,) * 10
#: The large ones have some 600 devices.
_SCENES = (
    _scenes.FIVE,
    _scenes.TAIL,
    Scene('ten zones of ten nodes', _LARGE),
    Scene('ten zones of ten nodes, shares to 20 TiB', _LARGE, 20),
)
_LARGE_SEEDS = 5

_MOST = 100
_BETWEEN_DELETIONS = 10


@dataclasses.dataclass
class _Count:
    """Shares asked for, and refused.

    :ivar fitted: those of the refused for which there was a way
    :ivar within: those of them that the bound does not rule out
    """

    asked: int = 0
    refused: int = 0
    fitted: int = 0
    within: int = 0


def refusals(seeds: Sequence[int]) -> Table:
    """Count refusals of what would have fitted."""
    rows = []
    for scene in _SCENES:
        for contender in CONTENDERS:
            count = _Count()
            some = seeds[:_LARGE_SEEDS] if scene.nodes is _LARGE else seeds
            for seed in some:
                _ask(scene, contender, seed, count)
            rows.append(
                (
                    scene.name,
                    contender.name,
                    str(count.asked),
                    str(count.refused),
                    str(count.fitted),
                    f'{count.fitted / count.refused:.2%}',
                    str(count.within),
                )
            )
    head = (
        'Cluster',
        'Strategy',
        'Requests',
        'Refusals',
        'Fitted',
        'Part',
        'Within the bound',
    )
    return Table('refusals', head, rows)


def _ask(scene: Scene, contender: Contender, seed: int, count: _Count) -> None:
    """Ask for shares in a full cluster, from which some are deleted."""
    scenario = dataclasses.replace(scene.scenario(contender), rounds=())
    world = World(scenario, strategies.named(contender.strategy), seed)
    limits = world.request.limits
    chance = random.Random(seed)
    refused = 0
    for number, size in enumerate(_scenes.sizes_of(chance, scene.cap_tib)):
        count.asked += 1
        if world.create(str(number), size):
            continue
        refused += 1
        free = _oracle.rooms(world.snapshot())
        count.fitted += _oracle.fits_apart(free, COPIES, size, limits)
        count.within += _oracle.within_bound(free, COPIES, size, limits)
        if refused == _MOST:
            break
        if refused % _BETWEEN_DELETIONS == 0:
            _delete_some(world, chance)
    count.refused += refused


def _delete_some(world: World, chance: random.Random) -> None:
    """Delete one share in twenty, as tenants do."""
    there = list(world.shares.values())
    for share in chance.sample(there, len(there) // 20):
        world.delete(share)
