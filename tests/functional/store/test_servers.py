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


"""Tests of what servers do to transactions: deadlocks, waiting, death."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import ddt
import psycopg
import pymysql

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import engines
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction
from tests.functional import databases
from tests.functional.store import base

_Work = Callable[[WriteTransaction], Any]


class ServerTestCase(base.StoreTestCase):
    """A cluster whose generation counts what was committed."""

    def setUp(self) -> None:
        """Make the cluster."""
        super().setUp()
        self.cluster = self.add_cluster()

    def count(self, tx: WriteTransaction) -> int:
        """Count one more; return how many there are."""
        generations.reshape(tx, self.cluster.id)
        return topology.cluster(tx, self.cluster.id).generation

    def counted(self) -> int:
        """Say how many are on record."""
        with self.store.read() as tx:
            return topology.cluster(tx, self.cluster.id).generation

    def write(self, work: _Work, store: session.Store | None = None) -> Any:
        """Run a function of a transaction once."""
        with (store or self.store).write() as tx:
            return work(tx)

    def patch(self, target: object, name: str, value: object) -> None:
        """Set an attribute for this test."""
        patched = mock.patch.object(target, name, value)
        patched.start()
        self.addCleanup(patched.stop)


@databases.on_servers
class ContentionTestCase(ServerTestCase):
    """Others want the same rows."""

    def _crossing(self) -> tuple[_Work, _Work]:
        """Make what takes two shares in one order, and in the other one."""
        meeting = threading.Barrier(2)

        def taking(*shares: str) -> _Work:
            attempts = itertools.count()

            def work(tx: WriteTransaction) -> None:
                first = not next(attempts)
                for share in shares:
                    new = self.volume(self.cluster, share_id=share)
                    with contextlib.suppress(exceptions.Conflict):
                        volumes.add_volume(tx, new)
                    if first and share is shares[0]:
                        meeting.wait(10)

            return work

        return taking('a', 'b'), taking('b', 'a')

    def test_deadlock(self) -> None:
        """One of both is told, and the other one goes on."""
        results = self.all_at_once(
            [lambda work=work: self.write(work) for work in self._crossing()]
        )
        self.assertEqual(1, results.count(None), results)
        [error] = [each for each in results if each is not None]
        self.assertIsInstance(error, exceptions.StoreBusy)
        self.assertIn('deadlock', str(error).lower())

    def test_deadlock_is_tried_again(self) -> None:
        """Both are made, one after the other."""
        results = self.all_at_once(
            [
                lambda work=work: self.store.transact(work)
                for work in self._crossing()
            ]
        )
        self.assertEqual([None, None], results)
        with self.store.read() as tx:
            shares = {each.share_id for each in volumes.volumes(tx)}
        self.assertEqual({'a', 'b'}, shares)

    def test_another_writes_for_ever(self) -> None:
        """Waiting ends; who does not want to hear it commits nothing."""
        self.patch(engines, 'WRITER_SECONDS', 1)
        hasty = self.another_store()

        def swallow(tx: WriteTransaction) -> None:
            topology.add_cluster(tx, model.Cluster(model.new_id(), 'two'))
            for _ in range(2):
                with contextlib.suppress(exceptions.StoreBusy):
                    self.count(tx)

        with self.store.write() as tx:
            self.count(tx)
            self.assertRaises(exceptions.StoreBusy, self.write, swallow, hasty)
        self.assertEqual(1, self.counted())
        with self.store.read() as tx:
            self.assertEqual(1, len(topology.clusters(tx)))

    def test_others_get_in_the_way_all_the_time(self) -> None:
        """It is not tried for ever."""
        self.patch(session, 'PATIENCE_SECONDS', 0.3)
        attempts = []

        def fail(tx: WriteTransaction) -> None:
            attempts.append(tx)
            raise exceptions.StoreBusy(url='', reason='others')

        self.assertRaises(exceptions.StoreBusy, self.store.transact, fail)
        self.assertGreater(len(attempts), 1)

    def test_errors_of_ours_are_not_tried_again(self) -> None:
        """What the function raises is raised, and nothing is on record."""
        attempts = itertools.count(1)

        def refuse(tx: WriteTransaction) -> None:
            next(attempts)
            self.count(tx)
            raise exceptions.StaleGeneration(cluster='c', attempts=1)

        self.assertRaises(
            exceptions.StaleGeneration, self.store.transact, refuse
        )
        self.assertEqual(2, next(attempts))
        self.assertEqual(0, self.counted())

    def test_writer_is_stopped(self) -> None:
        """Others need not wait until it goes on, and then it is told."""
        self.patch(engines, 'IDLE_SECONDS', 1)
        stopped = self.another_store()

        def stop(tx: WriteTransaction) -> None:
            self.count(tx)
            self.store.transact(self.count)
            self.count(tx)

        self.assertRaises(exceptions.StoreLost, self.write, stop, stopped)
        self.assertEqual(1, self.counted())


@databases.on_servers
@ddt.ddt
class LostTestCase(ServerTestCase):
    """Connections break, at the commit too."""

    def setUp(self) -> None:
        """Have a connection, and a receipt."""
        super().setUp()
        self.store.transact(self.count)
        self.attempts = 0

    def _counting(self, tx: WriteTransaction) -> int:
        self.attempts += 1
        return self.count(tx)

    def _losing(self, tx: WriteTransaction) -> int:
        """Count, and be cut off in the middle of it the first time."""
        result = self._counting(tx)
        if self.attempts == 1:
            self.database.server.disconnect(self.database.name)
        return self.count(tx) - 1 or result

    def test_connection_breaks(self) -> None:
        """Who can't do it again is told."""
        self.assertRaises(exceptions.StoreLost, self.write, self._losing)
        self.assertEqual(1, self.counted())

    def test_connection_breaks_and_it_is_tried_again(self) -> None:
        """It is on record once."""
        self.assertEqual(2, self.store.transact(self._losing))
        self.assertEqual(2, self.attempts)
        self.assertEqual(3, self.counted())

    def _lose_a_commit(self, lose: Callable[[Any, Any], None]) -> None:
        """Let the next commit be lost.

        :param lose: gets the driver's connection, and what commits it
        """
        dialect = self.store._open().engine.dialect
        commit = dialect.do_commit
        losses = iter((lose,))

        def do_commit(connection: Any) -> None:
            next(losses, lambda c, how: how(c))(connection, commit)

        self.patch(dialect, 'do_commit', do_commit)

    def _before(self, connection: Any, commit: Callable[[Any], None]) -> None:
        self.database.server.disconnect(self.database.name)
        commit(connection)

    def _after(self, connection: Any, commit: Callable[[Any], None]) -> None:
        commit(connection)
        self.database.server.disconnect(self.database.name)
        connection.cursor().execute('SELECT 1')

    def _later(self, connection: Any, commit: Callable[[Any], None]) -> None:
        """Let the server commit what its client knows nothing of any more."""
        driver = connection.dbapi_connection
        dialect = self.store._open().engine.dialect
        for name in ('do_close', 'do_terminate'):
            close = getattr(dialect, name)
            self.patch(
                dialect,
                name,
                lambda c, close=close: None if c is driver else close(c),
            )
        self.addCleanup(driver.close)
        timer = threading.Timer(0.5, commit, [driver])
        timer.start()
        self.addCleanup(timer.join)
        if self.engine == 'postgresql':
            raise psycopg.errors.ConnectionFailure('cut')
        raise pymysql.err.OperationalError(2013, 'cut')

    @ddt.data(('_before', 2), ('_after', 1), ('_later', 1))
    @ddt.unpack
    def test_connection_breaks_at_the_commit(
        self, lose: str, attempts: int
    ) -> None:
        """It is on record once, whether the commit took place or not."""
        self._lose_a_commit(getattr(self, lose))
        self.assertEqual(2, self.store.transact(self._counting))
        self.assertEqual(attempts, self.attempts)
        self.assertEqual(2, self.counted())
        # And so is the next one.
        self.assertEqual(3, self.store.transact(self._counting))
        self.assertEqual(3, self.counted())

    @ddt.data('_before', '_after', '_later')
    def test_first_commit_of_a_process_is_lost(self, lose: str) -> None:
        """It is the one of the receipt."""
        self.store.close()
        self.assertEqual(1, self.counted())
        self._lose_a_commit(getattr(self, lose))
        self.assertEqual(2, self.store.transact(self._counting))
        self.assertEqual(2, self.counted())

    def test_server_does_not_come_back_from_a_commit(self) -> None:
        """Nobody knows then what is on record."""
        self.patch(session, 'PATIENCE_SECONDS', 0)
        for make, expected in (
            (lambda: self.write(self.count), 2),
            (lambda: self.store.transact(self.count), 3),
        ):
            self._lose_a_commit(self._after)
            error = self.assertRaises(exceptions.CommitUncertain, make)
            self.assertIn('may be on record or not', str(error))
            self.assertEqual(expected, self.counted())

    def test_store_is_replaced(self) -> None:
        """A process that goes on finds another one, without its receipt."""
        with self.store.write() as tx:
            tx.change(schema.receipts.delete())
        self.assertEqual(2, self.store.transact(self._counting))
        self.assertEqual(2, self.counted())


