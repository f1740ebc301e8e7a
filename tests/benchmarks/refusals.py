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

"""How often a share is refused that would fit.

Run it with ``python -m tests.benchmarks.refusals [--seeds N]``.

Clusters of hundreds of devices of 1 to 8 TiB, in uneven zones and 70 to 99 %
full, are asked for shares about as large as the largest that fit. Whether one
fits is told by a maximum flow, for each division into equal bricks that the
limits allow. The time that it takes to say what would help is the processor's.
"""

import argparse
import dataclasses
import random
import statistics
import time
from collections.abc import Iterable

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.sizes import TIB
from tests.unit.allocator import clusters
from tests.unit.allocator import flows

_DISKS_TIB = (1, 2, 4, 8)

#: Durabilities and spreads; a flow tells of one tier alone.
KINDS = (
    ('replicate:3', 'zone:strict'),
    ('replicate:3', 'none'),
    ('replicate:2', 'zone:strict'),
    ('disperse:4+2', 'none'),
    ('arbiter', 'zone:strict'),
)

Kind = tuple[str, str]


@dataclasses.dataclass(slots=True)
class Outcome:
    """What came of asking.

    :ivar fitting: those that fit: they were placed, or all bricks flow
    :ivar missed: those of them that were refused
    :ivar seconds: how long it took to find what would help, refusal by
        refusal
    """

    asked: int = 0
    fitting: int = 0
    missed: int = 0
    seconds: list[float] = dataclasses.field(default_factory=list)

    @property
    def part(self) -> float:
        """The part of what fits that was refused."""
        return self.missed / max(1, self.fitting)


def cluster(chance: random.Random) -> model.Snapshot:
    """Make one of 200 to 600 devices."""
    disks = []
    devices = chance.randint(200, 600)
    zones = chance.randint(3, 7)
    weights = [chance.uniform(0.3, 1) for _ in range(zones)]
    node = 0
    while len(disks) < devices:
        [zone] = chance.choices(range(1, zones + 1), weights)
        node += 1
        for _ in range(chance.randint(4, 12)):
            total = chance.choice(_DISKS_TIB) * 1024
            used = chance.uniform(0.70, 0.99) * total
            disks.append(clusters.Disk(f'n{node}', zone, total, used))
    return clusters.snapshot(disks)


def measure(kind: Kind, seeds: Iterable[int], count: int) -> Outcome:
    """Ask several clusters for several shares each."""
    outcome = Outcome()
    for seed in seeds:
        chance = random.Random(seed)
        inventory = allocator.Inventory(cluster(chance))
        for _ in range(count):
            _ask(outcome, inventory, request(kind, inventory, chance))
    return outcome


def request(
    kind: Kind, inventory: allocator.Inventory, chance: random.Random
) -> allocator.Request:
    """Ask for about as much as the limits allow, which vary as well."""
    limits = allocator.Limits(
        brick_max_bytes=chance.choice((TIB // 4, TIB, 4 * TIB)),
        volume_bricks=chance.choice((12, 30, 60)),
    )
    asked = allocator.Request(
        0, durability.parse(kind[0]), spread.parse(kind[1]), limits
    )
    # The flow takes arbiters for bricks with data.
    like = asked
    if asked.durability.has_arbiter:
        like = dataclasses.replace(asked, durability=durability.replicate(3))
    largest = allocator.pool_stats(inventory, like).largest_volume_bytes
    size = int(largest * chance.uniform(0.9, 1.02))
    return dataclasses.replace(asked, data_bytes=size)


def _ask(
    outcome: Outcome,
    inventory: allocator.Inventory,
    asked: allocator.Request,
) -> None:
    outcome.asked += 1
    try:
        allocator.place(inventory, asked)
    except exceptions.NoSpace as refusal:
        start = time.process_time()
        assert refusal.fields['explanation'].changes
        outcome.seconds.append(time.process_time() - start)
        if flows.fits(inventory.snapshot(), asked):
            outcome.fitting += 1
            outcome.missed += 1
    else:
        outcome.fitting += 1


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmarks.refusals'
    )
    parser.add_argument('--seeds', type=int, default=20, metavar='N')
    parser.add_argument('--requests', type=int, default=40, metavar='N')
    given = parser.parse_args()
    print(f'{given.seeds} clusters, {given.requests} shares each')
    for kind in KINDS:
        outcome = measure(kind, range(given.seeds), given.requests)
        print(
            f'{" ".join(kind):<26} asked {outcome.asked:5}  '
            f'fit {outcome.fitting:5}  refused of these {outcome.missed:3}: '
            f'{outcome.part:.2%}; what would help takes '
            f'{1000 * statistics.median(outcome.seconds):.0f} ms, at most '
            f'{1000 * max(outcome.seconds):.0f}',
            flush=True,
        )


if __name__ == '__main__':
    main()
