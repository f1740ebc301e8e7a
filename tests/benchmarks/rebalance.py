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

"""What it costs to level a cluster that grew, or lost shares.

Run it with ``python -m tests.benchmarks.rebalance``; ``--small`` leaves out
the large cluster. Each seed makes a cluster of three uneven zones and fills
it with replica 3 volumes. Then a node is added to each zone, or half of the
volumes are deleted. Measured is what a plan moves until no device is more
than five points above its fair level.

Not all can be level. A brick is *oversize* if it alone lifts even the largest
device of its zone by more than that. As there are as many zones as copies,
one brick of each set is in each zone, so that some device of the zone has to
hold it and stays too full; the best that can be is a device as large as any
with nothing else on it. A seed is level if all other devices are.

No plan can move less than the bound. Of each device that is too full so much
has to leave, in whole bricks, that it is level, or everything but an oversize
brick. The bound is the sum of the least of that over all devices. It is
computed here by itself, by listing sums.
"""

import collections
import dataclasses
import random
import statistics
import sys
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.allocator import rebalance
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from tests.unit.allocator import clusters
from tests.unit.allocator import holdings
from tests.unit.allocator.clusters import Disk
from tests.unit.allocator.holdings import Held

SEEDS = 20
POINTS = 0.05
RULE = requests.Request(0, replicate(3), zones(Mode.STRICT))
_MIB = sizes.MIB


@dataclasses.dataclass(frozen=True)
class Result:
    """What one seed gave; sizes in bytes.

    :ivar worst: distance of the fullest device above its level, in the end
    :ivar least_worst: what no arrangement of the bricks is below
    :ivar above: devices that stay too full
    :ivar unavoidable: those of them that hold an oversize brick alone
    """

    devices: int
    bricks: int
    moves: int
    moved_bytes: int
    bound_bytes: int
    worst: float
    least_worst: float
    above: int
    unavoidable: int
    seconds: float

    @property
    def ratio(self) -> float:
        """What moves for each byte that has to."""
        return self.moved_bytes / max(1, self.bound_bytes)

    @property
    def is_level(self) -> bool:
        """Whether nothing stays too full that could be level."""
        return self.above == self.unavoidable and (
            self.worst <= max(POINTS, self.least_worst) + moves.NOTHING
        )


class Ground:
    """A cluster of as many zones as copies, and what can be level there.

    Each byte has a brick in each zone, so that nothing can change how full a
    zone is: the fair level of its devices is its mean.
    """

    def __init__(self, state: Held) -> None:
        snapshot, held = state
        self.devices = {c.device.id: c for c in snapshot.devices}
        self.bricks: dict[str, list[int]] = collections.defaultdict(list)
        for holding in held:
            for brick in holding.bricks:
                self.bricks[brick.device_id].append(brick.size_bytes)
        used: collections.Counter[int] = collections.Counter()
        total: collections.Counter[int] = collections.Counter()
        self._largest: collections.Counter[int] = collections.Counter()
        for each in snapshot.devices:
            zone, size = each.node.zone, each.device.total_bytes
            used[zone] += each.used_bytes
            total[zone] += size
            self._largest[zone] = max(self._largest[zone], size)
        self._level = {zone: used[zone] / total[zone] for zone in total}

    def distance(self, device_id: str) -> float:
        """Say how far a device is above its fair level."""
        here = self.devices[device_id]
        use = here.used_bytes / here.device.total_bytes
        return use - self._level[here.node.zone]

    def above(self) -> list[str]:
        """List the devices that are too full."""
        return [
            each
            for each in self.devices
            if self.distance(each) > POINTS + moves.NOTHING
        ]

    def oversize(self, device_id: str) -> list[int]:
        """List bricks that no device of the zone holds and is level."""
        return [
            brick
            for brick in self.bricks[device_id]
            if self._least(device_id, brick) > POINTS
        ]

    def least_worst(self) -> float:
        """Say how far above its level some device has to be at least."""
        return max(
            self._least(device_id, brick)
            for device_id, bricks in self.bricks.items()
            for brick in bricks
        )

    def _least(self, device_id: str, brick: int) -> float:
        zone = self.devices[device_id].node.zone
        return brick / self._largest[zone] - self._level[zone]

    def bound_bytes(self) -> int:
        """Say what has to leave all devices together, in whole bricks."""
        found = 0
        for device_id in self.above():
            total = self.devices[device_id].device.total_bytes
            beyond = self.distance(device_id) - POINTS
            bricks = self.bricks[device_id]
            least = least_sum(bricks, int(beyond * total))
            oversize = self.oversize(device_id)
            if oversize:
                least = min(least, sum(bricks) - max(oversize))
            found += least
        return found


