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
import itertools
from collections.abc import Iterator

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread as spreads


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a volume is made of.

    :ivar brick_min_bytes: a smaller one is rounded up to this
    :ivar brick_max_bytes: larger volumes get several sets; a larger file
        system takes too long to check and to heal
    :ivar volume_bricks: bricks of one volume; each is a process on a node
        and a connection of each client
    :ivar brick_share: a volume gets more sets rather than bricks that take
        more than this part of an average device; 1 if that is no reason
    :ivar cluster_volumes: volumes of one cluster; 0 for any number
    """

    brick_min_bytes: int = sizes.BRICK_MIN_BYTES
    brick_max_bytes: int = 4 * sizes.TIB
    volume_bricks: int = 60
    brick_share: float = 1.0
    cluster_volumes: int = 0


DEFAULT_LIMITS = Limits()


@dataclasses.dataclass(frozen=True, slots=True)
class Division:
    """So many sets of so large bricks.

    :ivar arbiter_bytes: of the set's last brick; 0 if it has no arbiter
    """

    sets: int
    brick_bytes: int
    arbiter_bytes: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """Whole brick sets that hold ``data_bytes`` of a tenant together.

    :ivar tags: expression that a device's tags have to meet; '' for any
    :ivar bricks_before: bricks that the volume has already
    :ivar excluded: identities of nodes and devices to leave out
    """

    data_bytes: int
    durability: durabilities.Durability
    spread: spreads.Spread
    limits: Limits = DEFAULT_LIMITS
    tags: str = ''
    average_file_bytes: int = sizes.AVERAGE_FILE_BYTES
    bricks_before: int = 0
    excluded: frozenset[str] = frozenset()

    def check(self) -> None:
        """Refuse sizes that nothing can have.

        :raises InvalidInput: one is not positive, or can't be counted
        """
        check_size('size', self.data_bytes)
        check_size('average_file_size', self.average_file_bytes)

    @property
    def copies(self) -> int:
        """Bricks of one set that hold data."""
        return self.durability.data_bricks

    @property
    def most_sets(self) -> int:
        """Sets that the limit on bricks leaves room for."""
        left = self.limits.volume_bricks - self.bricks_before
        return max(0, left) // self.durability.bricks_per_set

    def least_brick_bytes(self, extent_bytes: int) -> int:
        """Return the smallest brick to be made, in whole extents."""
        return sizes.round_up(self.limits.brick_min_bytes, extent_bytes)

    def divisions(
        self, extent_bytes: int, device_bytes: int = 0
    ) -> Iterator[Division]:
        """Yield divisions into equal sets, fewest sets first.

        Few sets are better: Gluster puts whole files on sets by hash, so
        that each set must have room for what falls on it. Only bricks that
        are a large part of a device go last.

        :param device_bytes: size of an average device
        """
        divisions = self._divisions(extent_bytes)
        if self.limits.brick_share >= 1 or not device_bytes:
            yield from divisions
            return
        most = self.limits.brick_share * device_bytes
        yield from sorted(divisions, key=lambda d: d.brick_bytes > most)

    def _divisions(self, extent_bytes: int) -> Iterator[Division]:
        least = self.least_brick_bytes(extent_bytes)
        for sets in range(1, self.most_sets + 1):
            share = -(-self.data_bytes // sets)
            part = self.durability.part_bytes(share)
            brick = sizes.brick_bytes_for(part, extent_bytes)
            if brick <= self.limits.brick_max_bytes:
                brick_bytes = max(brick, least)
                yield Division(
                    sets, brick_bytes, self.arbiter_bytes(share, extent_bytes)
                )
            if brick <= least:
                # More sets would not make the bricks smaller.
                return

    def arbiter_bytes(self, set_data_bytes: int, extent_bytes: int) -> int:
        """Size the arbiter brick of a set; 0 if it has none."""
        if not self.durability.has_arbiter:
            return 0
        return sizes.arbiter_bytes_for(
            set_data_bytes, self.average_file_bytes, extent_bytes
        )

    def set_data_bytes(self, brick_bytes: int) -> int:
        """Say how much of a tenant's data a set of such bricks holds."""
        return self.durability.parts * sizes.data_bytes_of(brick_bytes)

    def label_sets(
        self,
    ) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Yield labels to keep the bricks of a set apart by, best first.

        All that are strict, with as many of the preferred ones as can be,
        the first of those before the later ones. The last resort are nodes.

        :returns: what must differ, and what should as far as it can
        """
        strict = self.spread.labels(spreads.Mode.STRICT)
        preferred = self.spread.labels(spreads.Mode.PREFER)
        for kept in itertools.product((True, False), repeat=len(preferred)):
            given_up = [not each for each in kept]
            yield (
                (*strict, *itertools.compress(preferred, kept), spreads.NODE),
                tuple(itertools.compress(preferred, given_up)),
            )


def check_size(field: str, size_bytes: int, least: int = 1) -> None:
    """Refuse a size that nothing can have.

    :param field: what the size is called
    :raises InvalidInput: it is less than ``least``, or can't be counted
    """
    if size_bytes < least:
        reason = f'it is less than {least}'
    elif size_bytes > sizes.MOST_BYTES:
        reason = 'it is more than 2**63 - 1 bytes'
    else:
        return
    raise exceptions.InvalidInput(
        field=field, value=size_bytes, reason=reason
    )


def request_for(
    spec: model.VolumeSpec,
    excluded: frozenset[str] = frozenset(),
    limits: Limits = DEFAULT_LIMITS,
) -> Request:
    """Translate what is asked for a new volume.

    :raises InvalidInput: the volume or its headroom can't be that large
    """
    check_size('size', spec.size_bytes)
    check_size('headroom', spec.headroom_bytes, 0)
    return Request(
        data_bytes=spec.size_bytes + spec.headroom_bytes,
        durability=spec.durability,
        spread=spec.spread,
        limits=limits,
        tags=spec.tags,
        average_file_bytes=spec.average_file_bytes,
        excluded=excluded,
    )
