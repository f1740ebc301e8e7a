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

"""Volumes and their bricks as they are on record."""

import itertools
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

# Databases limit how many parameters a statement has.
_IDS_PER_STATEMENT = 500


def volumes(tx: Transaction, cluster_id: str = '') -> tuple[model.Volume, ...]:
    """List volumes by name: a cluster's, or all; CONDEMNED ones too."""
    table = schema.volumes
    wanted = table.select().order_by(table.c.name, table.c.id)
    if cluster_id:
        wanted = wanted.where(table.c.cluster_id == cluster_id)
    return tuple(_volume(row) for row in tx.rows(wanted))


def volume(tx: Transaction, volume_id: str) -> model.Volume:
    """Find a volume.

    :raises NotFound: no such volume
    """
    table = schema.volumes
    for row in tx.rows(table.select().where(table.c.id == volume_id)):
        return _volume(row)
    raise exceptions.NotFound(kind='volume', identity=volume_id)


def by_share(tx: Transaction, share_id: str) -> model.Volume | None:
    """Find the volume that a share has: READY or CREATING."""
    table = schema.volumes
    wanted = table.select().where(table.c.live_share_id == share_id)
    for row in tx.rows(wanted):
        return _volume(row)
    return None


def names_in_use(tx: Transaction, cluster_id: str) -> frozenset[str]:
    """List the names that no new volume can have.

    A CONDEMNED volume holds its name: Gluster may still know it.
    """
    table = schema.volumes
    wanted = sa.select(table.c.name).where(table.c.cluster_id == cluster_id)
    return frozenset(row.name for row in tx.rows(wanted))


def add_volume(tx: WriteTransaction, new: model.Volume) -> None:
    """Record a volume.

    :raises Conflict: its id, its name in its cluster or its share is taken,
        or its cluster is not there
    """
    tx.insert(schema.volumes, _volume_values(new))


def update_volume(tx: WriteTransaction, changed: model.Volume) -> None:
    """Record how a volume is now.

    :raises NotFound: no such volume
    :raises Conflict: its share has another volume by now
    """
    tx.update(schema.volumes, changed.id, _volume_values(changed))


def remove_volume(tx: WriteTransaction, volume_id: str) -> None:
    """Forget a volume.

    :raises NotFound: no such volume
    :raises Conflict: it has bricks
    """
    tx.delete(schema.volumes, volume_id)


def bricks(tx: Transaction, volume_id: str) -> tuple[model.Brick, ...]:
    """List the bricks of a volume by set and position."""
    table = schema.bricks
    return tx.values(
        model.Brick,
        table.select()
        .where(table.c.volume_id == volume_id)
        .order_by(table.c.set_index, table.c.position, table.c.id),
    )


def brick_sets(tx: Transaction, volume_id: str) -> tuple[model.BrickSet, ...]:
    """List the brick sets of a volume by index."""
    by_set = itertools.groupby(
        bricks(tx, volume_id), lambda brick: brick.set_index
    )
    return tuple(
        model.BrickSet(index=index, bricks=tuple(members))
        for index, members in by_set
    )


def bricks_of_device(
    tx: Transaction, device_id: str
) -> tuple[model.Brick, ...]:
    """List the bricks on a device by id."""
    table = schema.bricks
    return tx.values(
        model.Brick,
        table.select()
        .where(table.c.device_id == device_id)
        .order_by(table.c.id),
    )


def add_bricks(tx: WriteTransaction, new: Iterable[model.Brick]) -> None:
    """Record bricks: from now on they hold their space.

    :raises Conflict: an id, or a name of a logical volume on a device, is
        taken, or a volume or device is not there; names the first brick
    """
    tx.insert(schema.bricks, *map(values_of, new))


def update_brick(tx: WriteTransaction, changed: model.Brick) -> None:
    """Record how a brick is now.

    :raises NotFound: no such brick
    :raises Conflict: its device has another logical volume of that name
    """
    tx.update(schema.bricks, changed.id, values_of(changed))


def remove_bricks(tx: WriteTransaction, ids: Collection[str]) -> None:
    """Forget bricks; those that are not there are none to forget."""
    table = schema.bricks
    left = sorted(ids)
    while left:
        now, left = left[:_IDS_PER_STATEMENT], left[_IDS_PER_STATEMENT:]
        tx.change(table.delete().where(table.c.id.in_(now)))


def _volume(row: sa.Row[Any]) -> model.Volume:
    return model.Volume(
        id=row.id,
        cluster_id=row.cluster_id,
        share_id=row.share_id,
        name=row.name,
        size_bytes=row.size_bytes,
        capacity_bytes=row.capacity_bytes,
        durability=model.Durability(replica=row.replica),
        spread=row.spread,
        state=row.state,
        access=tuple(row.access),
    )


def _volume_values(volume: model.Volume) -> dict[str, object]:
    values = values_of(volume)
    del values['durability']
    belongs = volume.state is not model.VolumeState.CONDEMNED
    return values | {
        'replica': volume.durability.replica,
        # An adopted volume has no share: '' must not count as one.
        'live_share_id': (volume.share_id or None) if belongs else None,
    }
