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

"""Management encryption of clusters, named as people name them."""

from manila_gluster_heketi.operations import load_topology
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations import secure_access
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import topology


class SecureAccess:
    """Switches it, for all nodes of a cluster at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def switch(
        self, name: str, wanted: bool, *, interrupt_mounts: bool = False
    ) -> tuple[str, ...]:
        """Switch it on or off; nodes that differ from the record are mended.

        :param name: of the cluster
        :param interrupt_mounts: even if clients have to mount anew
        :returns: the hosts that were changed, none if all was so already
        :raises NotFound: there is no such cluster
        :raises MountsWouldBreak: clients would; nothing was changed
        :raises TlsNotReady: a node would be cut off; nothing was changed
        :raises PeersApart: a node is; nothing was changed
        :raises HostError: a node does not answer, or its glusterd does not
            run; nothing was changed
        :raises Conflict: an earlier change is not finished or undone yet
        :raises OperationFailed: all nodes are as they were
        """

        def alone() -> tuple[str, ...]:
            with self._engine.store.read() as tx:
                cluster = topology.cluster_by_name(tx, name)
            recovery.recover_before(
                self._engine,
                lambda o: (
                    o.kind in load_topology.KINDS
                    or o.cluster_id == cluster.id
                ),
            )
            return secure_access.switch(
                self._engine,
                cluster.id,
                wanted,
                interrupt_mounts=interrupt_mounts,
            )

        return patience.until_free(self._engine.site, alone)
