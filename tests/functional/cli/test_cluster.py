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

"""Commands about whole clusters."""

from typing import Any

from manila_gluster_heketi import names
from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands

_COMMAND = ('cluster', 'secure-access', 'c1')


class SecureAccessTestCase(commands.CommandTestCase):
    """cluster secure-access."""

    def setUp(self) -> None:
        """Load the hosts."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)

    def assert_shown(self, shown: Any, state: str, changed: str) -> None:
        """Compare what is shown."""
        self.assertEqual(
            {
                'Cluster': 'c1',
                'Secure Access': state,
                'Changed Nodes': changed,
            },
            shown,
        )

    def having(self) -> list[str]:
        """List the hosts with the file."""
        return [
            host
            for host in self.d.hosts
            if self.d.cluster.host(host).space.exists(names.SECURE_ACCESS)
        ]

    def test_on_and_off(self) -> None:
        """It is shown, before and after, and clients are thought of."""
        self.assert_shown(self.json_of(*_COMMAND), 'off', '')
        self.assert_shown(self.json_of(*_COMMAND, 'on'), 'on', 'gl1, gl2, gl3')
        self.assertEqual(self.d.hosts, self.having())
        self.assert_shown(self.json_of(*_COMMAND), 'on', '')
        status, _, err = self.run_command(*_COMMAND, 'off')
        self.assertEqual(0, status, err)
        self.assertIn(names.SECURE_ACCESS, err)
        self.assertEqual([], self.having())

    def test_asked_again(self) -> None:
        """It says that there was nothing to do."""
        status, _, err = self.run_command(*_COMMAND, 'off')
        self.assertEqual(0, status)
        self.assertIn('already', err)

    def test_volumes(self) -> None:
        """It takes an option to interrupt their clients."""
        self.d.create()
        err = self.refused(ExitCode.FAILED, *_COMMAND, 'on')
        self.assertIn('MGH-114', err)
        self.assertEqual([], self.having())
        self.assert_shown(
            self.json_of(*_COMMAND, 'on', '--interrupt-mounts'),
            'on',
            'gl1, gl2, gl3',
        )

    def test_node_is_not_ready(self) -> None:
        """The host is named, and nothing was changed."""
        self.d.cluster.power_off('gl2')
        err = self.refused(ExitCode.HOST, *_COMMAND, 'on')
        self.assertIn('gl2', err)
        self.assertEqual([], self.having())

    def test_what_is_no_cluster(self) -> None:
        """It is refused, with or without a state."""
        for state in ((), ('on',)):
            err = self.refused(
                ExitCode.FAILED, 'cluster', 'secure-access', 'x', *state
            )
            self.assertIn("'x'", err)
