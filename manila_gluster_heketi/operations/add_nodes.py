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

"""Adding nodes to a cluster: glusterd, peers, certificates."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi.model import EntryState
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import node_records
from manila_gluster_heketi.operations import node_steps
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import secure_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import reading


def add(
    engine: Engine,
    nodes: Sequence[model.Node],
    cluster_name: str,
    ping_timeout: int,
) -> model.Cluster:
    """Make hosts into nodes of one cluster, new or there already.

    :param nodes: with an empty ``cluster_id`` if the cluster is to be made
    :param cluster_name: of a cluster to be made; '' to name it by its id
    :param ping_timeout: for glusterd, in seconds; 0 leaves it alone
    :raises UnderWay: another process changes the topology, or just has
    :raises OperationFailed: undone; the hosts are as they were
    """

    def reserve(tx: WriteTransaction) -> tuple[model.Cluster, Operation]:
        cluster_id = nodes[0].cluster_id or model.new_id()
        operation = engine.open(
            tx,
            model.OpKind.NODE_ADD,
            cluster_id,
            cluster_id,
            claims=(kinds.TOPOLOGY, *(node.id for node in nodes)),
        )
        patience.check_new(
            'node',
            [node.manage_host for node in nodes],
            {node.manage_host for node in topology.nodes(tx)},
        )
        if not nodes[0].cluster_id:
            _add_cluster(tx, cluster_id, cluster_name)
        cluster = topology.cluster(tx, cluster_id)
        before = topology.nodes(tx, cluster.id)
        new = [
            dataclasses.replace(
                node, cluster_id=cluster.id, state=EntryState.OFFLINE
            )
            for node in nodes
        ]
        for node in new:
            topology.add_node(tx, node)
        return cluster, engine.plan(
            tx,
            operation,
            [
                *_steps(cluster, before, new, ping_timeout),
                *(_record(tx, node) for node in new),
            ],
        )

    cluster, operation = engine.store.transact(reserve)
    engine.run(operation)
    return cluster


def _add_cluster(tx: WriteTransaction, cluster_id: str, name: str) -> None:
    name = name or f'cluster-{cluster_id[:8]}'
    there = {each.name for each in topology.clusters(tx)}
    patience.check_new('cluster', [name], there)
    topology.add_cluster(tx, model.Cluster(id=cluster_id, name=name))


def _steps(
    cluster: model.Cluster,
    before: Sequence[model.Node],
    new: Sequence[model.Node],
    ping_timeout: int,
) -> list[step.Step]:
    first = before[0] if before else new[0]
    prepared = [
        node_steps.PrepareGlusterd(
            host=node.manage_host, ping_timeout=ping_timeout
        )
        for node in new
    ]
    joined = node_steps.JoinPeers(
        host=first.manage_host,
        members=tuple(n.manage_host for n in (*before, *new)),
        addresses=tuple(n.storage_host for n in new if n.id != first.id),
        own_address=first.storage_host,
    )
    certified = [
        node_steps.DeployCertificate(
            host=node.manage_host,
            cluster_id=node.cluster_id,
            directory=node.tls_directory,
        )
        for node in new
    ]
    if not cluster.secure_access:
        return [*prepared, joined, *certified]
    # The others hear nothing but TLS: so certificates come first.
    secured = [
        secure_steps.SwitchSecureAccess(
            host=node.manage_host, wanted=True, before=False, restarts=True
        )
        for node in new
    ]
    return [*certified, *prepared, *secured, joined]


def _record(tx: WriteTransaction, node: model.Node) -> node_records.RecordNode:
    """Have a node know what it will be when all this is done."""
    online = dataclasses.replace(node, state=EntryState.ONLINE)
    return node_records.RecordNode(
        host=node.manage_host,
        content=node_records.of(tx, online),
        old_content='',
    )


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Let bricks onto the new nodes, or forget them."""
    hosts = [
        record.host
        for record in operation.steps
        if record.kind == node_steps.PrepareGlusterd.kind
    ]
    nodes = [topology.node_by_host(tx, host) for host in hosts]
    if operation.state is OpState.DONE:
        for node in filter(None, nodes):
            topology.update_node(
                tx, dataclasses.replace(node, state=EntryState.ONLINE)
            )
        _record_certificates(tx, operation, found)
    elif operation.state is OpState.UNDONE:
        for node in filter(None, nodes):
            topology.remove_node(tx, node.id)
        if not topology.nodes(tx, operation.cluster_id):
            topology.remove_cluster(tx, operation.cluster_id)


def _record_certificates(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    for step_record in operation.steps:
        record = found.get(step_record.index, {}).get('certificate')
        node = topology.node_by_host(tx, step_record.host)
        if isinstance(record, model.Certificate) and node is not None:
            certificates.add(tx, reading.of_node(record, node.id))


kinds.register(model.OpKind.NODE_ADD, kinds.Kind(settle))
