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

"""A dialect of SQLAlchemy that lets Manila work on an SQLite file.

Manila is written for databases with row locks. On an SQLite file

* a transaction that reads first and writes later fails at once, whatever the
  timeout, if another thread has committed in between;
* deleting a share opens a second, independent transaction inside one that
  has already written, which on a second connection waits for itself;
* ``manila-manage db sync`` runs statements that SQLite does not know.

So here every transaction takes the write lock when it begins, all
transactions of a thread share one connection, inner ones as savepoints, and
the schema is made from the models. Good enough for a lab, not for more: an
inner transaction is lost if the outer one is rolled back.
"""

import sqlite3
import threading
import time
from typing import Any

from manila.db.migrations.alembic import migration
from manila.db.sqlalchemy import api as db_api
from manila.db.sqlalchemy import models
from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite import pysqlite

#: Name of the dialect in a database URL.
SCHEME = 'sqlite+onewriter'
_LOCK_SECONDS = 60.0
_POLL_SECONDS = 0.005


def register() -> None:
    """Make :data:`SCHEME` known; before the first use of the database."""
    registry.register(
        SCHEME.replace('+', '.'), __name__, OneWriterDialect.__name__
    )


def create_schema() -> None:
    """Create all tables as of the newest migration, if there are none."""
    if migration.version() is not None:
        return
    engine = db_api.get_engine()
    raw = sqlite3.connect(engine.url.database)
    # Kept in the file: whoever only looks at it does not block Manila.
    raw.execute('PRAGMA journal_mode = WAL')
    raw.close()
    models.BASE.metadata.create_all(engine)
    migration.stamp('head')


class _Shared:
    """The one connection of a thread."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.handles = 0
        self.depth = 0
        # A lab need not survive a power cut. (The option of oslo.db for this
        # is refused on a connection that is in a transaction.)
        self._execute_unlocked('PRAGMA synchronous = OFF')

    def begin(self) -> int:
        """Open one more level, and return its number from 1."""
        if self.depth == 0:
            self._execute_unlocked('BEGIN IMMEDIATE')
        else:
            self.raw.execute(f'SAVEPOINT level_{self.depth}')
        self.depth += 1
        return self.depth

    def end(self, level: int, keep: bool) -> None:
        """Close a level, and those inside it if any were left open."""
        self.depth = level - 1
        if not (keep or self.raw.in_transaction):
            # SQLite has rolled back all of it, as when the disk is full.
            return
        if self.depth == 0:
            self.raw.execute('COMMIT' if keep else 'ROLLBACK')
            return
        if not keep:
            self.raw.execute(f'ROLLBACK TO level_{self.depth}')
        self.raw.execute(f'RELEASE level_{self.depth}')

    def _execute_unlocked(self, statement: str) -> None:
        """Execute as soon as no other connection holds the lock.

        Even opening the file needs that: the last connection to be closed
        moves the write-ahead log into it.
        """
        # SQLite's own timeout waits in C: under eventlet that would stop the
        # very thread that holds the lock.
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                self.raw.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if 'locked' not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(_POLL_SECONDS)


class _Handle:
    """What SQLAlchemy takes for a connection of its own."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._level = 0
        shared.handles += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared.raw, name)

    def begin(self) -> None:
        self._level = self._shared.begin()

    def commit(self) -> None:
        self._end(keep=True)

    def rollback(self) -> None:
        self._end(keep=False)

    def close(self) -> None:
        self._end(keep=False)
        self._shared.handles -= 1
        if self._shared.handles == 0:
            self._shared.raw.close()

    def _end(self, keep: bool) -> None:
        # SQLAlchemy also rolls back what never began.
        if self._level:
            level, self._level = self._level, 0
            self._shared.end(level, keep)


class OneWriterDialect(pysqlite.SQLiteDialect_pysqlite):
    """SQLite, with folded transactions that lock when they begin."""

    supports_statement_cache = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._thread = threading.local()

    @classmethod
    def get_pool_class(cls, url: Any) -> type[pool.Pool]:
        return pool.NullPool

    def connect(self, *cargs: Any, **cparams: Any) -> Any:
        shared = getattr(self._thread, 'shared', None)
        if shared is None or shared.handles == 0:
            cparams.update(timeout=0, isolation_level=None)
            shared = _Shared(sqlite3.connect(*cargs, **cparams))
            self._thread.shared = shared
        return _Handle(shared)

    def do_execute(
        self, cursor: Any, statement: str, parameters: Any, context: Any = None
    ) -> None:
        # oslo.db sends a BEGIN of its own just before do_begin() is called.
        if statement != 'BEGIN':
            cursor.execute(statement, parameters)

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.begin()
