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

"""Tests of the command that plays scenarios."""

import json
import os
from unittest import mock

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import simulate
from tests import base
from tests.unit.simulator.test_scenario import SCENARIOS


class SimulateTestCase(base.TestCase):
    """A scenario is played and written down."""

    def setUp(self) -> None:
        """Make a directory for what is written."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.command = simulate.Simulate(mock.Mock(), None)

    def _run(self, *argv: str) -> list[tuple[object, ...]]:
        parser = self.command.get_parser('simulate')
        _, rows = self.command.take_action(parser.parse_args(argv))
        return rows

    def test_files_hold_what_is_shown(self) -> None:
        """A row for each strategy, seed and round, in JSON too."""
        data = os.path.join(self.directory, 'figures.json')
        plot = os.path.join(self.directory, 'figures.svg')
        rows = self._run(
            str(SCENARIOS / 'zone_loss.json'),
            *('--strategy', 'balanced', '--strategy', 'heketi_ring'),
            *('--seeds', '2', '--json', data, '--svg', plot),
        )
        self.assertEqual(2 * 2 * 2, len(rows))
        with open(data, encoding='utf-8') as file:
            self.assertEqual(len(rows), len(json.load(file)))
        with open(plot, encoding='utf-8') as file:
            self.assertIn('heketi_ring</text>', file.read())

    def test_files_that_can_not_be_used(self) -> None:
        """The error names the file."""
        missing = os.path.join(self.directory, 'no', 'file')
        scenario = str(SCENARIOS / 'zone_loss.json')
        for argv in ((missing,), (scenario, '--svg', missing)):
            error = self.assertRaises(
                exceptions.InvalidInput, self._run, *argv
            )
            self.assertEqual(missing, error.fields['value'])
