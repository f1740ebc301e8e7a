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

"""How long it takes to place and reserve a volume, from plan to commit.

Run it as ``python -m tests.benchmarks.reserve [--engine ENGINE]``. It makes
clusters of 1,000 and 10,000 devices with ten bricks on each in a temporary
file (SQLite) or on a server of its own that waits for the disk at each commit,
and then reserves volumes one after the other as the service does: find places,
check the generation, write the volume, its bricks and the journal, commit. No
host is touched. A second process that reserves too makes the first one's
inventory stale each time.

Wall time has the disk in it, and whatever else runs; processor time has not.
"""

import argparse
import contextlib
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple
from typing import NoReturn

from manila_gluster_heketi import model
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.executor.simulated import cluster as simulated
from manila_gluster_heketi.operations import create_volume
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from manila_gluster_heketi.store import export
from manila_gluster_heketi.store import load
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests.functional import databases

ZONES = 10
DEVICES_PER_NODE = 10
SETS_PER_DEVICE = 10
CALLS = 500
COPIES = 3


def _node(cluster: model.Cluster, number: int) -> model.Node:
    host = f'node-{number}'
    return model.Node(
        model.new_id(),
        cluster.id,
        host,
        host,
        number % ZONES,
        tags={'rack': str(number % 40)},
    )


def _device(node: model.Node, number: int) -> model.Device:
    identity = model.new_id()
    return model.Device(
        id=identity,
        node_id=node.id,
        path=f'/dev/disk/by-id/{number}',
        vg_name=f'vg_{identity}',
        pool_name='pool',
        total_bytes=4000 * GIB,
        extent_bytes=4 * MIB,
        tags={'disk': 'ssd'},
    )


def _volume(cluster: model.Cluster, number: int) -> model.Volume:
    return model.Volume(
        id=model.new_id(),
        cluster_id=cluster.id,
        share_id=f'old-{number}',
        name=f'old-{number}',
        size_bytes=270 * GIB,
        capacity_bytes=270 * GIB,
        durability=replicate(COPIES),
        spread=zones(Mode.STRICT),
        state=model.VolumeState.READY,
    )


def _brick(
    volume: model.Volume, device: model.Device, position: int
) -> model.Brick:
    identity = model.new_id()
    path = f'/var/lib/gluster-heketi/mounts/{device.vg_name}/{identity}'
    return model.Brick(
        id=identity,
        volume_id=volume.id,
        device_id=device.id,
        set_index=0,
        position=position,
        size_bytes=280 * GIB,
        vg_name=device.vg_name,
        pool_name=device.pool_name,
        lv_name=f'brick_{identity}',
        mount_path=path,
        brick_path=f'{path}/brick',
    )


def fill(store: session.Store, nodes: int) -> None:
    """Record a cluster that is 70 % full of volumes of three bricks."""
    cluster = model.Cluster(model.new_id(), 'large')
    devices = []
    with store.write() as tx:
        topology.add_cluster(tx, cluster)
        for number in range(nodes):
            node = _node(cluster, number)
            topology.add_node(tx, node)
            for disk in range(DEVICES_PER_NODE):
                devices.append(_device(node, disk))
                topology.add_device(tx, devices[-1])
    places = random.Random(1).sample(
        devices * SETS_PER_DEVICE, len(devices) * SETS_PER_DEVICE
    )
    with store.write() as tx:
        for number in range(len(places) // COPIES):
            volume = _volume(cluster, number)
            volumes.add_volume(tx, volume)
            theirs = places[number * COPIES : (number + 1) * COPIES]
            volumes.add_bricks(
                tx,
                [_brick(volume, device, i) for i, device in enumerate(theirs)],
            )


class Times(NamedTuple):
    """Milliseconds of one reservation."""

    wall: float
    processor: float


class Process:
    """What one process of the control plane reserves with."""

    def __init__(self, name: str, store: session.Store) -> None:
        self._name = name
        self._engine = Engine(store, _site())
        self._inventories = Inventories()
        self._chance = random.Random(name)
        self._count = 0

    def reserve(self) -> Times:
        """Reserve one volume; return milliseconds."""
        self._count += 1
        name = f'{self._name}-{self._count}'
        size = max(1.0, self._chance.lognormvariate(4.6, 1))
        spec = model.VolumeSpec(
            share_id=name,
            name=name,
            size_bytes=int(size) * GIB,
            durability=replicate(COPIES),
            spread=zones(Mode.STRICT),
        )
        begin = time.perf_counter(), time.process_time()
        create_volume.reserve(
            self._engine, self._inventories, spec, create_volume.Policy()
        )
        end = time.perf_counter(), time.process_time()
        return Times(*(1000 * (b - a) for a, b in zip(begin, end)))


def _site() -> Site:
    def authority() -> NoReturn:
        raise AssertionError('nothing is signed here')

    return Site(
        executor=simulated.SimulatedCluster(()),
        authority=authority,
    )


def _report(what: str, times: Sequence[Times]) -> None:
    print(f'  {what}')
    for name, values in zip(Times._fields, zip(*times)):
        ordered = sorted(values)
        print(
            f'    {name:<10} median {statistics.median(ordered):6.1f} ms  '
            f'p99 {ordered[len(ordered) * 99 // 100]:6.1f} ms  '
            f'most {ordered[-1]:6.1f} ms'
        )


def _filled(nodes: int) -> list[str]:
    """Give the export of a store with such a cluster.

    To fill a file is quicker than to ask a server for each row.
    """
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        store = session.Store(f'sqlite:///{directory}/filled.db')
        store.sync()
        fill(store, nodes)
        export.write(store, lines.append)
        store.close()
    return lines


@contextlib.contextmanager
def _databases(engine: str) -> Iterator[Iterator[str]]:
    """Give the URLs of new databases, as many as are wanted."""
    if engine == 'sqlite':
        with tempfile.TemporaryDirectory() as directory:
            yield (f'sqlite:///{directory}/{n}.db' for n in itertools.count())
        return
    server = databases.SERVERS[engine](durable=True)
    try:
        server.start()
        yield (server.url(server.new_database()) for _ in itertools.count())
    finally:
        server.remove()


def measure(nodes: int, url: str) -> None:
    """Measure one size of cluster."""
    count = nodes * DEVICES_PER_NODE
    print(f'{count:,} devices, {count * SETS_PER_DEVICE:,} bricks')
    store = session.Store(url)
    store.sync()
    load.read(store, _filled(nodes), 'benchmark')
    one = Process('one', store)
    _report('first (reads all devices)', [one.reserve()])
    _report('one process', [one.reserve() for _ in range(CALLS)])
    other = Process('other', store)
    other.reserve()
    times = []
    for _ in range(CALLS):
        times += [one.reserve(), other.reserve()]
    _report('two processes in turn', times)
    store.close()


def main() -> None:
    """Measure a small and a large cluster."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        '--engine', choices=databases.ENGINES, default='sqlite'
    )
    engine = parser.parse_args().engine
    print(engine)
    with _databases(engine) as urls:
        for nodes in (100, 1000):
            measure(nodes, next(urls))


if __name__ == '__main__':
    main()
