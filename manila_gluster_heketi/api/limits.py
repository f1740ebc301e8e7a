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

"""How often a client may be refused."""

import collections
import threading
import time
from collections.abc import Callable

from manila_gluster_heketi import exceptions


class FailureLimit:
    """Counts refusals by address; safe for threads.

    :param most: within a window, after which nothing is answered
    :param seconds: how long a window is
    :param addresses: that are remembered, those refused last
    :param clock: in seconds
    """

    def __init__(
        self,
        most: int = 30,
        seconds: float = 60.0,
        addresses: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._addresses = addresses
        self._clock = clock
        self._lock = threading.Lock()
        # When the window began, and how many there were in it.
        self._seen: collections.OrderedDict[str, tuple[float, int]]
        self._seen = collections.OrderedDict()

    def check(self, address: str) -> None:
        """See that an address may ask at all.

        :raises TooManyRequests: it was refused too often
        """
        with self._lock:
            begun, count = self._seen.get(address, (0.0, 0))
            over = self._clock() - begun >= self._seconds
            if count >= self._most and not over:
                raise exceptions.TooManyRequests(address=address)

    def failed(self, address: str) -> None:
        """Count a refusal."""
        now = self._clock()
        with self._lock:
            begun, count = self._seen.pop(address, (now, 0))
            if now - begun >= self._seconds:
                begun, count = now, 0
            self._seen[address] = (begun, count + 1)
            while len(self._seen) > self._addresses:
                self._seen.popitem(last=False)
