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

"""Loading a topology document: look at all of it, then change.

Nothing is changed unless every new host and device is fit; then one operation
adds the nodes of a cluster and one their devices.
"""

import dataclasses
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import topology as documents
from manila_gluster_heketi.executor import known_hosts
from manila_gluster_heketi.operations import add_devices
from manila_gluster_heketi.operations import add_nodes
from manila_gluster_heketi.operations import inspect_hosts
from manila_gluster_heketi.operations import node_records
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

#: What changes nodes and devices.
KINDS = frozenset(
    {
        model.OpKind.NODE_ADD,
        model.OpKind.DEVICE_ADD,
        model.OpKind.NODE_REMOVE,
        model.OpKind.DEVICE_REMOVE,
        model.OpKind.SECURE_ACCESS,
    }
)

# TLS certificates are dated back by this much; see tls.policy.
_CLOCK_LIMIT_SECONDS = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about new nodes.

    :ivar ping_timeout: for glusterd, in seconds; 0 leaves it alone
    :ivar known_hosts: the file where ssh records host keys
    """

    ping_timeout: int
    known_hosts: str
    ssh_port: int = 22


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done.

    :ivar action: 'added' or 'updated'
    :ivar subject: 'cluster', 'node' or the path of a device
    """

    action: str
    cluster: str
    host: str
    subject: str
    detail: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a load did, in order, and what the reader should know."""

    entries: tuple[Entry, ...]
    warnings: tuple[str, ...]


def current(tx: Transaction) -> documents.CurrentTopology:
    """Read what there is."""
    return documents.CurrentTopology(
        clusters=topology.clusters(tx),
        nodes=topology.nodes(tx),
        devices=topology.devices(tx),
    )


def load(
    engine: Engine, wanted: documents.WantedTopology, rules: Rules
) -> Report:
    """Add what the document has and the store has not; remove nothing.

    :raises InvalidTopology: it contradicts the store; nothing was changed
    :raises HostError: a new host or device is not fit; nothing was changed
    :raises UnderWay: others change the topology all the time
    :raises Conflict: an earlier change is not finished or undone yet
    :raises OperationFailed: a host failed half-way; the nodes of one cluster,
        or all devices, were undone; what was added before stays, and a
        repeat goes on from there
    """
    entries: list[Entry] = []

    def attempt() -> tuple[str, ...]:
        there = _at_rest(engine)
        diff = documents.diff(there, wanted)
        _refuse_moved(diff, wanted)
        facts = inspect_hosts.inspect(
            engine.site.executor, _requests(there, diff)
        )
        _check_clocks(facts)
        for cluster in wanted.clusters:
            added = [n for n in diff.nodes if n.cluster is cluster]
            if added:
                entries.extend(_add_nodes(engine, added, facts, rules))
        entries.extend(_add_devices(engine, diff.devices, facts))
        updated, warnings = _update(engine, diff)
        entries.extend(updated)
        return (*_warnings(diff), *warnings)

    # Others may add the same meanwhile: then there is less to do.
    warnings = patience.until_free(engine.site, attempt)
    return Report(tuple(entries), warnings)


def _at_rest(engine: Engine) -> documents.CurrentTopology:
    """Read what there is when nothing of it is half-way.

    :raises UnderWay: others change it
    :raises Conflict: an earlier change is not finished or undone yet
    """
    recovery.recover_before(engine, lambda o: o.kind in KINDS)
    with engine.store.read() as tx:
        for each in journal.operations(tx, states=tuple(states.OPEN)):
            if each.kind in KINDS:
                raise exceptions.UnderWay(
                    kind=each.kind, identity=each.id, reason='it is under way'
                )
        return current(tx)


def _refuse_moved(
    diff: documents.TopologyDiff, wanted: documents.WantedTopology
) -> None:
    for each in diff.node_updates:
        if each.before.storage_host != each.after.storage_host:
            raise exceptions.InvalidTopology(
                source=wanted.source,
                field=f'node {each.before.manage_host}, hostnames.storage',
                value=each.after.storage_host,
                reason=f'it is {each.before.storage_host} on record, and '
                'bricks are known by it',
            )


def _requests(
    there: documents.CurrentTopology, diff: documents.TopologyDiff
) -> dict[str, inspect_hosts.Request]:
    new = {n.node.manage_host for n in diff.nodes}
    hosts = [*new, *(d.node.manage_host for d in diff.devices)]
    return {
        host: inspect_hosts.Request(
            is_new=host in new,
            devices=tuple(
                d.device for d in diff.devices if d.node.manage_host == host
            ),
        )
        for host in sorted(set(hosts))
    }


def _check_clocks(facts: dict[str, inspect_hosts.HostFacts]) -> None:
    for host, seen in facts.items():
        if abs(seen.clock_offset_seconds) > _CLOCK_LIMIT_SECONDS:
            raise exceptions.HostUnfit(
                host=host,
                reason=f'its clock is {seen.clock_offset_seconds:+.0f} s off, '
                'so that it would not accept new certificates',
            )


def _add_nodes(
    engine: Engine,
    added: Sequence[documents.NodeToAdd],
    facts: dict[str, inspect_hosts.HostFacts],
    rules: Rules,
) -> list[Entry]:
    cluster_id = added[0].cluster_id
    nodes = [
        model.Node(
            id=model.new_id(),
            cluster_id=cluster_id,
            manage_host=each.node.manage_host,
            storage_host=each.node.storage_host,
            zone=each.node.zone,
            tags=dict(each.node.tags or {}),
            host_key=known_hosts.line_of(
                rules.known_hosts, each.node.manage_host, rules.ssh_port
            ),
            tls_directory=facts[each.node.manage_host].tls_directory,
        )
        for each in added
    ]
    cluster = add_nodes.add(
        engine, nodes, added[0].cluster.name, rules.ping_timeout
    )
    made = [] if cluster_id else [Entry('added', cluster.name, '', 'cluster')]
    return made + [
        Entry(
            'added',
            cluster.name,
            node.manage_host,
            'node',
            f'zone {node.zone}'
            + (
                f', host key {known_hosts.fingerprint(node.host_key)}'
                if node.host_key
                else ''
            ),
        )
        for node in nodes
    ]


def _add_devices(
    engine: Engine,
    wanted: Sequence[documents.DeviceToAdd],
    facts: dict[str, inspect_hosts.HostFacts],
) -> list[Entry]:
    if not wanted:
        return []
    added = add_devices.add(
        engine,
        [
            add_devices.NewDevice(
                manage_host=each.node.manage_host,
                path=each.device.path,
                size_bytes=facts[each.node.manage_host].device_sizes[
                    each.device.path
                ],
                destroy_data=each.device.destroy_data,
                tags=dict(each.device.tags or {}),
            )
            for each in wanted
        ],
    )
    with engine.store.read() as tx:
        nodes = {n.id: n for n in topology.nodes(tx)}
        names = {c.id: c.name for c in topology.clusters(tx)}
    return [
        Entry(
            'added',
            names[nodes[device.node_id].cluster_id],
            nodes[device.node_id].manage_host,
            device.path,
            f'{device.total_bytes} bytes for bricks',
        )
        for device in added
    ]


def _update(
    engine: Engine, diff: documents.TopologyDiff
) -> tuple[list[Entry], tuple[str, ...]]:
    """Change what is on record; say what was done, and what to warn of."""

    def update(
        tx: WriteTransaction,
    ) -> tuple[dict[str, str], dict[str, model.Node]]:
        for change in diff.node_updates:
            topology.update_node(tx, change.after)
        for device_change in diff.device_updates:
            topology.update_device(tx, device_change.after)
        return (
            {c.id: c.name for c in topology.clusters(tx)},
            {n.id: n for n in topology.nodes(tx)},
        )

    names, nodes = engine.store.transact(update)
    changed = {
        *(change.after.id for change in diff.node_updates),
        *(change.after.node_id for change in diff.device_updates),
    }
    warnings = node_records.refresh(
        engine, [nodes[each] for each in sorted(changed)]
    )
    return [
        Entry(
            'updated',
            names[change.after.cluster_id],
            change.after.manage_host,
            'node',
            f'zone {change.after.zone}, tags {dict(change.after.tags)}',
        )
        for change in diff.node_updates
    ] + [
        Entry(
            'updated',
            names[nodes[change.after.node_id].cluster_id],
            nodes[change.after.node_id].manage_host,
            change.after.path,
            f'tags {dict(change.after.tags)}',
        )
        for change in diff.device_updates
    ], warnings


def _warnings(diff: documents.TopologyDiff) -> list[str]:
    """Tell of what the document leaves out: it stays."""
    return [
        *(
            f'node {node.manage_host} is not in the document; it stays'
            for node in diff.absent_nodes
        ),
        *(
            f'device {device.path} of node {device.node_id} is not in the '
            'document; it stays'
            for device in diff.absent_devices
        ),
    ]
