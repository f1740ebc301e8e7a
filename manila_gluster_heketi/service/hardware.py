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

"""Nodes and devices one by one; a whole cluster comes as a topology."""

from collections.abc import Callable

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations import load_topology
from manila_gluster_heketi.operations import node_records
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations import remove_hardware
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import topology

LOG = log.getLogger(__name__)


class Hardware:
    """Changes of single nodes and devices, named as people name them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def node(self, host: str) -> model.Node:
        """Find a node by the name that SSH uses.

        :raises NotFound: there is none
        """
        with self._engine.store.read() as tx:
            node = topology.node_by_host(tx, host)
        if node is None:
            raise exceptions.NotFound(kind='node', identity=host)
        return node

    def device(self, host: str, path: str) -> model.Device:
        """Find a device of a node by its path.

        :raises NotFound: there is no such node, or it has no such device
        """
        node = self.node(host)
        with self._engine.store.read() as tx:
            for device in topology.devices(tx, node.id):
                if device.path == path:
                    return device
        raise exceptions.NotFound(kind='device', identity=f'{host}:{path}')

    def set_node_state(self, host: str, state: model.EntryState) -> None:
        """Say whether new bricks may be placed on a node; old ones stay.

        :raises NotFound: there is no such node
        """
        node = self.node(host)
        self._engine.store.transact(
            lambda tx: topology.set_node_state(tx, node.id, state)
        )
        self._tell(node)

    def set_device_state(
        self, host: str, path: str, state: model.EntryState
    ) -> None:
        """Say whether new bricks may be placed on a device; old ones stay.

        :raises NotFound: there is no such device
        """
        node, device = self.node(host), self.device(host, path)
        self._engine.store.transact(
            lambda tx: topology.set_device_state(tx, device.id, state)
        )
        self._tell(node)

    def _tell(self, node: model.Node) -> None:
        """Have a node know what has changed of it."""
        for warning in node_records.refresh(self._engine, [node]):
            LOG.warning(warning)

    def remove_device(
        self, host: str, path: str, *, forget: bool = False
    ) -> None:
        """Take a device without bricks out of its cluster.

        :param forget: the host is lost; nothing is done there
        :raises NotFound: there is no such device
        :raises Conflict: it holds bricks, or the topology is being changed
        :raises DeviceUnfit: it has volumes that are not on record
        :raises HostError: its host does not answer; nothing was changed
        :raises OperationStuck: the rest is done when the host answers again
        """

        def remove() -> None:
            remove_hardware.remove_device(
                self._engine, self.device(host, path).id, forget=forget
            )

        self._change(host, remove)

    def remove_node(self, host: str, *, forget: bool = False) -> None:
        """Take a node without devices out of its cluster.

        :param forget: the host is lost; nothing is done there
        :raises NotFound: there is no such node
        :raises Conflict: it has devices, or the topology is being changed
        :raises OperationStuck: the rest is done when the hosts answer again
        """

        def remove() -> None:
            remove_hardware.remove_node(
                self._engine, self.node(host).id, forget=forget
            )

        self._change(host, remove)

    def _change(self, host: str, work: Callable[[], None]) -> None:
        """Do something to a node when nobody else changes such things."""

        def alone() -> None:
            node = self.node(host)
            recovery.recover_before(
                self._engine,
                lambda o: (
                    o.kind in load_topology.KINDS or o.subject == node.id
                ),
            )
            work()

        patience.until_free(self._engine.site, alone)
