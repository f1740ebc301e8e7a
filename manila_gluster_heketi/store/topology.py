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

import dataclasses
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

# The others are for generations.py.
_DEVICE_COLUMNS = [
    schema.devices.c[field.name] for field in dataclasses.fields(model.Device)
]


_OWNERS = [each.label(f'node_{each.name}') for each in schema.nodes.c]
_DEVICES_AND_NODES = (
    sa.select(*_DEVICE_COLUMNS, *_OWNERS)
    .join(schema.nodes, schema.nodes.c.id == schema.devices.c.node_id)
    .where(schema.devices.c.id.in_(sa.bindparam('these', expanding=True)))
)
# Identities are random: those that follow on any other one may be anywhere.
_SOME_HOSTS = (
    sa.select(schema.nodes.c.manage_host)
    .where(schema.nodes.c.cluster_id == sa.bindparam('cluster'))
    .order_by(schema.nodes.c.id < sa.bindparam('start'), schema.nodes.c.id)
    .limit(sa.bindparam('most', type_=sa.Integer))
)
_SOME_HOSTS_THAT_ARE = _SOME_HOSTS.where(
    schema.nodes.c.state == sa.bindparam('its_state')
)
_CLUSTERS = schema.clusters.select().order_by(schema.clusters.c.name)


def clusters(tx: Transaction) -> tuple[model.Cluster, ...]:
    """List the clusters by name."""
    return tx.values(model.Cluster, _CLUSTERS)


def cluster(tx: Transaction, cluster_id: str) -> model.Cluster:
    """Find a cluster.

    :raises NotFound: no such cluster
    """
    return tx.value(model.Cluster, schema.clusters, cluster_id)


def cluster_by_name(tx: Transaction, name: str) -> model.Cluster:
    """Find a cluster by its name.

    :raises NotFound: no such cluster
    """
    for each in clusters(tx):
        if each.name == name:
            return each
    raise exceptions.NotFound(kind='cluster', identity=name)


def add_cluster(tx: WriteTransaction, new: model.Cluster) -> None:
    """Record a cluster.

    :raises Conflict: its id or name is taken
    """
    tx.insert(schema.clusters, values_of(new))


def set_secure_access(
    tx: WriteTransaction, cluster_id: str, secure_access: bool
) -> None:
    """Record whether a cluster's management is encrypted.

    :raises NotFound: no such cluster
    """
    generations.reshape(tx, cluster_id)
    tx.update(schema.clusters, cluster_id, {'secure_access': secure_access})


def remove_cluster(tx: WriteTransaction, cluster_id: str) -> None:
    """Forget a cluster.

    :raises NotFound: no such cluster
    :raises Conflict: it has nodes or volumes
    """
    tx.delete(schema.clusters, cluster_id)


def nodes(tx: Transaction, cluster_id: str = '') -> tuple[model.Node, ...]:
    """List nodes by host name: a cluster's, or all."""
    table = schema.nodes
    wanted = table.select().order_by(table.c.manage_host)
    if cluster_id:
        wanted = wanted.where(table.c.cluster_id == cluster_id)
    return tx.values(model.Node, wanted)


def some_hosts(
    tx: Transaction,
    cluster_id: str,
    start: str,
    most: int,
    state: model.EntryState | None = None,
) -> tuple[str, ...]:
    """List where SSH reaches some nodes from all over a cluster.

    They are others for another start.

    :param start: an identity, of whatever
    :param most: how many
    :param state: of these nodes only; None for all
    """
    given = {'cluster': cluster_id, 'start': start, 'most': most}
    if state is None:
        rows = tx.rows(_SOME_HOSTS, given)
    else:
        rows = tx.rows(_SOME_HOSTS_THAT_ARE, {**given, 'its_state': state})
    return tuple(row.manage_host for row in rows)


def node(tx: Transaction, node_id: str) -> model.Node:
    """Find a node.

    :raises NotFound: no such node
    """
    table = schema.nodes
    wanted = table.select().where(table.c.id == node_id)
    for found in tx.values(model.Node, tx.held(wanted)):
        return found
    raise exceptions.NotFound(kind='node', identity=node_id)


def node_by_host(tx: Transaction, manage_host: str) -> model.Node | None:
    """Find the node that SSH reaches under this name."""
    table = schema.nodes
    wanted = table.select().where(table.c.manage_host == manage_host)
    return next(iter(tx.values(model.Node, tx.held(wanted))), None)


def add_node(tx: WriteTransaction, new: model.Node) -> None:
    """Record a node.

    :raises Conflict: its id or one of its hosts is taken, or its cluster is
        not there
    """
    generations.reshape(tx, new.cluster_id)
    tx.insert(schema.nodes, values_of(new))


