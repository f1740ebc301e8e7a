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

"""What is to be played, as JSON has it."""

import dataclasses
import json
import math
import random
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import Limits
from manila_gluster_heketi.simulator.fields import Fields
from manila_gluster_heketi.simulator.fields import invalid

_MOST_ZONES = 100
_MOST_NODES = 1000
_MOST_DISKS = 100
_MOST_DEVICES = 100_000
_MOST_TIB = 1024
_MOST_VOLUMES = 1_000_000
_MOST_GIB = 1024 * 1024
_MOST_BRICKS = 1000

_HARDWARE = ('zone', 'nodes', 'least_disks', 'most_disks', 'disk_tib')
_LIMITS = ('brick_share', 'brick_min_gib', 'brick_max_gib', 'volume_bricks')


@dataclasses.dataclass(frozen=True, slots=True)
class Sizes:
    """How large shares are, in GiB.

    :ivar low: of a fixed size: it; of uniform ones: the least; of log-normal
        ones: the median
    :ivar high: no share is larger
    """

    kind: str
    low: float
    high: float
    sigma: float = 0

    def draw(self, chance: random.Random) -> int:
        """Draw a size, in bytes."""
        gib = self.low
        if self.kind == 'uniform':
            gib = chance.uniform(self.low, self.high)
        elif self.kind == 'log-normal':
            gib = self.low * math.exp(chance.gauss(0, self.sigma))
        return int(max(1, min(self.high, gib)) * sizes.GIB)


@dataclasses.dataclass(frozen=True, slots=True)
class Hardware:
    """Nodes in a zone.

    :ivar disks: least and most of a node
    :ivar disk_tib: sizes to draw from
    """

    zone: int
    nodes: int
    disks: tuple[int, int]
    disk_tib: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Create:
    """Create shares: so many, up to a fill, or until one is refused."""

    sizes: Sizes
    count: int = 0
    until_fill: float = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Delete a part of the shares, chosen by chance."""

    fraction: float


@dataclasses.dataclass(frozen=True, slots=True)
class Extend:
    """Let a part of the shares grow to ``factor`` times what they are."""

    fraction: float
    factor: float


@dataclasses.dataclass(frozen=True, slots=True)
class Add:
    """Add nodes, in an old zone or a new one."""

    hardware: Hardware


@dataclasses.dataclass(frozen=True, slots=True)
class Lose:
    """Lose a zone, node or device for ever.

    :ivar kind: ``zone``, ``node`` or ``device``
    """

    kind: str
    identity: str


Verb = Create | Delete | Extend | Add | Lose


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """A cluster and what happens to it."""

    cluster: tuple[Hardware, ...]
    durability: durabilities.Durability
    spread: spreads.Spread
    limits: Limits
    seed: int
    rounds: tuple[Verb, ...]


def parse(text: str) -> Scenario:
    """Read a scenario.

    :raises InvalidInput: it is none; names the field and its value
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid('scenario', text[:40], f'no JSON: {error}') from error
    fields = Fields(
        raw,
        'scenario',
        ('cluster', 'durability', 'spread', *_LIMITS, 'seed', 'rounds'),
    )
    durability = _word(fields, 'durability', 'replicate:3', durabilities.parse)
    scenario = Scenario(
        cluster=tuple(
            _hardware(each, f'{fields.at("cluster")}[{index}]', index + 1)
            for index, each in enumerate(fields.items('cluster'))
        ),
        durability=durability,
        spread=_word(fields, 'spread', 'zone:strict', spreads.parse),
        limits=_limits(fields, durability.bricks_per_set),
        seed=fields.count('seed', 0, 2**31, 0),
        rounds=tuple(
            _verb(each, f'{fields.at("rounds")}[{index}]')
            for index, each in enumerate(fields.items('rounds'))
        ),
    )
    _check_size(scenario, fields)
    return scenario


def _check_size(scenario: Scenario, fields: Fields) -> None:
    """Refuse more hardware than a machine can simulate."""
    added = [v.hardware for v in scenario.rounds if isinstance(v, Add)]
    devices = sum(
        each.nodes * each.disks[1] for each in (*scenario.cluster, *added)
    )
    if devices > _MOST_DEVICES:
        reason = f'more than {_MOST_DEVICES} devices'
        raise invalid(fields.at('cluster'), devices, reason)


def _word(
    fields: Fields, name: str, default: str, read: Callable[[str], Any]
) -> Any:
    text = fields.text(name, default)
    try:
        return read(text)
    except ValueError as error:
        raise invalid(fields.at(name), text, str(error)) from error


