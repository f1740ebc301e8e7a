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

"""What people are told of a plan."""

from manila_gluster_heketi.cli import rebalance
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import holdings


class SummaryTestCase(base.TestCase):
    """A plan in sentences."""

    def test_many_bricks_that_stay(self) -> None:
        """The first are told one by one, the rest is counted."""
        state = holdings.placed(
            clusters.grid(3, 1, 1), [holdings.RULE] * 23, 1
        )
        plan = holdings.plan(state, drain=frozenset({'z2n0-d0'}))
        first, *stuck, rest = rebalance.summary(plan)
        self.assertIn('Nothing to move', first)
        self.assertEqual(20, len(stuck))
        self.assertEqual('The same goes for 3 bricks more.', rest)
