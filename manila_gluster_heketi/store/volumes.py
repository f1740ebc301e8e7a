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

import dataclasses
import itertools
from collections.abc import Collection
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

_VOLUMES = schema.volumes
_ONE = _VOLUMES.select().where(_VOLUMES.c.id == sa.bindparam('volume'))
_OF_SHARE = _VOLUMES.select().where(
    _VOLUMES.c.live_share_id == sa.bindparam('share')
)
_NAMED = sa.select(_VOLUMES.c.id).where(
    _VOLUMES.c.cluster_id == sa.bindparam('cluster'),
    _VOLUMES.c.name == sa.bindparam('named'),
)
_COUNTS = sa.select(
    _VOLUMES.c.cluster_id, sa.func.count().label('number')
).group_by(_VOLUMES.c.cluster_id)

# Databases limit how many parameters a statement has.
_IDS_PER_STATEMENT = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Allocated:
    """What shares were promised of a cluster, CONDEMNED volumes included.

    :ivar size_bytes: the quotas of all volumes
    """

    volumes: int = 0
    size_bytes: int = 0


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
    for row in tx.rows(tx.held(_ONE), {'volume': volume_id}):
        return _volume(row)
    raise exceptions.NotFound(kind='volume', identity=volume_id)


def by_share(tx: Transaction, share_id: str) -> model.Volume | None:
    """Find the volume that a share has: READY or CREATING."""
    for row in tx.rows(_OF_SHARE, {'share': share_id}):
        return _volume(row)
    return None


def allocated(tx: Transaction) -> dict[str, Allocated]:
    """Sum up the volumes of each cluster that has any, by its id."""
    table = schema.volumes
    found = tx.rows(
        sa.select(
            table.c.cluster_id,
            sa.func.count().label('volumes'),
            sa.func.sum(table.c.size_bytes).label('size_bytes'),
        ).group_by(table.c.cluster_id)
    )
    # Servers sum up to a Decimal.
    return {
        row.cluster_id: Allocated(row.volumes, int(row.size_bytes))
        for row in found
    }


def is_name_free(tx: Transaction, cluster_id: str, name: str) -> bool:
    """Tell whether a new volume can have a name.

    A CONDEMNED volume holds its name: Gluster may still know it.
    """
    return not tx.rows(_NAMED, {'cluster': cluster_id, 'named': name})


def counts(tx: Transaction) -> dict[str, int]:
    """Count the volumes of each cluster that has any.

    CONDEMNED ones too: Gluster may still have them.
    """
    return {row.cluster_id: row.number for row in tx.rows(_COUNTS)}


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


def bricks_of_cluster(
    tx: Transaction, cluster_id: str
) -> tuple[model.Brick, ...]:
    """List the bricks of all volumes of a cluster by volume, set, position."""
    table, mine = schema.bricks, schema.volumes
    ids = sa.select(mine.c.id).where(mine.c.cluster_id == cluster_id)
    return tx.values(
        model.Brick,
        table.select()
        .where(table.c.volume_id.in_(ids))
        .order_by(
            table.c.volume_id,
            table.c.set_index,
            table.c.position,
            table.c.id,
        ),
    )


def add_bricks(tx: WriteTransaction, new: Iterable[model.Brick]) -> None:
    """Record bricks: from now on they hold their space.

    :raises Conflict: an id, or a name of a logical volume on a device, is
        taken, or a volume or device is not there; names the first brick
    """
    rows = tuple(new)
    devices = {brick.device_id for brick in rows}
    generations.count_on_devices(tx, devices)
    tx.insert(schema.bricks, *map(values_of, rows))
    generations.add_up(tx, devices)


def update_brick(tx: WriteTransaction, changed: model.Brick) -> None:
    """Record how a brick is now.

    :raises NotFound: no such brick
    :raises Conflict: its device has another logical volume of that name
    """
    generations.count_of_bricks(tx, {changed.id})
    before = tx.value(model.Brick, schema.bricks, changed.id)
    tx.update(schema.bricks, changed.id, values_of(changed))
    generations.add_up(tx, {before.device_id, changed.device_id})


def remove_bricks(tx: WriteTransaction, ids: Collection[str]) -> None:
    """Forget bricks; those that are not there are none to forget."""
    left = sorted(ids)
    while left:
        now, left = left[:_IDS_PER_STATEMENT], left[_IDS_PER_STATEMENT:]
        _remove(tx, now)


def _remove(tx: WriteTransaction, ids: Collection[str]) -> None:
    table = schema.bricks
    these = table.c.id.in_(ids)
    generations.count_of_bricks(tx, ids)
    devices = tx.rows(sa.select(table.c.device_id).where(these).distinct())
    tx.change(table.delete().where(these))
    generations.add_up(tx, {row.device_id for row in devices})


def _volume(row: sa.Row[Any]) -> model.Volume:
    return model.Volume(
        id=row.id,
        cluster_id=row.cluster_id,
        share_id=row.share_id,
        name=row.name,
        size_bytes=row.size_bytes,
        capacity_bytes=row.capacity_bytes,
        durability=row.durability,
        spread=row.spread,
        state=row.state,
        access=tuple(row.access),
        tags=row.tags,
        average_file_bytes=row.average_file_bytes,
    )


def _volume_values(volume: model.Volume) -> dict[str, object]:
    belongs = volume.state is not model.VolumeState.CONDEMNED
    return values_of(volume) | {
        # An adopted volume has no share: '' must not count as one.
        'live_share_id': (volume.share_id or None) if belongs else None,
    }
