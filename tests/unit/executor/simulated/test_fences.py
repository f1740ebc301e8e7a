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

"""Scripts of one operation on a simulated host."""

import threading

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.fences import Fences
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.executor.simulated.network import Clock
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Fence
from tests import base


def _of(epoch: int, operation: str = 'op') -> Command:
    return Command(('true',), fence=Fence(operation, epoch))


class FencesTestCase(base.TestCase):
    """One host, on which a script of an operation runs."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.fences = Fences(threading.RLock())
        self.host = Host(HostSpec('n1'), Clock())

    def _in(self, command: Command) -> None:
        with self.fences.passed(self.host, command):
            """Nothing takes no time."""

    def test_an_older_one(self) -> None:
        """It does nothing."""
        self._in(_of(2))
        self.assertRaises(exceptions.CommandFenced, self._in, _of(1))
        self._in(_of(1, 'another'))
        self._in(Command(('true',)))

    def test_a_newer_one_in_the_midst(self) -> None:
        """It may not begin, and the older one is at its end."""
        with self.fences.passed(self.host, _of(1)):
            self.assertRaises(exceptions.CommandStillRuns, self._in, _of(2))
            self._in(_of(2, 'another'))
        self.assertRaises(exceptions.CommandFenced, self._in, _of(1))
        self._in(_of(2))

    def test_a_newer_one_waits(self) -> None:
        """Until what runs has ended."""
        order: list[str] = []
        begun = threading.Event()

        def wait() -> None:
            begun.set()
            with self.fences.passed(self.host, _of(2)):
                order.append('newer')

        newer = threading.Thread(target=wait)
        with self.fences.passed(self.host, _of(1)):
            newer.start()
            begun.wait()
            order.append('older')
        newer.join()
        self.assertEqual(['older', 'newer'], order)
