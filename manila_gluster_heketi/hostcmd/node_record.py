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


"""The record of a node, which it keeps itself in a small file.

Zone, tags and states are text of any kind and change while the node lives;
its storage address and the paths by which an operator calls its devices can
be read from nowhere else. As tags of volume groups they would have to be
spelled in LVM's few characters, be repeated on each device of the node, could
contradict each other there, and would not exist on a node without devices.
One file is replaced in one step. It lies on the node's root disk, where
glusterd has its own identity and its volumes: who loses that loses the node
in any case. What belongs to the disks, such as the identity of a device, is
in tags on the disks.

The file holds no secret, so everybody on the node may read it.
"""

import dataclasses
import json
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from manila_gluster_heketi import model
from manila_gluster_heketi.model import EntryState

_VERSION = 1

_Value = TypeVar('_Value')


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device of the node; all else about it is in LVM."""

    id: str
    path: str
    state: EntryState
    tags: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class NodeRecord:
    """What a node says of itself."""

    cluster_id: str
    cluster_name: str
    node_id: str
    manage_host: str
    storage_host: str
    zone: int
    state: EntryState
    tags: Mapping[str, str]
    devices: tuple[DeviceEntry, ...]


def write(
    cluster: model.Cluster, node: model.Node, devices: Iterable[model.Device]
) -> str:
    """Write the record of a node; the same facts make the same text."""
    return _text(
        {
            'version': _VERSION,
            'cluster': {'id': cluster.id, 'name': cluster.name},
            'node': {
                'id': node.id,
                'manage_host': node.manage_host,
                'storage_host': node.storage_host,
                'zone': node.zone,
                'state': str(node.state),
                'tags': dict(node.tags),
            },
            'devices': [
                {
                    'id': device.id,
                    'path': device.path,
                    'state': str(device.state),
                    'tags': dict(device.tags),
                }
                for device in sorted(devices, key=lambda each: each.id)
            ],
        }
    )


def parse(text: str) -> NodeRecord:
    """Read the record of a node.

    :raises ValueError: it is none, or one of a later release
    """
    document = json.loads(text)
    if _field(document, 'version', int) != _VERSION:
        raise ValueError(f'version {document["version"]} is not known')
    cluster = _field(document, 'cluster', dict)
    node = _field(document, 'node', dict)
    return NodeRecord(
        cluster_id=_field(cluster, 'id', str),
        cluster_name=_field(cluster, 'name', str),
        node_id=_field(node, 'id', str),
        manage_host=_field(node, 'manage_host', str),
        storage_host=_field(node, 'storage_host', str),
        zone=_field(node, 'zone', int),
        state=EntryState(_field(node, 'state', str)),
        tags=_field(node, 'tags', dict),
        devices=tuple(
            DeviceEntry(
                id=_field(each, 'id', str),
                path=_field(each, 'path', str),
                state=EntryState(_field(each, 'state', str)),
                tags=_field(each, 'tags', dict),
            )
            for each in _field(document, 'devices', list)
        ),
    )


def _text(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + '\n'


def _field(document: Any, name: str, kind: type[_Value]) -> _Value:
    if not isinstance(document, dict) or name not in document:
        raise ValueError(f'it has no {name}')
    value = document[name]
    if not isinstance(value, kind):
        raise ValueError(f'{name} is {value!r}')
    return value
