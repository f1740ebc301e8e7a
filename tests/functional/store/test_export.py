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


"""Tests of exports: from any database into any other, and nothing else."""

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import authorities
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import enrolments
from manila_gluster_heketi.store import export
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import load
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import rotations
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.engines import Purpose
from tests.functional import databases
from tests.functional.store import base
from tests.functional.store import test_migrations

_Rows = list[dict[str, Any]]


def exported(store: session.Store) -> list[str]:
    """Give the lines of an export."""
    lines: list[str] = []
    export.write(store, lines.append)
    return lines


def signed(rows: _Rows, **header: Any) -> list[str]:
    """Make an export that has these rows, and is as it was written."""
    first = {
        'format': export.FORMAT,
        'format_version': export.FORMAT_VERSION,
        'revision': sync.head(),
        **header,
    }
    lines = [json.dumps(line) + '\n' for line in (first, *rows)]
    checksum = hashlib.sha256(''.join(lines).encode()).hexdigest()
    last = {'rows': len(rows), 'sha256': checksum}
    return [*lines, json.dumps(last) + '\n']


def rows_of(store: session.Store) -> _Rows:
    """Give what an export has between its first and its last line."""
    return [json.loads(line) for line in exported(store)[1:-1]]


class FilledTestCase(base.StoreTestCase):
    """A store with some of everything."""

    allow_processes = True
    allow_sockets = True

    def setUp(self) -> None:
        """Fill it."""
        super().setUp()
        cluster = self.add_cluster(
            name='Zürich 🏔', generation=2**62, secure_access=True
        )
        node = self.add_node(cluster, 'a')
        devices = [self.add_device(node, f'/dev/sd{x}') for x in 'bc']
        live = self.add_volume(cluster, access=('zoë', '"quoted"'))
        self.add_volume(cluster, state=model.VolumeState.CONDEMNED)
        with self.store.write() as tx:
            volumes.add_bricks(
                tx,
                [
                    self.brick(live, devices[0], 0, 0),
                    self.brick(live, devices[1], 0, 1),
                    self.brick(live, devices[1], 1, 0),
                ],
            )
            for state in (model.OpState.DONE, model.OpState.RUNNING):
                self._add_operation(tx, cluster, state)
            certificates.add(
                tx, model.Certificate('a0', 'alice', 'client', base.NOON)
            )
            certificates.add(
                tx,
                model.Certificate(
                    serial='a1',
                    common_name='bob',
                    kind='client',
                    not_after=base.NOON,
                    share_id='share-1',
                    asked_by='zoë',
                    issued_at=base.NOON,
                    revoked_at=base.NOON,
                ),
            )
            revocations.ban(
                tx, model.RevokedName('bob', base.NOON, 'left 🏔', 'zoë')
            )

            enrolments.add(
                tx,
                model.Enrolment(
                    id=model.new_id(),
                    share_id='share-1',
                    common_name='bob',
                    rule_id='rule-1',
                    issued_at=base.NOON,
                    expires_at=base.NOON,
                    used_at=base.NOON,
                    serial='a1',
                    key_digest='f' * 64,
                ),
            )
            authorities.add(
                tx, model.StoredAuthority(1, 'ü' * 20_000, 'key', base.NOON)
            )
            rotations.begin(
                tx,
                model.Rotation(
                    number=1,
                    phase=model.RotationPhase.RE_SIGN,
                    direction=model.RotationDirection.BACK,
                    old_pem='ü' * 20_000,
                    new_pem='new',
                    link_pem='',
                    started_at=base.NOON,
                ),
            )

    def _add_operation(
        self, tx: Any, cluster: model.Cluster, state: model.OpState
    ) -> None:
        operation = model.Operation(
            id=model.new_id(),
            kind=model.OpKind.VOLUME_CREATE,
            subject='x',
            cluster_id=cluster.id,
            state=state,
            owner='host:1',
            lease_until=base.NOON,
            steps=(
                model.StepRecord(0, 'bricks', 'a', {'ids': ['ü', '\\', None]}),
                model.StepRecord(1, 'volume', 'b', {}),
            ),
            error='line\nline\t' + 70_000 * 'x',
        )
        journal.open_operation(tx, operation, ['x', 'topology'])
        if state is model.OpState.DONE:
            journal.close_operation(tx, operation.id)

    def values_in(self, store: session.Store) -> list[Any]:
        """Read all values, as the rest of the project does."""
        with store.read() as tx:
            found = volumes.volumes(tx)
            return [
                topology.clusters(tx),
                topology.nodes(tx),
                topology.devices(tx),
                found,
                [volumes.bricks(tx, volume.id) for volume in found],
                journal.operations(tx),
                certificates.all(tx),
                revocations.all(tx),
                enrolments.all(tx),
                authorities.all(tx),
                rotations.latest(tx),
            ]

    def target(self, engine: str = '') -> session.Store:
        """Make an empty store."""
        database = self.new_database(synced=True, engine=engine)
        store = session.Store(database.url)
        self.addCleanup(store.close)
        return store