def update_node(tx: WriteTransaction, changed: model.Node) -> None:
    """Record how a node is now.

    :raises NotFound: no such node
    :raises Conflict: another node has one of its hosts
    """
    generations.reshape_of_node(tx, changed.id)
    tx.update(schema.nodes, changed.id, values_of(changed))


def set_node_state(
    tx: WriteTransaction, node_id: str, state: model.EntryState
) -> None:
    """Record whether new bricks may be placed on a node.

    :raises NotFound: no such node
    """
    generations.reshape_of_node(tx, node_id)
    tx.update(schema.nodes, node_id, {'state': state})


def remove_node(tx: WriteTransaction, node_id: str) -> None:
    """Forget a node.

    :raises NotFound: no such node
    :raises Conflict: it has devices
    """
    generations.reshape_of_node(tx, node_id)
    tx.delete(schema.nodes, node_id)


def devices(tx: Transaction, node_id: str = '') -> tuple[model.Device, ...]:
    """List devices by node and path: a node's, or all."""
    table = schema.devices
    wanted = sa.select(*_DEVICE_COLUMNS).order_by(
        table.c.node_id, table.c.path
    )
    if node_id:
        wanted = wanted.where(table.c.node_id == node_id)
    return tx.values(model.Device, wanted)


def device(tx: Transaction, device_id: str) -> model.Device:
    """Find a device.

    :raises NotFound: no such device
    """
    table = schema.devices
    wanted = sa.select(*_DEVICE_COLUMNS).where(table.c.id == device_id)
    for found in tx.values(model.Device, tx.held(wanted)):
        return found
    raise exceptions.NotFound(kind='device', identity=device_id)


def devices_of(
    tx: Transaction, device_ids: Collection[str]
) -> dict[str, tuple[model.Device, model.Node]]:
    """Find devices with their nodes, by the identities of the devices.

    :raises NotFound: there is no such device
    """
    rows = tx.rows(_DEVICES_AND_NODES, {'these': sorted(device_ids)})
    width = len(_DEVICE_COLUMNS)
    found = {
        row.id: (model.Device(*row[:width]), model.Node(*row[width:]))
        for row in rows
    }
    for device_id in device_ids:
        if device_id not in found:
            raise exceptions.NotFound(kind='device', identity=device_id)
    return found


def add_device(tx: WriteTransaction, new: model.Device) -> None:
    """Record a device.

    :raises Conflict: its id is taken, its node has another device with that
        path or volume group, or its node is not there
    """
    generations.reshape_of_node(tx, new.node_id)
    tx.insert(schema.devices, values_of(new))


def update_device(tx: WriteTransaction, changed: model.Device) -> None:
    """Record how a device is now.

    :raises NotFound: no such device
    :raises Conflict: its node has another with that path or volume group
    """
    generations.reshape_of_device(tx, changed.id)
    tx.update(schema.devices, changed.id, values_of(changed))


def set_device_state(
    tx: WriteTransaction, device_id: str, state: model.EntryState
) -> None:
    """Record whether new bricks may be placed on a device.

    :raises NotFound: no such device
    """
    generations.reshape_of_device(tx, device_id)
    tx.update(schema.devices, device_id, {'state': state})


def remove_device(tx: WriteTransaction, device_id: str) -> None:
    """Forget a device.

    :raises NotFound: no such device
    :raises Conflict: it holds bricks
    """
    generations.reshape_of_device(tx, device_id)
    tx.delete(schema.devices, device_id)


def snapshot(tx: Transaction, cluster_id: str) -> model.Snapshot:
    """Show a cluster to the allocator: devices by id, with what is used.

    :raises NotFound: no such cluster
    """
    # First, so that in a write transaction of a server whatever others
    # commit while the rest is read makes generations.claim fail.
    whole = cluster(tx, cluster_id)
    by_id = {member.id: member for member in nodes(tx, cluster_id)}
    table = schema.devices
    mine = sa.select(schema.nodes.c.id).where(
        schema.nodes.c.cluster_id == cluster_id
    )
    found = tx.rows(
        sa.select(*_DEVICE_COLUMNS, table.c.used_bytes)
        .where(table.c.node_id.in_(mine))
        .order_by(table.c.id)
    )
    return model.Snapshot(
        cluster=whole,
        devices=tuple(
            _capacity(row, by_id[row.node_id])
            for row in found
            # A node may come between the two statements.
            if row.node_id in by_id
        ),
    )


def _capacity(row: sa.Row[Any], owner: model.Node) -> model.DeviceCapacity:
    fields: list[Any]
    *fields, used_bytes = row
    return model.DeviceCapacity(model.Device(*fields), owner, used_bytes)
