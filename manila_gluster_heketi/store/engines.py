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

"""Engines: what differs between SQLite and database servers."""

import contextlib
import enum
import os
import sys
from typing import Any

import sqlalchemy as sa
import tenacity
from oslo_log import log as logging

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import files
from manila_gluster_heketi.store import transaction

LOG = logging.getLogger(__name__)

# How long a writer waits for the writers before it.
WRITER_SECONDS = 30
# How long a server lets a writer do nothing: a process that is stopped, or
# whose host is gone, must not keep others from writing.
IDLE_SECONDS = 10
# How long those wait that change the tables themselves.
ALTER_SECONDS = 600
# The execution option that says what to begin a transaction with.
_BEGIN = 'gluster_heketi_begin'


class Purpose(enum.Enum):
    """What a transaction is for.

    The long ones may do nothing while the other end of a pipe is slow.
    """

    READ = enum.auto()
    READ_LONG = enum.auto()
    WRITE = enum.auto()
    ALTER = enum.auto()


_SQLITE_BEGINS = {
    Purpose.READ: ('BEGIN',),
    Purpose.READ_LONG: ('BEGIN',),
    # A writer that begins as a reader can't become one if another has written
    # meanwhile; IMMEDIATE waits for its turn at the start.
    Purpose.WRITE: ('BEGIN IMMEDIATE',),
    # SQLite alters a table by building it anew: while the old one is gone,
    # those that refer to it must not mind. Inside of a transaction that could
    # not be said any more.
    Purpose.ALTER: ('PRAGMA foreign_keys=OFF', 'BEGIN IMMEDIATE'),
}
_POSTGRESQL_MAY_IDLE = 'SET LOCAL idle_in_transaction_session_timeout = 0'
_POSTGRESQL_BEGINS = {
    Purpose.READ: (),
    Purpose.READ_LONG: (_POSTGRESQL_MAY_IDLE,),
    Purpose.WRITE: (),
    Purpose.ALTER: (
        _POSTGRESQL_MAY_IDLE,
        f"SET LOCAL lock_timeout = '{ALTER_SECONDS}s'",
    ),
}
_MARIADB_READS = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY'
_MARIADB_BEGINS = {
    Purpose.READ: (_MARIADB_READS,),
    Purpose.READ_LONG: (_MARIADB_READS,),
    # The session's level is theirs already. This connection is for one use.
    Purpose.WRITE: (),
    Purpose.ALTER: ('SET SESSION idle_write_transaction_timeout = 0',),
}


def is_sqlite(address: sa.URL) -> bool:
    """Say whether the database is a file of SQLite."""
    return address.get_backend_name() == 'sqlite'


def create(address: sa.URL, url: str) -> sa.Engine:
    """Make an engine; no I/O.

    :param url: what errors call the database
    :raises StoreError: there is no driver for it
    """
    options: dict[str, Any] = {'pool_pre_ping': True}
    if is_sqlite(address):
        options = {'connect_args': {'timeout': WRITER_SECONDS}}
    _let_psycopg_switch()
    try:
        with transaction.translated(url):
            engine = sa.create_engine(address, hide_parameters=True, **options)
    except ImportError as error:
        raise exceptions.StoreError(url=url, reason=str(error)) from error
    if is_sqlite(address):
        sa.event.listen(engine, 'connect', _sqlite_connected)
    elif engine.dialect.name == 'postgresql':
        sa.event.listen(engine, 'connect', _postgresql_connected)
    else:
        sa.event.listen(engine, 'connect', _mariadb_connected)
    sa.event.listen(engine, 'begin', _begins)
    return engine


def _let_psycopg_switch() -> None:
    """Let psycopg wait where eventlet sees it.

    It would wait in C and so stop every other greenthread, among them the one
    that it waits for. It reads this when it is imported, which is next.
    """
    patcher = sys.modules.get('eventlet.patcher')
    if patcher is not None and patcher.is_monkey_patched('select'):
        os.environ.setdefault('PSYCOPG_WAIT_FUNC', 'wait_selector')


