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


"""What the store says, as far as a look goes, and what is being changed."""

import collections
import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.operations import node_steps
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """How far a look goes.

    :ivar cluster: name of the only cluster; '' for all
    :ivar hosts: the only nodes, by the names that SSH goes to; () for all
    :ivar was_there: all of it was there before: what has gone since is left
        out, and nothing is said of it
    """

    cluster: str = ''
    hosts: tuple[str, ...] = ()
    was_there: bool = False


@dataclasses.dataclass(frozen=True)
class Ledger:
    """Rows of the store.

    :ivar nodes: those in the scope, by host
    :ivar devices: of those nodes, by identity
    :ivar volumes: with a brick on those nodes, by identity; if the scope is
        not of some nodes alone, those without any brick too
    :ivar bricks: of these volumes, all of them, by identity of the volume
    :ivar bricks_elsewhere: of other volumes that were asked for
    :ivar all_volumes: those of the clusters, by identity
    :ivar all_nodes: those of the clusters, by identity
    :ivar homes: the node of each device of the clusters, by identity
    :ivar removed: identities of devices that were taken away, wherever
    :ivar operations: those that are open, wherever
    :ivar revoked: names that must have access to nothing
    :ivar serials: of the certificates that were issued to nodes
    """

    clusters: Mapping[str, model.Cluster]
    nodes: Mapping[str, model.Node]
    devices: Mapping[str, model.Device]
    volumes: Mapping[str, model.Volume]
    bricks: Mapping[str, tuple[model.Brick, ...]]
    bricks_elsewhere: Mapping[str, tuple[model.Brick, ...]]
    all_volumes: Mapping[str, model.Volume]
    all_nodes: Mapping[str, model.Node]
    homes: Mapping[str, model.Node]
    removed: frozenset[str]
    operations: tuple[model.Operation, ...]
    revoked: frozenset[str]
    serials: frozenset[str]

    def devices_of(self, node: model.Node) -> tuple[model.Device, ...]:
        """List the devices of a node."""
        return tuple(
            each for each in self.devices.values() if each.node_id == node.id
        )

    def addresses_of(self, cluster_id: str) -> dict[str, str]:
        """Say where Gluster has the hosts of a cluster.

        :returns: by the names that SSH goes to, those in the scope first
        """
        return {
            node.manage_host: node.storage_host
            for node in (*self.nodes.values(), *self.all_nodes.values())
            if node.cluster_id == cluster_id
        }

    def host_of(self, brick: model.Brick) -> str:
        """Name the host of a brick."""
        return self.homes[brick.device_id].manage_host

    def address_of(self, brick: model.Brick) -> str:
        """Write a brick as Gluster does."""
        return f'{self.homes[brick.device_id].storage_host}:{brick.brick_path}'

    def addresses_of_volume(self, volume_id: str) -> tuple[str, ...]:
        """Write the bricks of a volume as Gluster does; () if it has none."""
        bricks = self.bricks.get(volume_id)
        if bricks is None:
            bricks = self.bricks_elsewhere.get(volume_id, ())
        return tuple(map(self.address_of, bricks))

    def bricks_by_host(self) -> Mapping[str, tuple[model.Brick, ...]]:
        """Group the bricks in the scope by their hosts."""
        found = collections.defaultdict(list)
        for bricks in self.bricks.values():
            for brick in bricks:
                if brick.device_id in self.devices:
                    found[self.host_of(brick)].append(brick)
        return {host: tuple(bricks) for host, bricks in found.items()}

    def rows_of(self, volume_id: str) -> tuple[object, ...]:
        """Give all that the store says of a volume."""
        if volume_id not in self.volumes:
            return ()
        return (self.volumes[volume_id], *self.bricks[volume_id])


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """Something that an open operation works on, or would.

    :ivar held: nobody works on it, so that it was compared; else it was not
    """

    object: str
    reason: str
    held: bool = False


