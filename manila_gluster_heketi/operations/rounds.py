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

"""Recovery in rounds that wait for nothing.

An undo may take hours, when data has to be moved off bricks first. It keeps
one thread; what else is open is tried in each round as if it were not there.
"""

import queue
import threading

from oslo_log import log

from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import journal

LOG = log.getLogger(__name__)


class Rounds:
    """Threads that recover what rounds find.

    They end with the process, wherever they are: what they had in work is
    taken over by the next one, as after a crash.
    """

    def __init__(
        self, engine: Engine, at_once: int = recovery.AT_ONCE
    ) -> None:
        """Start nothing yet.

        :param at_once: operations that are recovered side by side
        """
        self._engine = engine
        self._at_once = at_once
        self._guard = threading.Lock()
        # In the threads, or waiting for one.
        self._in_work: set[str] = set()
        self._over = threading.Event()
        self._told: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._waiting: queue.Queue[Operation | None] = queue.Queue()

    def turn(self) -> None:
        """Hand what is open to the threads, unless they have it already.

        :raises StoreError: it can't be read
        """
        for operation in recovery.waiting(self._engine):
            if operation.held:
                self._tell(operation)
            else:
                self._hand_over(operation)

    def stop(self) -> None:
        """Begin nothing more; threads end with what they have in work."""
        self._over.set()
        for _ in self._threads:
            self._waiting.put(None)

    def _tell(self, operation: Operation) -> None:
        """Say once what waits for an operator."""
        if operation.id not in self._told:
            self._told.add(operation.id)
            LOG.warning('%s', journal.in_the_way(operation))

    def _hand_over(self, operation: Operation) -> None:
        with self._guard:
            if operation.id in self._in_work:
                return
            self._in_work.add(operation.id)
            is_wanted = len(self._threads) < min(
                self._at_once, len(self._in_work)
            )
        self._waiting.put(operation)
        if is_wanted:
            thread = threading.Thread(
                target=self._work, name='recovery', daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while True:
            operation = self._waiting.get()
            if operation is None or self._over.is_set():
                return
            try:
                self._attempt(operation)
            except Exception:
                # Whatever it was, the next round may well succeed.
                LOG.exception('recovery of operation %s failed', operation.id)
            finally:
                with self._guard:
                    self._in_work.discard(operation.id)

    def _attempt(self, operation: Operation) -> None:
        outcome = recovery.attempt(self._engine, operation)
        if outcome is not None:
            LOG.info(
                'operation %s: %s', operation.id, outcome.error or 'closed'
            )
