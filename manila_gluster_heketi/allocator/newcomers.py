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

"""Devices that are not there yet: empty, and good for any brick."""

from collections.abc import Iterable
from collections.abc import Mapping

from manila_gluster_heketi import model
from manila_gluster_heketi import tags
from manila_gluster_heketi.allocator.estate import EXTENT_BYTES
from manila_gluster_heketi.allocator.estate import Group
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.spread import Spread


def beside(group: Group, name: str, size_bytes: int) -> model.DeviceCapacity:
    """Make one in a domain that is there."""
    there = next(group.rooms()).capacity
    return _empty(name, there.node, there.tags, size_bytes)


def apart(
    rooms: Iterable[Room],
    spread: Spread,
    number: int,
    name: str,
    size_bytes: int,
) -> model.DeviceCapacity:
    """Make one in a domain that is not there yet.

    :param rooms: those that are there
    :param spread: the tiers in which it differs from all of them
    :param number: of the domain
    """
    domain = f'domain-{number}'
    zones = (room.capacity.node.zone for room in rooms)
    node = model.Node(
        id=domain,
        cluster_id='',
        manage_host=domain,
        storage_host=domain,
        zone=max(zones, default=0) + 1 + number,
        tags={tier.label: domain for tier in spread.tiers},
    )
    return _empty(name, node, node.tags, size_bytes)


def _empty(
    name: str, node: model.Node, labels: Mapping[str, str], size_bytes: int
) -> model.DeviceCapacity:
    device = model.Device(
        id=name,
        node_id=node.id,
        path='',
        vg_name='',
        pool_name='',
        total_bytes=size_bytes,
        extent_bytes=EXTENT_BYTES,
        tags={**labels, tags.ARBITER: tags.ArbiterUse.SUPPORTED.value},
    )
    return model.DeviceCapacity(device, node, 0)
