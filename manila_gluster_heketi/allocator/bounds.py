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

"""What no placement can surpass: bounds for one kind of volume."""

import dataclasses
from collections.abc import Collection
from collections.abc import Sequence

from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import request as requests

# How near the room that arbiters leave is looked for.
_NEAR = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Domains:
    """The domains of one label.

    :ivar rooms: for data, in each domain that takes it
    :ivar count: of these, and of those that take arbiters alone
    """

    label: str
    rooms: Collection[int]
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """What can be stored in as many domains as a set needs, once in each.

    :ivar label: whose domains make the bound
    :ivar stored_bytes: what each copy of all comes to
    :ivar fluid_bytes: the same if arbiters took no room
    :ivar every_bytes: room on all devices
    """

    label: str
    stored_bytes: int
    fluid_bytes: int
    every_bytes: int


def bound(
    request: requests.Request, domains: Sequence[Domains], every_bytes: int
) -> Bound:
    """Bound what can be stored; the label with the least counts.

    :param every_bytes: room on all devices, those for arbiters alone too
    """
    fluid_bytes = []
    for each in domains:
        fluid = counting.fluid_bound(each.rooms, request.copies)
        if each.count < request.durability.bricks_per_set:
            fluid = 0
        fluid_bytes.append(fluid)
    least = min(fluid_bytes)
    return Bound(
        label=domains[fluid_bytes.index(least)].label,
        stored_bytes=_beside_arbiters(least, request, every_bytes),
        fluid_bytes=least,
        every_bytes=every_bytes,
    )


def data_bytes(pool_bytes: int, request: requests.Request) -> int:
    """Take the overhead of bricks off, as few and large as they may be."""
    most = request.limits.brick_max_bytes
    bricks, rest = divmod(pool_bytes, most)
    return bricks * request.set_data_bytes(most) + request.set_data_bytes(rest)


def least_pool_bytes(request: requests.Request, extent_bytes: int) -> int:
    """Say what each copy of a volume takes at least, in whole extents.

    The inverse of :func:`data_bytes`: few large bricks lose least.
    """
    most = sizes.round_down(request.limits.brick_max_bytes, extent_bytes)
    bricks, rest = divmod(request.data_bytes, request.set_data_bytes(most))
    part = request.durability.part_bytes(rest)
    last = sizes.brick_bytes_for(part, extent_bytes) if rest else 0
    least = request.least_brick_bytes(extent_bytes)
    return max(bricks * most + last, least)


def _beside_arbiters(
    stored_bytes: int, request: requests.Request, every_bytes: int
) -> int:
    """Bound what can be stored if the arbiters of it need room as well.

    One arbiter for all, the least that they can take together.
    """
    if not request.durability.has_arbiter:
        return stored_bytes
    low, high = 0, stored_bytes + 1
    while high - low > max(1, high // _NEAR):
        middle = (low + high) // 2
        arbiter = request.arbiter_bytes(data_bytes(middle, request), 1)
        if request.copies * middle + arbiter <= every_bytes:
            low = middle
        else:
            high = middle
    return high - 1