@databases.on_each_engine
class RoundTripTestCase(FilledTestCase):
    """From this database into each one."""

    def test_into_each_database(self) -> None:
        """The rows are the same, and so are the values."""
        lines = exported(self.store)
        # What is open is held where it is imported.
        self.assertEqual(1, self.store.transact(journal.hold_open))
        rows = rows_of(self.store)
        self.assertEqual(
            {table.name for table in export.TABLES},
            {row['table'] for row in rows},
        )
        for engine in databases.ENGINES:
            target = self.target(engine)
            # More batches than one.
            with mock.patch.object(export, 'ROWS', 2):
                self.assertEqual(len(rows), load.read(target, lines, 'x'))
            self.assertEqual(rows, rows_of(target))
            self.assertEqual(
                self.values_in(self.store), self.values_in(target)
            )

    def test_export_sees_one_moment(self) -> None:
        """What is committed while it is written is not in it."""
        before = rows_of(self.store)
        lines: list[str] = []
        other = self.another_store()

        def put(line: str) -> None:
            if not lines:
                with other.write() as tx:
                    new = model.Cluster(model.new_id(), 'new')
                    topology.add_cluster(tx, new)
            lines.append(line)

        with mock.patch.object(export, 'ROWS', 1):
            self.assertEqual(len(before), export.write(self.store, put))
        self.assertEqual(before, [json.loads(line) for line in lines[1:-1]])
        self.assertEqual(len(before) + 1, len(rows_of(self.store)))

    def test_database_without_tables(self) -> None:
        """There is nothing to export."""
        self.url = self.new_database().url
        store = self.another_store()
        if self.engine == 'sqlite':
            sa.create_engine(self.url).connect().close()
        error = self.assertRaises(exceptions.StoreError, exported, store)
        self.assertIn('nothing in it', str(error))

    def test_store_is_not_empty(self) -> None:
        """It is kept, unless it is to be replaced."""
        lines = exported(self.target())
        before = rows_of(self.store)
        error = self.assertRaises(
            exceptions.StoreNotEmpty, load.read, self.store, lines, 'x'
        )
        self.assertEqual('authorities', error.fields['table'])
        self.assertEqual(before, rows_of(self.store))
        load.read(self.store, lines, 'x', replace=True)
        self.assertEqual([], rows_of(self.store))

    def test_replacement_fails(self) -> None:
        """What was there is there again."""
        before = rows_of(self.store)
        lines = exported(self.store)[:-1]
        self.assertRaises(
            exceptions.InvalidExport,
            load.read,
            self.store,
            lines,
            'x',
            replace=True,
        )
        self.assertEqual(before, rows_of(self.store))


def _row(table: str, **values: Any) -> Callable[[_Rows], None]:
    """Change the first row of a table."""

    def change(rows: _Rows) -> None:
        row = next(row for row in rows if row['table'] == table)
        row['row'] |= values

    return change


def _without(table: str) -> Callable[[_Rows], None]:
    def change(rows: _Rows) -> None:
        rows[:] = [row for row in rows if row['table'] != table]

    return change


def _twice(rows: _Rows) -> None:
    rows.append(rows[-1])


def _elsewhere(rows: _Rows) -> None:
    rows[0] = {**rows[0], 'table': 'alembic_version'}


_IMPOSSIBLE = (
    (_row('clusters', id=None), 'clusters'),
    (_row('clusters', generation=2**63), 'clusters.generation'),
    (_row('clusters', generation='1'), 'clusters.generation'),
    (_row('clusters', generation=1.5), 'clusters.generation'),
    (_row('clusters', generation=True), 'clusters.generation'),
    (_row('clusters', name='\udcff'), 'clusters.name'),
    (_row('clusters', colour='red'), 'other columns'),
    (_row('nodes', state='dancing'), 'dancing'),
    (_row('nodes', tags='{'), 'nodes'),
    (_row('volumes', durability='once'), 'volumes'),
    (_row('operations', lease_until='noon'), 'operations.lease_until'),
    (_without('nodes'), 'devices'),
    (_twice, 'bricks'),
    (_elsewhere, 'alembic_version'),
)


