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

"""Heketi's topology document: read and written.

::

    {"clusters": [{"name": "c1", "nodes": [{
        "node": {"hostnames": {"manage": ["gl1"], "storage": ["10.0.0.1"]},
                 "zone": 1, "tags": {"rack": "a"}},
        "devices": ["/dev/sdb",
                    {"name": "/dev/sdc", "destroydata": false, "tags": {}}]
    }]}]}

``name`` is ours: Heketi's clusters have none. ``file`` and ``block`` of a
cluster are accepted, checked and ignored: there are no block volumes here. Of
several hostnames the first counts, as with Heketi.
"""

import json
from collections.abc import Mapping
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.topology import fields
from manila_gluster_heketi.topology import wanted


def parse(text: str | bytes, source: str) -> wanted.WantedTopology:
    """Read a topology document.

    :param text: JSON, in UTF-8 if bytes
    :param source: where it comes from, for errors
    :raises InvalidTopology: with the path of the value that is wrong
    """
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=fields.JsonObject.of_pairs,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        raise exceptions.InvalidTopology(
            source=source,
            field=f'line {error.lineno}, column {error.colno}',
            value=error.doc[error.pos : error.pos + 20],
            reason=f'this is not JSON: {error.msg}',
        ) from error
    except (RecursionError, ValueError) as error:
        raise exceptions.InvalidTopology(
            source=source,
            field='the document',
            value=text[:20],
            reason=f'this is not JSON: {error}',
        ) from error
    return from_document(parsed, source)


def from_document(parsed: object, source: str) -> wanted.WantedTopology:
    """Check a document that is parsed already.

    :raises InvalidTopology: with the path of the value that is wrong
    """
    root = fields.Field(source, '', parsed).object(('clusters',))
    listed = root.key('clusters')
    if not listed.value:
        listed.fail('name at least one cluster')
    clusters = tuple(_cluster(item) for item in listed.items())
    topology = wanted.WantedTopology(clusters, source)
    _check_unique(topology)
    return topology


def document(current: wanted.CurrentTopology) -> dict[str, Any]:
    """Write what there is as a document: the inverse of loading it.

    Clusters without nodes are left out, as no document can ask for one.
    """
    clusters = []
    for cluster in sorted(current.clusters, key=lambda c: (c.name, c.id)):
        nodes = [
            _node_document(current, node)
            for node in sorted(current.nodes, key=lambda n: n.manage_host)
            if node.cluster_id == cluster.id
        ]
        named = {'name': cluster.name} if cluster.name else {}
        if nodes:
            clusters.append({**named, 'nodes': nodes})
    return {'clusters': clusters}


def _node_document(
    current: wanted.CurrentTopology, node: model.Node
) -> dict[str, Any]:
    described: dict[str, Any] = {
        'hostnames': {
            'manage': [node.manage_host],
            'storage': [node.storage_host],
        },
        'zone': node.zone,
    }
    if node.tags:
        described['tags'] = dict(node.tags)
    devices: list[str | dict[str, Any]] = [
        {'name': device.path, 'tags': dict(device.tags)}
        if device.tags
        else device.path
        for device in sorted(current.devices, key=lambda d: d.path)
        if device.node_id == node.id
    ]
    return {'node': described, 'devices': devices}


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} is no number')


def _cluster(field: fields.Field) -> wanted.WantedCluster:
    field.object(('name', 'file', 'block', 'nodes'))
    for ignored in ('file', 'block'):
        field.key(ignored).boolean()
    listed = field.key('nodes')
    if not listed.value:
        listed.fail('a cluster has at least one node')
    return wanted.WantedCluster(
        name=field.key('name').cluster_name(),
        nodes=tuple(_node(item) for item in listed.items()),
        field=field.path,
    )


def _node(field: fields.Field) -> wanted.WantedNode:
    field.object(('node', 'devices'), required='node')
    node = field.key('node').object(
        ('hostnames', 'zone', 'tags'), required='hostnames'
    )
    hosts = node.key('hostnames').object(
        ('manage', 'storage'), required='manage'
    )
    hosts.object(('manage', 'storage'), required='storage')
    listed = field.key('devices')
    devices = () if listed.value is None else listed.items()
    return wanted.WantedNode(
        manage_host=hosts.key('manage').host(),
        storage_host=hosts.key('storage').host(),
        zone=node.key('zone').zone(),
        devices=tuple(_device(item) for item in devices),
        tags=node.key('tags').tags(),
        field=node.path,
    )


def _device(field: fields.Field) -> wanted.WantedDevice:
    if not isinstance(field.value, Mapping):
        return wanted.WantedDevice(field.device_path(), field=field.path)
    field.object(('name', 'destroydata', 'tags'), required='name')
    return wanted.WantedDevice(
        path=field.key('name').device_path(),
        destroy_data=field.key('destroydata').boolean(),
        tags=field.key('tags').tags(),
        field=f'{field.path}.name',
    )


def _check_unique(topology: wanted.WantedTopology) -> None:
    """Refuse what is there twice.

    Hostnames compare without case, as name services do.
    """
    seen: dict[tuple[str, ...], str] = {}

    def once(path: str, value: str, *key: str) -> None:
        before = seen.setdefault(key, path)
        if before != path:
            field = fields.Field(topology.source, path, value)
            field.fail(f'the same is at {before}')

    for cluster in topology.clusters:
        if cluster.name:
            once(f'{cluster.field}.name', cluster.name, 'c', cluster.name)
        for node in cluster.nodes:
            hosts = f'{node.field}.hostnames'
            manage = node.manage_host.lower()
            storage = node.storage_host.lower()
            once(f'{hosts}.manage[0]', node.manage_host, 'm', manage)
            once(f'{hosts}.storage[0]', node.storage_host, 's', storage)
            for device in node.devices:
                once(device.field, device.path, 'd', manage, device.path)
