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
import dataclasses
import datetime
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store.session import Store

LOG = log.getLogger(__name__)

#: How long an operation stays with a process that is not heard of.
LEASE = datetime.timedelta(minutes=3)

# Several times in a lease: one renewal may fail.
_BEATS_PER_LEASE = 6


def _uptime() -> float:
    """Seconds that nobody sets, and that pass while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclasses.dataclass(slots=True)
class _Lease:
    """What is held.

    :ivar until: when it runs out at the latest, by the heartbeat's clock
    :ivar told: what a host was told last
    """

    operation_id: str
    until: float
    told: str = ''


class Heartbeat:
    """Renews leases in a thread that lives as long as there are any.

    :param lease: see :data:`LEASE`
    :param clock: seconds since whenever; for tests
    """

    def __init__(
        self,
        store: Store,
        lease: datetime.timedelta = LEASE,
        clock: Callable[[], float] = _uptime,
    ) -> None:
        self.lease = lease
        self._clock = clock
        self._store = store
        self._changed = threading.Condition()
        # By owner: an operation may have had another one, in this process too.
        self._held: dict[str, _Lease] = {}
        self._beats = False

    @contextlib.contextmanager
    def holding(self, operation: Operation) -> Iterator[None]:
        """Renew the lease of an operation meanwhile; it was just taken."""
        with self._changed:
            self._held[operation.owner] = _Lease(operation.id, self._fresh())
            if not self._beats:
                self._beats = True
                threading.Thread(
                    target=self._beat, name='heartbeat', daemon=True
                ).start()
        try:
            yield
        finally:
            with self._changed:
                del self._held[operation.owner]
                self._changed.notify_all()

    def renewed(self, operation: Operation) -> None:
        """Take note that somebody else renewed the lease."""
        with self._changed:
            if operation.owner in self._held:
                self._held[operation.owner].until = self._fresh()

    def tell(self, operation: Operation, command: str) -> None:
        """Note what a host is told; the journal has it with the next beat.

        :raises Conflict: as for :meth:`require`
        """
        self.require(operation)
        with self._changed:
            if operation.owner in self._held:
                self._held[operation.owner].told = command

    def last_command(self, operation: Operation) -> str:
        """Say what a host was told last; '' for nothing."""
        with self._changed:
            held = self._held.get(operation.owner)
        return held.told if held else ''

    def require(self, operation: Operation) -> None:
        """Refuse to go on with an operation that may be another's by now.

        :raises Conflict: its lease has run out or is lost
        """
        with self._changed:
            held = self._held.get(operation.owner)
        if held is None or self._clock() >= held.until:
            raise exceptions.Conflict(
                kind='operation',
                identity=operation.id,
                reason='its lease has run out; another process may have '
                'taken it over',
            )

    def _fresh(self) -> float:
        return self._clock() + self.lease.total_seconds()

    def _beat(self) -> None:
        while held := self._wait():
            for owner, lease in held.items():
                self._renew(owner, lease)

    def _wait(self) -> dict[str, _Lease]:
        """Return what is to be renewed next; nothing if that is the end."""
        pause = self.lease.total_seconds() / _BEATS_PER_LEASE
        with self._changed:
            self._changed.wait_for(lambda: not self._held, pause)
            self._beats = bool(self._held)
            return dict(self._held)

    def _renew(self, owner: str, held: _Lease) -> None:
        fresh = self._fresh()
        try:
            with self._store.write() as tx:
                renewed = journal.renew_lease(
                    tx,
                    held.operation_id,
                    owner,
                    tx.now() + self.lease,
                    held.told,
                )
        except exceptions.StoreError as error:
            # Until the lease runs out there is time to try again.
            LOG.warning('lease of operation %s: %s', held.operation_id, error)
            return
        with self._changed:
            held.until = fresh if renewed else 0.0
