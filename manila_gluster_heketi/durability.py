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

"""How a brick set keeps data while bricks fail."""

import dataclasses
import enum
import re

# Gluster's own limits. A dispersed set must be able to tell the majority, so
# that more than half of its bricks hold data; ec.h has 16 fragments at most.
_MOST_REPLICAS = 3
_MOST_PARTS = 16

_WORDS = re.compile(
    r'(?P<kind>distribute|replicate|arbiter|disperse)'
    r'(:(?P<first>\d{1,3})(\+(?P<second>\d{1,3}))?)?'
)
KNOWN = 'distribute, replicate:2, replicate:3, arbiter, or disperse:D+R'


class Kind(str, enum.Enum):
    """What the bricks of a set are to each other."""

    DISTRIBUTE = 'distribute'
    REPLICATE = 'replicate'
    ARBITER = 'arbiter'
    DISPERSE = 'disperse'


@dataclasses.dataclass(frozen=True, slots=True)
class Durability:
    """What one brick set is made of; see the functions below to make one.

    :ivar parts: into how many parts data is cut; a brick holds one
    :ivar redundancy: how many bricks may fail
    """

    kind: Kind = Kind.REPLICATE
    parts: int = 1
    redundancy: int = 2

    @property
    def data_bricks(self) -> int:
        """Bricks of one set that hold data."""
        return self.parts + self.redundancy

    @property
    def has_arbiter(self) -> bool:
        """Whether the last brick of each set has names alone."""
        return self.kind is Kind.ARBITER

    @property
    def bricks_per_set(self) -> int:
        """Bricks of one set, each on a node of its own."""
        return self.data_bricks + self.has_arbiter

    def is_arbiter(self, position: int) -> bool:
        """Say whether the brick at this position of a set has names alone."""
        return self.has_arbiter and position == self.data_bricks

    def part_bytes(self, data_bytes: int) -> int:
        """Say how much of a set's data each of its bricks holds."""
        return -(-data_bytes // self.parts)

    def __str__(self) -> str:
        if self.kind is Kind.REPLICATE:
            return f'replicate:{self.data_bricks}'
        if self.kind is Kind.DISPERSE:
            return f'disperse:{self.parts}+{self.redundancy}'
        return str(self.kind.value)


DISTRIBUTE = Durability(Kind.DISTRIBUTE, 1, 0)
ARBITER = Durability(Kind.ARBITER, 1, 1)


def replicate(copies: int) -> Durability:
    """Make copies on 1 (no durability), 2 or 3 bricks.

    :raises ValueError: another number
    """
    if not 1 <= copies <= _MOST_REPLICAS:
        raise ValueError(f'Gluster keeps 1 to 3 copies, not {copies}')
    if copies == 1:
        return DISTRIBUTE
    return Durability(Kind.REPLICATE, 1, copies - 1)


def disperse(parts: int, redundancy: int) -> Durability:
    """Cut data into parts and add redundant ones (an erasure code).

    :raises ValueError: Gluster does not accept the pair
    """
    if redundancy < 1 or parts <= redundancy:
        raise ValueError(
            f'disperse {parts}+{redundancy} is impossible: redundancy must be '
            'at least 1 and less than the parts'
        )
    if parts > _MOST_PARTS:
        raise ValueError(
            f'Gluster cuts data into at most {_MOST_PARTS} parts, not {parts}'
        )
    return Durability(Kind.DISPERSE, parts, redundancy)


def parse(text: str) -> Durability:
    """Read what :meth:`Durability.__str__` writes.

    :raises ValueError: that is no durability, or one that Gluster refuses
    """
    match = _WORDS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'known are {KNOWN}')
    kind = Kind(match['kind'])
    numbers = [int(each) for each in match.group('first', 'second') if each]
    if kind is Kind.REPLICATE and len(numbers) == 1:
        return replicate(numbers[0])
    if kind is Kind.DISPERSE and len(numbers) == 2:
        return disperse(*numbers)
    if kind is Kind.DISTRIBUTE and not numbers:
        return DISTRIBUTE
    if kind is Kind.ARBITER and not numbers:
        return ARBITER
    raise ValueError(f'known are {KNOWN}')
