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


"""Nodes: whether they answer, and know each other."""

from collections.abc import Iterator
from collections.abc import Set

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import clocks
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.pools import PoolView
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.survey import HostView

_SILENCE = (
    exceptions.HostUnreachable,
    exceptions.ConnectionLost,
    exceptions.CommandTimedOut,
)
_ITSELF = 'localhost'


def compare(scene: Scene) -> Iterator[Finding]:
    """Find what differs."""
    for host, outcome in scene.hosts.items():
        if host not in scene.motion.hosts and not isinstance(
            outcome, HostView
        ):
            yield unseen(host, outcome)
    for node, view in scene.nodes():
        yield from _peer(scene, node)
        yield from _clock(view)
        yield from _secure_access(scene, node, view)
    for cluster in scene.ledger.clusters.values():
        yield from _pool(scene, cluster)
        yield from _missed(scene, cluster)


def unseen(host: str, error: exceptions.HostError) -> Finding:
    """Say that a host could not be looked at."""
    silent = isinstance(error, _SILENCE)
    return Finding(
        Code.NODE_SILENT if silent else Code.NODE_UNREADABLE,
        host,
        'node',
        'an answer',
        error.what,
    )


def missed(
    host: str, known: Set[str], existing: Set[str], unclear: Set[str]
) -> Iterator[Finding]:
    """Say what a glusterd did not hear of.

    :param known: names of the volumes that it knows
    :param existing: names of those that there are
    :param unclear: names of those that there may be
    """
    for name in sorted(existing - unclear - known):
        yield Finding(
            Code.NODE_MISSED, host, f'volume {name}', 'known', 'not known'
        )
    for name in sorted(known - unclear - existing):
        yield Finding(
            Code.NODE_MISSED, host, f'volume {name}', 'none', 'known'
        )


def unconnected(host: str, address: str, pool: PoolView) -> Iterator[Finding]:
    """Say that a member of a pool is not connected to a node.

    :param address: where Gluster has the node
    :param pool: as that member sees it
    """
    if address not in pool.connected:
        yield Finding(
            Code.NODE_NO_PEER,
            host,
            f'peer {address}',
            f'connected to {pool.host}',
            pool.state_of(address),
        )


def _clock(view: HostView) -> Iterator[Finding]:
    if clocks.is_wrong(view.clock_offset_seconds):
        yield Finding(
            Code.NODE_CLOCK,
            view.host,
            'clock',
            'the time here',
            f'{view.clock_offset_seconds:+.0f} s',
        )


def _secure_access(
    scene: Scene, node: model.Node, view: HostView
) -> Iterator[Finding]:
    """Compare the file; glusterd goes by it from its next start on."""
    cluster = scene.ledger.clusters[node.cluster_id]
    if view.secure_access is not cluster.secure_access:
        words = ('no such file', 'a file')
        yield Finding(
            Code.NODE_SECURE_ACCESS,
            view.host,
            names.SECURE_ACCESS,
            words[cluster.secure_access],
            words[view.secure_access],
        )


def _peer(scene: Scene, node: model.Node) -> Iterator[Finding]:
    pool = scene.pool(node.cluster_id)
    if pool is not None:
        yield from unconnected(node.manage_host, node.storage_host, pool)


def _pool(scene: Scene, cluster: model.Cluster) -> Iterator[Finding]:
    pool = scene.pools.get(cluster.id)
    if pool is None:
        # It had no node yet when nodes were asked.
        return
    if not isinstance(pool, PoolView):
        yield Finding(
            Code.POOL_SILENT,
            '',
            f'cluster {cluster.name}',
            'an answer',
            pool.what,
        )
        return
    known = {
        node.storage_host
        for node in scene.ledger.all_nodes.values()
        if node.cluster_id == cluster.id
    }
    for peer in pool.peers:
        if _ITSELF not in peer.names and not known & set(peer.names):
            yield Finding(
                Code.PEER_UNKNOWN,
                '',
                f'peer {peer.names[0]} of cluster {cluster.name}',
                'none',
                'a peer',
            )


def _missed(scene: Scene, cluster: model.Cluster) -> Iterator[Finding]:
    pool = scene.pool(cluster.id)
    if pool is None:
        return
    ours = [
        volume
        for volume in scene.ledger.all_volumes.values()
        if volume.cluster_id == cluster.id
    ]
    settled = {
        volume.name
        for volume in ours
        if volume.state is VolumeState.READY
        and volume.id not in scene.motion.ids
    }
    existing = pool.ours | (settled & scene.known.get(cluster.id, frozenset()))
    foreign = pool.volumes.keys() - existing
    unclear = {volume.name for volume in ours} - settled | foreign
    for node, known in scene.knowledge():
        if node.cluster_id == cluster.id:
            yield from missed(node.manage_host, known, existing, unclear)
