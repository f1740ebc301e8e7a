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
from typing import Any

import sqlalchemy as sa
import tenacity
from oslo_log import log as logging

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import transaction

LOG = logging.getLogger(__name__)

# How long a writer waits for the writers before it.
_WRITER_SECONDS = 30
# How often a database server is asked for a connection before giving up.
_CONNECT_ATTEMPTS = 3
# The execution option that says how SQLite begins a transaction.
_BEGIN = 'gluster_heketi_begin'


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
        self._is_sqlite = self._address.get_backend_name() == 'sqlite'
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
            self._use_write_ahead_log()
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
                os.getpid(), self._engine(), threading.Lock()
            )
            return self._opened

    def _engine(self) -> sa.Engine:
        try:
            with transaction.translated(self.url):
                if not self._is_sqlite:
                    return sa.create_engine(
                        self._address, pool_pre_ping=True, hide_parameters=True
                    )
                engine = sa.create_engine(
                    self._address,
                    hide_parameters=True,
                    connect_args={'timeout': _WRITER_SECONDS},
                )
        except ImportError as error:
            raise exceptions.StoreError(
                url=self.url, reason=str(error)
            ) from error
        sa.event.listen(engine, 'connect', _sqlite_connected)
        sa.event.listen(engine, 'begin', _sqlite_begins)
        return engine

    def _use_write_ahead_log(self) -> None:
        """Let readers and the writer not wait for each other.

        The file keeps this mode, so once is enough.
        """
        opened = self._open()
        with self._turn(opened), transaction.translated(self.url):
            # A transaction can't change the mode, so BEGIN isn't sent.
            with opened.engine.connect() as connection:
                mode = connection.exec_driver_sql(
                    'PRAGMA journal_mode=WAL'
                ).scalar_one()
        if mode != 'wal':
            LOG.warning(
                'The file system of store %s has no shared memory: readers '
                'and writers wait for each other.',
                self.url,
            )

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
        if not opened.turn.acquire(timeout=_WRITER_SECONDS):
            raise exceptions.StoreError(
                url=self.url,
                reason=f'another thread has written for {_WRITER_SECONDS} s',
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
        options: dict[str, Any] = {}
        if self._is_sqlite:
            # A writer that begins as a reader can't become one if another has
            # written meanwhile; IMMEDIATE waits for its turn at the start.
            options[_BEGIN] = 'BEGIN IMMEDIATE' if immediate else 'BEGIN'
        else:
            # Readers see one moment. Writers see what others committed, so
            # that a generation that has moved is a row not found and no
            # serialization failure.
            options['isolation_level'] = (
                'READ COMMITTED' if immediate else 'REPEATABLE READ'
            )
        connection = engine.connect()
        try:
            connection = connection.execution_options(**options)
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection


def _sqlite_connected(connection: Any, record: object) -> None:
    # We send BEGIN ourselves: the driver's own comes too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute('PRAGMA foreign_keys=ON')
    # With NORMAL a loss of power could take back the last commits: a journal
    # entry would be gone though the command that it announces has run, and
    # nobody would undo that. FULL costs one fsync per commit.
    cursor.execute('PRAGMA synchronous=FULL')
    cursor.close()


def _sqlite_begins(connection: sa.Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN)
    if begin:
        connection.exec_driver_sql(begin)
