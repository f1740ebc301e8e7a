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

"""Whether equal bricks fit, told by the maximum flow of a network.

The network knows nothing of how places are found or counted here::

    source -> sets, as many bricks as a set has
    sets -> domains, one brick of a set in each
    domains -> devices
    devices -> sink, as many bricks as a device has room for

All bricks of a division have places if and only if as many flow through it.
"""

from collections.abc import Iterable

import networkx

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi.allocator.request import Division


def domain_of(
    request: allocator.Request, capacity: model.DeviceCapacity
) -> str:
    """Say what a set may use only one of: a strict zone, or else a node."""
    if str(request.spread) == 'zone:strict':
        return f'zone {capacity.node.zone}'
    return f'node {capacity.node.id}'


def bricks_that_flow(
    devices: Iterable[model.DeviceCapacity],
    request: allocator.Request,
    division: Division,
) -> int:
    """Count the bricks of a division that have places."""
    network = networkx.DiGraph()
    network.add_nodes_from(['source', 'sink'])
    bricks = request.durability.bricks_per_set
    domains = set()
    for each in devices:
        places = each.free_bytes // division.brick_bytes
        domain = domain_of(request, each)
        if places:
            domains.add(domain)
            network.add_edge(domain, each.device.id, capacity=places)
            network.add_edge(each.device.id, 'sink', capacity=places)
    for number in range(division.sets):
        network.add_edge('source', number, capacity=bricks)
        for domain in domains:
            network.add_edge(number, domain, capacity=1)
    return int(networkx.maximum_flow_value(network, 'source', 'sink'))


def flows(
    devices: Iterable[model.DeviceCapacity],
    request: allocator.Request,
    division: Division,
) -> bool:
    """Tell whether all bricks of a division have places.

    An arbiter is taken for a brick with data: so where this says yes, it is
    a yes for sets with an arbiter all the more.
    """
    wanted = division.sets * request.durability.bricks_per_set
    return bricks_that_flow(devices, request, division) == wanted


def fits(state: model.Snapshot, request: allocator.Request) -> bool:
    """Tell whether any division that the limits allow has places."""
    extents = {each.device.extent_bytes for each in state.devices}
    return any(
        flows(state.devices, request, division)
        for division in request.divisions(max(extents))
    )
