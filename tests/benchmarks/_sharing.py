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


"""Sets with two bricks in a zone where zones are preferred."""

import dataclasses
import random
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import strategies
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.simulator import scenario as scenarios
from manila_gluster_heketi.simulator.world import Share
from manila_gluster_heketi.simulator.world import World
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from tests.benchmarks import _oracle
from tests.benchmarks import _scenes
from tests.benchmarks._scenes import CONTENDERS
from tests.benchmarks._scenes import COPIES
from tests.benchmarks._scenes import Contender
from tests.benchmarks._scenes import Scene
from tests.benchmarks._table import Table
from tests.unit.allocator import clusters

#: Devices of each node, in zones 1, 2, 3 in turn; Heketi was seen to put two
#: bricks into a zone in 38 % and 67 % of the sets.
_LAYOUTS = ((2, 2, 2, 2, 2), (4, 2, 1, 1, 1))
_VOLUMES = 150


@dataclasses.dataclass
class _Shared:
    """Sets of a cluster, and those with two bricks in a zone.

    :ivar needless: those of volumes that could have been kept apart
    """

    sets: int = 0
    sharing: int = 0
    needless: int = 0


def sharing(seeds: Sequence[int]) -> Table:
    """Count sets that share a zone although they need not."""
    rows = []
    for layout in _LAYOUTS:
        rows += _sharing_rows(
            f'nodes of {"-".join(map(str, layout))} devices, 3 zones',
            lambda contender, shared, seed, of=layout: _count_small(
                of, contender, shared, seed
            ),
            seeds,
        )
    for scene in (_scenes.FIVE, _scenes.THREE):
        rows += _sharing_rows(
            scene.name,
            lambda contender, shared, seed, of=scene: _count_filled(
                of, contender, shared, seed
            ),
            seeds,
        )
    head = (
        'Cluster',
        'Strategy',
        'Sets',
        'Share a zone',
        'Needlessly',
        'Part',
    )
    return Table('sharing', head, rows)


def _sharing_rows(
    name: str,
    count: Callable[[Contender, _Shared, int], None],
    seeds: Iterable[int],
) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for contender in CONTENDERS:
        shared = _Shared()
        for seed in seeds:
            count(contender, shared, seed)
        counts = (shared.sets, shared.sharing, shared.needless)
        part = f'{shared.needless / shared.sets:.1%}'
        rows.append((name, contender.name, *map(str, counts), part))
    return rows


def _count_small(
    layout: Sequence[int], contender: Contender, shared: _Shared, seed: int
) -> None:
    """Create volumes of 2 GiB where Heketi was seen to."""
    kind = _preferring(contender, ())
    world = World(kind, strategies.named(contender.strategy), seed)
    devices = clusters.snapshot(
        clusters.Disk(f'n{node}', node % 3 + 1, 500)
        for node, count in enumerate(layout)
        for _ in range(count)
    ).devices
    world.have(devices)
    for number in range(_VOLUMES):
        _create(world, str(number), 2 * GIB, shared)


def _count_filled(
    scene: Scene, contender: Contender, shared: _Shared, seed: int
) -> None:
    """Fill an uneven cluster until a share is refused."""
    kind = _preferring(contender, _scenes.hardware(scene.nodes))
    world = World(kind, strategies.named(contender.strategy), seed)
    chance = random.Random(seed)
    for number, size in enumerate(_scenes.sizes_of(chance, scene.cap_tib)):
        if not _create(world, str(number), size, shared):
            return


def _preferring(
    contender: Contender, hardware: tuple[scenarios.Hardware, ...]
) -> scenarios.Scenario:
    return scenarios.Scenario(
        cluster=hardware,
        durability=replicate(COPIES),
        spread=zones(Mode.PREFER),
        limits=contender.limits_or(allocator.Limits()),
        seed=0,
        rounds=(),
    )


def _create(
    world: World, name: str, data_bytes: int, shared: _Shared
) -> Share | None:
    """Create a share and count its sets."""
    free = _oracle.rooms(world.snapshot())
    if not world.create(name, data_bytes):
        return None
    zone = {c.device.id: c.node.zone for c in world.snapshot().devices}
    made = world.shares[name]
    together = sum(
        len({zone[slot.device_id] for slot in slots}) < len(slots)
        for slots in made.sets
    )
    shared.sets += len(made.sets)
    shared.sharing += together
    if together and _oracle.fits_apart(
        free, COPIES, data_bytes, world.request.limits
    ):
        shared.needless += together
    return made
