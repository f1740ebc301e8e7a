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

"""Tests of transactions: isolation, waiting, forks, what may go wrong."""

import concurrent.futures
import contextlib
import importlib.util
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import unittest
from unittest import mock

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import engines
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import topology
from tests.functional import databases
from tests.functional.store import base

# Greenthreads write the same row; who has its lock lets others come to wait.
_GREEN = """
import eventlet
eventlet.monkey_patch()
import sys, time
from manila_gluster_heketi.store import generations, session
store = session.Store(sys.argv[1])
def write():
    with store.write() as tx:
        time.sleep(0.05)
        generations.reshape(tx, sys.argv[2])
        time.sleep(0.05)
started = time.monotonic()
threads = [eventlet.spawn(write) for _ in range(4)]
for thread in threads:
    thread.wait()
print(time.monotonic() - started)
"""


def _sync(url: str) -> str | None:
    store = session.Store(url)
    store.sync()
    revision = store.state().revision
    store.close()
    return revision


@databases.on_each_engine
class TransactionTestCase(base.StoreTestCase):
    """What a transaction promises."""

    def _names(self) -> list[str]:
        with self.store.read() as tx:
            return [cluster.name for cluster in topology.clusters(tx)]

    def test_exception_takes_the_writes_back(self) -> None:
        """Nothing is left of a transaction that fails."""
        with self.assertRaisesRegex(ValueError, 'ours'):
            with self.store.write() as tx:
                topology.add_cluster(tx, model.Cluster(model.new_id(), 'a'))
                raise ValueError('ours')
        self.assertEqual([], self._names())

    def test_reader_sees_one_moment(self) -> None:
        """What is committed while a reader reads stays unseen."""
        with self.store.read() as tx:
            self.assertEqual((), topology.clusters(tx))
            self.add_cluster()
            self.assertEqual((), topology.clusters(tx))
        self.assertEqual(['one'], self._names())

    def test_reader_does_not_wait_for_the_writer(self) -> None:
        """A reader sees what was committed before."""
        with self.store.write() as tx:
            topology.add_cluster(tx, model.Cluster(model.new_id(), 'a'))
            self.assertEqual([], self._names())
        self.assertEqual(['a'], self._names())

    def test_reader_can_not_write(self) -> None:
        """A read transaction has no methods that write."""
        new = model.Cluster(model.new_id(), 'a')
        with self.store.read() as tx:
            self.assertRaises(AttributeError, topology.add_cluster, tx, new)

    def test_many_writers_wait_for_each_other(self) -> None:
        """Threads and processes that count lose no count."""
        cluster = self.add_cluster()
        other = self.another_store()

        def count(store: session.Store) -> None:
            left = 10
            while left:
                # On a server the second of two is told to try again.
                with contextlib.suppress(exceptions.StaleGeneration):
                    with store.write() as tx:
                        seen = topology.cluster(tx, cluster.id).generation
                        generations.claim(tx, cluster.id, seen)
                    left -= 1

        results = self.all_at_once(
            [lambda: count(self.store)] * 4 + [lambda: count(other)] * 4
        )
        self.assertEqual([None] * 8, results)
        with self.store.read() as tx:
            self.assertEqual(80, topology.cluster(tx, cluster.id).generation)

    def test_database_without_tables(self) -> None:
        """Reading before sync is an error of ours."""
        self.url = self.new_database().url
        if self.engine == 'sqlite':
            sqlite3.connect(self.url.removeprefix('sqlite:///')).close()
        with self.another_store().read() as tx:
            error = self.assertRaises(
                exceptions.StoreError, topology.clusters, tx
            )
        self.assertIn('clusters', str(error))

    def test_store_is_usable_after_close(self) -> None:
        """To close is to forget connections, not the store."""
        self.store.close()
        self.store.close()
        self.assertEqual([], self._names())


