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

"""Tests of the clock by which leases are judged."""

import datetime
from unittest import mock

from manila_gluster_heketi.store import clock
from manila_gluster_heketi.store import session
from tests import base
from tests.functional import databases

_NEAR = datetime.timedelta(minutes=1)
_FAR = datetime.timedelta(hours=5)


@databases.on_each_engine
class ClockTestCase(base.TestCase):
    """The database's server is on this machine.

    :cvar engine: of the database
    """

    engine: str

    def setUp(self) -> None:
        """Open a store."""
        super().setUp()
        database = self.useFixture(
            databases.Database(self.engine, synced=True)
        )
        self.store = session.Store(database.url)
        self.addCleanup(self.store.close)

    def now(self) -> datetime.datetime:
        """Ask what time it is."""
        with self.store.read() as tx:
            return tx.now()

    def test_it_is_utc(self) -> None:
        """Wherever the server thinks that it is."""
        found = self.now()
        self.assertEqual(datetime.timezone.utc, found.tzinfo)
        self.assertLess(abs(found - clock.local()), _NEAR)

    def test_it_goes_on_within_a_transaction(self) -> None:
        """Which may wait for others, longer than for a lease."""
        with self.store.read() as tx:
            self.assertLess(tx.now(), tx.now())


@databases.on_servers
class ControllerClockTestCase(ClockTestCase):
    """The clock of this machine is hours ahead."""

    def setUp(self) -> None:
        """Set the clock."""
        super().setUp()
        self.local = clock.local()
        patch = mock.patch.object(clock, 'local', lambda: self.local + _FAR)
        patch.start()
        self.addCleanup(patch.stop)

    def test_it_is_utc(self) -> None:
        """The server's clock counts."""
        self.assertLess(abs(self.now() - self.local), _NEAR)
