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


"""Devices and nodes that go."""

import dataclasses
from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import OpKind
from tests.crash import changes
from tests.crash.change import Change
from tests.functional.deployment import Deployment

_NODE = 'gl4'


def _remove_device(host: str, path: str) -> Callable[[Deployment], None]:
    def remove(d: Deployment) -> None:
        _unless_gone(lambda: d.service.hardware.remove_device(host, path))

    return remove


def _remove_node(d: Deployment) -> None:
    _unless_gone(lambda: d.service.hardware.remove_node(_NODE))


def _forget(d: Deployment) -> None:
    hardware = d.service.hardware
    for path in d.disks:
        _unless_gone(
            lambda path=path: hardware.remove_device(_NODE, path, forget=True)
        )
    _unless_gone(lambda: hardware.remove_node(_NODE, forget=True))


def _unless_gone(remove: Callable[[], None]) -> None:
    """Remove; asked once more, it is not there."""
    try:
        remove()
    except exceptions.NotFound:
        return


def _is_gone(d: Deployment) -> bool:
    return _NODE not in {each.manage_host for each in d.service.nodes()}


def _with_empty_node(d: Deployment) -> None:
    """Have a fourth node that has no devices any more."""
    d.load()
    _remove_device(_NODE, '/dev/vdb')(d)


def _with_lost_node(d: Deployment) -> None:
    """Have a fourth node that is gone for good."""
    d.load()
    d.cluster.power_off(_NODE)


REMOVE_DEVICE = Change(
    'remove a device',
    _remove_device('gl2', '/dev/vdc'),
    lambda d: changes.has_devices(d, 5),
    frozenset({OpKind.DEVICE_REMOVE}),
    {'disks': 2},
    changes.with_disks(1),
    changes.with_disks(2),
)
REMOVE_NODE = Change(
    'remove a node',
    _remove_node,
    _is_gone,
    frozenset({OpKind.NODE_REMOVE}),
    {'nodes': 4},
    changes.load_three,
    _with_empty_node,
)
REMOVE_SECURE_NODE = dataclasses.replace(
    REMOVE_NODE,
    name='remove a node with secure-access',
    prepare=changes.three_secure,
)
FORGET_NODE = Change(
    'forget a node',
    _forget,
    _is_gone,
    frozenset({OpKind.DEVICE_REMOVE, OpKind.NODE_REMOVE}),
    {'nodes': 4},
    changes.load_three,
    _with_lost_node,
    is_one=False,
    lost=(_NODE,),
)