def _limits(fields: Fields, bricks_per_set: int) -> Limits:
    usual = Limits()
    least = fields.number('brick_min_gib', 0, _MOST_GIB, 0)
    most = fields.number(
        'brick_max_gib',
        max(1, least),
        _MOST_GIB,
        max(least, usual.brick_max_bytes / sizes.GIB),
    )
    return Limits(
        brick_min_bytes=max(int(least * sizes.GIB), usual.brick_min_bytes),
        brick_max_bytes=int(most * sizes.GIB),
        volume_bricks=fields.count(
            'volume_bricks', bricks_per_set, _MOST_BRICKS, usual.volume_bricks
        ),
        brick_share=fields.number('brick_share', 1, 100, 100) / 100,
    )


def _hardware(
    raw: Any, where: str, zone: int | None = None, *verb: str
) -> Hardware:
    fields = Fields(raw, where, (*verb, *_HARDWARE))
    least = fields.count('least_disks', 1, _MOST_DISKS, 4)
    return Hardware(
        zone=fields.count('zone', 1, _MOST_ZONES, zone),
        nodes=fields.count('nodes', 1, _MOST_NODES, 1),
        disks=(least, fields.count('most_disks', least, _MOST_DISKS, least)),
        disk_tib=tuple(
            Fields({'disk_tib': each}, where, ('disk_tib',)).number(
                'disk_tib', 1 / 1024, _MOST_TIB
            )
            for each in fields.items('disk_tib')
        ),
    )


def _verb(raw: Any, where: str) -> Verb:
    if not isinstance(raw, dict) or 'verb' not in raw:
        raise invalid(where, raw, 'it is not an object with a verb')
    verb = raw['verb']
    if not isinstance(verb, str) or verb not in _VERBS:
        reason = f'known verbs are {", ".join(_VERBS)}'
        raise invalid(f'{where}.verb', verb, reason)
    return _VERBS[verb](raw, where)


def _create(raw: Any, where: str) -> Create:
    fields = Fields(raw, where, ('verb', 'size', 'count', 'until_fill'))
    if fields.has('count') and fields.has('until_fill'):
        reason = 'count and until_fill contradict each other'
        raise invalid(fields.at('count'), fields.any('count'), reason)
    return Create(
        sizes=_sizes(fields.any('size'), fields.at('size')),
        count=fields.count('count', 1, _MOST_VOLUMES, 0),
        until_fill=fields.number('until_fill', 0.01, 1, 0),
    )


def _sizes(raw: Any, where: str) -> Sizes:
    kind = raw.get('kind') if isinstance(raw, dict) else ''
    if not isinstance(kind, str) or kind not in _KINDS:
        reason = f'known kinds are {", ".join(_KINDS)}'
        raise invalid(f'{where}.kind', kind, reason)
    fields = Fields(raw, where, ('kind', *_KINDS[kind]))
    if kind == 'fixed':
        gib = fields.number('gib', 1, _MOST_GIB)
        return Sizes(kind, gib, gib)
    if kind == 'uniform':
        least = fields.number('least_gib', 1, _MOST_GIB)
        return Sizes(kind, least, fields.number('most_gib', least, _MOST_GIB))
    median = fields.number('median_gib', 1, _MOST_GIB)
    return Sizes(
        kind,
        median,
        fields.number('cap_gib', median, _MOST_GIB),
        fields.number('sigma', 0, 5),
    )


#: The fields of each kind of sizes.
_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        'fixed': ('gib',),
        'uniform': ('least_gib', 'most_gib'),
        'log-normal': ('median_gib', 'cap_gib', 'sigma'),
    }
)


def _delete(raw: Any, where: str) -> Delete:
    fields = Fields(raw, where, ('verb', 'fraction'))
    return Delete(fields.number('fraction', 0, 1))


def _extend(raw: Any, where: str) -> Extend:
    fields = Fields(raw, where, ('verb', 'fraction', 'factor'))
    fraction = fields.number('fraction', 0, 1)
    return Extend(fraction, fields.number('factor', 1, 100))


def _add(raw: Any, where: str) -> Add:
    return Add(_hardware(raw, where, None, 'verb'))


def _lose(raw: Any, where: str) -> Lose:
    kinds = ('zone', 'node', 'device')
    fields = Fields(raw, where, ('verb', *kinds))
    given = [kind for kind in kinds if fields.has(kind)]
    if len(given) != 1:
        raise invalid(where, raw, 'name one zone, node or device to lose')
    if given == ['zone']:
        return Lose('zone', str(fields.count('zone', 1, _MOST_ZONES)))
    return Lose(given[0], fields.text(given[0]))


_VERBS: Mapping[str, Callable[[Any, str], Verb]] = MappingProxyType(
    {
        'add': _add,
        'create': _create,
        'delete': _delete,
        'extend': _extend,
        'lose': _lose,
    }
)
