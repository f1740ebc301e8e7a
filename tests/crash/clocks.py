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


"""Clocks that leases are about: one jumps.

Each reading comes from here: of the time of the day, which is that of the
database and is set by people and by NTP, and of the seconds since a machine
was started, which nobody sets. So does the one that ends a wait.
"""

import datetime
import time

import fixtures

from manila_gluster_heketi.store import clock

_UTC = datetime.timezone.utc


class Clocks(fixtures.Fixture):
    """Stand for the clocks of all machines."""

    def __init__(self) -> None:
        self.put_right()

    def put_right(self) -> None:
        """Have all show the time that it is."""
        self._later = self._ahead = datetime.timedelta(0)
        self._waited = 0.0

    def _setUp(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(f'{clock.__name__}.local', self.now)
        )
        self._clock_gettime = time.clock_gettime
        self._monotonic = time.monotonic
        self.useFixture(
            fixtures.MonkeyPatch('time.clock_gettime', self.clock_gettime)
        )
        self.useFixture(fixtures.MonkeyPatch('time.monotonic', self.monotonic))

    def now(self) -> datetime.datetime:
        """The time of the day, as the database has it."""
        return datetime.datetime.now(_UTC) + self._later + self._ahead

    def clock_gettime(self, which: int) -> float:
        """Seconds since the machine was started; they pass while it sleeps."""
        return self._clock_gettime(which) + self._later.total_seconds()

    def monotonic(self) -> float:
        """Seconds that pass while a machine is awake, pauses included."""
        return self._monotonic() + self._waited

    def wait(self, seconds: float) -> None:
        """Have a pause be over at once."""
        self._waited += seconds

    def pass_time(self, minutes: int) -> None:
        """Have time pass on all machines, while all of them sleep."""
        self._later += datetime.timedelta(minutes=minutes)

    def set(self, minutes: int) -> None:
        """Have the database's clock be ahead of the time, or behind."""
        self._ahead = datetime.timedelta(minutes=minutes)
