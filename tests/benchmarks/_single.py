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


"""The largest single volume that an empty cluster takes."""

import dataclasses
import random
import statistics
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import sizes
from manila_gluster_heketi import strategies
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from tests.benchmarks._scenes import CONTENDERS
from tests.benchmarks._scenes import COPIES
from tests.benchmarks._scenes import Contender
from tests.benchmarks._table import Table
from tests.unit.allocator import clusters

#: Devices of 500 GiB in each node, zones 1, 2, 3 in turn; what Heketi was
#: measured on.
_LAYOUTS = (
    (2, 2, 2),
    (3, 3, 3),
    (1, 1, 1, 1),
    (4, 2, 1, 1),
    (2, 2, 2, 2, 2),
    (4, 4, 4, 4, 4, 4),
)
_NEAR = 1 / 1024


def largest(seeds: Iterable[int]) -> Table:
    """Look for the largest volume that an empty cluster takes."""
    rows = []
    for layout in _LAYOUTS:
        bound = counting.fluid_bound((n * 500 * GIB for n in layout), COPIES)
        # Net of overhead: as many whole disks as the bound fills.
        net = bound / (500 * GIB) * sizes.data_bytes_of(500 * GIB)
        row = ['-'.join(map(str, layout)), f'{net / GIB:.0f}']
        for contender in CONTENDERS:
            found = [_largest_on(layout, contender, net, s) for s in seeds]
            row.append(f'{statistics.mean(found) / net:.3f}')
        rows.append(row)
    head = (
        'Devices of each node',
        'Bound, GiB',
        *(c.name for c in CONTENDERS),
    )
    return Table('largest', head, rows)


def _largest_on(
    layout: Sequence[int], contender: Contender, net: float, seed: int
) -> float:
    """Halve the interval in which the largest volume is."""
    inventory = allocator.Inventory(
        clusters.snapshot(
            clusters.Disk(f'n{node}', node % 3 + 1, 500)
            for node, count in enumerate(layout)
            for _ in range(count)
        )
    )
    strategy = strategies.named(contender.strategy)
    request = allocator.Request(
        0,
        replicate(COPIES),
        zones(Mode.NONE),
        contender.limits_or(allocator.Limits()),
    )
    ground = inventory.ground(request)
    chance = random.Random(seed)
    low, high = 0, int(net * 1.01)
    while high - low > net * _NEAR:
        middle = (low + high) // 2
        asked = dataclasses.replace(request, data_bytes=middle)
        # What is left to chance is drawn for each attempt, as in life.
        drawn = dataclasses.replace(ground, seed=chance.getrandbits(31))
        if strategy.find(drawn, asked):
            low = middle
        else:
            high = middle
    return low
