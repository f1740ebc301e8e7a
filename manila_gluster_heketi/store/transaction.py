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

"""Transactions: a connection whose errors are ours.

A ``Transaction`` reads; only a ``WriteTransaction`` has the methods that
write, so that the type checker finds a write in a read transaction.
"""

import contextlib
import dataclasses
import datetime
import functools
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import clock
from manila_gluster_heketi.store import failures

_T = TypeVar('_T')
_Row = TypeVar('_Row', bound=tuple[Any, ...])
_Values = Mapping[str, object]

_NOTHING: _Values = {}
_WHOLE = 'postgresql'


def values_of(value: Any) -> dict[str, object]:
    """Give the fields of a frozen value by name, not copied."""
    return {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(value)
    }


# To make a statement takes as long as to run it: those that are run all the
# time are made once.


@functools.cache
def _insert(table: sa.Table) -> sa.Insert:
    return table.insert()


@functools.cache
def _select_one(table: sa.Table) -> sa.Select[Any]:
    return table.select().where(table.c.id == sa.bindparam('the_id'))


@functools.cache
def _update_one(table: sa.Table) -> sa.Update:
    return table.update().where(table.c.id == sa.bindparam('the_id'))


@functools.lru_cache
def _for_update(statement: sa.Select[_Row]) -> sa.Select[_Row]:
    # Rows that belong to it may still be added.
    return statement.with_for_update(key_share=True)


@contextlib.contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn whatever SQLAlchemy raises into a StoreError."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise failures.translate(error, url) from error


class Transaction:
    """A consistent view of the store; belongs to one thread.

    :ivar url: what errors call the database
    """

    def __init__(self, connection: sa.Connection, url: str) -> None:
        self._connection = connection
        self.url = url
        self._failure: exceptions.StoreError | None = None

    def check(self) -> None:
        """Refuse to go on after the database failed.

        What was done before may be undone by then: whoever swallowed the
        error would commit the second half of something.

        :raises StoreError: the first one
        """
        if self._failure is not None:
            raise self._failure

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        self.check()
        try:
            with translated(self.url):
                yield
        except exceptions.StoreError as error:
            # Others, such as a value that can't be bound, reached no server.
            if isinstance(error.__cause__, sa.exc.DBAPIError):
                self._failure = error
            raise

    def now(self) -> datetime.datetime:
        """Tell the time in UTC, the same for all who use the store.

        :raises StoreError: the database failed
        """
        with self._translated():
            return clock.now(self._connection)

    @property
    def has_written(self) -> bool:
        """Whether it may see what others never will: it may be undone."""
        return False

    def held(self, statement: sa.Select[_Row]) -> sa.Select[_Row]:
        """Let what is selected stay as it is until the transaction ends.

        Only one that writes needs that: it may put it back changed.
        """
        return statement

    def rows(
        self, statement: sa.Select[Any], given: _Values = _NOTHING
    ) -> Sequence[sa.Row[Any]]:
        """Select rows.

        :param given: values of the statement's parameters
        :raises StoreError: the database failed
        """
        with self._translated():
            return self._connection.execute(statement, given).all()

    def values(
        self,
        what: type[_T],
        statement: sa.Select[Any],
        given: _Values = _NOTHING,
    ) -> tuple[_T, ...]:
        """Select rows as values whose fields are named as the columns.

        :param given: values of the statement's parameters
        :raises StoreError: the database failed
        """
        with self._translated():
            found = self._connection.execute(statement, given)
            # A third of the time that found.mappings() takes.
            names = tuple(found.keys())
            return tuple(what(**dict(zip(names, row))) for row in found)

    def value(self, what: type[_T], table: sa.Table, identity: str) -> _T:
        """Select the row with this id as a value.

        :raises NotFound: no such row
        :raises StoreError: the database failed
        """
        found = self.values(what, _select_one(table), {'the_id': identity})
        if not found:
            raise exceptions.NotFound(
                kind=table.info['kind'], identity=identity
            )
        return found[0]


