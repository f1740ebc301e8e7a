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

"""A real process, really killed, with its store on a real disk.

The simulated hosts die with it: what is left is the store, and hosts on which
nothing ever was.
"""

import json
import os
import signal
import subprocess
import sys

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment


@ddt.ddt
class RealDeathTestCase(deployment.DeployedTestCase):
    """SIGKILL at a command of a creation."""

    allow_processes = True

    def _run(self, d: deployment.Deployment, rule: dict[str, object]) -> int:
        rules = d.write('rules.json', json.dumps([rule]))
        spec = {'share_id': 'share-1', 'name': 'v', 'size_bytes': GIB}
        done = subprocess.run(
            [
                sys.executable,
                '-m',
                'tests.crash.process',
                json.dumps({'state_path': d.directory, 'simulated': 3}),
                rules,
                'create_volume',
                json.dumps({'spec': spec}),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        )
        self.assertIn(done.returncode, (0, -signal.SIGKILL), done.stderr)
        return done.returncode

    @ddt.data(
        {'program': 'mkfs.xfs', 'when': 'before'},
        {'words': ['volume', 'start'], 'when': 'after'},
    )
    def test_the_next_process_need_not_wait(self, where) -> None:
        """It sees that the owner is dead, and takes over at once."""
        d = self.deploy(load=False)

        self.assertNotEqual(0, self._run(d, {'act': 'kill', **where}))

        [operation] = d.service.operations()
        self.assertIs(model.OpState.RUNNING, operation.state)
        [closed] = d.service.recover()
        self.assertEqual('', closed.error)
        self.assertEqual((), d.service.volumes())

    def test_it_was_not_killed(self) -> None:
        """The same process makes the volume where no rule strikes."""
        d = self.deploy(load=False)

        self.assertEqual(0, self._run(d, {'act': 'kill', 'host': 'none'}))

        [volume] = d.service.volumes()
        self.assertIs(model.VolumeState.READY, volume.state)
        self.assertEqual((), d.service.operations())

    def test_rules_that_are_none(self) -> None:
        """They are refused before anything happens."""
        d = self.deploy(load=False)

        error = self.assertRaises(
            AssertionError, self._run, d, {'act': 'explode'}
        )

        self.assertIn(exceptions.InvalidInput.__name__, str(error))
        self.assertEqual((), d.service.operations())
