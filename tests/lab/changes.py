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

"""Changes in rounds: each begins where the one before it ended.

So nothing has to be set back between two deaths. All of a change can be sent
to another process.
"""

import dataclasses
import functools
import json
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import MIB

_SHARE = 'share-1'
_SMALL = 400 * MIB
_SHRUNK = 350 * MIB
_GROWN = 600 * MIB
# More than a device has left: it grows by a set on other devices.
_WIDE = 4096 * MIB

Document = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Change:
    """A change that is asked for; asked again once it is done, it is nothing.

    :ivar is_done: tells whether it is in force
    :ivar seconds: about so long it takes on the nodes of the lab; that it is
        less is found out
    :ivar sampled: at how many points of it processes die where not all are
        tried
    :ivar is_one: it is one operation, so that it is done or undone
    :ivar grows: what is undone of it may leave larger bricks, and keeps
        their room reserved
    """

    name: str
    act: Callable[[Service], object]
    is_done: Callable[[Service], bool]
    seconds: float
    sampled: int = 1
    is_one: bool = True
    grows: bool = False


@dataclasses.dataclass(frozen=True)
class Round:
    """Changes that lead back to where they began."""

    name: str
    changes: tuple[Change, ...]


# --- one share ------------------------------------------------------------


def _create(durability: str, service: Service) -> None:
    service.create_volume(
        model.VolumeSpec(
            share_id=_SHARE,
            name=f'manila-{_SHARE}',
            size_bytes=_SMALL,
            durability=durabilities.parse(durability),
        )
    )


def _is_there(service: Service) -> bool:
    return service.find_volume(_SHARE) is not None


def _allow(names: Sequence[str], service: Service) -> None:
    service.change_access(_SHARE, names=names)


def _allows(names: Sequence[str], service: Service) -> bool:
    return service.volume(_SHARE).access == tuple(names)


def _extend(size_bytes: int, service: Service) -> None:
    service.extend_volume(_SHARE, size_bytes)


def _shrink(size_bytes: int, service: Service) -> None:
    service.shrink_volume(_SHARE, size_bytes)


def _has(size_bytes: int, service: Service) -> bool:
    return service.volume(_SHARE).size_bytes == size_bytes


def _delete(service: Service) -> None:
    try:
        service.delete_volume(_SHARE)
    except exceptions.NotFound:
        # Manila takes a share that is gone for deleted.
        return


def _is_gone(service: Service) -> bool:
    return not _is_there(service)


def _creation(durability: str, sampled: int) -> Change:
    return Change(
        f'create {durability}',
        functools.partial(_create, durability),
        _is_there,
        5.0,
        sampled,
    )


def _access(name: str, names: Sequence[str], sampled: int) -> Change:
    return Change(
        name,
        functools.partial(_allow, names),
        functools.partial(_allows, names),
        0.4,
        sampled,
    )


def _resizing(
    name: str,
    act: Callable[[int, Service], None],
    size_bytes: int,
    seconds: float,
    sampled: int,
    **more: Any,
) -> Change:
    return Change(
        name,
        functools.partial(act, size_bytes),
        functools.partial(_has, size_bytes),
        seconds,
        sampled,
        **more,
    )


def _deletion(sampled: int) -> Change:
    return Change('delete', _delete, _is_gone, 2.0, sampled)


def shares() -> tuple[Round, ...]:
    """Give the lives of shares."""
    return (
        Round(
            'a share with three copies',
            (
                _creation('replicate:3', 2),
                _access('allow two', ('alice', 'bob'), 2),
                _access('allow others', ('alice', 'carol'), 2),
                _resizing('shrink', _shrink, _SHRUNK, 0.6, 2),
                _resizing('extend the quota', _extend, _SMALL, 0.4, 2),
                _resizing(
                    'extend in place', _extend, _GROWN, 0.8, 2, grows=True
                ),
                _deletion(2),
            ),
        ),
        Round(
            'a share with an arbiter',
            (
                _creation('arbiter', 1),
                _resizing('extend by sets', _extend, _WIDE, 5.0, 1),
                _deletion(1),
            ),
        ),
        Round(
            'a share with an erasure code',
            (
                _creation('disperse:2+1', 1),
                _access('allow one', ('alice',), 1),
                _resizing(
                    'extend in place', _extend, _GROWN, 0.8, 1, grows=True
                ),
                _deletion(1),
            ),
        ),
    )


# --- one node -------------------------------------------------------------


def _load(document: Document, service: Service) -> None:
    service.load_topology(json.dumps(document))


def _remove_device(host: str, path: str, service: Service) -> None:
    try:
        service.hardware.remove_device(host, path)
    except exceptions.NotFound:
        return


def _remove_node(host: str, paths: Sequence[str], service: Service) -> None:
    for path in paths:
        _remove_device(host, path, service)
    try:
        service.hardware.remove_node(host)
    except exceptions.NotFound:
        return


def _has_devices(
    host: str, count: int, is_node: bool, service: Service
) -> bool:
    names = [
        capacity.node.manage_host
        for snapshot in service.clusters()
        for capacity in snapshot.devices
    ]
    known = {node.manage_host for node in service.nodes()}
    return names.count(host) == count and (host in known) is is_node


def hardware(document: Document, host: str) -> Round:
    """Give the way of a node out of its cluster and back.

    :param document: the topology with all nodes
    :param host: a node without bricks
    """
    [paths] = [
        node['devices']
        for cluster in document['clusters']
        for node in cluster['nodes']
        if node['node']['hostnames']['manage'] == [host]
    ]
    load = functools.partial(_load, document)
    full = functools.partial(_has_devices, host, len(paths), True)
    return Round(
        'a node',
        (
            Change(
                'remove a device',
                functools.partial(_remove_device, host, paths[-1]),
                functools.partial(_has_devices, host, len(paths) - 1, True),
                0.4,
            ),
            Change('add a device', load, full, 1.0),
            Change(
                'remove the node',
                functools.partial(_remove_node, host, paths),
                functools.partial(_has_devices, host, 0, False),
                3.0,
                is_one=False,
            ),
            Change('add the node', load, full, 3.0, is_one=False),
        ),
    )
