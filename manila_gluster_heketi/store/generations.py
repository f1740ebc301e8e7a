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

"""What a cluster's generation counts: each change that placing must know of.

Whoever knows a cluster at one generation asks only for what devices hold more
or less since; if its shape is another, it reads all anew.

A change is counted before it is made. That locks the cluster's row until the
transaction ends, so that of several writers each sees what the one before has
committed, and all take their locks in the same order.
"""

from collections.abc import Collection
from collections.abc import Mapping

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

_CLUSTERS, _NODES = schema.clusters, schema.nodes
_DEVICES, _BRICKS = schema.devices, schema.bricks
_NEXT = _CLUSTERS.c.generation + 1
_NOTHING: Mapping[str, object] = {}
_THESE: sa.BindParameter[list[str]] = sa.bindparam('these', expanding=True)
_CLAIM = (
    _CLUSTERS.update()
    .where(
        _CLUSTERS.c.id == sa.bindparam('cluster'),
        _CLUSTERS.c.generation == sa.bindparam('seen'),
    )
    .values(generation=_NEXT)
)
_CLUSTERS_OF_DEVICES = (
    sa.select(_NODES.c.cluster_id)
    .join(_DEVICES, _DEVICES.c.node_id == _NODES.c.id)
    .where(_DEVICES.c.id.in_(_THESE))
)
_COUNT_ON_DEVICES = (
    _CLUSTERS.update()
    .where(_CLUSTERS.c.id.in_(_CLUSTERS_OF_DEVICES))
    .values(generation=_NEXT)
)
_ADD_UP = (
    _DEVICES.update()
    .where(_DEVICES.c.id.in_(_THESE))
    .values(
        used_bytes=sa.select(
            sa.func.coalesce(sa.func.sum(_BRICKS.c.size_bytes), 0)
        )
        .where(_BRICKS.c.device_id == _DEVICES.c.id)
        .scalar_subquery(),
        used_generation=sa.select(_CLUSTERS.c.generation)
        .join(_NODES, _NODES.c.cluster_id == _CLUSTERS.c.id)
        .where(_NODES.c.id == _DEVICES.c.node_id)
        .scalar_subquery(),
    )
)
_USED_SINCE = (
    sa.select(_DEVICES.c.id, _DEVICES.c.used_bytes)
    .join(_NODES, _NODES.c.id == _DEVICES.c.node_id)
    .where(
        _NODES.c.cluster_id == sa.bindparam('cluster'),
        _DEVICES.c.used_generation > sa.bindparam('since'),
    )
)


def claim(tx: WriteTransaction, cluster_id: str, seen: int) -> None:
    """Count a change of a cluster that was planned at a generation.

    :param seen: the generation that the plan is based on
    :raises StaleGeneration: others changed the cluster since
    :raises NotFound: no such cluster
    """
    if tx.change(_CLAIM, {'cluster': cluster_id, 'seen': seen}):
        return
    table = schema.clusters
    if not tx.rows(sa.select(table.c.id).where(table.c.id == cluster_id)):
        raise exceptions.NotFound(kind='cluster', identity=cluster_id)
    raise exceptions.StaleGeneration(cluster=cluster_id, attempts=1)


def lock(tx: WriteTransaction, cluster_ids: Collection[str]) -> None:
    """Let nobody else change clusters until the transaction ends.

    On a server writers plan at the same time, and of those on one generation
    one wins. Who locks before it reads always does, as all do on SQLite.
    """
    table = schema.clusters
    wanted = sa.select(table.c.id).where(table.c.id.in_(sorted(cluster_ids)))
    tx.rows(tx.held(wanted.order_by(table.c.id)))


def reshape(tx: WriteTransaction, cluster_id: str) -> None:
    """Count a change of a cluster's nodes."""
    _reshape(tx, schema.clusters.c.id == cluster_id)


def reshape_of_node(tx: WriteTransaction, node_id: str) -> None:
    """Count a change of a node, or of which devices it has."""
    nodes = schema.nodes
    _reshape(
        tx,
        schema.clusters.c.id.in_(
            sa.select(nodes.c.cluster_id).where(nodes.c.id == node_id)
        ),
    )


def reshape_of_device(tx: WriteTransaction, device_id: str) -> None:
    """Count a change of a device itself."""
    table = schema.clusters
    _reshape(tx, table.c.id.in_(_CLUSTERS_OF_DEVICES), {'these': [device_id]})


def _reshape(
    tx: WriteTransaction,
    these: sa.ColumnElement[bool],
    given: Mapping[str, object] = _NOTHING,
) -> None:
    table = schema.clusters
    tx.change(
        table.update()
        .where(these)
        # MySQL sets one after the other, each with what the last one left.
        .ordered_values(
            (table.c.shape_generation, _NEXT), (table.c.generation, _NEXT)
        ),
        given,
    )


def count_on_devices(
    tx: WriteTransaction, device_ids: Collection[str]
) -> None:
    """Count a change of which bricks devices have."""
    tx.change(_COUNT_ON_DEVICES, {'these': sorted(device_ids)})


def count_of_bricks(tx: WriteTransaction, brick_ids: Collection[str]) -> None:
    """Count a change of bricks; from then on nobody else moves them."""
    table, volumes = schema.clusters, schema.volumes
    cluster_ids = (
        sa.select(volumes.c.cluster_id)
        .join(_BRICKS, _BRICKS.c.volume_id == volumes.c.id)
        .where(_BRICKS.c.id.in_(sorted(brick_ids)))
    )
    tx.change(
        table.update()
        .where(table.c.id.in_(cluster_ids))
        .values(generation=_NEXT)
    )


def add_up(tx: WriteTransaction, device_ids: Collection[str]) -> None:
    """Record what devices hold now that the change that was counted is made.

    Without that count others might change their bricks at the same time.
    """
    tx.change(_ADD_UP, {'these': sorted(device_ids)})


def used_since(
    tx: Transaction, cluster_id: str, generation: int
) -> dict[str, int]:
    """Say what those devices hold whose bricks changed after a generation.

    :returns: bytes, by the identity of the device
    """
    rows = tx.rows(_USED_SINCE, {'cluster': cluster_id, 'since': generation})
    return {row.id: row.used_bytes for row in rows}
