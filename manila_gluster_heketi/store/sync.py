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

"""Bringing a database to the present schema.

Each process looks whether there is something to do; alembic, which does it, is
loaded only then, for it takes a fifth of a command's start.
"""

import dataclasses
import functools
import pathlib

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import engines
from manila_gluster_heketi.store import schema

# Any number, and any name, that all processes of this project agree on.
_POSTGRESQL_LOCK = 4711_0815
_MARIADB_LOCK = "CONCAT('gluster-heketi:', MD5(DATABASE()))"
# Alembic's.
_VERSION = sa.table('alembic_version', sa.column('version_num', sa.String))


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """What a database is.

    :ivar engine: sqlite, postgresql, mariadb or mysql
    :ivar revision: of its schema; None if it has none
    :ivar needed: the revision that this release works with
    """

    engine: str
    revision: str | None
    needed: str


def upgrade(connection: sa.Connection, url: str, to: str = 'head') -> None:
    """Migrate up to the head, in the transaction that is open.

    :param url: what errors call the database
    :param to: a revision to stop at
    :raises StoreTooNew: the database is at a revision that is not known here
    :raises StoreError: its revision can't be read
    :raises sqlalchemy.exc.SQLAlchemyError: the database failed
    """
    _wait_for_others(connection, url)
    if revision(connection, url) not in (to, head()):
        from manila_gluster_heketi.store.migrations import run

        run.upgrade(connection, to)
    # Nothing to migrate proves nothing: SQLite begins a transaction to write
    # on a file that it can't write.
    connection.execute(schema.clusters.delete().where(sa.false()))


def revision(connection: sa.Connection, url: str) -> str | None:
    """Say which schema a database has; None if it has none.

    :param url: what errors call the database
    :raises StoreTooNew: one that is not known here
    :raises StoreError: more than one
    """
    found = state(connection, url).revision
    if found is not None and not is_known(found):
        raise exceptions.StoreTooNew(url=url, found=found)
    return found


def state(connection: sa.Connection, url: str) -> State:
    """Say what a database is and has, whether it can be used or not.

    :param url: what errors call the database
    :raises StoreError: it has several revisions
    """
    found = []
    if sa.inspect(connection).has_table(_VERSION.name):
        found = list(connection.scalars(sa.select(_VERSION.c.version_num)))
    if len(found) > 1:
        raise exceptions.StoreError(
            url=url,
            reason=f'it is at several revisions: {", ".join(sorted(found))}',
        )
    return State(connection.dialect.name, next(iter(found), None), head())


def forget_revision(connection: sa.Connection) -> None:
    """Let the next upgrade begin with the first schema."""
    connection.execute(_VERSION.delete())


def is_known(revision: str) -> bool:
    """Say whether this release can migrate a revision up."""
    return revision in revisions()


def head() -> str:
    """Name the schema of this release."""
    return revisions()[-1]


@functools.cache
def revisions() -> tuple[str, ...]:
    """Name all schemas, the present one last: migrations are numbered."""
    files = pathlib.Path(__file__).parent.glob('migrations/versions/[0-9]*.py')
    return tuple(sorted(file.stem for file in files))


def _wait_for_others(connection: sa.Connection, url: str) -> None:
    """Let one process at a time migrate: until the connection is closed.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == 'postgresql':
        connection.execute(
            sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK))
        )
    elif connection.dialect.name in ('mysql', 'mariadb'):
        got = connection.exec_driver_sql(
            f'SELECT GET_LOCK({_MARIADB_LOCK}, {engines.ALTER_SECONDS})'
        )
        if not got.scalar_one():
            raise exceptions.StoreBusy(
                url=url,
                reason='another process does not get done with migrating it',
            )
