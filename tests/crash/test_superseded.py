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
"""A volume is deleted whose last change was cut short, on hosts and here.

What that change had sent may come after the deletion: it must do nothing.
"""


from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from tests import base
from tests.crash import agreement
from tests.crash import changes
from tests.crash import stage


class Superseded(stage.Staged):
    """All points of one change; the class that uses it names it."""

    def test_what_was_sent_before_comes_after(self) -> None:
        """Wherever the change was."""
        commands, _ = self.stage.count()
        failed = []
        for at in range(commands):
            self.stage.set_back()
            rule = Rule(Act.KILL, skip=at, seconds=0, rest=Rest.LATER)
            self.assertRaises(Killed, self.stage.act, rule)
            late = self.stage.injector
            self.stage.start_process()
            d = self.stage.deployment
            d.expire_leases()
            d.service.delete_volume('share-1')
            late.run_late()
            failed += [
                f'command {at}: {each}' for each in agreement.differences(d)
            ]
        self.assertEqual([], failed)


class ExtendTestCase(Superseded, base.TestCase):
    """It was to have more bricks."""

    change = changes.EXTEND_BY_SETS


class GrowTestCase(Superseded, base.TestCase):
    """Its bricks were to grow."""

    change = changes.EXTEND_IN_PLACE


class CreateTestCase(Superseded, base.TestCase):
    """It was hardly there."""

    change = changes.CREATE_REPLICA_3
