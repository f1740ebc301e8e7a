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

"""How the bricks of one set stay apart: an ordered list of tiers."""

import dataclasses
import enum
import re

ZONE = 'zone'
#: Bricks of a set are never on one node, so that it can't be asked for.
NODE = 'node'

_LABEL = re.compile(r'[A-Za-z][A-Za-z0-9_.-]{0,62}')
_MOST_TIERS = 4


class Mode(str, enum.Enum):
    """How much it matters."""

    STRICT = 'strict'
    PREFER = 'prefer'
    NONE = 'none'


@dataclasses.dataclass(frozen=True, slots=True)
class Tier:
    """One kind of failure domain.

    :ivar label: ``zone``, or a tag of nodes such as ``rack``: those with the
        same value may fail together
    """

    label: str
    mode: Mode

    def __str__(self) -> str:
        return f'{self.label}:{self.mode.value}'


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """Tiers in order of their weight: the first that can be met is met."""

    tiers: tuple[Tier, ...] = (Tier(ZONE, Mode.PREFER),)

    def mode(self, label: str) -> Mode:
        """Say how much one kind of domain matters."""
        for tier in self.tiers:
            if tier.label == label:
                return tier.mode
        return Mode.NONE

    def labels(self, mode: Mode) -> tuple[str, ...]:
        """Return the labels of one mode, in order."""
        return tuple(tier.label for tier in self.tiers if tier.mode is mode)

    def __str__(self) -> str:
        return ','.join(str(tier) for tier in self.tiers)


def zones(mode: Mode) -> Spread:
    """Spread over zones alone."""
    return Spread((Tier(ZONE, mode),))


def parse(text: str) -> Spread:
    """Read ``zone:strict,rack:prefer``; one mode alone is that of zones.

    :raises ValueError: a tier is not understood, or contradicts another
    """
    parts = [part.strip() for part in text.split(',')]
    if len(parts) == 1 and ':' not in parts[0]:
        return zones(_mode(parts[0]))
    tiers = tuple(_tier(part) for part in parts)
    labels = [tier.label for tier in tiers]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f'tier {label} is given twice')
    if len(tiers) > _MOST_TIERS:
        raise ValueError(f'{len(tiers)} tiers; at most {_MOST_TIERS} are used')
    return Spread(tiers)


def _tier(text: str) -> Tier:
    label, colon, mode = text.partition(':')
    if not colon:
        raise ValueError(f'{text!r} is no tier; write TIER:MODE')
    if not _LABEL.fullmatch(label):
        raise ValueError(f'{label!r} can not be the name of a tier')
    tier = Tier(label, _mode(mode))
    if label == NODE and tier.mode is not Mode.STRICT:
        raise ValueError(
            f'{tier} contradicts that two bricks of a set are never on one '
            'node'
        )
    return tier


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError:
        known = ', '.join(mode.value for mode in Mode)
        raise ValueError(f'{text!r} is not one of {known}') from None
