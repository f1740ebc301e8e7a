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

"""Keeps the leases of what this process works on.

A lease is short, so that the work of a machine that died is soon taken over,
and is renewed for as long as the work goes on, however long that is. A
process that slept through its lease must not touch a host again, for another
may be undoing what it does: so it is asked before each batch of commands.
"""

import contextlib
import datetime
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store.session import Store

LOG = log.getLogger(__name__)

#: How long an operation stays with a process that is not heard of.
LEASE = datetime.timedelta(minutes=3)

# Several times in a lease: one renewal may fail.
_BEATS_PER_LEASE = 6


def now() -> datetime.datetime:
    """The time in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def _uptime() -> float:
    """Seconds that nobody sets, and that pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Heartbeat:
    """Renews leases in a thread that lives as long as there are any.

    :param owner: this process, as the journal names it
    :param lease: see :data:`LEASE`
    :param clock: seconds since whenever; for tests
    """

    def __init__(
        self,
        store: Store,
        owner: str,
        lease: datetime.timedelta = LEASE,
        clock: Callable[[], float] = _uptime,
    ) -> None:
        self.lease = lease
        self._clock = clock
        self._store = store
        self._owner = owner
        self._changed = threading.Condition()
        # When each lease runs out at the latest, by the clock.
        self._until: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._beats = False

    @contextlib.contextmanager
    def holding(self, operation_id: str) -> Iterator[None]:
        """Renew the lease of an operation meanwhile; it was just taken."""
        with self._changed:
            self._until[operation_id] = self._fresh()
            if not self._beats:
                self._beats = True
                threading.Thread(
                    target=self._beat, name='heartbeat', daemon=True
                ).start()
        try:
            yield
        finally:
            with self._changed:
                del self._until[operation_id]
                self._told.pop(operation_id, None)
                self._changed.notify_all()

    def renewed(self, operation_id: str) -> None:
        """Take note that somebody else renewed the lease."""
        with self._changed:
            if operation_id in self._until:
                self._until[operation_id] = self._fresh()

    def tell(self, operation_id: str, command: str) -> None:
        """Note what a host is told; the journal has it with the next beat.

        :raises Conflict: as for :meth:`require`
        """
        self.require(operation_id)
        with self._changed:
            self._told[operation_id] = command

    def last_command(self, operation_id: str) -> str:
        """Say what a host was told last; '' for nothing."""
        with self._changed:
            return self._told.get(operation_id, '')

    def require(self, operation_id: str) -> None:
        """Refuse to go on with an operation that may be another's by now.

        :raises Conflict: its lease has run out or is lost
        """
        with self._changed:
            until = self._until.get(operation_id, 0.0)
        if self._clock() >= until:
            raise exceptions.Conflict(
                kind='operation',
                identity=operation_id,
                reason='its lease has run out; another process may have '
                'taken it over',
            )

    def _fresh(self) -> float:
        return self._clock() + self.lease.total_seconds()

    def _beat(self) -> None:
        while held := self._wait():
            for operation_id in held:
                self._renew(operation_id)

    def _wait(self) -> list[str]:
        """Return what is to be renewed next; nothing if that is the end."""
        pause = self.lease.total_seconds() / _BEATS_PER_LEASE
        with self._changed:
            self._changed.wait_for(lambda: not self._until, pause)
            self._beats = bool(self._until)
            return list(self._until)

    def _renew(self, operation_id: str) -> None:
        fresh = self._fresh()
        try:
            with self._store.write() as tx:
                renewed = journal.renew_lease(
                    tx,
                    operation_id,
                    self._owner,
                    now() + self.lease,
                    self.last_command(operation_id),
                )
        except exceptions.StoreError as error:
            # Until the lease runs out there is time to try again.
            LOG.warning('lease of operation %s: %s', operation_id, error)
            return
        with self._changed:
            if operation_id in self._until:
                self._until[operation_id] = fresh if renewed else 0.0