def read(
    tx: Transaction, scope: Scope, volume_ids: Collection[str] = ()
) -> Ledger:
    """Read what the store says.

    :param volume_ids: volumes whose bricks are read wherever they are
    :raises NotFound: there is no such cluster or node
    """
    clusters = _clusters(tx, scope)
    all_nodes = {
        each.id: each
        for each in topology.nodes(tx)
        if each.cluster_id in clusters
    }
    nodes = _chosen(all_nodes.values(), scope)
    devices = topology.devices(tx)
    ours = {node.id for node in nodes.values()}
    mine = {each.id: each for each in devices if each.node_id in ours}
    all_volumes = {
        each.id: each
        for each in volumes.volumes(tx)
        if each.cluster_id in clusters
    }
    bricks = _bricks(tx, mine)
    if scope.hosts:
        # What is elsewhere of the same volumes.
        bricks = {each: volumes.bricks(tx, each) for each in bricks}
    else:
        bricks = dict.fromkeys(all_volumes, ()) | bricks
    return Ledger(
        clusters={
            cluster_id: cluster
            for cluster_id, cluster in clusters.items()
            if any(n.cluster_id == cluster_id for n in nodes.values())
        },
        nodes=nodes,
        devices=mine,
        volumes={each: all_volumes[each] for each in bricks},
        bricks=bricks,
        bricks_elsewhere={
            each: volumes.bricks(tx, each)
            for each in volume_ids
            if each in all_volumes and each not in bricks
        },
        all_volumes=all_volumes,
        all_nodes=all_nodes,
        homes={
            each.id: all_nodes[each.node_id]
            for each in devices
            if each.node_id in all_nodes
        },
        removed=journal.subjects_done(tx, model.OpKind.DEVICE_REMOVE),
        operations=journal.operations(tx, states=tuple(states.OPEN)),
        revoked=frozenset(
            each.common_name for each in revocations.all(tx)
        ),
        serials=_serials(tx, clusters),
    )


def _serials(tx: Transaction, clusters: Iterable[str]) -> frozenset[str]:
    """List what was issued to the nodes of clusters, in the past too."""
    return frozenset(
        each.serial
        for cluster_id in clusters
        for each in certificates.by_common_name(
            tx, names.node_common_name(cluster_id)
        )
    )


def _clusters(tx: Transaction, scope: Scope) -> dict[str, model.Cluster]:
    found = {
        each.id: each
        for each in topology.clusters(tx)
        if scope.cluster in ('', each.name)
    }
    if scope.cluster and not found and not scope.was_there:
        raise exceptions.NotFound(kind='cluster', identity=scope.cluster)
    return found


def _chosen(
    nodes: Collection[model.Node], scope: Scope
) -> dict[str, model.Node]:
    by_host = {each.manage_host: each for each in nodes}
    for host in scope.hosts:
        if host not in by_host and not scope.was_there:
            raise exceptions.NotFound(kind='node', identity=host)
    chosen = scope.hosts or tuple(by_host)
    return {host: by_host[host] for host in chosen if host in by_host}


def _bricks(
    tx: Transaction, devices: Iterable[str]
) -> dict[str, tuple[model.Brick, ...]]:
    """Read the bricks on devices, by the identity of their volume.

    In their order there. Volumes have fewer bricks each than devices.
    """
    found = collections.defaultdict(list)
    for device_id in devices:
        for brick in volumes.bricks_of_device(tx, device_id):
            found[brick.volume_id].append(brick)
    return {
        volume_id: tuple(
            sorted(bricks, key=lambda b: (b.set_index, b.position, b.id))
        )
        for volume_id, bricks in found.items()
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Motion:
    """What is being changed, so that nothing can be said of it now.

    What is held does not move: it is compared, so that an operator can see
    what became of it.

    :ivar ids: of volumes, bricks and devices
    :ivar held: ids of what operations that are held were to change
    """

    ids: frozenset[str]
    hosts: frozenset[str]
    notes: tuple[Note, ...]
    held: frozenset[str]


def motion(before: Ledger, after: Ledger) -> Motion:
    """Say what was being changed from one reading to the next."""
    ids: set[str] = set()
    hosts: set[str] = set()
    held: set[str] = set()
    notes = {}
    for operation in (*before.operations, *after.operations):
        notes[operation.id] = Note(
            f'{operation.kind} of {operation.subject or "devices"}',
            f'operation {operation.id} {_standing(operation)}',
            operation.held,
        )
        if operation.held:
            held.add(operation.subject)
            continue
        ids.add(operation.subject)
        for record in operation.steps:
            ids |= _ids_in(record.params)
            if record.kind == node_steps.PrepareGlusterd.kind:
                hosts.add(record.host)
    for volume_id in {*before.volumes, *after.volumes}:
        if before.rows_of(volume_id) != after.rows_of(volume_id):
            ids.add(volume_id)
            ids |= {b.id for b in before.bricks.get(volume_id, ())}
    for host in {*before.nodes, *after.nodes}:
        node = after.nodes.get(host)
        if node is None or node != before.nodes.get(host) or node.id in ids:
            hosts.add(host)
    return Motion(
        frozenset(ids),
        frozenset(hosts),
        tuple(notes.values()),
        frozenset(held),
    )


def _standing(operation: model.Operation) -> str:
    if operation.held:
        return (
            'was under way when the store was copied; see "operation show '
            f'{operation.id}"'
        )
    return f'is {operation.state}'


def _ids_in(params: Mapping[str, Any]) -> set[str]:
    found = {str(each['id']) for each in params.get('bricks', ())}
    if 'device_id' in params:
        found.add(str(params['device_id']))
    return found
