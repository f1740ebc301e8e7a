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

"""Commands that change single nodes and devices."""

from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands


class HardwareTestCase(commands.CommandTestCase):
    """node list, node set, node remove, device set, device remove."""

    def setUp(self) -> None:
        """Load the hosts."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)

    def test_list(self) -> None:
        """A row for each node, with what its devices hold."""
        self.d.create()
        rows = self.json_of('node', 'list')
        self.assertEqual(self.d.hosts, [row['Node'] for row in rows])
        for row in rows:
            self.assertEqual(('online', 1), (row['State'], row['Devices']))
            self.assertGreater(row['Used'], 2**30)

    def test_offline(self) -> None:
        """It is shown, and undone in the same way."""
        for command, subject, column in (
            ('node', 'gl1', 'Node State'),
            ('device', 'gl1:/dev/vdb', 'Device State'),
        ):
            for state in ('offline', 'online'):
                status, *_ = self.run_command(
                    command, 'set', subject, '--state', state
                )
                self.assertEqual(0, status)
                [row] = [
                    row
                    for row in self.json_of('topology', 'show')
                    if row['Node'] == 'gl1'
                ]
                self.assertEqual(state, row[column])

    def test_remove(self) -> None:
        """First the devices, then the node."""
        err = self.refused(ExitCode.FAILED, 'node', 'remove', 'gl3')
        self.assertIn('/dev/vdb', err)
        for words in (
            ('device', 'remove', 'gl3:/dev/vdb'),
            ('node', 'remove', 'gl3'),
        ):
            status, out, err = self.run_command(*words)
            self.assertEqual((0, ''), (status, out), err)
        self.assertEqual(2, len(self.json_of('node', 'list')))

    def test_what_is_no_device(self) -> None:
        """Field and value are named."""
        for text in ('gl1', '/dev/vdb', 'gl1:vdb', ''):
            err = self.refused(ExitCode.BAD_INPUT, 'device', 'remove', text)
            self.assertIn('HOST:/PATH', err)

    def test_a_host_that_is_lost(self) -> None:
        """The error says that it does not answer; it can be forgotten."""
        self.d.cluster.power_off('gl3')
        self.refused(ExitCode.HOST, 'device', 'remove', 'gl3:/dev/vdb')
        for words in (
            ('device', 'remove', 'gl3:/dev/vdb'),
            ('node', 'remove', 'gl3'),
        ):
            status, *_ = self.run_command(*words, '--forget')
            self.assertEqual(0, status)
        rows = self.json_of('operation', 'list', '--all')
        told = [row['Error'] for row in rows]
        self.assertIn('forgotten: gl3', ' '.join(told))
