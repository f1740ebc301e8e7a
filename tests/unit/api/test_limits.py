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

"""Tests of how often a client may be refused."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.api import limits
from tests import base


class FailureLimitTestCase(base.TestCase):
    """Three refusals in ten seconds; two addresses are remembered."""

    def setUp(self) -> None:
        """Have a clock."""
        super().setUp()
        self.now = 0.0
        self.limit = limits.FailureLimit(3, 10, 2, lambda: self.now)

    def fail_times(self, address: str, times: int) -> None:
        """Be refused."""
        for _ in range(times):
            self.limit.check(address)
            self.limit.failed(address)

    def refused(self, address: str) -> None:
        """See that it may not ask."""
        error = self.assertRaises(
            exceptions.TooManyRequests, self.limit.check, address
        )
        self.assertIn(address, str(error))

    def test_too_many(self) -> None:
        """No more is answered; others are not concerned."""
        self.fail_times('a', 3)
        self.refused('a')
        self.limit.check('b')

    def test_the_time_is_over(self) -> None:
        """It begins anew."""
        self.fail_times('a', 3)
        self.now = 9.9
        self.refused('a')
        self.now = 10
        self.fail_times('a', 3)
        self.refused('a')

    def test_few_at_a_time(self) -> None:
        """They are counted from the first one on."""
        self.fail_times('a', 2)
        self.now = 9
        self.fail_times('a', 1)
        self.refused('a')
        self.now = 10
        self.fail_times('a', 2)

    def test_more_addresses_than_are_remembered(self) -> None:
        """Who was refused longest ago is forgotten."""
        self.fail_times('a', 3)
        self.fail_times('b', 2)
        self.fail_times('c', 1)
        self.limit.check('a')
        self.fail_times('b', 1)
        self.refused('b')