@databases.on_each_engine
class BadExportTestCase(FilledTestCase):
    """What is not an export, or was changed."""

    def setUp(self) -> None:
        """Export the store, and make one that stays empty."""
        super().setUp()
        self.lines = exported(self.store)
        self.rows = [json.loads(line) for line in self.lines[1:-1]]
        self.empty = self.target()

    def _refused(self, lines: list[str], words: str) -> Exception:
        """Import what must be refused."""
        error = self.assertRaises(
            exceptions.GlusterHeketiError,
            load.read,
            self.empty,
            lines,
            'file.jsonl',
        )
        self.assertIn('file.jsonl', str(error))
        self.assertIn(words, str(error))
        with self.empty.begun(Purpose.READ) as connection:
            for table in export.TABLES:
                found = connection.execute(sa.select(table)).all()
                self.assertEqual([], found)
        return error

    def test_lines_that_were_changed(self) -> None:
        """Each is found, and where."""
        lines = self.lines
        # No other row refers to this one: databases would tell of it first.
        at = len(lines) - 2
        for words, changed in (
            ('too early', lines[:at]),
            ('not those that', [*lines[:at], *lines[at + 1 :]]),
            (
                'not those that',
                [
                    *lines[:at],
                    lines[at].replace('"', ' "', 1),
                    *lines[at + 1 :],
                ],
            ),
            ('more after the last', [*lines, '\n']),
            ('line 2: Expecting', [lines[0], 'rubbish\n']),
            ('line 2: this is no JSON object', [lines[0], '[]\n']),
            ('line 1: this is no export', ['{}\n', *lines[1:]]),
            ('line 1: it ends here', []),
        ):
            error = self._refused(changed, words)
            self.assertIsInstance(error, exceptions.InvalidExport)
        # What refused all that takes what is right.
        load.read(self.empty, lines, 'x')

    def test_rows_that_can_not_be(self) -> None:
        """The checksum says nothing against them."""
        for change, words in _IMPOSSIBLE:
            rows = copy.deepcopy(self.rows)
            change(rows)
            error = self._refused(signed(rows), words)
            self.assertIsInstance(error, exceptions.InvalidExport)
        load.read(self.empty, signed(self.rows), 'x')

    def test_export_of_a_newer_release(self) -> None:
        """It is refused by name."""
        for header, words in (
            ({'revision': '9999'}, "'9999'"),
            ({'format_version': 2}, "'format 2'"),
        ):
            error = self._refused(signed([], **header), words)
            self.assertIsInstance(error, exceptions.StoreTooNew)


@databases.on_each_engine
class OldExportTestCase(test_migrations.OldDatabaseTestCase):
    """The export of a store that was not migrated yet."""

    def setUp(self) -> None:
        """Put a volume into it, and export it."""
        super().setUp()
        self._add('v1', 3, 'strict')
        self._add_brick('b1', 'v1', base.GIB)
        self.old_store = self.store
        self.lines = exported(self.old_store)
        self.url = self.database.url
        self.store = self.another_store()

    def _check(self) -> None:
        with self.store.read() as tx:
            [volume] = volumes.volumes(tx)
            [device] = topology.snapshot(tx, 'c1').devices
        self.assertEqual('replicate:3', str(volume.durability))
        self.assertEqual('zone:strict', str(volume.spread))
        self.assertEqual(base.GIB, device.used_bytes)

    def test_into_an_empty_store(self) -> None:
        """It is migrated on the way."""
        self.assertEqual(5, load.read(self.store, self.lines, 'x'))
        self._check()
        self.store.transact(
            lambda tx: topology.add_cluster(tx, model.Cluster('c2', 'two'))
        )

    def test_what_is_open_is_held(self) -> None:
        """That release could not hold it."""
        closed = {'finished_at': test_migrations.NOON, 'state': 'done'}
        for identity, more in (('o1', {}), ('o2', closed)):
            operation = test_migrations.OPERATION | {'id': identity} | more
            self._insert('operations', operation)
        load.read(self.store, exported(self.old_store), 'x')
        with self.store.read() as tx:
            held = {each.id: each.held for each in journal.operations(tx)}
        self.assertEqual({'o1': True, 'o2': False}, held)

    def test_in_the_place_of_another_store(self) -> None:
        """MariaDB could not undo that."""
        cluster = self.add_cluster()

        def replace() -> int:
            return load.read(self.store, self.lines, 'x', replace=True)

        if self.engine == 'mariadb':
            self.assertRaises(exceptions.StoreNotEmpty, replace)
            with self.store.read() as tx:
                self.assertEqual((cluster,), topology.clusters(tx))
        else:
            replace()
            self._check()

    def test_export_was_cut_off(self) -> None:
        """The store is as empty as before, and of this release."""
        self.assertRaises(
            exceptions.InvalidExport,
            load.read,
            self.store,
            self.lines[:-1],
            'x',
        )
        self.store.sync()
        self.assertEqual([], rows_of(self.store))
        load.read(self.store, self.lines, 'x')
        self._check()
