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

"""Where transactions come from.

A ``Store`` may be made before a fork and before eventlet patches: nothing is
opened until the first transaction, and then again in each process.
"""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable
from collections.abc import Iterator
from typing import TypeVar

import sqlalchemy as sa
import tenacity
from oslo_log import log as logging

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import engines
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import transaction
from manila_gluster_heketi.store.engines import Purpose
from manila_gluster_heketi.store.receipts import Attempts
from manila_gluster_heketi.store.receipts import Receipts
from manila_gluster_heketi.store.sync import State

LOG = logging.getLogger(__name__)

_T = TypeVar('_T')

# How long a server that is being started anew, or replaced, is waited for,
# and how long a transaction that others get in the way of is tried again.
PATIENCE_SECONDS = 60
# How long one that never answered is waited for: its URL may be wrong.
FIRST_PATIENCE_SECONDS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class _Opened:
    """What one process has open.

    :ivar turn: held by the process's only writer on SQLite, which has one
        anyway. SQLite would wait in C and so stop every other greenthread,
        among them the one that it waits for.
    :ivar answered: set once the database did: then, if a server does not
        answer, it is being started anew or replaced. Else the URL is wrong.
    """

    pid: int
    engine: sa.Engine
    turn: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    receipts: Receipts = dataclasses.field(default_factory=Receipts)
    answered: threading.Event = dataclasses.field(
        default_factory=threading.Event
    )


