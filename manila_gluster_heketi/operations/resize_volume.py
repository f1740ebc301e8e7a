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

"""Resizing a volume: the quota alone where it can be, the bricks where not."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import StepRecord
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations import volume_steps
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction


def extend(
    engine: Engine, volume: model.Volume, size_bytes: int
) -> model.Volume:
    """Raise the quota, after the volume has grown if it must.

    Bricks grow in place when every device has room, which clients see at
    once; else whole brick sets are added and Gluster spreads the data.

    :raises InvalidInput: the size is not larger
    :raises NoSpace: with the explanation per constraint
    :raises OperationFailed: the old quota stands
    """
    if size_bytes == volume.size_bytes:
        return volume
    if size_bytes < volume.size_bytes:
        raise exceptions.InvalidInput(
            field='size',
            value=size_bytes,
            reason=f'the volume has {volume.size_bytes} bytes already',
        )
    return _resize(engine, volume, size_bytes)


def shrink(
    engine: Engine, volume: model.Volume, size_bytes: int
) -> model.Volume:
    """Lower the quota; the bricks keep their size for a later extension.

    :raises ShrinkWouldLoseData: it holds more; nothing was changed
    """
    used_bytes = _used_bytes(engine, volume)
    if used_bytes > size_bytes:
        raise exceptions.ShrinkWouldLoseData(
            volume=volume.name,
            used_bytes=used_bytes,
            wanted_bytes=size_bytes,
        )
    return _resize(engine, volume, size_bytes)


def _used_bytes(engine: Engine, volume: model.Volume) -> int:
    with engine.store.read() as tx:
        hosts = brick_rows.gluster_hosts(tx, volume.cluster_id)
    limits = engine.site.ask_gluster(
        hosts, gluster.quota_list(volume.name), gluster_xml.quota_limits
    )
    return limits[0].used_bytes


def _resize(
    engine: Engine, volume: model.Volume, size_bytes: int
) -> model.Volume:
    with engine.store.write() as tx:
        if volumes.volume(tx, volume.id).state is not VolumeState.READY:
            raise exceptions.Conflict(
                kind='volume', identity=volume.name, reason=volume.state
            )
        steps = [
            *_growth(tx, volume, size_bytes),
            volume_steps.SetQuota(
                host='',
                hosts=brick_rows.gluster_hosts(tx, volume.cluster_id),
                name=volume.name,
                quota_bytes=size_bytes,
                old_quota_bytes=volume.size_bytes,
            ),
        ]
        operation = engine.open(
            tx,
            model.OpKind.VOLUME_RESIZE,
            volume.id,
            volume.cluster_id,
            steps,
        )
    engine.run(operation)
    with engine.store.read() as tx:
        return volumes.volume(tx, volume.id)


def _growth(
    tx: WriteTransaction, volume: model.Volume, size_bytes: int
) -> list[step.Step]:
    """Reserve what the volume must grow by; say how it grows."""
    if size_bytes <= volume.capacity_bytes:
        return []
    snapshot = topology.snapshot(tx, volume.cluster_id)
    bricks = volumes.bricks(tx, volume.id)
    growth = allocator.extend(snapshot, volume, bricks, size_bytes)
    topology.bump_generation(
        tx, volume.cluster_id, snapshot.cluster.generation
    )
    if isinstance(growth, allocator.GrowBricks):
        return _in_place(tx, bricks, growth)
    return _by_sets(tx, volume, bricks, growth)


def _in_place(
    tx: WriteTransaction,
    bricks: Iterable[model.Brick],
    growth: allocator.GrowBricks,
) -> list[step.Step]:
    old = {brick.id: brick.size_bytes for brick in bricks}
    grown = [
        dataclasses.replace(brick, size_bytes=growth.sizes_bytes[brick.id])
        for brick in bricks
        if brick.id in growth.sizes_bytes
    ]
    for brick in grown:
        volumes.update_brick(tx, brick)
    return [
        brick_steps.GrowBricks(
            host=host,
            bricks=tuple(theirs),
            old_sizes={b.id: old[b.id] for b in theirs},
        )
        for host, theirs in brick_rows.by_host(tx, grown).items()
    ]


def _by_sets(
    tx: WriteTransaction,
    volume: model.Volume,
    there: Sequence[model.Brick],
    growth: allocator.AddSets,
) -> list[step.Step]:
    bricks = brick_rows.from_placement(
        tx,
        volume.id,
        growth.placement,
        first_set=1 + max(brick.set_index for brick in there),
    )
    volumes.add_bricks(tx, bricks)
    hosts = brick_rows.gluster_hosts(tx, volume.cluster_id)
    by_host = brick_rows.by_host(tx, bricks)
    return [
        *(
            brick_steps.MakeBricks(host=host, bricks=tuple(theirs))
            for host, theirs in by_host.items()
        ),
        volume_steps.AddBrickSets(
            host='',
            hosts=hosts,
            name=volume.name,
            replica=volume.durability.replica,
            addresses=brick_rows.addresses(tx, bricks),
        ),
        *(
            brick_steps.FlushBricks(host=host, bricks=tuple(theirs))
            for host, theirs in by_host.items()
        ),
    ]


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record the size that stands, and what the bricks can hold."""
    volume = volumes.volume(tx, operation.subject)
    if operation.state is OpState.DONE:
        bricks = volumes.bricks(tx, volume.id)
        quota = operation.steps[-1].params['quota_bytes']
        assert isinstance(quota, int)
        volumes.update_volume(
            tx,
            dataclasses.replace(
                volume,
                size_bytes=quota,
                capacity_bytes=allocator.capacity_of(bricks),
            ),
        )
        return
    brick_rows.release_undone(tx, operation)
    for record in operation.steps:
        if record.kind == brick_steps.GrowBricks.kind:
            _put_back(tx, record)


def _put_back(tx: WriteTransaction, record: StepRecord) -> None:
    """Give back what was reserved for growing.

    A brick that has grown already keeps its room on the host, but the quota
    stands and so it will hold no more than before.
    """
    old = record.params['old_sizes']
    assert isinstance(old, Mapping)
    for brick in step.bricks_of(record.params):
        volumes.update_brick(
            tx, dataclasses.replace(brick, size_bytes=old[brick.id])
        )


kinds.register(model.OpKind.VOLUME_RESIZE, kinds.Kind(settle))
