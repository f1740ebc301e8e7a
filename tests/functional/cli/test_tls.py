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

"""``gluster-heketi tls`` as its users run it."""

import json

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands


class RenewTestCase(commands.CommandTestCase):
    """New certificates."""

    def setUp(self) -> None:
        """Load three nodes with a share."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)
        self.d.create()

    def test_one_that_ends_soon(self) -> None:
        """A row for each node."""
        self.d.age_certificate('gl2', days=3)
        rows = self.json_of('tls', 'renew', '--within', '5')
        self.assertEqual(
            [('gl1', 'valid'), ('gl2', 'renewed'), ('gl3', 'valid')],
            [(row['Host'], row['Outcome']) for row in rows],
        )
        self.assertEqual(
            self.d.serials(), {row['Host']: row['Serial'] for row in rows}
        )
        self.assertIn('handshake on port', rows[1]['Detail'])

    def test_all_of_two_nodes(self) -> None:
        """The third is not in the table."""
        before = self.d.serials()
        rows = self.json_of('tls', 'renew', '--all', '--node', 'gl1', 'gl3')
        self.assertEqual(['gl1', 'gl3'], [row['Host'] for row in rows])
        now = self.d.serials()
        self.assertEqual(
            ['gl2'], [h for h in self.d.hosts if now[h] == before[h]]
        )

    def test_a_node_that_does_not_present_it(self) -> None:
        """The exit status tells, and so does the row."""

        def refuse(address: str, result: object) -> object:
            if len(self.d.bricks_seen.asked) > 1:
                raise exceptions.HostError(host=address, reason='refused')
            return result

        before = self.d.serials()
        self.d.bricks_seen.answer = refuse
        status, out, err = self.run_command(
            'tls', 'renew', '--all', '-f', 'json'
        )
        self.assertEqual(ExitCode.FAILED, status, err)
        rows = json.loads(out)
        self.assertEqual(
            ['failed', 'untouched', 'untouched'],
            [row['Outcome'] for row in rows],
        )
        self.assertIn('MGH-315', rows[0]['Detail'])
        self.assertEqual(before, self.d.serials())

    def test_however_long_they_hold(self) -> None:
        """A number beyond the calendar is as good as --all."""
        rows = self.json_of('tls', 'renew', '--within', str(10**12))
        self.assertEqual({'valid'}, {row['Outcome'] for row in rows})
        self.d.age_certificate('gl2', days=300)
        rows = self.json_of('tls', 'renew', '--within', str(10**12))
        self.assertEqual(
            ['valid', 'renewed', 'valid'], [row['Outcome'] for row in rows]
        )

    def test_bad_input(self) -> None:
        """Said in a line; nothing is done."""
        before = self.d.serials()
        self.refused(ExitCode.FAILED, 'tls', 'renew', '--node', 'gl9')
        self.refused(ExitCode.BAD_INPUT, 'tls', 'renew', '--within', '-1')
        self.assertEqual(before, self.d.serials())


class StatusTestCase(commands.CommandTestCase):
    """What is shown."""

    def setUp(self) -> None:
        """Load three nodes with a share."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)
        self.d.create()

    def test_all_is_well(self) -> None:
        """A row for each node, the exit status 0."""
        rows = self.json_of('tls', 'status')
        self.assertEqual(self.d.hosts, [row['Host'] for row in rows])
        for row in rows:
            self.assertEqual('', row['Trouble'])
            self.assertEqual(364, row['Days Left'])
            self.assertRegex(row['Authority'], '^ours: ([0-9A-F]{2}:){31}')
            self.assertEqual(self.d.serials()[row['Host']], row['Serial'])

    def test_something_is_wrong(self) -> None:
        """The exit status tells; a table is no wider than it need be."""
        self.d.cluster.host('gl2').clock_offset_seconds = -1000
        self.d.cluster.cut_network('gl3')
        status, out, err = self.run_command('tls', 'status', '-f', 'json')
        self.assertEqual(ExitCode.FINDINGS, status, err)
        first, second, third = json.loads(out)
        self.assertEqual('', first['Trouble'])
        self.assertIn('its clock is -', second['Trouble'])
        self.assertLess(second['Clock Offset'], -900)
        self.assertIn('can not be reached', third['Trouble'])
        self.assertEqual('', third['Serial'])
        status, out, _ = self.run_command('tls', 'status')
        self.assertEqual(ExitCode.FINDINGS, status)
        self.assertIn('| gl3 ', out)

    def test_one_node(self) -> None:
        """Another's troubles are its own."""
        self.d.cluster.host('gl2').clock_offset_seconds = -1000
        rows = self.json_of('tls', 'status', '--node', 'gl1')
        self.assertEqual(['gl1'], [row['Host'] for row in rows])