class Store:
    """The database at one URL; safe for threads, greenthreads and forks."""

    def __init__(self, url: str) -> None:
        """Remember where the store is; no I/O.

        :raises StoreError: not a URL of a database, or one in memory
        """
        try:
            self._address = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            # What can't be parsed may hold a password, so it isn't shown.
            raise exceptions.StoreError(
                url='(hidden)', reason='the URL can not be parsed'
            ) from error
        self.url = self._address.render_as_string(hide_password=True)
        self._is_sqlite = engines.is_sqlite(self._address)
        if self._is_sqlite and self._address.database in (
            None,
            '',
            ':memory:',
        ):
            raise exceptions.StoreError(
                url=self.url, reason='a store in memory would be forgotten'
            )
        self._guard = threading.Lock()
        self._opened: _Opened | None = None
        # A parent's engines: to close or forget them here would close the
        # connections under the parent.
        self._inherited: list[sa.Engine] = []

    def sync(self) -> None:
        """Create the database's schema, or migrate it to the present one.

        :raises StoreTooNew: a newer release wrote it
        :raises StoreError: it can't be opened or written
        """
        if self._is_sqlite:
            opened = self._open()
            with self._turn(opened):
                engines.prepare_file(opened.engine, self.url)
        with self.begun(Purpose.ALTER) as connection:
            with transaction.translated(self.url):
                sync.upgrade(connection, self.url)
            self.commit(connection)

    def state(self) -> State:
        """Say what the database is and has; it need not be migrated yet.

        :raises StoreError: it can't be read
        """
        with self.begun(Purpose.READ) as connection:
            with transaction.translated(self.url):
                return sync.state(connection, self.url)

    @contextlib.contextmanager
    def read(self) -> Iterator[transaction.Transaction]:
        """Open a transaction that sees one moment of the store.

        :raises StoreError: the database can't be reached
        """
        with self.begun(Purpose.READ) as connection:
            yield transaction.Transaction(connection, self.url)

    @contextlib.contextmanager
    def write(self) -> Iterator[transaction.WriteTransaction]:
        """Open a transaction that is committed at the end.

        An exception rolls it back and goes on. Don't nest: on SQLite the
        inner one waits for the outer one. Don't wait for hosts in it. Use
        ``transact`` for what must not fail because of others.

        :raises StoreBusy: others changed the same rows at the same time, or
            other writers took longer than 30 s
        :raises StoreLost: the server can't be reached; nothing is on record
        :raises CommitUncertain: the server went away while it committed
        :raises StoreError: the database can't be written
        """
        with self.begun(Purpose.WRITE) as connection:
            tx = transaction.WriteTransaction(connection, self.url)
            yield tx
            tx.check()
            self.commit(connection)

    def transact(
        self, work: Callable[[transaction.WriteTransaction], _T]
    ) -> _T:
        """Run a function of a write transaction, and commit what it did.

        It is run again in a new transaction if other writers got in its way
        or the server went away, for a minute; what it did is on record once.
        So all that it knows must come out of the transaction that it is
        given, and it must change nothing else.

        :returns: what the function returned when it was committed
        :raises StoreBusy: others got in its way all the time
        :raises StoreLost: the server did not come back; nothing is on record
        :raises CommitUncertain: the server did not come back from a commit
        :raises StoreError: the database can't be written
        """
        if self._is_sqlite:
            # Its writers wait for their turn, and a file does not go away.
            with self.write() as tx:
                return work(tx)
        opened = self._open()
        with opened.receipts.lend() as receipt:
            attempts = Attempts(self.write, work, receipt)
            return self._patient(
                opened, (exceptions.StoreBusy, exceptions.StoreLost)
            )(attempts.make)

    def close(self) -> None:
        """Close what this process has open; the store stays usable."""
        with self._guard:
            opened, self._opened = self._opened, None
            if opened is None:
                return
            if opened.pid == os.getpid():
                opened.engine.dispose()
            else:
                self._inherited.append(opened.engine)

    # --- opening ----------------------------------------------------------

    def _open(self) -> _Opened:
        with self._guard:
            opened = self._opened
            if opened is not None and opened.pid == os.getpid():
                return opened
            if opened is not None:
                self._inherited.append(opened.engine)
            self._opened = _Opened(
                os.getpid(),
                engines.create(self._address, self.url),
            )
            return self._opened

    # --- transactions -----------------------------------------------------

    @contextlib.contextmanager
    def begun(self, purpose: Purpose) -> Iterator[sa.Connection]:
        """Give a connection with a transaction that is undone at the end.

        For this package: what comes out of it is SQLAlchemy's.

        :raises StoreError: the database can't be reached, or others wrote
            for too long
        """
        opened = self._open()
        writes = purpose in (Purpose.WRITE, Purpose.ALTER)
        with self._turn(opened) if writes else contextlib.nullcontext():
            connection = self._connected(opened, purpose)
            try:
                yield connection
            except exceptions.StoreLost:
                # A node that has lost the others keeps its connections: the
                # next one may lead to a better one.
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    connection.invalidate()
                raise
            finally:
                # A connection that is too broken to be rolled back must not
                # hide what broke it.
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    connection.close()

    def commit(self, connection: sa.Connection) -> None:
        """Commit what was begun.

        :raises StoreBusy: others were quicker; nothing is on record
        :raises CommitUncertain: the server went away meanwhile
        :raises StoreError: the database can't be written
        """
        try:
            with transaction.translated(self.url):
                connection.commit()
        except exceptions.StoreLost as error:
            raise exceptions.CommitUncertain(**error.fields) from error

    @contextlib.contextmanager
    def _turn(self, opened: _Opened) -> Iterator[None]:
        """Wait until no other thread of this process writes."""
        if not self._is_sqlite:
            yield
            return
        seconds = engines.WRITER_SECONDS
        if not opened.turn.acquire(timeout=seconds):
            raise exceptions.StoreBusy(
                url=self.url,
                reason=f'another thread has written for {seconds} s',
            )
        try:
            yield
        finally:
            opened.turn.release()

    # --- patience ---------------------------------------------------------

    def _connected(self, opened: _Opened, purpose: Purpose) -> sa.Connection:
        """Begin a transaction."""
        if self._is_sqlite:
            engines.check_file(opened.engine, self.url)
            with transaction.translated(self.url):
                return self._connect(opened.engine, purpose)
        again = self._patient(
            opened, (exceptions.StoreLost,), FIRST_PATIENCE_SECONDS
        )
        connection = again(self._connect_to_server, opened.engine, purpose)
        opened.answered.set()
        return connection

    def _connect_to_server(
        self, engine: sa.Engine, purpose: Purpose
    ) -> sa.Connection:
        try:
            with transaction.translated(self.url):
                return self._connect(engine, purpose)
        except exceptions.StoreLost:
            raise
        except exceptions.StoreError as error:
            # Drivers have no numbers for some of these.
            if isinstance(error.__cause__, sa.exc.OperationalError):
                raise exceptions.StoreLost(**error.fields) from error
            raise

    def _connect(self, engine: sa.Engine, purpose: Purpose) -> sa.Connection:
        options = engines.begin_options(engine.dialect.name, purpose)
        connection = engine.connect()
        try:
            connection = connection.execution_options(**options)
            if purpose is Purpose.ALTER:
                # Nobody else is to have it: SQLite's does not look at foreign
                # keys, MariaDB's holds a lock.
                connection.detach()
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection

    def _patient(
        self,
        opened: _Opened,
        errors: tuple[type[Exception], ...],
        first_seconds: float = 0,
    ) -> tenacity.Retrying:
        """Try again as long as it makes sense.

        :param errors: after these
        :param first_seconds: how long that is if the server never answered
        """

        def is_over(state: tenacity.RetryCallState) -> bool:
            answered = opened.answered.is_set()
            limit = PATIENCE_SECONDS if answered else first_seconds
            return (state.seconds_since_start or 0) >= limit

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(errors),
            wait=tenacity.wait_random_exponential(multiplier=0.02, max=1),
            stop=is_over,
            before_sleep=_tell,
            reraise=True,
        )


def _tell(state: tenacity.RetryCallState) -> None:
    assert state.outcome is not None
    LOG.info('trying again: %s', state.outcome.exception())