def least_sum(bricks: Sequence[int], needed: int) -> int:
    """Return the least sum of bricks that is at least ``needed`` bytes.

    Rounded down to whole MiB, so that it stays a bound.
    """
    sums = 1
    for brick in bricks:
        sums |= sums << brick // _MIB
    wanted = max(0, needed // _MIB - len(bricks))
    beyond = sums >> wanted
    if not beyond:
        return needed
    least = wanted + (beyond & -beyond).bit_length() - 1
    return max(needed, least * _MIB)


def fill(
    disks: Iterable[Disk], chance: random.Random, part: float
) -> tuple[Inventory, list[moves.Holding]]:
    """Place volumes until a part of what a cluster can hold is used."""
    inventory = Inventory(clusters.snapshot(disks))
    total = allocator.pool_stats(inventory, RULE).total_data_bytes
    stored = 0
    held: list[moves.Holding] = []
    while stored < part * total:
        size = min(
            2 * sizes.TIB, 100 * sizes.GIB * chance.lognormvariate(0, 1.3)
        )
        request = dataclasses.replace(RULE, data_bytes=int(size))
        found = holdings.hold(inventory, request, len(held))
        if found is None:
            break
        stored += int(size)
        held.append(found)
    return inventory, held


def old_disks(chance: random.Random) -> list[Disk]:
    """Make three zones of uneven nodes."""
    return [
        Disk(f'z{zone}n{node}', zone, chance.choice((1, 2, 4, 8)) * 1024)
        for zone in (1, 2, 3)
        for node in range(chance.randint(3, 6))
        for _ in range(chance.randint(4, 12))
    ]


def grown(chance: random.Random, alike: bool) -> Held:
    """Fill to 60 %, then add a node to each zone.

    :param alike: nodes like the others; else with twelve large disks
    """
    inventory, held = fill(old_disks(chance), chance, 0.6)
    more = [
        Disk(
            f'z{zone}new',
            zone,
            chance.choice((1, 2, 4, 8)) * 1024 if alike else 8 * 1024,
        )
        for zone in (1, 2, 3)
        for _ in range(chance.randint(4, 12) if alike else 12)
    ]
    before = inventory.snapshot()
    devices = before.devices + clusters.snapshot(more).devices
    return dataclasses.replace(before, devices=devices), tuple(held)


def thinned(chance: random.Random) -> Held:
    """Fill to 85 %, then delete half of the volumes."""
    inventory, held = fill(old_disks(chance), chance, 0.85)
    kept = tuple(each for each in held if chance.random() < 0.5)
    return holdings.with_only(inventory.snapshot(), kept), kept


def measure(state: Held) -> Result:
    """Plan and compare."""
    snapshot, held = state
    start = time.process_time()
    plan = rebalance.plan(
        Inventory(snapshot), held, RULE, moves.Budget(tolerance=POINTS)
    )
    seconds = time.process_time() - start
    before = Ground(state)
    after = Ground(holdings.after(state, plan.moves))
    above = after.above()
    return Result(
        devices=len(snapshot.devices),
        bricks=sum(len(h.bricks) for h in held),
        moves=len(plan.moves),
        moved_bytes=plan.moved_bytes,
        bound_bytes=before.bound_bytes(),
        worst=max(after.distance(each) for each in after.devices),
        least_worst=after.least_worst(),
        above=len(above),
        unavoidable=sum(
            after.oversize(each) == after.bricks[each] != []
            and len(after.bricks[each]) == 1
            for each in above
        ),
        seconds=seconds,
    )


def large(nodes_per_zone: int = 100, bricks: int = 100_000) -> None:
    """Plan for ten zones of 1,000 devices each, a tenth of them new."""
    chance = random.Random(1)
    disks = [
        Disk(f'z{zone}n{node}', zone, chance.choice((1, 2, 4, 8)) * 1024)
        for zone in range(10)
        for node in range(nodes_per_zone)
        for _ in range(10)
    ]
    old = [d for d in disks if not d.node.endswith('9')]
    inventory = Inventory(clusters.snapshot(old))
    room = 0.6 * sum(d.total for d in old) * clusters.GIB / bricks
    held = []
    for number in range(bricks // 3):
        size = min(2 * sizes.TIB, room * chance.lognormvariate(-0.5, 1))
        wanted = dataclasses.replace(RULE, data_bytes=int(size))
        found = holdings.hold(inventory, wanted, number)
        assert found is not None
        held.append(found)
    more = clusters.snapshot(d for d in disks if d.node.endswith('9'))
    state = inventory.snapshot()
    state = dataclasses.replace(state, devices=state.devices + more.devices)
    count = sum(len(h.bricks) for h in held)
    start = time.process_time()
    plan = rebalance.plan(Inventory(state), held, RULE)
    seconds = time.process_time() - start
    print(
        f'{len(disks)} devices, {count} bricks: {len(plan.moves)} moves of '
        f'{plan.moved_bytes / sizes.TIB:.1f} TiB planned in {seconds:.1f} s, '
        f'worst {plan.worst_before:.3f} to {plan.worst_after:.3f}'
    )


def report(what: str, make: Callable[[random.Random], Held]) -> None:
    """Measure all seeds and print them."""
    print(what)
    print(
        'seed devices bricks moves moved/TiB ratio worst  least above '
        'unavoidable level s'
    )
    results = []
    for seed in range(SEEDS):
        r = measure(make(random.Random(seed)))
        results.append(r)
        print(
            f'{seed:4} {r.devices:7} {r.bricks:6} {r.moves:5} '
            f'{r.moved_bytes / sizes.TIB:9.2f} {r.ratio:5.3f} '
            f'{r.worst:5.3f} {r.least_worst:6.3f} {r.above:5} '
            f'{r.unavoidable:11} {"yes" if r.is_level else "no":5} '
            f'{r.seconds:.2f}',
            flush=True,
        )
    ratios = [r.ratio for r in results if r.bound_bytes]
    print(
        f'moved / bound: mean {statistics.mean(ratios):.3f}, largest '
        f'{max(ratios):.3f}; level: {sum(r.is_level for r in results)} of '
        f'{SEEDS}, without any device above: '
        f'{sum(not r.above for r in results)}'
    )


def main() -> None:
    """Measure clusters that grew or shrank, then a large one."""
    report('12 disks of 8 TiB', lambda chance: grown(chance, alike=False))
    report('one node like the others', lambda chance: grown(chance, True))
    report('half of the volumes deleted', thinned)
    if '--small' not in sys.argv:
        large()


if __name__ == '__main__':
    main()
