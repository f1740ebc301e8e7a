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

"""What the allocator is asked for, in its own words."""

import dataclasses
from collections.abc import Iterator

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a volume is made of.

    :ivar brick_min_bytes: a smaller one is rounded up to this
    :ivar brick_max_bytes: larger volumes get several sets; a larger file
        system takes too long to check and to heal
    :ivar volume_bricks: bricks of one volume; each is a process on a node
        and a connection of each client
    """

    brick_min_bytes: int = sizes.BRICK_MIN_BYTES
    brick_max_bytes: int = 4 * sizes.TIB
    volume_bricks: int = 60


DEFAULT_LIMITS = Limits()


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """Whole brick sets that hold ``data_bytes`` of a tenant together.

    :ivar bricks_before: bricks that the volume has already
    :ivar exclude_nodes: identities of nodes to leave out
    """

    data_bytes: int
    durability: model.Durability
    spread: model.ZoneSpread
    limits: Limits = DEFAULT_LIMITS
    bricks_before: int = 0
    exclude_nodes: frozenset[str] = frozenset()

    @property
    def copies(self) -> int:
        """Bricks of one set."""
        return self.durability.bricks_per_set

    @property
    def most_sets(self) -> int:
        """Sets that the limit on bricks leaves room for."""
        left = self.limits.volume_bricks - self.bricks_before
        return max(0, left) // self.copies

    def least_brick_bytes(self, extent_bytes: int) -> int:
        """Return the smallest brick to be made, in whole extents."""
        return sizes.round_up(self.limits.brick_min_bytes, extent_bytes)

    def divisions(self, extent_bytes: int) -> Iterator[tuple[int, int]]:
        """Yield (number of sets, bytes of each brick), fewest sets first.

        Few sets are better: Gluster puts whole files on sets by hash, so
        that each set must have room for what falls on it.
        """
        least = self.least_brick_bytes(extent_bytes)
        for sets in range(1, self.most_sets + 1):
            share = -(-self.data_bytes // sets)
            brick = sizes.brick_bytes_for(share, extent_bytes)
            if brick <= self.limits.brick_max_bytes:
                yield sets, max(brick, least)
            if brick <= least:
                # More sets would not make the bricks smaller.
                return


def request_for(
    spec: model.VolumeSpec,
    exclude_nodes: frozenset[str] = frozenset(),
    limits: Limits = DEFAULT_LIMITS,
) -> Request:
    """Translate what is asked for a new volume."""
    return Request(
        data_bytes=spec.size_bytes + spec.headroom_bytes,
        durability=spec.durability,
        spread=spec.spread,
        limits=limits,
        exclude_nodes=exclude_nodes,
    )
