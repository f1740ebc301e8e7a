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

"""Clusters and requests, changed as explanations say."""

import dataclasses
from collections.abc import Iterator

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.sizes import MIB

Case = tuple[model.Snapshot, allocator.Request]

EXTENT = 4 * MIB


def applied(case: Case, change: allocator.Change) -> Case:
    """Make a change."""
    state, request = case
    if isinstance(change, allocator.Together):
        for each in change.changes:
            case = applied(case, each)
        return case
    if isinstance(change, allocator.AddDevices):
        return _added(state, change), request
    if isinstance(change, allocator.BringBack):
        return _brought_back(state, change), dataclasses.replace(
            request, excluded=frozenset()
        )
    if isinstance(change, allocator.RaiseLimit):
        limits = dataclasses.replace(
            request.limits, **{change.name: change.needed}
        )
        return state, dataclasses.replace(request, limits=limits)
    if isinstance(change, allocator.RelaxTiers):
        return state, _relaxed(request, change)
    return state, dataclasses.replace(request, tags='')


def smaller(change: allocator.Change, set_bricks: int) -> Iterator:
    """Yield changes that are a little less.

    :param set_bricks: bricks of a set
    """
    if isinstance(change, allocator.AddDevices):
        yield from _fewer_or_smaller(change)
    elif isinstance(change, allocator.BringBack):
        for name in change.nodes:
            nodes = tuple(each for each in change.nodes if each != name)
            yield dataclasses.replace(change, nodes=nodes)
        for name in change.devices:
            devices = tuple(each for each in change.devices if each != name)
            yield dataclasses.replace(change, devices=devices)
    elif isinstance(change, allocator.RaiseLimit):
        less = set_bricks if change.name == 'volume_bricks' else EXTENT
        yield dataclasses.replace(change, needed=change.needed - less)


def _fewer_or_smaller(change: allocator.AddDevices) -> Iterator:
    for index, there in enumerate(change.where):
        less = dataclasses.replace(there, count=there.count - 1)
        where = (*change.where[:index], less, *change.where[index + 1 :])
        yield dataclasses.replace(change, where=where)
    for index, count in enumerate(change.elsewhere):
        counts = [*change.elsewhere]
        counts[index] = count - 1
        yield dataclasses.replace(change, elsewhere=tuple(counts))
    yield dataclasses.replace(change, room_bytes=change.room_bytes - EXTENT)


def _added(
    state: model.Snapshot, change: allocator.AddDevices
) -> model.Snapshot:
    made: list[model.DeviceCapacity] = []
    for where in change.where:
        there = next(
            c
            for c in state.devices
            if where.domain in _names(c)
            and c.node.state is c.device.state is model.EntryState.ONLINE
            and (not change.tags or c.tags.get('disk') == 'ssd')
        )
        for _ in range(where.count):
            name = f'new-{len(made)}'
            made.append(_empty(change, name, there.node, there.tags))
    for number, count in enumerate(change.elsewhere):
        domain = f'domain-{number}'
        node = dataclasses.replace(
            _any_node(), id=domain, manage_host=domain, zone=1000 + number
        )
        tags = {'rack': domain, 'disk': 'ssd'}
        for _ in range(count):
            made.append(_empty(change, f'new-{len(made)}', node, tags))
    return dataclasses.replace(state, devices=(*state.devices, *made))


def _any_node() -> model.Node:
    return model.Node('', '', '', '', 0)


def _empty(
    change: allocator.AddDevices,
    name: str,
    node: model.Node,
    tags: dict[str, str],
) -> model.DeviceCapacity:
    device = model.Device(
        id=name,
        node_id=node.id,
        path='/dev/new',
        vg_name='',
        pool_name='',
        total_bytes=change.room_bytes,
        extent_bytes=EXTENT,
        tags={**tags, 'arbiter': 'supported'},
    )
    return model.DeviceCapacity(device, node, 0)


def _names(c: model.DeviceCapacity) -> set[str]:
    """Return what the domains of a device may be called."""
    zone, rack = f'zone {c.node.zone}', f'rack {c.tags.get("rack")}'
    return {
        c.node.manage_host,
        zone,
        rack,
        f'{zone}/{rack}',
        f'{rack}/{zone}',
    }


def _brought_back(
    state: model.Snapshot, change: allocator.BringBack
) -> model.Snapshot:
    online = model.EntryState.ONLINE
    devices = []
    for c in state.devices:
        if c.node.manage_host in change.nodes:
            c = dataclasses.replace(
                c, node=dataclasses.replace(c.node, state=online)
            )
        if f'{c.node.manage_host}:{c.device.path}' in change.devices:
            c = dataclasses.replace(
                c, device=dataclasses.replace(c.device, state=online)
            )
        devices.append(c)
    return dataclasses.replace(state, devices=tuple(devices))


def _relaxed(
    request: allocator.Request, change: allocator.RelaxTiers
) -> allocator.Request:
    tiers = tuple(
        dataclasses.replace(tier, mode=spread.Mode.PREFER)
        if tier.label in change.labels
        else tier
        for tier in request.spread.tiers
    )
    return dataclasses.replace(request, spread=spread.Spread(tiers))
