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

"""What would be done: the same ways as real changes take, without them."""

import collections

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.allocator import rebalance
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.operations import create_volume
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.service.drain import Drain
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import Transaction


class Plans:
    """Plans of changes; nothing is reserved, and no host is touched."""

    def __init__(
        self,
        store: Store,
        inventories: Inventories,
        creation: create_volume.Policy,
        settings: Settings,
    ) -> None:
        self._store = store
        self._inventories = inventories
        self._creation = creation
        self._settings = settings

    def create_volume(self, spec: model.VolumeSpec) -> create_volume.Plan:
        """Say what creating a volume would do.

        :raises InvalidInput: no cluster has as many nodes as a set bricks
        :raises NoSpace: with the explanation per constraint
        :raises Conflict: the share has a volume
        """
        self._check_nodes(spec)
        return create_volume.plan(
            self._store, self._inventories, spec, self._creation
        )

    def _check_nodes(self, spec: model.VolumeSpec) -> None:
        """Tell a durability that is impossible from a lack of room."""
        with self._store.read() as tx:
            nodes = [
                len(topology.nodes(tx, each.id))
                for each in topology.clusters(tx)
                if spec.cluster_id in ('', each.id)
            ]
        bricks = spec.durability.bricks_per_set
        if nodes and max(nodes) < bricks:
            raise exceptions.InvalidInput(
                field='durability',
                value=str(spec.durability),
                reason=f'the {bricks} bricks of a set are on nodes of their '
                f'own, and there are {max(nodes)} nodes',
            )

    def rebalance(
        self,
        cluster: str = '',
        budget: moves.Budget = moves.Budget(),
        drain: Drain = Drain(),
    ) -> moves.Plan:
        """Say which bricks to move so that a cluster is level.

        :param cluster: its name; '' for the only one
        :param drain: what is to be empty; only bricks from there move then
        :raises InvalidInput: no such cluster, or nothing of such a name in it
        """
        with self._store.read() as tx:
            chosen = self._cluster(tx, cluster)
            with self._inventories.of(tx, (chosen.id,)) as (inventory,):
                snapshot = inventory.snapshot()
            holdings = _holdings(tx, chosen.id)
        # Nobody waits for the store or the inventory meanwhile.
        return rebalance.plan(
            allocator.Inventory(snapshot),
            holdings,
            allocator.Request(
                data_bytes=0,
                durability=self._settings.durability,
                spread=self._settings.spread,
                tags=self._settings.device_tags,
            ),
            budget,
            drain.device_ids(snapshot),
        )

    def _cluster(self, tx: Transaction, name: str) -> model.Cluster:
        """Find a cluster by its name, or the only one that is served."""
        wanted = name or self._settings.cluster
        clusters = topology.clusters(tx)
        found = [each for each in clusters if wanted in ('', each.name)]
        if len(found) == 1:
            return found[0]
        names = ', '.join(each.name for each in clusters)
        raise exceptions.InvalidInput(
            field='cluster',
            value=wanted,
            reason=f'name one of these: {names}'
            if names
            else 'there is none: load a topology first',
        )


def _holdings(tx: Transaction, cluster_id: str) -> tuple[moves.Holding, ...]:
    """Read the volumes of a cluster with their bricks."""
    bricks = collections.defaultdict(list)
    for brick in volumes.bricks_of_cluster(tx, cluster_id):
        bricks[brick.volume_id].append(brick)
    return tuple(
        moves.Holding(each, tuple(bricks[each.id]))
        for each in volumes.volumes(tx, cluster_id)
    )
