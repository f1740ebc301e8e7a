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

from typing import Any

import sqlalchemy as sa
from oslo_log import log as logging

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import transaction

LOG = logging.getLogger(__name__)

# How long a writer waits for the writers before it.
WRITER_SECONDS = 30
# The execution option that says how SQLite begins a transaction.
_BEGIN = 'gluster_heketi_begin'


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
    try:
        with transaction.translated(url):
            engine = sa.create_engine(address, hide_parameters=True, **options)
    except ImportError as error:
        raise exceptions.StoreError(url=url, reason=str(error)) from error
    if is_sqlite(address):
        sa.event.listen(engine, 'connect', _sqlite_connected)
        sa.event.listen(engine, 'begin', _sqlite_begins)
    return engine


def begin_options(address: sa.URL, immediate: bool) -> dict[str, str]:
    """Give the execution options of a transaction.

    :param immediate: whether it writes
    """
    if is_sqlite(address):
        # A writer that begins as a reader can't become one if another has
        # written meanwhile; IMMEDIATE waits for its turn at the start.
        return {_BEGIN: 'BEGIN IMMEDIATE' if immediate else 'BEGIN'}
    # Readers see one moment. Writers see what others committed, so that a
    # generation that has moved is a row not found and no serialization
    # failure.
    return {
        'isolation_level': 'READ COMMITTED' if immediate else 'REPEATABLE READ'
    }


def use_write_ahead_log(engine: sa.Engine, url: str) -> None:
    """Let readers and the writer of a file not wait for each other.

    The file keeps this mode, so once is enough.

    :param url: what errors call the database
    :raises StoreError: the file can't be opened
    """
    # A transaction can't change the mode, so BEGIN isn't sent.
    with transaction.translated(url), engine.connect() as connection:
        mode = connection.exec_driver_sql(
            'PRAGMA journal_mode=WAL'
        ).scalar_one()
    if mode != 'wal':
        LOG.warning(
            'The file system of store %s has no shared memory: readers and '
            'writers wait for each other.',
            url,
        )


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