class WriteTransaction(Transaction):
    """Committed when its ``with`` ends well, else rolled back.

    A Conflict undoes the call that raised it, and no more.
    """

    def __init__(self, connection: sa.Connection, url: str) -> None:
        super().__init__(connection, url)
        self._has_written = False

    def now(self) -> datetime.datetime:
        """Tell the time in UTC, the same for all who use the store.

        :raises StoreError: the database failed
        """
        with self._translated():
            return clock.now(self._connection)

    @property
    def has_written(self) -> bool:
        """Whether it may see what others never will: it may be undone."""
        return self._has_written

    def held(self, statement: sa.Select[_Row]) -> sa.Select[_Row]:
        """Let nobody else change what is selected; on SQLite nobody can."""
        return _for_update(statement)

    def insert(self, table: sa.Table, *rows: _Values) -> None:
        """Insert rows; errors name the first.

        :raises Conflict: one is there already, or what it belongs to is not
        :raises StoreError: the database failed
        """
        if not rows:
            return
        key = next(iter(table.primary_key.columns)).name
        with self._conflicts(
            table,
            identity=rows[0][key],
            unique='is there already',
            foreign='what it belongs to is not there',
            statements=len(rows),
        ):
            self._connection.execute(_insert(table), list(rows))

    def update(self, table: sa.Table, identity: str, values: _Values) -> None:
        """Update the row with this id.

        :raises NotFound: no such row
        :raises Conflict: the values clash with those of another row
        :raises StoreError: the database failed
        """
        with self._conflicts(
            table,
            identity,
            unique='another has the same',
            foreign='what it should belong to is not there',
        ):
            changed = self._connection.execute(
                _update_one(table), {**values, 'the_id': identity}
            ).rowcount
        self._must_be_one(changed, table, identity)

    def delete(self, table: sa.Table, identity: str) -> None:
        """Delete the row with this id.

        :raises NotFound: no such row
        :raises Conflict: others belong to it
        :raises StoreError: the database failed
        """
        with self._conflicts(
            table,
            identity,
            unique='can not go',
            foreign='others belong to it',
        ):
            changed = self._connection.execute(
                table.delete().where(table.c.id == identity)
            ).rowcount
        self._must_be_one(changed, table, identity)

    def change(
        self, statement: sa.Update | sa.Delete, given: _Values = _NOTHING
    ) -> int:
        """Update or delete; return how many rows matched.

        :param given: values of the statement's parameters
        :raises StoreError: the database failed
        """
        self._has_written = True
        with self._translated():
            return self._connection.execute(statement, given).rowcount

    def change_one(
        self, table: sa.Table, identity: str, values: _Values
    ) -> None:
        """Update the row with this id with what can't clash with another's.

        :raises NotFound: no such row
        :raises StoreError: the database failed
        """
        changed = self.change(
            _update_one(table), {**values, 'the_id': identity}
        )
        self._must_be_one(changed, table, identity)

    @contextlib.contextmanager
    def _conflicts(
        self,
        table: sa.Table,
        identity: object,
        unique: str,
        foreign: str,
        statements: int = 1,
    ) -> Iterator[None]:
        """Turn a broken constraint into a Conflict, the rest to StoreError.

        :param statements: that are going to be run
        """
        self._has_written = True
        # PostgreSQL would undo the whole transaction, and the others undo the
        # one statement that failed.
        alone = statements == 1 and self._connection.dialect.name != _WHOLE
        with self._translated():
            savepoint = None if alone else self._connection.begin_nested()
            try:
                yield
            except sa.exc.IntegrityError as error:
                # After other errors there may be no savepoint any more.
                if savepoint is not None:
                    savepoint.rollback()
                broken = foreign if failures.is_foreign_key(error) else unique
                raise exceptions.Conflict(
                    kind=table.info['kind'],
                    identity=identity,
                    reason=f'{broken} ({failures.words(error)})',
                ) from error
            if savepoint is not None:
                savepoint.commit()

    @staticmethod
    def _must_be_one(changed: int, table: sa.Table, identity: str) -> None:
        if not changed:
            raise exceptions.NotFound(
                kind=table.info['kind'], identity=identity
            )
