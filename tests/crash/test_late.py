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

"""Hosts that finish a command after it was given up.

A process that is killed, or that waits no longer, leaves a script behind that
may go on: what it does comes after what recovery does.
"""


from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from tests import base
from tests.crash import changes
from tests.crash import stage


class Late(stage.Staged):
    """All points of one change; the class that uses it names it."""

    def test_before_recovery(self) -> None:
        """That is seen, and taken back."""
        self.assertEqual([], self._try_all(is_late=False))

    def test_after_a_killed_process_was_recovered(self) -> None:
        """The host sees that it is too late, and does nothing."""
        self.assertEqual([], self._try_all(Act.KILL, is_late=True))

    def test_after_a_time_out_was_undone(self) -> None:
        """The same, for a process that lives on."""
        self.assertEqual([], self._try_all(Act.HANG, is_late=True))

    def _try_all(self, act: Act = Act.KILL, *, is_late: bool) -> list[str]:
        commands, _ = self.stage.count()
        failed = []
        for at in range(commands):
            self.stage.set_back()
            rule = Rule(act, skip=at, seconds=0, rest=Rest.LATER)
            try:
                self.stage.act(rule)
            except (Killed, exceptions.GlusterHeketiError):
                pass
            injector = self.stage.injector
            if not is_late:
                injector.run_late()
            problems = self.stage.recover()
            injector.run_late()
            problems += self.stage.problems(done=False)
            failed += [f'command {at}: {each}' for each in problems]
        return failed


class CreateTestCase(Late, base.TestCase):
    """A volume."""

    change = changes.CREATE_REPLICA_3


class AccessTestCase(Late, base.TestCase):
    """Other clients: those that were to be shut out may be in again."""

    change = changes.ACCESS


class ExtendTestCase(Late, base.TestCase):
    """A larger volume."""

    change = changes.EXTEND_BY_SETS


class RenewCertificateTestCase(Late, base.TestCase):
    """A new certificate for a node that serves."""

    change = changes.RENEW_CERTIFICATE
