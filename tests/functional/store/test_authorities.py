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

"""Tests of authorities in the store."""

import dataclasses
import multiprocessing
from multiprocessing.synchronize import Barrier
from typing import Any
from unittest import mock

import ddt
import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import authorities
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import session
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import description
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import places
from tests.functional import databases
from tests.functional.store import base
from tests.unit.tls import operators

_PROCESSES = 4


def _passphrase() -> bytes:
    return b'correct horse'


def _authority(store: session.Store) -> ca.Authority:
    return ca.Authority.load_or_create(places.Database(store), _passphrase)


@databases.on_each_engine
class AuthoritiesTestCase(base.StoreTestCase):
    """The rows."""

    def test_one_of_each_generation(self) -> None:
        """The last one counts; none is put in the place of another."""
        first = model.StoredAuthority(1, 'ü' * 70_000, 'key', base.NOON)
        second = dataclasses.replace(first, generation=2)
        with self.store.write() as tx:
            self.assertEqual((), authorities.all(tx))
            authorities.add(tx, second)
            authorities.add(tx, first)
            self.assertRaises(
                exceptions.Conflict,
                authorities.add,
                tx,
                dataclasses.replace(second, key_pem='another'),
            )
        with self.store.read() as tx:
            self.assertEqual((first, second), authorities.all(tx))

    def test_key_is_not_shown(self) -> None:
        """Encrypted or not."""
        self.assertNotIn(
            'horse', repr(model.StoredAuthority(1, 'c', 'horse', base.NOON))
        )


@databases.on_each_engine
class DatabaseTestCase(base.StoreTestCase):
    """An authority whose place is the store."""

    def setUp(self) -> None:
        """Name the place."""
        super().setUp()
        self.place = places.Database(self.store)

    def test_it_is_made_once(self) -> None:
        """Another host reads it with the same passphrase."""
        made = _authority(self.store)
        again = _authority(self.another_store())
        self.assertEqual(made.fingerprint, again.fingerprint)
        found = description.describe(self.place)
        self.assertEqual(made.fingerprint, found.fingerprint)
        self.assertEqual(self.store.url, found.kept_in)
        self.assertTrue(found.is_encrypted)

    def test_key_is_nowhere_in_the_clear(self) -> None:
        """Neither in the row, nor in anything else that was written."""
        _authority(self.store)
        with self.store.read() as tx:
            [row] = tx.rows(schema.authorities.select())
        self.assertTrue(keys.is_encrypted(row.key_pem))
        keys.load(row.key_pem, _passphrase())

    def test_another_passphrase(self) -> None:
        """A host with the wrong one makes no other authority."""
        made = _authority(self.store)
        error = self.assertRaises(
            exceptions.PassphraseError,
            ca.Authority.load_or_create,
            self.place,
            lambda: b'wrong horse',
        )
        self.assertNotIn('horse', str(error))
        self.assertEqual(made.fingerprint, _authority(self.store).fingerprint)

    def test_there_is_none(self) -> None:
        """To look for it does not make one."""
        error = self.assertRaises(exceptions.TlsError, self.place.read)
        self.assertIn('there is none', str(error))
        with self.store.read() as tx:
            self.assertEqual((), authorities.all(tx))

    def test_key_in_the_clear_is_not_kept(self) -> None:
        """Whoever asks for that."""
        signer = operators.make()
        plain = keystore.Pair(signer.pem, keys.pem(signer.key))
        for keep in (
            lambda: self.place.create(plain),
            lambda: self.place.read_or_create(lambda: plain),
            lambda: ca.Authority.load_or_create(self.place),
        ):
            error = self.assertRaises(exceptions.TlsError, keep)
            self.assertIn('must be encrypted', str(error))
        with self.store.read() as tx:
            self.assertEqual((), authorities.all(tx))

    def test_key_in_the_clear_is_not_used(self) -> None:
        """Somebody wrote it there by hand."""
        signer = operators.make()
        row = model.StoredAuthority(
            1, signer.pem, keys.pem(signer.key), base.NOON
        )
        with self.store.write() as tx:
            authorities.add(tx, row)
        error = self.assertRaises(exceptions.TlsError, self.place.read)
        self.assertIn('must be encrypted', str(error))

    def test_own_authority_where_there_is_one(self) -> None:
        """It stays."""
        made = _authority(self.store)
        signer = operators.make()
        own = keystore.Pair(signer.pem, keys.pem(signer.key, b'x'))
        error = self.assertRaises(
            exceptions.AuthorityExists, self.place.create, own
        )
        self.assertIn(self.store.url, str(error))
        self.assertEqual(made.fingerprint, _authority(self.store).fingerprint)

    def test_another_host_is_quicker(self) -> None:
        """Its authority is taken, and ours is forgotten."""
        signer = operators.make()
        own = keystore.Pair(signer.pem, keys.pem(signer.key, b'x'))
        theirs: list[str] = []

        def make() -> keystore.Pair:
            theirs.append(_authority(self.another_store()).trust_pem)
            return own

        found, made = self.place.read_or_create(make)
        self.assertFalse(made)
        self.assertEqual(theirs, [found.certificate_pem])

    def test_database_fails(self) -> None:
        """No second authority is made because the first can't be seen."""
        _authority(self.store)
        with self.store.begun(session.Purpose.ALTER) as connection:
            connection.execute(sa.text('DROP TABLE authorities'))
            self.store.commit(connection)
        self.assertRaises(exceptions.StoreError, _authority, self.store)


@databases.on_servers
@ddt.ddt
class LostServerTestCase(base.StoreTestCase):
    """The connection breaks while the authority is put on record."""

    @ddt.data(True, False)
    def test_commit_is_lost(self, takes_place: bool) -> None:
        """It is made once, and known to be, whether that took place or not."""
        place = places.Database(self.store)
        signer = operators.make()
        pair = keystore.Pair(signer.pem, keys.pem(signer.key, b'x'))
        dialect = self.store._open().engine.dialect
        commit = dialect.do_commit
        lost: list[bool] = []

        def lose(connection: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute('SELECT count(*) FROM authorities')
                [(rows,)] = cursor.fetchall()
            if not rows or lost:
                commit(connection)
                return
            lost.append(True)
            if takes_place:
                commit(connection)
            self.database.server.disconnect(self.database.name)
            connection.cursor().execute('SELECT 1')

        with mock.patch.object(dialect, 'do_commit', lose):
            found, made = place.read_or_create(lambda: pair)
        self.assertEqual([True], lost)
        self.assertTrue(made)
        self.assertEqual(pair, found)
        self.assertEqual(pair, place.read())


def _come(
    url: str, start: Barrier, found: 'multiprocessing.Queue[str]'
) -> None:
    """Want the authority at the same moment as others do."""
    store = session.Store(url)
    start.wait()
    found.put(_authority(store).fingerprint)
    store.close()


@databases.on_each_engine
class ProcessesTestCase(base.StoreTestCase):
    """Services that start on several hosts."""

    allow_processes = True

    def test_processes_create_one_authority(self) -> None:
        """All go on with the same, and there is one row."""
        self.store.close()
        context = multiprocessing.get_context('fork')
        start, found = context.Barrier(_PROCESSES), context.Queue()
        processes = [
            context.Process(target=_come, args=(self.url, start, found))
            for _ in range(_PROCESSES)
        ]
        for process in processes:
            process.start()
        prints = {found.get(timeout=60) for _ in processes}
        for process in processes:
            process.join()
        self.assertEqual({_authority(self.store).fingerprint}, prints)
        with self.store.read() as tx:
            [row] = tx.rows(schema.authorities.select())
        self.assertEqual(1, row.generation)
