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
from collections.abc import Iterator

import sqlalchemy as sa
import tenacity

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import engines
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import transaction

# How often a database server is asked for a connection before giving up.
_CONNECT_ATTEMPTS = 3


@dataclasses.dataclass(frozen=True, slots=True)
class _Opened:
    """What one process has open.

    :ivar turn: held by the process's only writer on SQLite, which has one
        anyway. SQLite would wait in C and so stop every other greenthread,
        among them the one that it waits for.
    """

    pid: int
    engine: sa.Engine
    turn: threading.Lock


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
                engines.use_write_ahead_log(opened.engine, self.url)
        with self._begun(immediate=True) as connection:
            with transaction.translated(self.url):
                sync.upgrade(connection, self.url)

    @contextlib.contextmanager
    def read(self) -> Iterator[transaction.Transaction]:
        """Open a transaction that sees one moment of the store.

        :raises StoreError: the database can't be reached
        """
        with self._begun(immediate=False) as connection:
            yield transaction.Transaction(connection, self.url)

    @contextlib.contextmanager
    def write(self) -> Iterator[transaction.WriteTransaction]:
        """Open a transaction that is committed at the end.

        An exception rolls it back and goes on. Don't nest: on SQLite the
        inner one waits for the outer one. Don't wait for hosts in it.

        :raises StoreError: the database can't be reached or written, or
            other writers took longer than 30 s
        """
        with self._begun(immediate=True) as connection:
            yield transaction.WriteTransaction(connection, self.url)

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
                threading.Lock(),
            )
            return self._opened

    # --- transactions -----------------------------------------------------

    @contextlib.contextmanager
    def _begun(self, immediate: bool) -> Iterator[sa.Connection]:
        opened = self._open()
        turn = self._turn(opened) if immediate else contextlib.nullcontext()
        with turn:
            connection = self._connected(opened.engine, immediate)
            try:
                yield connection
                with transaction.translated(self.url):
                    connection.commit()
            finally:
                # Rolls back what is not committed. A connection that is too
                # broken for that must not hide what broke it.
                with contextlib.suppress(sa.exc.SQLAlchemyError):
                    connection.close()

    @contextlib.contextmanager
    def _turn(self, opened: _Opened) -> Iterator[None]:
        """Wait until no other thread of this process writes."""
        if not self._is_sqlite:
            yield
            return
        seconds = engines.WRITER_SECONDS
        if not opened.turn.acquire(timeout=seconds):
            raise exceptions.StoreError(
                url=self.url,
                reason=f'another thread has written for {seconds} s',
            )
        try:
            yield
        finally:
            opened.turn.release()

    def _connected(self, engine: sa.Engine, immediate: bool) -> sa.Connection:
        """Begin a transaction; try again if a server is just restarting."""
        attempts = tenacity.Retrying(
            # SQLite has waited by itself, and nobody restarts it.
            stop=tenacity.stop_after_attempt(
                1 if self._is_sqlite else _CONNECT_ATTEMPTS
            ),
            wait=tenacity.wait_exponential(multiplier=0.5),
            retry=tenacity.retry_if_exception_type(sa.exc.OperationalError),
            reraise=True,
        )
        with transaction.translated(self.url):
            return attempts(self._connect, engine, immediate)

    def _connect(self, engine: sa.Engine, immediate: bool) -> sa.Connection:
        options = engines.begin_options(self._address, immediate)
        connection = engine.connect()
        try:
            connection = connection.execution_options(**options)
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection
