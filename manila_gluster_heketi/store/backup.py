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


"""Copies of a file of SQLite that is in use.

What is open in the store goes on while the copy does not: so the copy says
that it is one, and nobody goes on there with what may have ended long ago.
"""

import sqlite3
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import files
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store.engines import Purpose

_TOOLS = {
    'postgresql': 'pg_dump',
    'mysql': 'mariadb-dump --single-transaction',
    'mariadb': 'mariadb-dump --single-transaction',
}


def copy(store: session.Store, path: str) -> int:
    """Copy the store as it is at one moment, while others use it.

    :param path: of the copy, which is a store like this one, but that its
        open operations are held
    :returns: how many those are; 0 too if the store is of an older release,
        which can't hold any
    :raises NoFileToCopy: it is on a server
    :raises InvalidInput: the copy can't be made there
    :raises StoreError: the store can't be read, or what was read is broken
    """
    with store.begun(Purpose.READ_LONG) as connection:
        tool = _TOOLS.get(connection.dialect.name)
        if tool is not None:
            raise exceptions.NoFileToCopy(url=store.url, tool=tool)
        original: Any = connection.connection.dbapi_connection
        with files.new(path) as made:
            return _copy(original, made, store.url)


def _copy(original: sqlite3.Connection, path: str, url: str) -> int:
    target = sqlite3.connect(path)
    try:
        original.backup(target)
        # One file has all of it then; who opens it as a store puts it back.
        target.execute('PRAGMA journal_mode = DELETE')
        held = _hold(target)
        [(found,)] = target.execute('PRAGMA quick_check(1)').fetchall()
    except sqlite3.Error as error:
        raise exceptions.StoreError(url=url, reason=str(error)) from error
    finally:
        target.close()
    if found != 'ok':
        raise exceptions.StoreError(
            url=url, reason=f'the copy is broken: {found}'
        )
    return held


def _hold(target: sqlite3.Connection) -> int:
    """Hold what is open, as the journal does, whatever the schema is."""
    found = target.execute('PRAGMA table_info(operations)')
    if 'held' not in {name for _, name, *_ in found}:
        return 0
    with target:
        return target.execute(
            'UPDATE operations SET held = 1 WHERE finished_at IS NULL'
        ).rowcount
