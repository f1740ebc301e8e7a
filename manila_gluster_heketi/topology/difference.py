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

"""What loading a document would change, and what it does not mention."""

import dataclasses
from collections.abc import Iterable
from typing import NoReturn

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.topology import wanted


@dataclasses.dataclass(frozen=True, slots=True)
class NodeToAdd:
    """A node that the store does not have.

    :ivar cluster_id: '' if its cluster is yet to be added
    """

    cluster: wanted.WantedCluster
    cluster_id: str
    node: wanted.WantedNode


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceToAdd:
    """A device that the store does not have.

    :ivar node_id: '' if its node is yet to be added
    """

    node: wanted.WantedNode
    node_id: str
    device: wanted.WantedDevice


@dataclasses.dataclass(frozen=True, slots=True)
class NodeUpdate:
    """A node that differs: in zone, storage_host or tags."""

    before: model.Node
    after: model.Node


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceUpdate:
    """A device whose tags differ."""

    before: model.Device
    after: model.Device


@dataclasses.dataclass(frozen=True, slots=True)
class TopologyDiff:
    """What is to be added and updated, in the order to do it.

    :ivar devices: devices to add, those of new nodes too
    :ivar absent_nodes: in the store but not in the document; they stay
    :ivar absent_devices: likewise, those of absent nodes too
    """

    clusters: tuple[wanted.WantedCluster, ...]
    nodes: tuple[NodeToAdd, ...]
    devices: tuple[DeviceToAdd, ...]
    node_updates: tuple[NodeUpdate, ...]
    device_updates: tuple[DeviceUpdate, ...]
    absent_clusters: tuple[model.Cluster, ...]
    absent_nodes: tuple[model.Node, ...]
    absent_devices: tuple[model.Device, ...]

    @property
    def empty(self) -> bool:
        """Whether loading the document would change nothing."""
        return not (
            self.clusters
            or self.nodes
            or self.devices
            or self.node_updates
            or self.device_updates
        )


def diff(
    current: wanted.CurrentTopology, topology: wanted.WantedTopology
) -> TopologyDiff:
    """Compare a document with the store.

    Tags that the document does not speak of stay as they are.

    :raises InvalidTopology: the document moves a node to another cluster, or
        gives it a storage host that another node has
    """
    return _Comparison(current, topology).diff()


class _Comparison:
    def __init__(
        self,
        current: wanted.CurrentTopology,
        topology: wanted.WantedTopology,
    ) -> None:
        self._current = current
        self._topology = topology
        # Hostnames compare without case, as name services do.
        self._nodes = {n.manage_host.lower(): n for n in current.nodes}
        self._storage = {n.storage_host.lower(): n for n in current.nodes}
        self._devices = {(d.node_id, d.path): d for d in current.devices}

    def diff(self) -> TopologyDiff:
        clusters = []
        nodes = []
        matched: dict[str, wanted.WantedCluster] = {}
        for cluster in self._topology.clusters:
            found = self._cluster(cluster)
            if found is None:
                clusters.append(cluster)
            elif found.id in matched:
                self._fail(
                    cluster.field,
                    cluster.name,
                    f'its nodes are in one cluster with those of '
                    f'{matched[found.id].field}',
                )
            else:
                matched[found.id] = cluster
            cluster_id = found.id if found else ''
            for node in cluster.nodes:
                self._check_storage(node)
                if node.manage_host.lower() not in self._nodes:
                    nodes.append(NodeToAdd(cluster, cluster_id, node))
        named = [n for c in self._topology.clusters for n in c.nodes]
        hosts = {node.manage_host.lower() for node in named}
        absent_nodes = tuple(
            node
            for node in self._current.nodes
            if node.manage_host.lower() not in hosts
        )
        return TopologyDiff(
            clusters=tuple(clusters),
            nodes=tuple(nodes),
            devices=tuple(self._devices_to_add(named)),
            node_updates=tuple(self._node_updates(named)),
            device_updates=tuple(self._device_updates(named)),
            absent_clusters=tuple(
                c for c in self._current.clusters if c.id not in matched
            ),
            absent_nodes=absent_nodes,
            absent_devices=self._absent_devices(named),
        )

    def _found(self, node: wanted.WantedNode) -> model.Node | None:
        return self._nodes.get(node.manage_host.lower())

    def _cluster(self, cluster: wanted.WantedCluster) -> model.Cluster | None:
        """Find the cluster by its name, or by the nodes that it has."""
        by_id = {c.id: c for c in self._current.clusters}
        by_name = {c.name: c for c in self._current.clusters if c.name}
        found = by_name.get(cluster.name) if cluster.name else None
        for node in cluster.nodes:
            known = self._found(node)
            if known is None:
                continue
            home = by_id[known.cluster_id]
            if found is None and not cluster.name:
                found = home
            if found is None or home.id != found.id:
                self._fail(
                    node.field,
                    node.manage_host,
                    f'this node is in cluster {home.name or home.id}, and '
                    'nodes do not move between clusters',
                )
        return found

    def _check_storage(self, node: wanted.WantedNode) -> None:
        other = self._storage.get(node.storage_host.lower())
        if other is None or other == self._found(node):
            return
        self._fail(
            f'{node.field}.hostnames.storage[0]',
            node.storage_host,
            f'node {other.manage_host} has this storage host',
        )

    def _devices_to_add(
        self, named: Iterable[wanted.WantedNode]
    ) -> Iterable[DeviceToAdd]:
        for node in named:
            found = self._found(node)
            node_id = found.id if found else ''
            for device in node.devices:
                if (node_id, device.path) not in self._devices:
                    yield DeviceToAdd(node, node_id, device)

    def _node_updates(
        self, named: Iterable[wanted.WantedNode]
    ) -> Iterable[NodeUpdate]:
        for node in named:
            before = self._found(node)
            if before is None:
                continue
            tags = before.tags if node.tags is None else node.tags
            after = dataclasses.replace(
                before,
                zone=node.zone,
                storage_host=node.storage_host,
                tags=tags,
            )
            if after != before:
                yield NodeUpdate(before, after)

    def _device_updates(
        self, named: Iterable[wanted.WantedNode]
    ) -> Iterable[DeviceUpdate]:
        for node in named:
            found = self._found(node)
            if found is None:
                continue
            for device in node.devices:
                before = self._devices.get((found.id, device.path))
                if before is None or device.tags is None:
                    continue
                after = dataclasses.replace(before, tags=device.tags)
                if after != before:
                    yield DeviceUpdate(before, after)

    def _absent_devices(
        self, named: Iterable[wanted.WantedNode]
    ) -> tuple[model.Device, ...]:
        there = {
            (found.id, device.path)
            for node in named
            if (found := self._found(node))
            for device in node.devices
        }
        return tuple(
            device
            for device in self._current.devices
            if (device.node_id, device.path) not in there
        )

    def _fail(self, field: str, value: str, reason: str) -> NoReturn:
        raise exceptions.InvalidTopology(
            source=self._topology.source,
            field=field,
            value=value,
            reason=reason,
        )