def begin_options(dialect: str, purpose: Purpose) -> dict[str, Any]:
    """Give the execution options of a transaction.

    Readers see one moment. Writers on servers see what others committed, so
    that a generation that has moved is a row not found and no failure.
    """
    if dialect == 'sqlite':
        return {_BEGIN: _SQLITE_BEGINS[purpose]}
    if dialect == 'postgresql':
        reads = purpose in (Purpose.READ, Purpose.READ_LONG)
        return {
            _BEGIN: _POSTGRESQL_BEGINS[purpose],
            'isolation_level': 'REPEATABLE READ'
            if reads
            else 'READ COMMITTED',
            'postgresql_readonly': reads,
        }
    return {_BEGIN: _MARIADB_BEGINS[purpose]}


def prepare_file(engine: sa.Engine, url: str) -> None:
    """Make a file of SQLite for its owner alone, as it should be used.

    Its readers and its writer do not wait for each other. A file stays so,
    once is enough.

    :param url: what errors call the database
    :raises StoreError: the file can't be opened
    """
    path = _path(engine)
    if path:
        # SQLite says better why it can't be made.
        with contextlib.suppress(OSError):
            files.make_private(path)
    with transaction.translated(url):
        mode = _change_to_wal(engine)
    if mode != 'wal':
        LOG.warning(
            'The file system of store %s has no shared memory: readers and '
            'writers wait for each other.',
            url,
        )


def check_file(engine: sa.Engine, url: str) -> None:
    """See that a file of SQLite is there: it would make an empty one.

    :raises StoreError: it is not
    """
    path = _path(engine)
    if path and not os.path.exists(path):
        raise exceptions.StoreError(url=url, reason='there is no such file')


def _path(engine: sa.Engine) -> str:
    """Give the file of an engine; '' for what SQLite alone understands."""
    path = engine.url.database or ''
    return '' if path.startswith('file:') else path


def _is_locked(error: BaseException) -> bool:
    """Tell a file that others use now from one that can't be used."""
    return isinstance(error, sa.exc.OperationalError) and (
        'database is locked' in str(error.orig)
    )


# SQLite does not wait here for others that open the file at the same time.
@tenacity.retry(
    retry=tenacity.retry_if_exception(_is_locked),
    wait=tenacity.wait_random(0.02, 0.2),
    stop=tenacity.stop_after_delay(WRITER_SECONDS),
    reraise=True,
)
def _change_to_wal(engine: sa.Engine) -> str:
    # A transaction can't change the mode, so BEGIN isn't sent.
    with engine.connect() as connection:
        mode = connection.exec_driver_sql('PRAGMA journal_mode=WAL')
        return str(mode.scalar_one())


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


def _postgresql_connected(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{WRITER_SECONDS}s'")
    cursor.execute(
        f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
    )
    cursor.close()
    connection.commit()


def _mariadb_connected(connection: Any, record: object) -> None:
    settings = {
        # What does not fit is refused, not made to fit.
        'sql_mode': "'TRADITIONAL'",
        'innodb_lock_wait_timeout': WRITER_SECONDS,
        'idle_write_transaction_timeout': IDLE_SECONDS,
        # On Galera: see what was committed through another node.
        'wsrep_sync_wait': 7,
    }
    cursor = connection.cursor()
    names = ', '.join(f"'{name}'" for name in settings)
    # Not each build has all of them.
    cursor.execute(f'SHOW VARIABLES WHERE variable_name IN ({names})')
    values = (f'{name} = {settings[name]}' for name, _ in cursor.fetchall())
    cursor.execute(f'SET SESSION {", ".join(values)}')
    cursor.execute('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
    cursor.close()


def _begins(connection: sa.Connection) -> None:
    for statement in connection.get_execution_options().get(_BEGIN, ()):
        connection.exec_driver_sql(statement)
