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


"""Restoring a lost store from the nodes: rows, exactly as they were.

What nodes can't tell is lost: the history of operations, and the records of
certificates that were issued. What was half-way when the store was lost is a
problem that is named; so is whatever contradicts something else. Nothing is
written while there is a problem, unless the caller asks to leave out what it
is about and what depends on that. What is left out goes on living: so nothing
is placed on the devices where it is.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.truth import discovery
from manila_gluster_heketi.operations.truth import rebuild_nodes
from manila_gluster_heketi.operations.truth import rebuild_room
from manila_gluster_heketi.operations.truth import rebuild_volumes
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.rebuild_nodes import HostKey
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

# Databases limit how many parameters a statement has.
_BRICKS_AT_ONCE = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Rebuilt:
    """The rows that nothing speaks against, and what speaks against others.

    :ivar bricks: of all volumes, in the order of the volumes
    :ivar offline: why devices are restored offline that were not
    """

    clusters: tuple[model.Cluster, ...]
    nodes: tuple[model.Node, ...]
    devices: tuple[model.Device, ...]
    volumes: tuple[model.Volume, ...]
    bricks: tuple[model.Brick, ...]
    problems: tuple[Finding, ...]
    offline: tuple[Finding, ...]


def plan(site: Site, hosts: Sequence[str], host_key: HostKey) -> Rebuilt:
    """Say what could be restored; nothing is written.

    :param hosts: some nodes of each cluster, by the names that SSH goes to;
        the others are found through Gluster
    """
    found, unseen = discovery.discover(site, hosts)
    problems = list(unseen)
    known = rebuild_nodes.rows(found, host_key, problems)
    restored = rebuild_volumes.rows(known, problems)
    bricks = tuple(b for _, bricks in restored for b in bricks)
    devices, offline = rebuild_room.devices(known, bricks)
    return Rebuilt(
        clusters=tuple(pool.cluster for pool in known if pool.nodes),
        nodes=tuple(each.node for pool in known for each in pool.nodes),
        devices=devices,
        volumes=tuple(volume for volume, _ in restored),
        bricks=bricks,
        problems=tuple(sorted(problems, key=lambda each: each.key)),
        offline=offline,
    )


def check_empty(store: Store) -> None:
    """Make sure that nothing would be mixed with what is restored.

    :raises StoreInUse: there is something in the store
    """
    with store.read() as tx:
        _check_empty(tx, store.url)


def write(store: Store, rebuilt: Rebuilt) -> None:
    """Write the rows in one transaction.

    :raises StoreInUse: there is something in the store
    """

    def fill(tx: WriteTransaction) -> None:
        _check_empty(tx, store.url)
        for cluster in rebuilt.clusters:
            topology.add_cluster(tx, cluster)
        for node in rebuilt.nodes:
            topology.add_node(tx, node)
        for device in rebuilt.devices:
            topology.add_device(tx, device)
        for volume in rebuilt.volumes:
            volumes.add_volume(tx, volume)
        for bricks in _some(rebuilt.bricks):
            volumes.add_bricks(tx, bricks)

    store.transact(fill)


def _some(bricks: Sequence[model.Brick]) -> Iterator[list[model.Brick]]:
    left = iter(bricks)
    while some := list(itertools.islice(left, _BRICKS_AT_ONCE)):
        yield some


def _check_empty(tx: Transaction, url: str) -> None:
    if topology.clusters(tx) or volumes.volumes(tx):
        raise exceptions.StoreInUse(url=url, reason='it is not empty')
