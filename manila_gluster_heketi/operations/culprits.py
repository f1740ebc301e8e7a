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


"""Which node or device a failed creation was about.

So that the next attempt does without it. What fails on a device alone leaves
the other devices of its node in the choice.
"""

import dataclasses
import re
from collections.abc import Iterable
from collections.abc import Iterator

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import Transaction

# Those work on a device. Others that name one fail of something else: the
# script for fstab, for one, of the root file system.
_ON_DEVICES = ('lvm ', 'mkfs.xfs ', 'mount ', 'xfs_growfs ')


@dataclasses.dataclass(frozen=True, slots=True)
class Culprit:
    """What to do without.

    :ivar id: of the node or device
    :ivar name: for people
    """

    id: str
    name: str


def find(
    tx: Transaction, cluster_id: str, errors: Iterable[Exception]
) -> tuple[Culprit, ...]:
    """Find the nodes and devices that errors are about; each once."""
    nodes = topology.nodes(tx, cluster_id)
    found = [
        culprit
        for error in errors
        if isinstance(error, exceptions.HostError)
        for culprit in _of(tx, nodes, error)
    ]
    return tuple(dict.fromkeys(found))


def _of(
    tx: Transaction,
    nodes: tuple[model.Node, ...],
    error: exceptions.HostError,
) -> Iterator[Culprit]:
    if isinstance(error, exceptions.GlusterError):
        # Gluster names the peer that it could not work with by its address,
        # such as in "Locking failed on 10.77.0.13".
        text = str(error.fields.get('stderr', ''))
        for node in nodes:
            if _names(node.storage_host, text):
                yield _node(node)
        return
    for node in nodes:
        if node.manage_host == error.fields['host']:
            device = _device(tx, node, error)
            yield _node(node) if device is None else device


def _node(node: model.Node) -> Culprit:
    return Culprit(node.id, f'node {node.manage_host}')


def _device(
    tx: Transaction, node: model.Node, error: exceptions.HostError
) -> Culprit | None:
    """Find the device whose volume group a failed command names."""
    command = str(error.fields.get('command', ''))
    if not isinstance(error, exceptions.CommandFailed) or (
        not command.startswith(_ON_DEVICES)
    ):
        return None
    for device in topology.devices(tx, node.id):
        if device.vg_name in command:
            return Culprit(
                device.id, f'device {device.path} of {node.manage_host}'
            )
    return None


def _names(address: str, text: str) -> bool:
    return bool(re.search(rf'(?<![\w.-]){re.escape(address)}(?![\w-])', text))
