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

"""Bricks of a set are alike: each goes to the nearest place of all theirs.

If two changed places with each other, nothing would be gained by copying
them; and if each took the other's zone, they would wait for each other.
"""

import collections
import itertools
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.estate import value_of
from manila_gluster_heketi.allocator.ledger import Hop
from manila_gluster_heketi.allocator.ledger import Ledger

_Set = tuple[str, int, int]


def takers(
    ledger: Ledger, first: Mapping[str, Hop], last: Mapping[str, Hop]
) -> dict[str, model.Brick]:
    """Say which brick takes the place that another one was moved to.

    :param first: how each brick left, by its identity
    :param last: how it came to where it is
    """
    alike: dict[_Set, list[model.Brick]] = collections.defaultdict(list)
    for brick_id in sorted(first):
        brick = first[brick_id].brick
        kind = brick.volume_id, brick.set_index, brick.size_bytes
        alike[kind].append(brick)
    return {
        other.id: brick
        for bricks in alike.values()
        for brick, other in _pairs(ledger, bricks, first, last)
    }


def _pairs(
    ledger: Ledger,
    bricks: Sequence[model.Brick],
    first: Mapping[str, Hop],
    last: Mapping[str, Hop],
) -> Iterator[tuple[model.Brick, model.Brick]]:
    """Pair each brick with the one whose place it takes, nearest first."""

    def differences(pair: tuple[model.Brick, model.Brick]) -> list[bool]:
        brick, other = pair
        here = _marks(ledger, brick, first[brick.id].source)
        there = _marks(ledger, brick, last[other.id].target)
        return [a != b for a, b in zip(here, there, strict=True)]

    placed: set[str] = set()
    served: set[str] = set()
    for brick, other in sorted(
        itertools.product(bricks, bricks), key=differences
    ):
        if brick.id not in placed and other.id not in served:
            placed.add(brick.id)
            served.add(other.id)
            yield brick, other


def _marks(ledger: Ledger, brick: model.Brick, room: Room) -> list[str]:
    """Say where a device is, from the narrowest to the widest."""
    tiers = reversed(ledger.volume(brick).spread.tiers)
    return [
        room.device_id,
        room.node_id,
        *(value_of(room.capacity, tier.label) for tier in tiers),
    ]
