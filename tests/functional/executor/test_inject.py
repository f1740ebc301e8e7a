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

"""Faults in batches that OpenSSH carries, and a process that is killed."""

import signal
import subprocess
import sys

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.hostcmd.command import Command
from tests import base
from tests.functional.executor import test_openssh

_STEPS = 4


@ddt.ddt
class OverOpenSshTestCase(test_openssh.OpenSshTestCase):
    """A batch is a script there; it is cut where a rule wants it."""

    def _batch(self) -> list[Command]:
        return [
            Command(('sh', '-c', f'echo {n} >>{self.here}/ran; echo {n}'))
            for n in range(1, _STEPS + 1)
        ]

    def _ran(self) -> list[str]:
        return (self.here / 'ran').read_text().split()

    @ddt.data(*range(1, _STEPS + 1))
    def test_killed_at_a_command(self, position) -> None:
        """What stands before it has taken effect, and nothing else."""
        for when in When:
            (self.here / 'ran').write_text('')
            injector = inject.Injector(
                self.executor(),
                [Rule(Act.KILL, when, position=position)],
                kill=inject.play_dead,
            )

            self.assertRaises(
                inject.Killed, injector.run_batch, 'gl1', self._batch()
            )

            ran = position - (when is When.BEFORE)
            self.assertEqual([str(n) for n in range(1, ran + 1)], self._ran())

    def test_the_script_runs_on(self) -> None:
        """As after a network cut, of which the host knows nothing."""
        injector = inject.Injector(
            self.executor(), [Rule(Act.LOSE, position=2, rest=Rest.NOW)]
        )

        self.assertRaises(
            exceptions.ConnectionLost,
            injector.run_batch,
            'gl1',
            self._batch(),
        )

        self.assertEqual(['1', '2', '3', '4'], self._ran())

    def test_nothing_is_lost_where_nothing_goes_wrong(self) -> None:
        """The pieces bring back what the whole would have."""
        injector = inject.Injector(
            self.executor(), [Rule(Act.DELAY, position=3, seconds=0)]
        )

        results = injector.run_batch('gl1', self._batch())

        self.assertEqual(
            ['1\n', '2\n', '3\n', '4\n'], [each.stdout for each in results]
        )
        self.assertEqual(3, len(self.calls('/bin/sh')))


_KILLED = """\
import sys
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor import inject_rules
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd import mounts
hosts = cluster.SimulatedCluster([HostSpec('gl1')])
rules = inject_rules.read(open(sys.argv[1]).read())
injector = inject.Injector(hosts, rules)
try:
    injector.run_batch('gl1', [mounts.make_directory('/srv/b')])
finally:
    print('alive', flush=True)
"""


class RealProcessTestCase(base.TestCase):
    """SIGKILL is one."""

    allow_processes = True

    def test_nothing_runs_after_it(self) -> None:
        """No handler, no cleanup: the kernel ends it."""
        rules = f'{self.useFixture(fixtures.TempDir()).path}/rules.json'
        for document, status in (
            ('[{"act": "kill", "when": "after"}]', -signal.SIGKILL),
            ('[{"act": "kill", "when": "after", "skip": 1}]', 0),
        ):
            with open(rules, 'w', encoding='utf-8') as file:
                file.write(document)
            done = subprocess.run(
                [sys.executable, '-c', _KILLED, rules],
                check=False,
                capture_output=True,
                text=True,
            )
            self.assertEqual(status, done.returncode, done.stderr)
            self.assertEqual('' if status else 'alive\n', done.stdout)