@databases.on_servers
class RestartTestCase(ServerTestCase):
    """Servers are stopped, started anew, and killed."""

    def setUp(self) -> None:
        """Leave the server running."""
        super().setUp()
        self.server = self.database.server
        self.addCleanup(self.server.start)

    def _start_soon(self) -> None:
        timer = threading.Timer(0.5, self.server.start)
        timer.start()
        self.addCleanup(timer.join)

    def test_server_is_started_anew(self) -> None:
        """Who knows it waits for it."""
        for act in (lambda: self.store.transact(self.count), self.counted):
            self.server.stop()
            self._start_soon()
            self.assertEqual(1, act())

    def test_server_never_was_there(self) -> None:
        """A wrong URL is not waited for."""
        self.patch(session, 'FIRST_PATIENCE_SECONDS', 0.2)
        store = self.another_store()
        self.server.stop()
        begin = time.monotonic()
        for act in (
            store.read().__enter__,
            lambda: store.transact(self.count),
        ):
            self.assertRaises(exceptions.StoreLost, act)
        self.assertLess(time.monotonic() - begin, 10)

    def test_server_is_killed_again_and_again(self) -> None:
        """Each of many writers counts to the end, and no count is lost."""
        done = threading.Event()

        def count(store: session.Store) -> int:
            counts = 0
            while not done.is_set():
                store.transact(self.count)
                counts += 1
            return counts

        def kill() -> int:
            for _ in range(2):
                time.sleep(0.3)
                self.server.kill()
                self.server.start()
            done.set()
            return 0

        other = self.another_store()
        other.transact(self.count)
        before = self.counted()
        results = self.all_at_once(
            [kill]
            + [lambda: count(self.store)] * 3
            + [lambda: count(other)] * 3
        )
        self.assertEqual(self.counted() - before, sum(results))
        self.assertGreater(sum(results), 6)
