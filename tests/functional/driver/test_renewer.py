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

"""Certificates are renewed by themselves behind a share service."""

from typing import Any

import fixtures

from manila_gluster_heketi.layout import recoverer
from manila_gluster_heketi.layout import renewer
from tests.functional import deployment


class _Enough(BaseException):
    """Ends what goes on for ever."""


class RenewerTestCase(deployment.DeployedTestCase):
    """Three nodes, one of which has a certificate that ends soon."""

    def setUp(self) -> None:
        """Deploy them."""
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.d = self.deploy()
        self.d.age_certificate('gl2')
        self.before = self.d.serials()
        self.seconds = 5.0
        self.renewer = renewer.Renewer(self.d.service, lambda: self.seconds)

    def _looks(self) -> bool:
        """Take a turn; tell whether a host was asked anything."""
        self.d.executor.seen.clear()
        self.renewer.turn()
        return bool(self.d.executor.seen)

    def test_what_ends_soon_is_renewed(self) -> None:
        """And nothing else."""
        self.renewer.turn()
        now = self.d.serials()
        self.assertEqual(
            ['gl2'], [h for h in self.d.hosts if now[h] != self.before[h]]
        )

    def test_once_an_hour(self) -> None:
        """At the first turn and at the first one an hour later."""
        found = []
        for passed in (0, 60, 3400, 200, 60, 3600):
            self.seconds += passed
            found.append(self._looks())
        self.assertEqual([True, False, False, True, False, True], found)

    def test_whatever_fails(self) -> None:
        """It is told, and tried again an hour later."""

        def fail() -> Any:
            raise RuntimeError('a bug')

        self.d.service.node_certificates.renew_ahead = fail
        self.renewer.turn()
        self.assertIn('a bug', self.logger.output)
        del self.d.service.node_certificates.renew_ahead
        self.seconds += 3600
        self.assertTrue(self._looks())

    def test_a_node_that_is_not_renewed(self) -> None:
        """It is named in the log."""
        self.d.cluster.host('gl2').clock_offset_seconds = 900
        self.renewer.turn()
        self.assertIn('certificate of gl2: refused', self.logger.output)

    def test_in_the_thread_that_recovers(self) -> None:
        """Every minute it is asked whether it is time."""
        waited: list[float] = []

        class Pause:
            def wait(self, seconds: float) -> None:
                waited.append(seconds)
                if len(waited) == 3:
                    raise _Enough

        turns: list[Any] = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.layout.recoverer.threading.Event', Pause
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.layout.renewer.Renewer.turn',
                lambda each: turns.append(each),
            )
        )
        self.assertRaises(_Enough, recoverer._run, self.d.service)
        self.assertEqual(3, len(turns))
        self.assertEqual(1, len({id(each) for each in turns}))
