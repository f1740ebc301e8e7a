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

"""Commands that run in the process of the test."""

import contextlib
import io
import json
import re
from typing import Any

import fixtures

from manila_gluster_heketi.cli import shell
from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional import deployment


class CommandTestCase(deployment.DeployedTestCase):
    """Runs commands on a deployment through a configuration file."""

    def setUp(self) -> None:
        """Write the configuration."""
        super().setUp()
        self.d = self.deploy(load=False)
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.service.facade.openssh.OpenSshExecutor',
                lambda options: self.d.executor,
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.service.facade.distribute'
                '.verify_handshake',
                self.d.bricks_seen,
            )
        )
        self.config = self.configure()
        self.topology = self.d.write(
            'topology.json', json.dumps(self.d.document())
        )

    def configure(self, *lines: str, section: str = 'gluster_heketi') -> str:
        """Write a configuration file; give its path."""
        directory = self.d.directory
        return self.d.write(
            'test.conf',
            '\n'.join(
                [
                    f'[{section}]',
                    f'gluster_heketi_state_path = {directory}',
                    'gluster_heketi_store_connection = '
                    f'sqlite:///{directory}/store.sqlite',
                    *lines,
                ]
            ),
        )

    def run_command(self, *words: str) -> tuple[int, str, str]:
        """Run a command; give its status, output and errors."""
        return self.run_plainly('--config-file', self.config, *words)

    def run_plainly(self, *words: str) -> tuple[int, str, str]:
        """Run a command with no global options but those given."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = shell.main(list(words))
        return status, out.getvalue(), err.getvalue()

    def json_of(self, *words: str) -> Any:
        """Run a command that must succeed; parse its JSON."""
        status, out, err = self.run_command(*words, '-f', 'json')
        self.assertEqual(0, status, err)
        return json.loads(out)

    def refused(self, code: ExitCode, *words: str) -> str:
        """Run a command that must fail with one clear line."""
        status, out, err = self.run_command(*words)
        self.assertEqual(code, status, err)
        self.assertEqual('', out)
        self.assert_one_line(err)
        return err

    def assert_one_line(self, err: str) -> None:
        """Look at an error as its reader does, below what was done."""
        self.assertNotIn('Traceback', err)
        lines = err.strip().splitlines()
        told = [each for each in lines if re.match(r'\[MGH-\d{3}\]', each)]
        self.assertEqual(lines[-1:], told)
