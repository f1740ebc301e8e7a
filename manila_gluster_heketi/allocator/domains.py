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

"""What may fail together: nodes and zones, with the room that is in them.

A set takes one brick from each of several domains. With equal bricks, a
domain is described by how many bricks it has places for, and whether sets can
be made at all is a matter of counting: ``sets`` sets of ``copies`` bricks
exist if and only if the places, counting at most ``sets`` in each domain, are
at least ``sets * copies`` (the theorem of Gale and Ryser on 0-1 matrices).
"""

import abc
import collections
import heapq
import math
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes

#: LVM's own choice, to speak of bricks where there is no device.
EXTENT_BYTES = 4 * sizes.MIB


class Domain(abc.ABC):
    """Devices of which a set may use only one.

    :ivar identity: what tells it from its like
    :ivar name: what people call it
    :ivar zone_number: the zone that it is in, or is
    :ivar free_bytes: room on all its devices
    :ivar most_bytes: room on the device that has most
    """

    __slots__ = (
        '_heap',
        '_shares',
        'free_bytes',
        'identity',
        'most_bytes',
        'name',
        'zone_number',
    )

    def __init__(self, identity: str, name: str, zone_number: int) -> None:
        self.identity = identity
        self.name = name
        self.zone_number = zone_number
        self.free_bytes = 0
        self.most_bytes = 0
        # Few domains are ever asked for shares, and there may be thousands.
        self._heap: list[tuple[int, int, int]] | None = None
        self._shares: list[int] | None = None

    @abc.abstractmethod
    def rooms(self) -> Iterable[int]:
        """Return the room on each of its devices, in bytes."""

    @abc.abstractmethod
    def nodes(self) -> Sequence['Node']:
        """Return the nodes in it; a node has itself."""

    def places(self, brick_bytes: int, most: int) -> int:
        """Count the bricks that it has places for, up to ``most``."""
        if self.most_bytes < brick_bytes:
            return 0
        count = 0
        for room in self.rooms():
            count += room // brick_bytes
            if count >= most:
                return most
        return count

    def share(self, index: int) -> int:
        """Return the largest brick of which it has ``index + 1`` places.

        Bricks of ``room / n`` fit n times on a device, so that these are the
        largest of all such quotients (as seats go by D'Hondt's method). To
        be called before any place is taken.
        """
        if index == 0:
            return self.most_bytes
        if self._heap is None or self._shares is None:
            self._shares = []
            self._heap = [(-room, room, 1) for room in self.rooms()]
            heapq.heapify(self._heap)
        while len(self._shares) <= index:
            quotient, room, parts = self._heap[0]
            self._shares.append(-quotient)
            following = (-(room // (parts + 1)), room, parts + 1)
            heapq.heapreplace(self._heap, following)
        return self._shares[index]


class Node(Domain):
    """The devices of one node that have any room."""

    __slots__ = ('_rooms', 'candidates')

    def __init__(self, candidates: Sequence[model.DeviceCapacity]) -> None:
        node = candidates[0].node
        super().__init__(node.id, node.manage_host, node.zone)
        self.candidates = candidates
        self._rooms = [c.device.total_bytes - c.used_bytes for c in candidates]
        self.free_bytes = sum(self._rooms)
        self.most_bytes = max(self._rooms)

    def rooms(self) -> Sequence[int]:
        """Return the room on each of its devices."""
        return self._rooms

    def nodes(self) -> Sequence['Node']:
        """Return itself."""
        return (self,)

    def take(self, index: int, size_bytes: int) -> None:
        """Put a brick on the device at this index."""
        self._rooms[index] -= size_bytes
        self.free_bytes -= size_bytes
        self.most_bytes = max(self._rooms)


class Zone(Domain):
    """The nodes of one zone."""

    __slots__ = ('_nodes',)

    def __init__(self, number: int) -> None:
        super().__init__(str(number), f'zone {number}', number)
        self._nodes: list[Node] = []

    def rooms(self) -> Iterable[int]:
        """Return the room on each device of its nodes."""
        return (room for node in self._nodes for room in node.rooms())

    def nodes(self) -> Sequence[Node]:
        """Return its nodes."""
        return self._nodes

    def add(self, node: Node) -> None:
        """Take a node in."""
        self._nodes.append(node)
        self.free_bytes += node.free_bytes
        self.most_bytes = max(self.most_bytes, node.most_bytes)

    def took(self, size_bytes: int) -> None:
        """Follow what one of its nodes took."""
        self.free_bytes -= size_bytes
        self.most_bytes = max(node.most_bytes for node in self._nodes)


class Estate:
    """The usable devices of a cluster, by node and by zone.

    :ivar nodes: nodes with any room, by identity
    :ivar zones: zones with any room, by number
    :ivar extent_bytes: a unit that suits all volume groups
    """

    __slots__ = ('extent_bytes', 'nodes', 'zones')

    def __init__(self, candidates: Sequence[model.DeviceCapacity]) -> None:
        # Nothing here refers back to what holds it, so that all goes at once
        # without the cycle collector: that would go over a large snapshot.
        by_node: dict[str, list[model.DeviceCapacity]] = (
            collections.defaultdict(list)
        )
        for candidate in candidates:
            if candidate.used_bytes < candidate.device.total_bytes:
                by_node[candidate.device.node_id].append(candidate)
        self.nodes = {key: Node(roomy) for key, roomy in by_node.items()}
        self.zones: dict[int, Zone] = {}
        for node in self.nodes.values():
            zone = self.zones.get(node.zone_number)
            if zone is None:
                zone = self.zones[node.zone_number] = Zone(node.zone_number)
            zone.add(node)
        extents = {c.device.extent_bytes for c in candidates}
        self.extent_bytes = math.lcm(*extents) if extents else EXTENT_BYTES

    def domains(self, *, zones: bool) -> Sequence[Domain]:
        """Return zones or nodes as what sets are spread over."""
        if zones:
            return list(self.zones.values())
        return list(self.nodes.values())

    def take(self, node: Node, index: int, size_bytes: int) -> None:
        """Put a brick on a device of a node."""
        node.take(index, size_bytes)
        self.zones[node.zone_number].took(size_bytes)


def largest_brick(domains: Sequence[Domain], copies: int, sets: int) -> int:
    """Return the largest brick of which ``sets`` sets fit, in bytes.

    Each set has ``copies`` bricks in domains of their own. 0 if there are
    too few domains.
    """
    if len(domains) < copies:
        return 0
    # The (sets * copies)-th largest of all shares, at most `sets` of each
    # domain: pop them from a heap that holds the next of each.
    heap = [(-d.share(0), index, 0) for index, d in enumerate(domains)]
    heapq.heapify(heap)
    brick = 0
    for _ in range(sets * copies):
        negative, index, nth = heap[0]
        brick = -negative
        if nth + 1 < sets:
            share = domains[index].share(nth + 1)
            heapq.heapreplace(heap, (-share, index, nth + 1))
        else:
            heapq.heappop(heap)
    return brick


def count_places(
    domains: Sequence[Domain], brick_bytes: int, sets: int
) -> int:
    """Count the places that ``sets`` sets can use."""
    return sum(domain.places(brick_bytes, sets) for domain in domains)
