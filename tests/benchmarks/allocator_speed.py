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

"""How long placing takes, in clusters of up to 10,000 devices.

Run it with ``python -m tests.benchmarks.allocator_speed``.

It is processor time, so that other work on the machine matters less. Nodes of
ten devices, filled to 70 %; the inventory is made once, as the service keeps
it, and follows what is placed.
"""

import dataclasses
import gc
import random
import statistics
import time
from collections.abc import Callable
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from tests.unit.allocator import clusters

_CALLS = 1000
_FEW_CALLS = 20
_FILL = 0.7
_DEVICES = (1000, 10_000)
_ON_A_NODE = 10
_RACKS = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """A kind of cluster and of volumes.

    :ivar disks: sizes in GiB; each device has one of them
    """

    name: str
    tiers: str
    kind: str = 'replicate:3'
    zones: int = 10
    disks: Sequence[int] = (4000,)


_MIXED = (1024, 2048, 4096, 8192)

_SCENES = (
    Scene('none', 'none'),
    Scene('prefer', 'prefer'),
    Scene('strict', 'strict'),
    Scene('none, 1 to 8 TiB', 'none', disks=_MIXED),
    Scene('prefer, 1 to 8 TiB', 'prefer', disks=_MIXED),
    Scene('strict, 1 to 8 TiB', 'strict', disks=_MIXED),
    Scene('prefer, two zones', 'prefer', zones=2, disks=_MIXED),
    Scene('racks across zones', 'zone:strict,rack:strict', disks=_MIXED),
    Scene('arbiter, none', 'none', 'arbiter', disks=_MIXED),
    Scene('arbiter, strict', 'strict', 'arbiter', disks=_MIXED),
    Scene('disperse, none', 'none', 'disperse:8+3', disks=_MIXED),
)


def _times(call: Callable[[int], object], calls: int) -> list[float]:
    """Time calls one by one, in milliseconds."""
    # The garbage of what fills the cluster is not the allocator's.
    gc.collect()
    times = []
    for number in range(calls):
        start = time.process_time()
        call(number)
        times.append((time.process_time() - start) * 1000)
    return sorted(times)


def _p99(times: Sequence[float]) -> float:
    return times[len(times) * 99 // 100]


def _inventory(scene: Scene, count: int) -> allocator.Inventory:
    """Make a cluster of so many devices; zone after zone has a node more."""
    chance = random.Random(1)
    nodes = count // _ON_A_NODE
    state = clusters.snapshot(
        clusters.Disk(
            f'n{node}', 1 + node % scene.zones, chance.choice(scene.disks)
        )
        for node in range(nodes)
        for _ in range(_ON_A_NODE)
    )
    racks = {
        f'n{node}': str(chance.randrange(_RACKS)) for node in range(nodes)
    }
    return allocator.Inventory(
        dataclasses.replace(
            state,
            devices=tuple(_used(d, racks, chance) for d in state.devices),
        )
    )


def _used(
    device: model.DeviceCapacity, racks: dict[str, str], chance: random.Random
) -> model.DeviceCapacity:
    """Put a device into a rack and fill it."""
    return dataclasses.replace(
        device,
        node=dataclasses.replace(
            device.node, tags={'rack': racks[device.node.id]}
        ),
        used_bytes=int(chance.gauss(_FILL, 0.02) * device.device.total_bytes),
    )


def measure(scene: Scene, count: int) -> float:
    """Create volumes in one cluster; return p99 of a placement, in ms."""
    inventory = _inventory(scene, count)
    # Chance makes the workload alone; it is the same each time.
    chance = random.Random(2)
    kind = allocator.Request(
        sizes.GIB, durability.parse(scene.kind), spread.parse(scene.tiers)
    )
    # The first call makes the index, which the service keeps.
    (first,) = _times(lambda _: allocator.place(inventory, kind), 1)

    def create(number: int) -> None:
        gib = max(1.0, chance.lognormvariate(4.6, 1))
        asked = dataclasses.replace(kind, data_bytes=int(gib * sizes.GIB))
        found = allocator.place(inventory, asked)
        inventory.change(found.slots, number)

    times = _times(create, _CALLS)
    print(
        f'{scene.name:<20} {count:>6} devices  '
        f'median {statistics.median(times):6.3f}  p99 {_p99(times):6.3f}  '
        f'worst {times[-1]:6.3f}  with index {first:6.1f} ms  '
        f'{1000 * _CALLS / sum(times):5.0f} a second'
    )
    return _p99(times)


def _measure_others(count: int) -> None:
    """Measure what takes longer and is not asked for each share."""
    scene = _SCENES[2]
    inventory = _inventory(scene, count)
    kind = allocator.Request(
        sizes.GIB, durability.parse(scene.kind), spread.parse(scene.tiers)
    )
    large = dataclasses.replace(kind, data_bytes=10_000 * sizes.GIB)
    too_large = dataclasses.replace(kind, data_bytes=10**7 * sizes.GIB)
    for what, call in (
        ('10,000 GiB', lambda _: allocator.place(inventory, large)),
        ('refusal', lambda _: _refused(inventory, too_large)),
        ('pool_stats', lambda _: allocator.pool_stats(inventory, kind)),
    ):
        times = _times(call, _FEW_CALLS)
        print(
            f'{what:<20} {count:>6} devices  '
            f'median {statistics.median(times):6.2f}  '
            f'worst {times[-1]:6.2f} ms'
        )


def _refused(
    inventory: allocator.Inventory, request: allocator.Request
) -> None:
    try:
        allocator.place(inventory, request)
    except exceptions.NoSpace:
        return
    raise AssertionError('that was too small')


def main() -> None:
    """Measure a rack and a large cluster, scene by scene."""
    for scene in _SCENES:
        small, large = (measure(scene, count) for count in _DEVICES)
        print(f'  p99 at 10,000 devices / at 1,000: {large / small:.2f}')
    for count in _DEVICES:
        _measure_others(count)


if __name__ == '__main__':
    main()
