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


"""Tests of what the errors of databases are taken for."""

import sqlite3

import ddt
import psycopg
import pymysql
import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import failures
from tests import base


class _OlderDriver(Exception):
    """psycopg2's errors have their number under another name."""

    pgcode = '40001'


def _wrapped(orig: Exception) -> sa.exc.DBAPIError:
    return sa.exc.DBAPIError('UPDATE t', {}, orig)


@ddt.ddt
class FailureTestCase(base.TestCase):
    """Numbers tell what words tell in any language."""

    @ddt.data(
        psycopg.errors.SerializationFailure('Serialisierung'),
        psycopg.errors.DeadlockDetected('Verklemmung'),
        psycopg.errors.LockNotAvailable('Sperre'),
        _OlderDriver(),
        pymysql.err.OperationalError(1213, 'WSREP detected deadlock'),
        pymysql.err.InternalError(1205, 'Lock wait timeout exceeded'),
        pymysql.err.OperationalError(1020, 'Record has changed'),
    )
    def test_others_were_quicker(self, orig: Exception) -> None:
        """It is worth another try."""
        error = failures.translate(_wrapped(orig), 'url')
        self.assertIs(exceptions.StoreBusy, type(error))

    @ddt.data(
        psycopg.errors.AdminShutdown('beendet'),
        psycopg.errors.CannotConnectNow('startet'),
        psycopg.errors.ReadOnlySqlTransaction('kein Primärserver'),
        psycopg.errors.IdleInTransactionSessionTimeout('zu lange'),
        psycopg.errors.ConnectionFailure('Verbindung'),
        pymysql.err.OperationalError(2006, 'gone away'),
        pymysql.err.OperationalError(2013, 'lost'),
        pymysql.err.InternalError(1047, 'WSREP not ready'),
        pymysql.err.OperationalError(1290, '--read-only'),
    )
    def test_server_is_gone(self, orig: Exception) -> None:
        """Another connection may be better."""
        error = failures.translate(_wrapped(orig), 'url')
        self.assertIs(exceptions.StoreLost, type(error))

    def test_driver_says_that_the_connection_is_gone(self) -> None:
        """It has no number for that."""
        error = sa.exc.DBAPIError('', {}, psycopg.OperationalError('EOF'))
        error.connection_invalidated = True
        self.assertIs(
            exceptions.StoreLost, type(failures.translate(error, 'url'))
        )

    @ddt.data(
        psycopg.errors.StringDataRightTruncation('08 characters'),
        pymysql.err.DataError(1406, 'Data too long'),
        sqlite3.OperationalError('disk I/O error'),
        sqlite3.OperationalError(),
    )
    def test_anything_else(self, orig: Exception) -> None:
        """The same would happen again."""
        error = failures.translate(_wrapped(orig), 'url')
        self.assertIs(exceptions.StoreError, type(error))

    def test_error_of_the_library(self) -> None:
        """It never got to a database."""
        error = failures.translate(sa.exc.ArgumentError('no.'), 'url')
        self.assertIs(exceptions.StoreError, type(error))
        self.assertEqual({'url': 'url', 'reason': 'no'}, error.fields)

    @ddt.data(
        (psycopg.errors.ForeignKeyViolation('Fremdschlüssel'), True),
        (psycopg.errors.RestrictViolation('Fremdschlüssel'), True),
        (psycopg.errors.UniqueViolation('doppelt'), False),
        (pymysql.err.IntegrityError(1452, 'fremd'), True),
        (pymysql.err.IntegrityError(1451, 'fremd'), True),
        (pymysql.err.IntegrityError(1062, 'foreign_key'), False),
        (sqlite3.IntegrityError('FOREIGN KEY constraint failed'), True),
        (sqlite3.IntegrityError('UNIQUE constraint failed: a.b'), False),
    )
    @ddt.unpack
    def test_which_constraint(self, orig: Exception, foreign: bool) -> None:
        """One belongs to another, or is one too many."""
        error = sa.exc.IntegrityError('', {}, orig)
        self.assertEqual(foreign, failures.is_foreign_key(error))
