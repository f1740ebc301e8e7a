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


"""What is compared: the store's side and the nodes' side of one moment."""

import collections
import dataclasses
import functools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

from manila_gluster_heketi import model
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.truth import pools as gluster_pools
from manila_gluster_heketi.operations.truth import survey
from manila_gluster_heketi.operations.truth.findings import Mend
from manila_gluster_heketi.operations.truth.ledger import Ledger
from manila_gluster_heketi.operations.truth.ledger import Motion

# That all of so many are down is a cluster that is.
_MOST_HOSTS = 8


def gluster_hosts(
    ledger: Ledger, volume: model.Volume, hosts: Mapping[str, survey.Outcome]
) -> tuple[str, ...]:
    """List hosts that may answer for a volume, those of its bricks first.

    :param hosts: those that were looked at; they need not be all
    """
    bricks = ledger.bricks[volume.id]
    found = dict.fromkeys(
        (
            *map(ledger.host_of, bricks),
            *ledger.addresses_of(volume.cluster_id),
        )
    )
    return likely(hosts, found)[:_MOST_HOSTS]


def likely(
    hosts: Mapping[str, survey.Outcome], wanted: Iterable[str]
) -> tuple[str, ...]:
    """List those of some hosts whose glusterd may answer.

    :param hosts: those that were looked at; they need not be all
    :returns: those that were not looked at and those whose glusterd did
        answer, in their order, and then those where it did not
    """
    ready, doubtful = [], []
    for host in wanted:
        view = hosts.get(host)
        if view is None or (
            isinstance(view, survey.HostView) and view.known is not None
        ):
            ready.append(host)
        elif isinstance(view, survey.HostView):
            doubtful.append(host)
    return (*ready, *doubtful)


@dataclasses.dataclass(frozen=True)
class Scene:
    """Both sides, read so that what is on neither side was on none.

    A brick's row is there before its logical volume and after it: so the
    store was read again after the hosts were looked at.

    :ivar hosts: what was seen on each, or why not
    :ivar pools: by identity of the cluster
    :ivar quotas: by identity of the volume
    """

    ledger: Ledger
    motion: Motion
    hosts: Mapping[str, survey.Outcome]
    pools: Mapping[str, gluster_pools.Outcome]
    quotas: Mapping[str, survey.Quota]

    def nodes(self) -> Iterator[tuple[model.Node, survey.HostView]]:
        """Go through the nodes that were seen and are not being changed."""
        for host, node in self.ledger.nodes.items():
            view = self.hosts.get(host)
            if isinstance(view, survey.HostView) and (
                host not in self.motion.hosts
            ):
                yield node, view

    def volumes(self) -> Iterator[model.Volume]:
        """Go through the volumes that are not being changed."""
        for volume in self.ledger.volumes.values():
            if volume.id not in self.motion.ids:
                yield volume

    def pool(self, cluster_id: str) -> gluster_pools.PoolView | None:
        """Give what a cluster's pool says, if it says anything."""
        found = self.pools.get(cluster_id)
        return found if isinstance(found, gluster_pools.PoolView) else None

    @functools.cached_property
    def known(self) -> Mapping[str, frozenset[str]]:
        """Names of the volumes that any node knows, by its cluster."""
        found: dict[str, set[str]] = collections.defaultdict(set)
        for node, known in self.knowledge():
            found[node.cluster_id] |= known
        return {each: frozenset(known) for each, known in found.items()}

    def knowledge(self) -> Iterator[tuple[model.Node, frozenset[str]]]:
        """Go through what the glusterds of connected nodes know."""
        for node, view in self.nodes():
            pool = self.pool(node.cluster_id)
            if (
                pool is not None
                and view.known is not None
                and node.storage_host in pool.connected
            ):
                yield node, view.known

    def gluster_hosts(self, volume: model.Volume) -> tuple[str, ...]:
        """List hosts that may run gluster commands, the bricks' first."""
        return gluster_hosts(self.ledger, volume, self.hosts)

    def mend_volume(self, volume: model.Volume, *steps: step.Step) -> Mend:
        """Say how something of a volume is put right."""
        return Mend(
            subject=volume.id,
            cluster_id=volume.cluster_id,
            steps=steps,
            rows=self.ledger.rows_of(volume.id),
        )

    def mend_node(self, node: model.Node, *steps: step.Step) -> Mend:
        """Say how something of a node is put right."""
        return Mend(
            subject=node.id,
            cluster_id=node.cluster_id,
            steps=steps,
            rows=(node, *self.ledger.devices_of(node)),
        )
