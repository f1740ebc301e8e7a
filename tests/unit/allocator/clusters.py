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

"""Clusters to place in, written briefly."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.spread import Spread

GIB = sizes.GIB
MIB = sizes.MIB


@dataclasses.dataclass(frozen=True)
class Disk:
    """A device; sizes in GiB."""

    node: str
    zone: int
    total: float
    used: float = 0
    online: bool = True
    node_online: bool = True
    extent_bytes: int = 4 * MIB


def _state(online: bool) -> model.EntryState:
    return model.EntryState.ONLINE if online else model.EntryState.OFFLINE


def snapshot(disks: Iterable[Disk], name: str = 'c1') -> model.Snapshot:
    """Make a cluster; device ids count the disks of each node from 0."""
    cluster = model.Cluster(id=name, name=name)
    seen: dict[str, int] = {}
    devices = []
    for disk in disks:
        index = seen.setdefault(disk.node, 0)
        seen[disk.node] += 1
        node = model.Node(
            id=disk.node,
            cluster_id=cluster.id,
            manage_host=f'{disk.node}.example',
            storage_host=disk.node,
            zone=disk.zone,
            state=_state(disk.node_online),
        )
        device = model.Device(
            id=f'{disk.node}-d{index}',
            node_id=node.id,
            path=f'/dev/sd{index}',
            vg_name=f'vg_{disk.node}-d{index}',
            pool_name='pool',
            total_bytes=int(disk.total * GIB),
            extent_bytes=disk.extent_bytes,
            state=_state(disk.online),
        )
        used = int(disk.used * GIB)
        devices.append(model.DeviceCapacity(device, node, used))
    return model.Snapshot(cluster, tuple(devices))


def tagged(state: model.Snapshot, **tags: dict[str, str]) -> model.Snapshot:
    """Give nodes tags, by their names."""
    return dataclasses.replace(
        state,
        devices=tuple(
            dataclasses.replace(
                c, node=dataclasses.replace(c.node, tags=tags[c.node.id])
            )
            if c.node.id in tags
            else c
            for c in state.devices
        ),
    )


def grid(
    zones: int, nodes: int, disks: int, total: float = 100
) -> model.Snapshot:
    """Make a cluster of equals: nodes per zone, disks per node."""
    return snapshot(
        Disk(f'z{zone}n{node}', zone, total)
        for zone in range(1, zones + 1)
        for node in range(nodes)
        for _ in range(disks)
    )


def spec(
    size: float,
    replica: int = 3,
    spread: Spread = Spread(),
    headroom: float = 0,
    cluster_id: str = '',
) -> model.VolumeSpec:
    """Ask for a volume of ``size`` GiB."""
    return model.VolumeSpec(
        share_id='share',
        name='vol',
        size_bytes=int(size * GIB),
        durability=replicate(replica),
        spread=spread,
        headroom_bytes=int(headroom * GIB),
        cluster_id=cluster_id,
    )


def data_gib(gib: float) -> float:
    """Return the GiB of data that a brick of ``gib`` holds."""
    return sizes.data_bytes_of(int(gib * GIB)) / GIB


def slots(placement: allocator.Placement) -> list[allocator.Slot]:
    """Return all slots of a placement."""
    return [slot for brick_set in placement.sets for slot in brick_set]


def filled(
    before: model.Snapshot, placed: Sequence[allocator.Slot]
) -> model.Snapshot:
    """Return the cluster with these slots used."""
    taken: dict[str, int] = {}
    for slot in placed:
        taken[slot.device_id] = taken.get(slot.device_id, 0) + slot.size_bytes
    return dataclasses.replace(
        before,
        devices=tuple(
            dataclasses.replace(
                candidate,
                used_bytes=candidate.used_bytes
                + taken.get(candidate.device.id, 0),
            )
            for candidate in before.devices
        ),
    )


def bricks(placement: allocator.Placement) -> tuple[model.Brick, ...]:
    """Make the bricks of a placement."""
    return tuple(
        model.Brick(
            id=f'b{index}-{position}',
            volume_id='v1',
            device_id=slot.device_id,
            set_index=index,
            position=position,
            size_bytes=slot.size_bytes,
            vg_name=f'vg_{slot.device_id}',
            pool_name='pool',
            lv_name=f'brick_b{index}-{position}',
            mount_path=f'/bricks/b{index}-{position}',
            brick_path=f'/bricks/b{index}-{position}/brick',
        )
        for index, brick_set in enumerate(placement.sets)
        for position, slot in enumerate(brick_set)
    )


def volume(
    placement: allocator.Placement,
    replica: int = 3,
    spread: Spread = Spread(),
) -> model.Volume:
    """Make the volume of a placement."""
    return model.Volume(
        id='v1',
        cluster_id=placement.cluster_id,
        share_id='share',
        name='vol',
        size_bytes=placement.capacity_bytes,
        capacity_bytes=placement.capacity_bytes,
        durability=replicate(replica),
        spread=spread,
        state=model.VolumeState.READY,
    )


def place(
    state: model.Snapshot,
    wanted: model.VolumeSpec,
    *,
    seed: int = 0,
    excluded: frozenset[str] = frozenset(),
    limits: allocator.Limits = allocator.Limits(),
) -> allocator.Placement:
    """Place a volume in a cluster."""
    request = allocator.request_for(wanted, excluded, limits)
    return allocator.place(allocator.Inventory(state), request, seed=seed)


def place_anywhere(
    states: Iterable[model.Snapshot], wanted: model.VolumeSpec
) -> allocator.Placement:
    """Place a volume in one of several clusters."""
    inventories = [allocator.Inventory(each) for each in states]
    return allocator.place_anywhere(inventories, wanted)


def pool_stats(
    state: model.Snapshot, durability: Durability, spread: Spread
) -> allocator.PoolCapacity:
    """Measure a cluster for one kind of volume."""
    request = allocator.Request(0, durability, spread)
    return allocator.pool_stats(allocator.Inventory(state), request)


def extend(
    state: model.Snapshot,
    grown: model.Volume,
    there: Iterable[model.Brick],
    wanted_data_bytes: int,
    **more: Any,
) -> allocator.Growth:
    """Find more capacity for a volume."""
    return allocator.extend(
        allocator.Inventory(state), grown, there, wanted_data_bytes, **more
    )


def brick_bytes(placement: allocator.Placement) -> int:
    """Return the size of all bricks of a placement, which are equal."""
    (size,) = {slot.size_bytes for slot in placement.slots}
    return size