class FileTestCase(base.StoreTestCase):
    """Files of SQLite, which have one writer; waiting ends."""

    def setUp(self) -> None:
        """Make waiting short."""
        super().setUp()
        patched = mock.patch.object(engines, 'WRITER_SECONDS', 0.05)
        patched.start()
        self.addCleanup(patched.stop)
        self.store = self.another_store()

    def test_commits_are_on_disk(self) -> None:
        """The settings that crash safety rests on."""
        with self.store.read() as tx:
            settings = {
                name: tx.rows(sa.text(f'PRAGMA {name}'))[0][0]
                for name in ('journal_mode', 'synchronous', 'foreign_keys')
            }
        self.assertEqual(
            {'journal_mode': 'wal', 'synchronous': 2, 'foreign_keys': 1},
            settings,
        )

    def test_another_process_writes_for_ever(self) -> None:
        """SQLite gives up."""
        with self.another_store().write():
            error = self.assertRaises(
                exceptions.StoreError, self.store.write().__enter__
            )
        self.assertIn('database is locked', str(error))

    def test_another_thread_writes_for_ever(self) -> None:
        """The turn is not had."""
        with self.store.write():
            (error,) = self.all_at_once([self.store.write().__enter__])
        self.assertIsInstance(error, exceptions.StoreError)
        self.assertIn('another thread', str(error))

    def test_turn_is_given_back_by_who_failed(self) -> None:
        """An error does not keep others from writing."""
        with self.another_store().write():
            self.assertRaises(
                exceptions.StoreError, self.store.write().__enter__
            )
        self.add_cluster()


@databases.on_each_engine
class ProcessTestCase(base.StoreTestCase):
    """Forks and greenthreads."""

    allow_processes = True

    def test_child_opens_its_own_connections(self) -> None:
        """A store that a parent used works in its child, and then there."""
        self.add_cluster(name='parent')
        child = os.fork()
        if not child:
            status = 1
            try:
                self.add_cluster(name='child')
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(0, os.waitpid(child, 0)[1])
        with self.store.write() as tx:
            self.assertEqual(
                ['child', 'parent'],
                [cluster.name for cluster in topology.clusters(tx)],
            )

    def test_many_processes_make_the_tables(self) -> None:
        """One of them does it, the others wait."""
        url = self.new_database().url
        with concurrent.futures.ProcessPoolExecutor(
            4, mp_context=multiprocessing.get_context('fork')
        ) as pool:
            needed = list(pool.map(_sync, [url] * 4))
        self.assertEqual([sync.head()] * 4, needed)

    @unittest.skipUnless(
        importlib.util.find_spec('eventlet'), 'eventlet is not installed'
    )
    def test_greenthread_in_a_transaction_switches(self) -> None:
        """The next writer waits without stopping the one before it."""
        cluster = self.add_cluster()
        seconds = subprocess.run(
            [
                sys.executable,
                '-W',
                'ignore',
                '-c',
                _GREEN,
                self.url,
                cluster.id,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        self.assertLess(float(seconds), 10)


class AddressTestCase(base.StoreTestCase):
    """Databases that are not there or not usable."""

    def test_store_opens_nothing_before_it_is_used(self) -> None:
        """The driver is made in the parent of a fork."""
        threads = threading.active_count()
        with mock.patch.object(sa, 'create_engine', autospec=True) as create:
            session.Store(f'sqlite:///{self.database.directory}/none.db')
        create.assert_not_called()
        self.assertEqual(threads, threading.active_count())
        self.assertNotIn('none.db', os.listdir(self.database.directory))

    def test_url_is_none(self) -> None:
        """A typing error may hold the password."""
        error = self.assertRaises(
            exceptions.StoreError, session.Store, 'mysql:secret'
        )
        self.assertNotIn('secret', str(error))

    def test_store_in_memory(self) -> None:
        """Each connection would see another store."""
        for url in ('sqlite://', 'sqlite:///:memory:'):
            self.assertRaises(exceptions.StoreError, session.Store, url)

    def test_file_is_not_there(self) -> None:
        """It is not made by who only looks for it, or lost it."""
        url = f'sqlite:///{self.database.directory}/none.db'
        store = session.Store(url)
        for act in (store.state, store.write().__enter__):
            error = self.assertRaises(exceptions.StoreError, act)
            self.assertIn('there is no such file', str(error))
        self.assertNotIn('none.db', os.listdir(self.database.directory))

    def test_unknown_database(self) -> None:
        """SQLAlchemy has no such dialect."""
        store = session.Store('clay://tablet')
        error = self.assertRaises(
            exceptions.StoreError, store.read().__enter__
        )
        self.assertIn('clay', str(error))

    def test_driver_is_not_installed(self) -> None:
        """The error names it, and not the password."""
        store = session.Store('sqlite+absent:///x')
        missing = ModuleNotFoundError("No module named 'absent'")
        with mock.patch.object(
            sa, 'create_engine', autospec=True, side_effect=missing
        ):
            error = self.assertRaises(
                exceptions.StoreError, store.read().__enter__
            )
        self.assertIn("No module named 'absent'", str(error))

    def test_password_is_hidden(self) -> None:
        """Errors show the URL without it."""
        store = session.Store('postgresql://me:secret@host/db')
        self.assertEqual('postgresql://me:***@host/db', store.url)
