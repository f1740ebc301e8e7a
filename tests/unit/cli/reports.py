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

"""Reports of clusters that do not exist, to be drawn."""

import dataclasses
import random
from collections.abc import Mapping

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.service import Pool
from manila_gluster_heketi.service import Report
from tests.unit.allocator import clusters

KIND = allocator.Request(
    0, durability.replicate(2), spread.zones(spread.Mode.PREFER)
)


def report(
    snapshot: model.Snapshot, kind: allocator.Request = KIND
) -> Report:
    """Report on a cluster, as the service does."""
    inventory = allocator.Inventory(snapshot)
    return Report(
        pool=Pool(
            cluster=snapshot.cluster,
            capacity=allocator.pool_stats(inventory, kind),
            allocated_bytes=3 * clusters.GIB,
            volumes=2,
        ),
        level=allocator.level_of(snapshot, kind),
        devices=snapshot.devices,
    )


def filled(
    nodes: int, disks: int = 2, zones: int = 3, name: str = 'c1'
) -> model.Snapshot:
    """Make a cluster of unequal devices, each filled by chance."""
    chance = random.Random(nodes)
    found = []
    for node in range(nodes):
        for disk in range(disks):
            total = chance.choice((100, 200, 400))
            found.append(
                clusters.Disk(
                    f'node-{node}',
                    node % zones + 1,
                    total,
                    used=total * chance.uniform(0.3, 0.7),
                    online=chance.random() > 0.1 or not node,
                )
            )
    return clusters.snapshot(found, name)


def tagged(
    snapshot: model.Snapshot,
    device: Mapping[str, str],
    node: Mapping[str, str],
) -> model.Snapshot:
    """Give all devices and nodes of a cluster these tags."""
    return dataclasses.replace(
        snapshot,
        devices=tuple(
            dataclasses.replace(
                each,
                device=dataclasses.replace(each.device, tags=device),
                node=dataclasses.replace(each.node, tags=node),
            )
            for each in snapshot.devices
        ),
    )


def renamed(snapshot: model.Snapshot, host: str) -> model.Snapshot:
    """Begin the names of all nodes of a cluster so."""
    return dataclasses.replace(
        snapshot,
        devices=tuple(
            dataclasses.replace(
                each,
                node=dataclasses.replace(
                    each.node, manage_host=f'{host}-{each.node.id}'
                ),
            )
            for each in snapshot.devices
        ),
    )


def switched_off(each: model.DeviceCapacity) -> model.DeviceCapacity:
    """Take the node of a device offline."""
    offline = model.EntryState.OFFLINE
    return dataclasses.replace(
        each, node=dataclasses.replace(each.node, state=offline)
    )


def at_path(snapshot: model.Snapshot, path: str) -> model.Snapshot:
    """Give all devices of a cluster this path."""
    return dataclasses.replace(
        snapshot,
        devices=tuple(
            dataclasses.replace(
                each, device=dataclasses.replace(each.device, path=path)
            )
            for each in snapshot.devices
        ),
    )
