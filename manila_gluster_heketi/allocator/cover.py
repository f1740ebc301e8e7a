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

"""The fewest bytes that are enough."""

import bisect
from collections.abc import Sequence

# What is needed is measured in so many units: a plan may move this part
# more than the least, and takes no longer for larger devices.
_UNITS = 1000


def cheapest_cover(sizes: Sequence[int], needed: int) -> list[int]:
    """Choose sizes whose sum is at least ``needed``, and hardly more.

    :param sizes: in bytes, in falling order
    :returns: indexes in rising order; all of them if they are not enough
    """
    if needed <= 0:
        return []
    if sum(sizes) <= needed:
        return list(range(len(sizes)))
    # Of those that are enough alone, no other but the smallest is of use,
    # and that alone.
    count = bisect.bisect_right(sizes, -needed, key=lambda size: -size)
    several = [count + each for each in _several(sizes[count:], needed)]
    several_bytes = sum(sizes[index] for index in several)
    if count and not needed <= several_bytes < sizes[count - 1]:
        return [count - 1]
    return several


def _several(sizes: Sequence[int], needed: int) -> list[int]:
    """Choose from sizes each of which is less than what is needed.

    :returns: all of them if they are not enough
    """
    unit = max(1, needed // _UNITS)
    # Rounded so that what is enough in units is so in bytes.
    parts = [size // unit for size in sizes]
    target = -(-needed // unit)
    if sum(parts) < target:
        return list(range(len(sizes)))
    # Without any one of them the least that is enough would not be: so it
    # is less than twice the target.
    mask = (1 << 2 * target + 1) - 1
    # Bit n of reached[i]: some of the first i sizes come to n units.
    reached = [1]
    for part in parts:
        reached.append((reached[-1] | reached[-1] << part) & mask)
    beyond = reached[-1] >> target
    left = target + (beyond & -beyond).bit_length() - 1
    chosen = []
    for index in range(len(parts) - 1, -1, -1):
        if not reached[index] >> left & 1:
            chosen.append(index)
            left -= parts[index]
    return chosen[::-1]
