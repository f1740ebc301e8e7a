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

"""Tests of how scenarios are read."""

import json
import pathlib
from typing import Any

import ddt

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi.simulator import scenario
from manila_gluster_heketi.sizes import GIB
from tests import base

SCENARIOS = pathlib.Path(__file__).parents[2] / 'scenarios'

_NODES = {'nodes': 3, 'disk_tib': [1]}
_FIXED = {'kind': 'fixed', 'gib': 10}
_CREATE = {'verb': 'create', 'size': _FIXED, 'count': 1}


@ddt.ddt
class BadScenarioTestCase(base.TestCase):
    """What is no scenario is refused by name."""

    def _field(self, text: str) -> str:
        error = self.assertRaises(
            exceptions.InvalidInput, scenario.parse, text
        )
        return str(error.fields['field'])

    def test_no_json(self) -> None:
        """It is no JSON at all, or nested too deep to be read."""
        for text in ('', '[', '\0', '[' * 100_000):
            self.assertEqual('scenario', self._field(text))

    @ddt.data(
        ({'verb': 'explode'}, 'scenario.rounds[0].verb'),
        ({'verb': ['create']}, 'scenario.rounds[0].verb'),
        ('create', 'scenario.rounds[0]'),
        ({**_CREATE, 'count': 0}, 'scenario.rounds[0].count'),
        ({**_CREATE, 'count': 1.5}, 'scenario.rounds[0].count'),
        ({**_CREATE, 'count': True}, 'scenario.rounds[0].count'),
        ({**_CREATE, 'until_fill': 0.5}, 'scenario.rounds[0].count'),
        ({**_CREATE, 'cuont': 1}, 'scenario.rounds[0].cuont'),
        ({'verb': 'create'}, 'scenario.rounds[0].size'),
        (
            {'verb': 'create', 'size': {'kind': 'fixed', 'gib': 2**63}},
            'scenario.rounds[0].size.gib',
        ),
        (
            {'verb': 'delete', 'fraction': float('nan')},
            'scenario.rounds[0].fraction',
        ),
        ({'verb': 'delete', 'fraction': -1}, 'scenario.rounds[0].fraction'),
        ({'verb': 'delete'}, 'scenario.rounds[0].fraction'),
        (
            {'verb': 'extend', 'fraction': 1, 'factor': 0.5},
            'scenario.rounds[0].factor',
        ),
        (
            {'verb': 'extend', 'fraction': 2, 'factor': 2},
            'scenario.rounds[0].fraction',
        ),
        ({'verb': 'extend', 'fraction': 1}, 'scenario.rounds[0].factor'),
        ({'verb': 'lose'}, 'scenario.rounds[0]'),
        ({'verb': 'lose', 'zone': 1, 'node': 'x'}, 'scenario.rounds[0]'),
        ({'verb': 'lose', 'zone': 'one'}, 'scenario.rounds[0].zone'),
        ({'verb': 'lose', 'device': ['d']}, 'scenario.rounds[0].device'),
        ({'verb': 'lose', 'rack': 'r'}, 'scenario.rounds[0].rack'),
        ({'verb': 'add', **_NODES}, 'scenario.rounds[0].zone'),
        (
            {'verb': 'add', 'zone': 1, 'disk_tib': [2000]},
            'scenario.rounds[0].disk_tib',
        ),
        ({**_CREATE, 'until_fill': 2}, 'scenario.rounds[0].count'),
        (
            {'verb': 'create', 'size': _FIXED, 'until_fill': 2},
            'scenario.rounds[0].until_fill',
        ),
    )
    @ddt.unpack
    def test_rounds(self, verb: Any, field: str) -> None:
        """A round that can't be played."""
        text = json.dumps({'cluster': [_NODES], 'rounds': [verb]})
        self.assertEqual(field, self._field(text))

    @ddt.data(
        ({'kind': 'odd'}, 'size.kind'),
        ({'kind': ['fixed']}, 'size.kind'),
        ({}, 'size.kind'),
        ('large', 'size.kind'),
        ({'kind': 'fixed'}, 'size.gib'),
        ({'kind': 'fixed', 'gib': 0}, 'size.gib'),
        ({'kind': 'fixed', 'gib': -1}, 'size.gib'),
        ({'kind': 'fixed', 'gib': '1'}, 'size.gib'),
        ({**_FIXED, 'sigma': 1}, 'size.sigma'),
        (
            {'kind': 'uniform', 'least_gib': 5, 'most_gib': 4},
            'size.most_gib',
        ),
        ({'kind': 'uniform', 'most_gib': 4}, 'size.least_gib'),
        (
            {'kind': 'log-normal', 'median_gib': 9, 'cap_gib': 8, 'sigma': 1},
            'size.cap_gib',
        ),
        (
            {'kind': 'log-normal', 'median_gib': 9, 'cap_gib': 10, 'sigma': 9},
            'size.sigma',
        ),
    )
    @ddt.unpack
    def test_sizes(self, size: Any, field: str) -> None:
        """Each kind has fields of its own, and no others."""
        verb = {'verb': 'create', 'size': size}
        text = json.dumps({'cluster': [_NODES], 'rounds': [verb]})
        self.assertEqual(f'scenario.rounds[0].{field}', self._field(text))

    @ddt.data(
        ({}, 'disk_tib'),
        ({'disk_tib': []}, 'disk_tib'),
        ({'disk_tib': 4}, 'disk_tib'),
        ({'disk_tib': [True]}, 'disk_tib'),
        ({'disk_tib': [0]}, 'disk_tib'),
        ({**_NODES, 'nodes': 0}, 'nodes'),
        ({**_NODES, 'nodes': 10**6}, 'nodes'),
        ({**_NODES, 'zone': 0}, 'zone'),
        ({**_NODES, 'least_disks': 0}, 'least_disks'),
        ({**_NODES, 'least_disks': 3, 'most_disks': 2}, 'most_disks'),
        ({**_NODES, 'verb': 'add'}, 'verb'),
        ({**_NODES, 'racks': 2}, 'racks'),
    )
    @ddt.unpack
    def test_hardware(self, nodes: Any, field: str) -> None:
        """Nodes that can't be made."""
        text = json.dumps({'cluster': [nodes], 'rounds': [_CREATE]})
        self.assertEqual(f'scenario.cluster[0].{field}', self._field(text))

    @ddt.data(
        ('durability', 'disperse:5+5'),
        ('durability', 'replicate:0'),
        ('durability', 'replicate:9'),
        ('durability', 3),
        ('spread', 'zone:strict,zone:none'),
        ('spread', 'zone:loose'),
        ('brick_share', 0),
        ('brick_share', 101),
        ('brick_min_gib', -1),
        ('brick_min_gib', 2**63),
        ('brick_max_gib', 0),
        ('volume_bricks', 2),
        ('volume_bricks', 10**9),
        ('volume_bricks', 6.5),
        ('seed', -1),
        ('cluster', []),
        (
            'cluster',
            [{'nodes': 1000, 'least_disks': 100, 'disk_tib': [1]}] * 2,
        ),
        ('rounds', {}),
        ('round', []),
    )
    @ddt.unpack
    def test_head(self, name: str, value: object) -> None:
        """A value that holds for all of it."""
        good = {'cluster': [_NODES], 'rounds': [_CREATE]}
        text = json.dumps({**good, name: value})
        self.assertEqual(f'scenario.{name}', self._field(text))

    def test_smallest_brick_is_larger_than_the_largest(self) -> None:
        """The largest is named, with what it has to be."""
        text = json.dumps(
            {
                'cluster': [_NODES],
                'rounds': [_CREATE],
                'brick_min_gib': 10,
                'brick_max_gib': 5,
            }
        )
        self.assertEqual('scenario.brick_max_gib', self._field(text))

    @ddt.data('[]', '1', 'null', '"create"', '[{"verb": "create"}]')
    def test_no_object(self, text: str) -> None:
        """It is JSON, and something else."""
        self.assertEqual('scenario', self._field(text))

    def test_scenarios_that_come_with_the_tests(self) -> None:
        """All of them can be read."""
        for path in SCENARIOS.glob('*.json'):
            scenario.parse(path.read_text())


class ScenarioTestCase(base.TestCase):
    """What is written is what is played."""

    def test_limits(self) -> None:
        """They are those of the options; without any, their defaults."""
        plain = {'cluster': [_NODES], 'rounds': [_CREATE]}
        self.assertEqual(
            allocator.Limits(), scenario.parse(json.dumps(plain)).limits
        )
        limits = {
            'brick_share': 20,
            'brick_min_gib': 1.5,
            'brick_max_gib': 10,
            'volume_bricks': 9,
        }
        found = scenario.parse(json.dumps({**plain, **limits})).limits
        self.assertEqual(
            allocator.Limits(
                brick_min_bytes=3 * GIB // 2,
                brick_max_bytes=10 * GIB,
                volume_bricks=9,
                brick_share=0.2,
            ),
            found,
        )
