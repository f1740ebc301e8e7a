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


"""The store as text that any database can be filled from.

An export is a file of lines, each a JSON object: the first says what it is,
each further one is a row, and the last one has the number of rows and the
checksum of all lines before it. Rows are as the database has them, and in an
order in which what they belong to comes first. All of it is ASCII.
"""

import datetime
import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import transaction
from manila_gluster_heketi.store.engines import Purpose

FORMAT = 'gluster-heketi store'
FORMAT_VERSION = 1
# Fetched at once; this bounds the memory that is needed.
ROWS = 1000
# Receipts are of processes and their connections to this one database.
TABLES = [t for t in schema.METADATA.sorted_tables if t is not schema.receipts]


def write(store: session.Store, put: Callable[[str], object]) -> int:
    """Write the store as it is at one moment.

    It may be one that is not migrated yet: what is there is written.

    :param put: called with each line
    :returns: how many rows were written
    :raises StoreTooNew: a newer release wrote it
    :raises StoreError: there is none, or the database failed
    """
    checksum = hashlib.sha256()

    def line(content: dict[str, Any]) -> None:
        text = json.dumps(content) + '\n'
        checksum.update(text.encode())
        put(text)

    rows = 0
    with store.begun(Purpose.READ_LONG) as connection:
        with transaction.translated(store.url):
            line(_header(connection, store.url))
            for table in tables(connection):
                for row in _rows(connection, table):
                    line({'table': table.name, 'row': row})
                    rows += 1
    line({'rows': rows, 'sha256': checksum.hexdigest()})
    return rows


def _header(connection: sa.Connection, url: str) -> dict[str, Any]:
    revision = sync.revision(connection, url)
    if revision is None:
        raise exceptions.StoreError(url=url, reason='there is nothing in it')
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'revision': revision,
        'release': importlib.metadata.version('manila-gluster-heketi'),
        'exported_at': now.isoformat(),
    }


def tables(connection: sa.Connection) -> list[sa.Table]:
    """Give our tables as they are there, those that others need first.

    :param connection: to a store of any revision
    """
    metadata = sa.MetaData()
    ours = {table.name for table in TABLES}
    metadata.reflect(connection, only=lambda name, _: name in ours)
    return metadata.sorted_tables


def _rows(
    connection: sa.Connection, table: sa.Table
) -> Iterator[dict[str, Any]]:
    wanted = sa.select(table).order_by(*table.primary_key.columns)
    in_batches = wanted.execution_options(yield_per=ROWS)
    with connection.execute(in_batches) as found:
        names = tuple(found.keys())
        for row in found:
            yield dict(zip(names, map(_portable, row)))


def _portable(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec='microseconds') + 'Z'
    return value
