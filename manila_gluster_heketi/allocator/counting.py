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

"""What fits at all: counting, before anything is tried.

With equal bricks, a domain is described by how many bricks it has places for.
``sets`` sets of ``copies`` bricks in domains of their own exist if and only
if the places, counting at most ``sets`` in each domain, are at least ``sets *
copies`` (the theorem of Gale and Ryser on 0-1 matrices).
"""

import collections
import heapq
import itertools
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi.allocator.group import Group
from manila_gluster_heketi.allocator.group import Value
from manila_gluster_heketi.allocator.partition import Partition


def fluid_bound(capacities: Iterable[int], copies: int) -> int:
    """Return the most that can be stored ``copies`` times, once per domain.

    That is the largest T with sum(min(c, T)) >= copies * T: a domain can't
    hold more than one copy of all, so that what is beyond T is of no use.
    """
    known = list(capacities)
    return bound_of(sum(known), heapq.nlargest(copies - 1, known), copies)


def bound_of(total: int, largest: Iterable[int], copies: int) -> int:
    """Return the same of domains of which less is known.

    :param total: what all of them have together
    :param largest: what the ``copies`` - 1 largest have, in falling order
    """
    for capacity in largest:
        if capacity * copies <= total:
            break
        total -= capacity
        copies -= 1
    return total // copies


def count_places(groups: Iterable[Group], brick_bytes: int, sets: int) -> int:
    """Count the places that ``sets`` sets can use."""
    return sum(group.places(brick_bytes, sets) for group in groups)


def may_fit(
    groups: Partition, brick_bytes: int, sets: int, copies: int
) -> bool:
    """Tell whether there are places for so many sets."""
    wanted = sets * copies
    for group in groups.fitting(brick_bytes):
        wanted -= group.places(brick_bytes, sets)
        if wanted <= 0:
            break
    return wanted <= 0


def indispensable(
    groups: Partition, brick_bytes: int, sets: int, copies: int
) -> tuple[int, frozenset[Group]]:
    """Say which groups the next of ``sets`` sets can't pass over.

    A group with a place for each of them loses one if it is passed over. The
    surplus of places says how often that may happen.

    :returns: how many of which groups it has to use at least
    """
    if sets == 1:
        return 0, frozenset()
    # Not one if those with fewer places, and the others but for one place in
    # each, are enough. As a rule that takes no more than a few of them.
    enough = sets * copies
    full = []
    for group in groups.fitting(brick_bytes):
        places = group.places(brick_bytes, sets)
        if places == sets:
            full.append(group)
            places -= 1
        enough -= places
        if enough <= 0:
            return 0, frozenset()
    return min(enough, len(full)), frozenset(full)


def may_be_apart(values: Collection[Value], count: int) -> bool:
    """Tell whether so many of these may differ in each of their labels.

    Labels are looked at two by two: where there are more, some may still not
    differ.
    """
    if len(values) < count:
        return False
    columns = list(zip(*values, strict=True))
    return all(len(set(column)) >= count for column in columns) and all(
        _pairs(zip(one, other, strict=True), count) == count
        for one, other in itertools.combinations(columns, 2)
    )


def _pairs(edges: Iterable[tuple[str, str]], most: int) -> int:
    """Count the pairs, up to ``most``, that have nothing in common at all.

    That is a matching: a pair gives way if it can be exchanged for another
    (Kuhn's algorithm).
    """
    others: dict[str, list[str]] = collections.defaultdict(list)
    for one, other in sorted(set(edges)):
        others[one].append(other)
    partner: dict[str, str] = {}

    def finds(one: str, seen: set[str]) -> bool:
        for other in others[one]:
            if other not in seen:
                seen.add(other)
                if other not in partner or finds(partner[other], seen):
                    partner[other] = one
                    return True
        return False

    for one in others:
        finds(one, set())
        if len(partner) == most:
            break
    return len(partner)


def largest_brick(groups: Sequence[Group], copies: int, sets: int) -> int:
    """Return the largest brick of which ``sets`` sets fit, in bytes.

    0 if there are too few groups.
    """
    if len(groups) < copies:
        return 0
    # Bricks of room / n fit n times on a device, so that the places of a
    # group are the largest of all such quotients (as seats go by D'Hondt's
    # method). The (sets * copies)-th largest of all, with at most `sets` of
    # each group, is the brick.
    shares: list[int] = []
    for group in groups:
        shares += _shares(group, sets)
    wanted = sets * copies
    return heapq.nlargest(wanted, shares)[-1] if len(shares) >= wanted else 0


def _shares(group: Group, count: int) -> list[int]:
    """Return the largest bricks of which 1, 2, ... ``count`` fit."""
    heap = [
        (-room.free_bytes, room.free_bytes, 1)
        for room in group.roomiest(count)
    ]
    shares: list[int] = []
    while heap and len(shares) < count:
        quotient, room, parts = heap[0]
        shares.append(-quotient)
        heapq.heapreplace(heap, (-(room // (parts + 1)), room, parts + 1))
    return shares
