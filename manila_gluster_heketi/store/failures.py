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


"""What the errors of databases mean.

They are told apart by number: a server speaks the language it was set to.
"""

import sqlalchemy as sa

from manila_gluster_heketi import exceptions

# Nothing is on record of the transaction, and the next try may well succeed.
_BUSY: frozenset[object] = frozenset(
    {
        # PostgreSQL: serialization failure, deadlock, lock not available.
        '40001',
        '40P01',
        '55P03',
        # MariaDB: row changed since it was read, lock wait timeout, deadlock.
        # A node of Galera reports a deadlock, at the commit too, if another
        # node's transaction that changed the same rows came first.
        1020,
        1205,
        1213,
    }
)
# The server, or its readiness to write, is gone; another connection helps.
_LOST: frozenset[object] = frozenset(
    {
        # PostgreSQL: read-only (it is no primary any more), idle in a
        # transaction for too long, too many connections, ended by the
        # administrator, crashed, not yet started.
        '25006',
        '25P03',
        '53300',
        '57P01',
        '57P02',
        '57P03',
        # MariaDB: too many connections, a node of Galera without the others,
        # shutdown, read-only, killed, and what its client says of a server
        # that is not there.
        1040,
        1047,
        1053,
        1290,
        1792,
        1836,
        1927,
        2002,
        2003,
        2006,
        2013,
    }
)
# PostgreSQL: the connection does not work, whatever the reason.
_LOST_CLASS = '08'
_FOREIGN_KEY: frozenset[object] = frozenset(
    {'23001', '23503', 1216, 1217, 1451, 1452}
)


def words(error: sa.exc.SQLAlchemyError) -> str:
    """Give the database's own words, without the statement."""
    said = getattr(error, 'orig', None) or error
    return ' '.join(str(said).split()).rstrip('.')


def translate(
    error: sa.exc.SQLAlchemyError, url: str
) -> exceptions.StoreError:
    """Make an error of ours of one of the database's.

    :param url: what errors call the database
    """
    kind = exceptions.StoreError
    if isinstance(error, sa.exc.DBAPIError):
        codes = _codes(error)
        if codes & _BUSY:
            kind = exceptions.StoreBusy
        elif (
            error.connection_invalidated
            or codes & _LOST
            or any(str(code).startswith(_LOST_CLASS) for code in codes)
        ):
            kind = exceptions.StoreLost
    return kind(url=url, reason=words(error))


def is_foreign_key(error: sa.exc.IntegrityError) -> bool:
    """Tell a row that lacks, or is, another's parent from one too many."""
    # SQLite has no number for it before Python 3.11, and one language.
    return bool(_codes(error) & _FOREIGN_KEY) or (
        'FOREIGN KEY' in str(error.orig)
    )


def _codes(error: sa.exc.DBAPIError) -> set[object]:
    """Give the numbers of an error, under the name that its driver has."""
    orig = error.orig
    texts = (getattr(orig, name, None) for name in ('sqlstate', 'pgcode'))
    numbers = (getattr(orig, 'errno', None), *getattr(orig, 'args', ())[:1])
    return {
        *(code for code in texts if isinstance(code, str)),
        *(code for code in numbers if isinstance(code, int)),
    }
