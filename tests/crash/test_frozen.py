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

"""Hosts that freeze with a command, and go on after it was taken back.

They answer nothing meanwhile: what is undone is undone by others. So they do
not hear of it before they do what they were told.
"""

from manila_gluster_heketi import exceptions
from tests import base
from tests.crash import changes
from tests.crash import host_faults
from tests.crash import stage


class Frozen(stage.Staged):
    """All points of one change; the class that uses it names it."""

    def test_it_goes_on_after_the_undo(self) -> None:
        """What it does then is taken back when it is heard again."""
        cluster = self.stage.deployment.cluster
        failed = []
        for host, commands in self.stage.trace():
            self.stage.set_back()
            cluster.appoint(
                host,
                commands,
                lambda host=host: host_faults.FREEZE.strike(cluster, host),
            )
            try:
                self.stage.act()
            except exceptions.GlusterHeketiError:
                pass
            self.stage.recover()
            host_faults.FREEZE.heal(cluster, host)
            cluster.advance(stage.LATER)
            problems = self.stage.recover()
            problems += self.stage.problems(done=False)
            failed += [
                f'{host}, command {commands}: {each}' for each in problems
            ]
        self.assertEqual([], failed)


class CreateTestCase(Frozen, base.TestCase):
    """A volume."""

    change = changes.CREATE_REPLICA_3


class AccessTestCase(Frozen, base.TestCase):
    """Other clients: one that was refused would be in for good."""

    change = changes.ACCESS


class QuotaTestCase(Frozen, base.TestCase):
    """More room than is on record."""

    change = changes.EXTEND_QUOTA


class ExtendTestCase(Frozen, base.TestCase):
    """More bricks, which were destroyed meanwhile."""

    change = changes.EXTEND_BY_SETS


class ExtendElsewhereTestCase(Frozen, base.TestCase):
    """The same, with the new bricks on other hosts than the one that adds."""

    change = changes.EXTEND_ELSEWHERE


class DeleteTestCase(Frozen, base.TestCase):
    """The end of a volume."""

    change = changes.DELETE
