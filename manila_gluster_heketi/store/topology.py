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

"""Clusters, nodes and devices as they are on record."""

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of


def clusters(tx: Transaction) -> tuple[model.Cluster, ...]:
    """List the clusters by name."""
    table = schema.clusters
    return tx.values(model.Cluster, table.select().order_by(table.c.name))


def cluster(tx: Transaction, cluster_id: str) -> model.Cluster:
    """Find a cluster.

    :raises NotFound: no such cluster
    """
    return tx.value(model.Cluster, schema.clusters, cluster_id)


def add_cluster(tx: WriteTransaction, new: model.Cluster) -> None:
    """Record a cluster.

    :raises Conflict: its id or name is taken
    """
    tx.insert(schema.clusters, values_of(new))


def remove_cluster(tx: WriteTransaction, cluster_id: str) -> None:
    """Forget a cluster.

    :raises NotFound: no such cluster
    :raises Conflict: it has nodes or volumes
    """
    tx.delete(schema.clusters, cluster_id)


def bump_generation(tx: WriteTransaction, cluster_id: str, seen: int) -> None:
    """Count a change of a cluster that was planned at a generation.

    :param seen: the generation that the plan is based on
    :raises StaleGeneration: others changed the cluster since
    :raises NotFound: no such cluster
    """
    table = schema.clusters
    changed = tx.change(
        table.update()
        .where(table.c.id == cluster_id, table.c.generation == seen)
        .values(generation=seen + 1)
    )
    if not changed:
        cluster(tx, cluster_id)
        raise exceptions.StaleGeneration(cluster=cluster_id, attempts=1)


def nodes(tx: Transaction, cluster_id: str = '') -> tuple[model.Node, ...]:
    """List nodes by host name: a cluster's, or all."""
    table = schema.nodes
    wanted = table.select().order_by(table.c.manage_host)
    if cluster_id:
        wanted = wanted.where(table.c.cluster_id == cluster_id)
    return tx.values(model.Node, wanted)


def node(tx: Transaction, node_id: str) -> model.Node:
    """Find a node.

    :raises NotFound: no such node
    """
    return tx.value(model.Node, schema.nodes, node_id)


def node_by_host(tx: Transaction, manage_host: str) -> model.Node | None:
    """Find the node that SSH reaches under this name."""
    table = schema.nodes
    wanted = table.select().where(table.c.manage_host == manage_host)
    return next(iter(tx.values(model.Node, wanted)), None)


def add_node(tx: WriteTransaction, new: model.Node) -> None:
    """Record a node.

    :raises Conflict: its id or one of its hosts is taken, or its cluster is
        not there
    """
    tx.insert(schema.nodes, values_of(new))


def update_node(tx: WriteTransaction, changed: model.Node) -> None:
    """Record how a node is now.

    :raises NotFound: no such node
    :raises Conflict: another node has one of its hosts
    """
    tx.update(schema.nodes, changed.id, values_of(changed))


def remove_node(tx: WriteTransaction, node_id: str) -> None:
    """Forget a node.

    :raises NotFound: no such node
    :raises Conflict: it has devices
    """
    tx.delete(schema.nodes, node_id)


def devices(tx: Transaction, node_id: str = '') -> tuple[model.Device, ...]:
    """List devices by node and path: a node's, or all."""
    table = schema.devices
    wanted = table.select().order_by(table.c.node_id, table.c.path)
    if node_id:
        wanted = wanted.where(table.c.node_id == node_id)
    return tx.values(model.Device, wanted)


def device(tx: Transaction, device_id: str) -> model.Device:
    """Find a device.

    :raises NotFound: no such device
    """
    return tx.value(model.Device, schema.devices, device_id)


def add_device(tx: WriteTransaction, new: model.Device) -> None:
    """Record a device.

    :raises Conflict: its id is taken, its node has another device with that
        path or volume group, or its node is not there
    """
    tx.insert(schema.devices, values_of(new))


def update_device(tx: WriteTransaction, changed: model.Device) -> None:
    """Record how a device is now.

    :raises NotFound: no such device
    :raises Conflict: its node has another with that path or volume group
    """
    tx.update(schema.devices, changed.id, values_of(changed))


def remove_device(tx: WriteTransaction, device_id: str) -> None:
    """Forget a device.

    :raises NotFound: no such device
    :raises Conflict: it holds bricks
    """
    tx.delete(schema.devices, device_id)


def snapshot(tx: Transaction, cluster_id: str) -> model.Snapshot:
    """Show a cluster to the allocator: devices by id, with what is used.

    :raises NotFound: no such cluster
    """
    # First, so that in a write transaction of a server whatever others
    # commit while the rest is read makes bump_generation fail.
    whole = cluster(tx, cluster_id)
    by_id = {member.id: member for member in nodes(tx, cluster_id)}
    table, brick_table = schema.devices, schema.bricks
    names = table.c.keys()
    used = (
        sa.select(sa.func.sum(brick_table.c.size_bytes))
        .where(brick_table.c.device_id == table.c.id)
        .scalar_subquery()
    )
    mine = sa.select(schema.nodes.c.id).where(
        schema.nodes.c.cluster_id == cluster_id
    )
    found = tx.rows(
        sa.select(table, used.label('used_bytes'))
        .where(table.c.node_id.in_(mine))
        .order_by(table.c.id)
    )
    return model.Snapshot(
        cluster=whole,
        devices=tuple(
            model.DeviceCapacity(
                device=model.Device(**dict(zip(names, row))),
                node=by_id[row.node_id],
                # Servers sum up to a Decimal, and nothing to None.
                used_bytes=int(row.used_bytes or 0),
            )
            for row in found
            # A node may come between the two statements.
            if row.node_id in by_id
        ),
    )
