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

"""How long the allocator takes.

Run it with ``python -m tests.benchmarks.allocator_speed``.

It is processor time, so that other work on the machine matters less. Each
measure is of one call on a snapshot in memory, in a cluster of ten zones
with ten devices to a node that fills while it is measured.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from tests.unit.allocator import clusters

ROUNDS = 200
REFUSALS = 20


def _place(
    state: model.Snapshot, spec: model.VolumeSpec, seed: int
) -> allocator.Placement | None:
    try:
        return allocator.place(state, spec, seed=seed)
    except exceptions.NoSpace:
        return None


def _timed(call: Callable[[], object]) -> float:
    # The garbage of what fills the cluster is not the allocator's.
    gc.collect()
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1000


def _report(what: str, devices: int, times: list[float]) -> None:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    print(
        f'{what:<28} {devices:>6} devices  '
        f'median {statistics.median(ordered):7.2f} ms  p99 {p99:7.2f} ms'
    )


def measure(nodes_per_zone: int) -> None:
    """Measure one size of cluster and print the result."""
    # Chance makes the workload alone; it is the same each time.
    chance = random.Random(1)
    state = clusters.grid(10, nodes_per_zone, 10, total=4000)
    count = len(state.devices)
    for spread in model.ZoneSpread:
        times = []
        for seed in range(ROUNDS):
            spec = clusters.spec(chance.lognormvariate(4.6, 1), spread=spread)
            times.append(_timed(lambda s=spec, n=seed: _place(state, s, n)))
            placement = _place(state, spec, seed)
            if placement:
                state = clusters.filled(state, clusters.slots(placement))
        _report(f'create, spread {spread}', count, times)
    split = clusters.spec(30_000)
    _report(
        'create of 30,000 GiB',
        count,
        [_timed(lambda: _place(state, split, 0)) for _ in range(REFUSALS)],
    )
    huge = clusters.spec(10_000_000)
    _report(
        'refusal',
        count,
        [_timed(lambda: _place(state, huge, 0)) for _ in range(REFUSALS)],
    )
    full = clusters.snapshot(
        clusters.Disk(f'n{index // 10}', index % 100 // 10, 4000, 3990)
        for index in range(count)
    )
    spec = clusters.spec(1000)
    _report(
        'refusal, nearly full',
        count,
        [_timed(lambda: _place(full, spec, 0)) for _ in range(REFUSALS)],
    )
    _report(
        'pool_stats',
        count,
        [
            _timed(
                lambda: allocator.pool_stats(
                    state, model.Durability(3), model.ZoneSpread.PREFER
                )
            )
            for _ in range(REFUSALS)
        ],
    )


if __name__ == '__main__':
    for per_zone in (10, 100):
        measure(per_zone)
