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


"""Tests of a limit in whose order everybody gets a turn."""

import threading
import time

from manila_gluster_heketi.turnstile import Turnstile
from tests import base

_SECONDS = 10


class TurnstileTestCase(base.TestCase):
    """Threads that come one after the other."""

    def setUp(self) -> None:
        """Have two places."""
        super().setUp()
        self.turnstile = Turnstile(2)
        self.seen: list[object] = []
        self.leave: dict[object, threading.Event] = {}
        self.threads: list[threading.Thread] = []

    def come(self, name: object) -> None:
        """Have one come, who is in or waits when this returns."""
        self.leave[name] = threading.Event()

        def stay() -> None:
            with self.turnstile:
                self.seen.append(name)
                self.leave[name].wait(_SECONDS)

        waiting = len(self.turnstile._queue)
        thread = threading.Thread(target=stay, daemon=True)
        self.threads.append(thread)
        thread.start()
        self.until(
            lambda: name in self.seen or len(self.turnstile._queue) > waiting
        )

    def until(self, holds) -> None:
        """Wait for something."""
        deadline = time.monotonic() + _SECONDS
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)

    def test_as_many_as_there_are_places(self) -> None:
        """The others wait, and come in in their order."""
        for name in range(6):
            self.come(name)
        self.assertEqual({0, 1}, set(self.seen))
        for inside, name in enumerate((1, 0, 2, 3), 3):
            self.assertEqual(inside - 1, len(self.seen))
            self.leave[name].set()
            self.until(lambda: len(self.seen) >= inside)
        self.assertEqual([2, 3, 4, 5], self.seen[2:])
        for name in (4, 5):
            self.leave[name].set()
        for thread in self.threads:
            thread.join(_SECONDS)
        for name in ('a', 'b', 'c'):
            self.come(name)
        self.assertEqual({'a', 'b'}, set(self.seen[6:]))
        for event in self.leave.values():
            event.set()

    def test_one_who_waits_no_longer(self) -> None:
        """Nobody waits for him, whether it was his turn or not."""
        self.come(0)
        self.come(1)
        gone = threading.Event()
        self.turnstile._queue.append(gone)
        self.come(2)
        self.turnstile._give_up(gone)
        late = threading.Event()
        self.turnstile._queue.appendleft(late)
        self.leave[0].set()
        self.assertTrue(late.wait(_SECONDS))
        self.turnstile._give_up(late)
        self.until(lambda: 2 in self.seen)
        for event in self.leave.values():
            event.set()
