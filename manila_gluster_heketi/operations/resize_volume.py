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
from collections.abc import Callable
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
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import attempts
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations import volume_steps
from manila_gluster_heketi.operations.create_volume import Policy
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction

#: Reserves what a volume is to grow by; says how it grows.
Grow = Callable[[], list[step.Step]]

#: Finds room without some nodes and devices; it only reads.
Plan = Callable[[WriteTransaction, frozenset[str]], Grow]


def extend(
    engine: Engine,
    inventories: Inventories,
    volume: model.Volume,
    size_bytes: int,
    policy: Policy,
) -> model.Volume:
    """Raise the quota, after the volume has grown if it must.

    Bricks grow in place when every device has room, which clients see at
    once; else whole brick sets are added and Gluster spreads the data.

    :param policy: how it grows: within which limits, and where sets go
    :raises InvalidInput: the size is not larger
    :raises NoSpace: with the explanation per constraint
    :raises UnderWay: another process changes the volume, or just has
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
    has_room = size_bytes <= volume.capacity_bytes
    return _resize(
        engine,
        volume,
        size_bytes,
        lambda tx, excluded: _growth(
            tx, inventories, volume, size_bytes, policy, excluded
        ),
        1 if has_room else policy.attempts,
    )


def shrink(
    engine: Engine, volume: model.Volume, size_bytes: int
) -> model.Volume:
    """Lower the quota; the bricks keep their size for a later extension.

    :raises InvalidInput: the size is not smaller
    :raises Conflict: it is being made or deleted
    :raises ShrinkWouldLoseData: it holds more; nothing was changed
    :raises UnderWay: another process changes the volume, or just has
    """
    # One that is being made is not there for Gluster yet.
    _check_ready(volume)
    if size_bytes == volume.size_bytes:
        return volume
    if size_bytes > volume.size_bytes:
        raise exceptions.InvalidInput(
            field='size',
            value=size_bytes,
            reason=f'the volume has {volume.size_bytes} bytes, not more',
        )
    try:
        used_bytes = _used_bytes(engine, volume)
    except exceptions.GlusterError:
        # Nothing keeps others from deleting it before this begins.
        with engine.store.read() as tx:
            patience.check_unchanged(tx, volume)
        raise
    if used_bytes > size_bytes:
        raise exceptions.ShrinkWouldLoseData(
            volume=volume.name,
            used_bytes=used_bytes,
            wanted_bytes=size_bytes,
        )
    return _resize(engine, volume, size_bytes, lambda tx, excluded: list)


def _check_ready(volume: model.Volume) -> None:
    if volume.state is not VolumeState.READY:
        raise exceptions.Conflict(
            kind='volume', identity=volume.name, reason=volume.state
        )


def _used_bytes(engine: Engine, volume: model.Volume) -> int:
    with engine.store.read() as tx:
        bricks = volumes.bricks(tx, volume.id)
        homes = brick_rows.homes(tx, bricks)
        hosts = brick_rows.gluster_hosts(tx, volume.cluster_id, homes)
    limits = engine.site.ask_gluster(
        hosts, gluster.quota_list(volume.name), gluster_xml.quota_limits
    )
    return limits[0].used_bytes


def _resize(
    engine: Engine,
    volume: model.Volume,
    size_bytes: int,
    plan: Plan,
    tries: int = 1,
) -> model.Volume:
    """Change the quota in one operation with what has to grow before.

    :param plan: finds room for that
    :param tries: how often, each time without what failed before
    :raises UnderWay: the volume is not as it was read any more
    """

    def reserve(tx: WriteTransaction, excluded: frozenset[str]) -> Operation:
        _check_ready(volume)
        grow = plan(tx, excluded)
        operation = patience.open_on(
            engine, tx, model.OpKind.VOLUME_RESIZE, volume
        )
        bricks = volumes.bricks(tx, volume.id)
        steps = [
            *grow(),
            volume_steps.SetQuota(
                host='',
                hosts=brick_rows.gluster_hosts(
                    tx, volume.cluster_id, brick_rows.homes(tx, bricks)
                ),
                name=volume.name,
                quota_bytes=size_bytes,
                old_quota_bytes=volume.size_bytes,
            ),
        ]
        return engine.plan(tx, operation, steps)

    attempts.run(
        engine,
        lambda excluded: (
            volume,
            engine.store.transact(lambda tx: reserve(tx, excluded)),
        ),
        attempts=tries,
        # What is to be undone yet would undo a second attempt.
        beside_stuck=False,
    )
    with engine.store.read() as tx:
        return volumes.volume(tx, volume.id)


def _growth(
    tx: WriteTransaction,
    inventories: Inventories,
    volume: model.Volume,
    size_bytes: int,
    policy: Policy,
    excluded: frozenset[str],
) -> Grow:
    """Find what the volume can grow by."""
    if size_bytes <= volume.capacity_bytes:
        return list
    # Nobody else is to take what is found here, nor to change its bricks.
    generations.lock(tx, (volume.cluster_id,))
    bricks = volumes.bricks(tx, volume.id)
    unproven = brick_rows.unproven_bytes(volume, bricks)
    with inventories.of(tx, (volume.cluster_id,)) as (inventory,):

        def find(wanted_bytes: int) -> allocator.Growth:
            return allocator.extend(
                inventory,
                volume,
                bricks,
                wanted_bytes,
                limits=policy.limits,
                strategy=policy.strategy,
                excluded=excluded,
            )

        growth = find(size_bytes)
        if unproven and (excluded or isinstance(growth, allocator.AddSets)):
            # The bricks that are there may be what can't grow. So they are
            # not relied on for more than what they were seen to hold.
            growth = find(size_bytes + unproven)
        generation = inventory.cluster.generation

    def grow() -> list[step.Step]:
        generations.claim(tx, volume.cluster_id, generation)
        if isinstance(growth, allocator.GrowBricks):
            return _in_place(tx, bricks, growth, all_of_them=unproven > 0)
        return _by_sets(tx, volume, bricks, growth)

    return grow


def _in_place(
    tx: WriteTransaction,
    bricks: Iterable[model.Brick],
    growth: allocator.GrowBricks,
    all_of_them: bool,
) -> list[step.Step]:
    """Reserve what bricks grow by.

    :param all_of_them: have those that are large enough on record grow as
        well, since an earlier growth may have left them behind it
    """
    old = {brick.id: brick.size_bytes for brick in bricks}
    grown = [
        dataclasses.replace(
            brick,
            size_bytes=growth.sizes_bytes.get(brick.id, brick.size_bytes),
        )
        for brick in bricks
        if all_of_them or brick.id in growth.sizes_bytes
    ]
    for brick in grown:
        volumes.update_brick(tx, brick)
    return [
        brick_steps.GrowBricks(
            host=host,
            bricks=tuple(theirs),
            old_sizes={b.id: old[b.id] for b in theirs},
        )
        for host, theirs in brick_rows.homes(tx, grown).by_host().items()
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
    hosts = brick_rows.gluster_hosts(
        tx, volume.cluster_id, brick_rows.homes(tx, there)
    )
    homes = brick_rows.homes(tx, bricks)
    return [
        *(
            brick_steps.MakeBricks(host=host, bricks=tuple(theirs))
            for host, theirs in homes.by_host().items()
        ),
        volume_steps.AddBrickSets(
            host='',
            hosts=hosts,
            name=volume.name,
            durability=str(volume.durability),
            addresses=homes.addresses(),
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
                capacity_bytes=_seen_to_hold(operation, volume, bricks),
            ),
        )
        return
    brick_rows.release_undone(tx, operation)
    for record in operation.steps:
        if record.kind == brick_steps.GrowBricks.kind and (
            record.state is StepState.PLANNED
        ):
            _put_back(tx, record)


def _seen_to_hold(
    operation: Operation, volume: model.Volume, bricks: Sequence[model.Brick]
) -> int:
    """Add up the tenant's data, in bytes, that bricks hold for certain."""
    new = set()
    for record in operation.steps:
        if record.kind == brick_steps.GrowBricks.kind:
            return allocator.capacity_of(bricks, volume.durability)
        if record.kind == brick_steps.MakeBricks.kind:
            new |= {brick.id for brick in step.bricks_of(record.params)}
    return volume.capacity_bytes + allocator.capacity_of(
        (brick for brick in bricks if brick.id in new), volume.durability
    )


def _put_back(tx: WriteTransaction, record: StepRecord) -> None:
    """Give back what was reserved for a growth that never began.

    What has begun may have grown, and a file system can't shrink: its room is
    taken, whatever the quota, since Gluster may put more on one brick than
    its part. So the record keeps the new size, for the next extension.
    """
    old = record.params['old_sizes']
    assert isinstance(old, Mapping)
    for brick in step.bricks_of(record.params):
        volumes.update_brick(
            tx, dataclasses.replace(brick, size_bytes=old[brick.id])
        )


kinds.register(model.OpKind.VOLUME_RESIZE, kinds.Kind(settle))
