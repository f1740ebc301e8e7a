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

"""Measure how long the allocator waits for its view of a cluster.

Run it as ``python -m tests.benchmarks.store_snapshot``; it makes a cluster
of 10,000 devices with 100,000 bricks in a temporary file.
"""

import statistics
import tempfile
import time

from manila_gluster_heketi import model
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes

NODES = 1_000
DEVICES_PER_NODE = 10
BRICKS_PER_DEVICE = 10
ROUNDS = 15
GIB = 1024**3


def _node(cluster_id: str, number: int) -> model.Node:
    host = f'node-{number}'
    return model.Node(
        model.new_id(), cluster_id, host, host, number % 5, tags={'a': 'b'}
    )


def _device(node_id: str, number: int) -> model.Device:
    identity = model.new_id()
    return model.Device(
        id=identity,
        node_id=node_id,
        path=f'/dev/disk/by-id/{number}',
        vg_name=f'vg_{identity}',
        pool_name='pool',
        total_bytes=1000 * GIB,
        extent_bytes=4 * 1024**2,
        tags={'disk': 'ssd'},
    )


def _brick(volume_id: str, device: model.Device, index: int) -> model.Brick:
    identity = model.new_id()
    mount_path = f'/var/lib/gluster-heketi/mounts/{device.vg_name}/{identity}'
    return model.Brick(
        id=identity,
        volume_id=volume_id,
        device_id=device.id,
        set_index=index,
        position=0,
        size_bytes=10 * GIB + index,
        vg_name=device.vg_name,
        pool_name=device.pool_name,
        lv_name=f'brick_{identity}',
        mount_path=mount_path,
        brick_path=f'{mount_path}/brick',
    )


def fill(store: session.Store) -> model.Cluster:
    """Record a cluster of the size to be measured."""
    cluster = model.Cluster(model.new_id(), 'large')
    volume = model.Volume(
        id=model.new_id(),
        cluster_id=cluster.id,
        share_id='',
        name='large',
        size_bytes=GIB,
        capacity_bytes=GIB,
        durability=model.Durability(),
        spread=model.ZoneSpread.NONE,
        state=model.VolumeState.READY,
    )
    with store.write() as tx:
        topology.add_cluster(tx, cluster)
        volumes.add_volume(tx, volume)
        for number in range(NODES):
            node = _node(cluster.id, number)
            topology.add_node(tx, node)
            for disk in range(DEVICES_PER_NODE):
                device = _device(node.id, disk)
                topology.add_device(tx, device)
                volumes.add_bricks(
                    tx,
                    [
                        _brick(volume.id, device, index)
                        for index in range(BRICKS_PER_DEVICE)
                    ],
                )
    return cluster


def measure(store: session.Store, cluster: model.Cluster) -> float:
    """Return the median time of a snapshot in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with store.read() as tx:
            snapshot = topology.snapshot(tx, cluster.id)
        times.append(1000 * (time.perf_counter() - started))
        assert len(snapshot.devices) == NODES * DEVICES_PER_NODE
    return statistics.median(times)


def main() -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory() as directory:
        store = session.Store(f'sqlite:///{directory}/store.db')
        store.sync()
        median = measure(store, fill(store))
        store.close()
    devices = NODES * DEVICES_PER_NODE
    print(
        f'snapshot of {devices:,} devices with '
        f'{devices * BRICKS_PER_DEVICE:,} bricks: median {median:.0f} ms '
        f'of {ROUNDS}'
    )


if __name__ == '__main__':
    main()
