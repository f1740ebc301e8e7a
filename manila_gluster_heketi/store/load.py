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


"""Filling an empty store from an export, of any database, all or nothing.

The export may be older than this release: then the tables are made as they
were, filled, and migrated. What was open when it was written is held.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import export
from manila_gluster_heketi.store import failures
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import transaction
from manila_gluster_heketi.store.engines import Purpose

_Row = dict[str, Any]

_INSTANT = '%Y-%m-%dT%H:%M:%S.%fZ'
# Of a database's largest integers.
_LIMIT = 2**63


def read(
    store: session.Store,
    lines: Iterable[str],
    source: str,
    *,
    replace: bool = False,
) -> int:
    """Fill a store that is synced; all rows are on record afterwards, or none.

    Nobody else may use it meanwhile: other processes would go on with what
    they know.

    :param source: what errors call the export
    :param replace: forget what is there
    :returns: how many rows were read
    :raises StoreNotEmpty: it is not, and nothing is to be replaced
    :raises StoreTooNew: a newer release wrote the export
    :raises InvalidExport: it is not one, or not as it was written
    :raises StoreError: the database failed
    """
    reader = _Reader(lines, source)
    with store.begun(Purpose.ALTER) as connection:
        with transaction.translated(store.url):
            revision = reader.revision()
            sync.upgrade(connection, store.url)
            if not (replace and _is_undone(connection, revision)):
                _must_be_empty(connection, store.url)
            _make_room(connection, store.url, revision)
            _insert_all(connection, reader)
            sync.upgrade(connection, store.url)
            _must_be_whole(connection, reader)
        # It may have ended long ago.
        journal.hold_open(transaction.WriteTransaction(connection, store.url))
        store.commit(connection)
    return reader.rows


class _Reader:
    """Reads an export line by line, and judges it as it goes.

    :ivar rows: how many were read
    :ivar line: of the export, where errors are
    """

    def __init__(self, lines: Iterable[str], source: str) -> None:
        self._lines = iter(lines)
        self._source = source
        self._checksum = hashlib.sha256()
        self.rows = 0
        self.line = 0

    def invalid(
        self, reason: str, line: int | None = None
    ) -> exceptions.InvalidExport:
        """Make an error of what is wrong with a line, or the present one."""
        return exceptions.InvalidExport(
            source=self._source, line=line or self.line, reason=reason
        )

    def revision(self) -> str:
        """Read the first line; say which schema the rows have."""
        header = self._next()
        if header.get('format') != export.FORMAT:
            raise self.invalid('this is no export of a store')
        version = header.get('format_version')
        revision = header.get('revision')
        if version != export.FORMAT_VERSION or not isinstance(revision, str):
            raise exceptions.StoreTooNew(
                url=self._source, found=f'format {version}'
            )
        if not sync.is_known(revision):
            raise exceptions.StoreTooNew(url=self._source, found=revision)
        return revision

    def batches(self) -> Iterator[tuple[str, list[_Row]]]:
        """Read all rows, those of one table together, some at a time."""
        name = ''
        batch: list[_Row] = []
        while True:
            seen = self._checksum.hexdigest()
            content = self._next()
            table, row = content.get('table'), content.get('row')
            if not isinstance(table, str) or not isinstance(row, dict):
                break
            if table != name or len(batch) == export.ROWS:
                yield name, batch
                name, batch = table, []
            batch.append(row)
            self.rows += 1
        yield name, batch
        if content != {'rows': self.rows, 'sha256': seen}:
            raise self.invalid(
                'the rows before it are not those that were written'
            )
        if next(self._lines, None) is not None:
            raise self.invalid('there is more after the last line')

    def _next(self) -> _Row:
        self.line += 1
        line = next(self._lines, '')
        self._checksum.update(line.encode(errors='surrogatepass'))
        try:
            content = json.loads(line)
        except ValueError as error:
            what = str(error) if line else 'it ends here, which is too early'
            raise self.invalid(what) from error
        if not isinstance(content, dict):
            raise self.invalid('this is no JSON object')
        return content


def _is_undone(connection: sa.Connection, revision: str) -> bool:
    """Say whether all that was there is back if the import fails."""
    return revision == sync.head() or connection.dialect.name not in (
        'mysql',
        'mariadb',
    )


def _must_be_empty(connection: sa.Connection, url: str) -> None:
    for table in export.TABLES:
        row = sa.select(sa.literal(1)).select_from(table).limit(1)
        if connection.execute(row).first():
            raise exceptions.StoreNotEmpty(url=url, table=table.name)


def _make_room(connection: sa.Connection, url: str, revision: str) -> None:
    """Leave empty tables as they were at a revision."""
    tables = export.tables(connection)
    if revision == sync.head():
        for table in reversed(tables):
            connection.execute(table.delete())
        return
    sync.forget_revision(connection)
    schema.receipts.drop(connection)
    for table in reversed(tables):
        table.drop(connection)
    sync.upgrade(connection, url, revision)


def _insert_all(connection: sa.Connection, reader: _Reader) -> None:
    tables = {table.name: table for table in export.tables(connection)}
    for name, batch in reader.batches():
        if not batch:
            continue
        if name not in tables:
            raise reader.invalid(f'there is no table {name!r}')
        table = tables[name]
        rows = []
        for row in batch:
            try:
                rows.append(_values(table, row))
            except ValueError as error:
                # The present line is the one after the batch.
                line = reader.line - len(batch) + len(rows)
                raise reader.invalid(str(error), line) from error
        try:
            connection.execute(table.insert(), rows)
        except (sa.exc.IntegrityError, sa.exc.DataError) as error:
            raise reader.invalid(
                f'rows of {name} up to here: {failures.words(error)}'
            ) from error


def _values(table: sa.Table, row: _Row) -> _Row:
    """Make what the database takes of what the export has.

    :raises ValueError: it would not take it
    """
    if row.keys() != set(table.columns.keys()):
        raise ValueError(f'a row of {table.name} has other columns')
    return {
        column.name: _value(column, row[column.name])
        for column in table.columns
    }


def _value(column: sa.Column[Any], value: object) -> object:
    wanted = column.type.python_type
    try:
        if wanted is datetime.datetime and isinstance(value, str):
            return datetime.datetime.strptime(value, _INSTANT)
        if isinstance(value, str):
            value.encode()
    except ValueError:
        wanted = type(None)
    if isinstance(value, int) and not -_LIMIT <= value < _LIMIT:
        wanted = type(None)
    if value is None or type(value) is wanted:
        return value
    raise ValueError(f'{column.table.name}.{column.name} can not be {value!r}')


def _must_be_whole(connection: sa.Connection, reader: _Reader) -> None:
    """See whether what is on record now can be used."""
    if connection.dialect.name == 'sqlite':
        lost = connection.exec_driver_sql('PRAGMA foreign_key_check').first()
        if lost is not None:
            raise reader.invalid(
                f'a row of {lost[0]} belongs to one of {lost[2]} that is not '
                'there'
            )
    for table in export.TABLES:
        rows = sa.select(table).execution_options(yield_per=export.ROWS)
        try:
            with connection.execute(rows) as found:
                for _ in found:
                    pass
        except ValueError as error:
            raise reader.invalid(f'a row of {table.name}: {error}') from error
