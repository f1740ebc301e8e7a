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

"""How long questions about room take, with 10,000 devices in the store.

Run it as ``python -m tests.benchmarks.capacity``. It is processor time, on the
store of :mod:`.reserve`: 1,000 nodes in ten zones, 100,000 bricks.
"""

import dataclasses
import datetime
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.cli import capacity_page
from manila_gluster_heketi.cli import capacity_terminal
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.service.capacity import Capacity
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from tests.benchmarks import reserve
from tests.functional import deployment

_NODES = 1000
_ROUNDS = 5
_VOLUMES = 1000
_KINDS = (
    ('replicate:3', 'zone:strict'),
    ('replicate:3', 'zone:prefer'),
    ('replicate:3', 'none'),
    ('arbiter', 'zone:strict'),
    ('disperse:4+2', 'none'),
)


def _time(
    what: str,
    call: Callable[[], Any],
    rounds: int = _ROUNDS,
    before: Callable[[], object] = lambda: None,
) -> Any:
    times = []
    for _ in range(rounds):
        before()
        started = time.process_time()
        found = call()
        times.append(1000 * (time.process_time() - started))
    print(f'  {what:<36} median {statistics.median(times):9.1f} ms')
    return found


def _measure(
    capacity: Capacity, snapshot: model.Snapshot, others: reserve.Process
) -> None:
    kind = capacity.kind()
    _time('pools, first', capacity.pools, 1)
    _time('pools, nothing changed', capacity.pools)
    _time('pools, a share is new', capacity.pools, before=others.reserve)
    reports = _time('show', lambda: capacity.reports(kind))
    [found] = _time(
        f'fit, {_VOLUMES} of 10 GiB',
        lambda: capacity.fits(kind, 10 * GIB, _VOLUMES),
        1,
    )
    assert found.fit.volumes == _VOLUMES
    inventory = allocator.Inventory(snapshot)
    allocator.pool_stats(inventory, kind)
    _time(
        'figures of a pool, index kept',
        lambda: allocator.pool_stats(inventory, kind),
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    page = _time(
        'map, the page of a report',
        lambda: capacity_page.page(reports, kind, now, '0'),
    )
    print(f'  {"":<36} {len(page) / 1e6:.1f} MB')
    _time(
        'map, a report on a terminal',
        lambda: capacity_terminal.draw(reports, io.StringIO()),
        1,
    )


def main() -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory() as directory:
        settings = deployment.settings_in(directory)
        store = session.Store(settings.store_connection)
        store.sync()
        reserve.fill(store, _NODES)
        others = reserve.Process('others', store)
        with store.read() as tx:
            [cluster] = topology.clusters(tx)
            snapshot = topology.snapshot(tx, cluster.id)
        for name, tiers in _KINDS:
            print(f'{name}, {tiers}:')
            chosen = dataclasses.replace(
                settings,
                durability=durability.parse(name),
                spread=spread.parse(tiers),
            )
            _measure(
                Capacity(store, chosen, Inventories()), snapshot, others
            )
        store.close()


if __name__ == '__main__':
    main()
