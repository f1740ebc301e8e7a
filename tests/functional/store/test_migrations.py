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

"""Tests of databases that older releases wrote."""

import dataclasses
import datetime
import itertools
from typing import Any

import ddt
import sqlalchemy as sa
from alembic import autogenerate
from alembic import command
from alembic import config
from alembic import migration

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.store import authorities
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.migrations import run
from tests.functional import databases
from tests.functional.store import base

_CLUSTER = {'id': 'c1', 'name': 'one', 'generation': 7}
_NODE = {
    'id': 'n1',
    'cluster_id': 'c1',
    'manage_host': 'n1',
    'storage_host': 'n1-data',
    'zone': 1,
    'state': 'online',
    'tags': '{}',
    'host_key': '',
    'tls_directory': '/etc/ssl',
}
_DEVICE = {
    'id': 'd1',
    'node_id': 'n1',
    'path': '/dev/vdb',
    'vg_name': 'vg_d1',
    'pool_name': 'pool',
    'total_bytes': 100 * sizes.GIB,
    'extent_bytes': 4 * sizes.MIB,
    'state': 'online',
    'tags': '{}',
    'pv_uuid': '',
}
_VOLUME = {
    'cluster_id': 'c1',
    'size_bytes': 1,
    'capacity_bytes': 2,
    'state': 'ready',
    'access': '["alice"]',
}
_BRICK = {
    'device_id': 'd1',
    'set_index': 0,
    'position': 0,
    'vg_name': 'vg_d1',
    'pool_name': 'pool',
    'mount_path': '/m',
    'brick_path': '/m/b',
}
NOON = datetime.datetime(2031, 5, 4, 12)
_NAMES = ('id', 'manage_host', 'storage_host')
OPERATION = {
    'cluster_id': 'c1',
    'state': 'running',
    'owner': 'x',
    'lease_until': NOON,
    'error': '',
    'kind': 'volume-create',
    'subject': 'v1',
    'started_at': NOON,
}
_STEP = {
    'number': 0,
    'kind': 'make-device',
    'host': 'n1',
    'params': '{}',
    'state': 'doing',
    'error': '',
}


class _Killed(BaseException):
    """What a process that is killed does not get to see."""


class OldDatabaseTestCase(base.StoreTestCase):
    """A database of the first schema, with a cluster and a device."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.make()

    def make(self) -> None:
        """Make it, or another one."""
        self.url = self.new_database().url
        self.store = self.another_store()
        self.old = sa.create_engine(self.url)
        self.addCleanup(self.old.dispose)
        options = config.Config()
        options.set_main_option('script_location', run.SCRIPTS)
        with self.old.begin() as connection:
            options.attributes['connection'] = connection
            command.upgrade(options, '0001_initial')
        self.tables = sa.MetaData()
        self.tables.reflect(self.old)
        self._insert('clusters', _CLUSTER)
        self._insert('nodes', _NODE)
        self._insert('devices', _DEVICE)

    def _insert(self, table: str, row: dict[str, object]) -> None:
        with self.old.begin() as connection:
            connection.execute(self.tables.tables[table].insert(), row)

    def _add(self, identity: str, replica: int, spread: str) -> None:
        names = ('id', 'share_id', 'live_share_id', 'name')
        self._insert(
            'volumes',
            {
                **_VOLUME,
                **dict.fromkeys(names, identity),
                'replica': replica,
                'spread': spread,
            },
        )

    def _add_brick(self, identity: str, volume: str, size_bytes: int) -> None:
        self._insert(
            'bricks',
            {
                **_BRICK,
                'id': identity,
                'lv_name': identity,
                'volume_id': volume,
                'size_bytes': size_bytes,
            },
        )


@databases.on_each_engine
@ddt.ddt
class FirstSchemaTestCase(OldDatabaseTestCase):
    """Volumes of the first schema become those of the present one."""

    @ddt.data(
        (1, 'none', 'distribute', 'zone:none'),
        (2, 'prefer', 'replicate:2', 'zone:prefer'),
        (3, 'strict', 'replicate:3', 'zone:strict'),
    )
    @ddt.unpack
    def test_volume(
        self, replica: int, old_spread: str, durability: str, spread: str
    ) -> None:
        """It is as durable and as spread as it was; the rest is unchanged."""
        self._add('v1', replica, old_spread)
        self.store.sync()
        with self.store.read() as tx:
            [volume] = volumes.volumes(tx)
        self.assertEqual(durability, str(volume.durability))
        self.assertEqual(spread, str(volume.spread))
        self.assertEqual('', volume.tags)
        self.assertEqual(sizes.AVERAGE_FILE_BYTES, volume.average_file_bytes)
        self.assertEqual(
            ('v1', 1, 2, model.VolumeState.READY, ('alice',)),
            (
                volume.share_id,
                volume.size_bytes,
                volume.capacity_bytes,
                volume.state,
                volume.access,
            ),
        )

    def test_bricks_keep_their_volume(self) -> None:
        """They refer to a table that SQLite builds anew."""
        self._add('v1', 3, 'strict')
        self._add('v2', 3, 'strict')
        self._add_brick('b1', 'v1', sizes.GIB)
        self._add_brick('b2', 'v2', sizes.GIB)
        self.store.sync()
        with self.store.write() as tx:
            [first] = volumes.bricks(tx, 'v1')
            self.assertEqual(('b1', 'd1'), (first.id, first.device_id))
            # A volume with bricks still can't go.
            self.assertRaises(
                exceptions.Conflict, volumes.remove_volume, tx, 'v1'
            )
            volumes.remove_bricks(tx, [first.id])
            volumes.remove_volume(tx, 'v1')
        if self.engine == 'sqlite':
            with self.old.connect() as connection:
                broken = connection.exec_driver_sql('PRAGMA foreign_key_check')
                self.assertEqual([], broken.all())

    def test_devices_say_what_they_hold(self) -> None:
        """What was added up for each placement is on record."""
        self._insert(
            'devices',
            {**_DEVICE, 'id': 'd2', 'path': '/dev/vdc', 'vg_name': 'vg_d2'},
        )
        self._add('v1', 3, 'strict')
        self._add_brick('b1', 'v1', sizes.GIB)
        self._add_brick('b2', 'v1', 2 * sizes.GIB)
        self.store.sync()
        with self.store.read() as tx:
            snapshot = topology.snapshot(tx, 'c1')
        self.assertEqual(7, snapshot.cluster.generation)
        self.assertEqual(
            [('d1', 3 * sizes.GIB), ('d2', 0)],
            [(c.device.id, c.used_bytes) for c in snapshot.devices],
        )

    def test_cluster_without_management_encryption(self) -> None:
        """It has none, whoever made it; from now on it may have."""
        self.store.sync()
        with self.store.write() as tx:
            self.assertIs(False, topology.cluster(tx, 'c1').secure_access)
            topology.set_secure_access(tx, 'c1', True)
        with self.store.read() as tx:
            self.assertIs(True, topology.cluster(tx, 'c1').secure_access)

    def test_open_operations_claim_what_they_change(self) -> None:
        """Of two on the same, which nothing kept apart, the first one."""
        self._insert('nodes', {**_NODE, **dict.fromkeys(_NAMES, 'n2')})
        closed = {'finished_at': NOON}
        for number, (kind, subject, host, more) in enumerate(
            (
                ('volume-create', 'v1', 'n1', {}),
                ('access-update', 'v1', 'n1', {}),
                ('volume-resize', 'v2', 'n1', closed),
                ('device-add', '', 'n2', {}),
                ('device-remove', 'd9', 'n1', closed),
            )
        ):
            self._add_operation(f'o{number}', number, kind, subject, more)
            self._insert('steps', {**_STEP, 'operation_id': f'o{number}'})
            self._insert(
                'steps',
                {**_STEP, 'operation_id': f'o{number}', 'number': 1}
                | {'host': host},
            )
        self.store.sync()
        with self.store.write() as tx:
            found = {
                row.subject: row.operation_id
                for row in tx.rows(schema.claims.select())
            }
            self.assertEqual(
                {'v1': 'o0', 'topology': 'o3', 'n1': 'o3', 'n2': 'o3'}, found
            )
            journal.close_operation(tx, 'o0')
            journal.close_operation(tx, 'o1')
            found = journal.operations(tx)
            self.assertEqual([False] * 5, [each.held for each in found])

    def test_authority_in_files_stays_there(self) -> None:
        """There is room for one, and none in it."""
        self.store.sync()
        new = model.StoredAuthority(1, 'certificate', 'key', base.NOON)
        with self.store.write() as tx:
            self.assertEqual((), authorities.all(tx))
            authorities.add(tx, new)
        with self.store.read() as tx:
            self.assertEqual((new,), authorities.all(tx))

    def _add_operation(
        self,
        identity: str,
        minute: int,
        kind: str,
        subject: str,
        more: dict[str, object],
    ) -> None:
        started = NOON + datetime.timedelta(minutes=minute)
        self._insert(
            'operations',
            {
                **OPERATION,
                'id': identity,
                'kind': kind,
                'subject': subject,
                'started_at': started,
                **more,
            },
        )

    def test_certificates_of_older_releases(self) -> None:
        """Nobody knows who asked for them; they can be revoked as others."""
        self._insert(
            'certificates',
            {
                'serial': 'a0',
                'common_name': 'alice',
                'kind': 'client',
                'not_after': NOON,
                'subject_id': '',
            },
        )
        self.store.sync()
        noon = NOON.replace(tzinfo=datetime.timezone.utc)
        old = model.Certificate('a0', 'alice', 'client', noon)
        with self.store.write() as tx:
            self.assertEqual((old,), certificates.all(tx))
            self.assertEqual((), revocations.all(tx))
            revocations.ban(tx, model.RevokedName('alice', noon))
            revocations.revoke_certificates(tx, 'alice', noon)
            self.assertEqual(
                (dataclasses.replace(old, revoked_at=noon),),
                certificates.all(tx),
            )

    def test_migration_that_fails_changes_nothing(self) -> None:
        """The next start, or the release before, finds it as it was."""
        self._add('v1', 3, 'strict')
        if self.engine == 'mariadb':
            self.skipTest('MariaDB changes tables at once')
        with self.old.begin() as connection:
            # SQLite notices it when the old table is gone already.
            connection.exec_driver_sql(
                'CREATE VIEW mine AS SELECT name, replica FROM volumes'
            )
        self.assertRaises(exceptions.StoreError, self.store.sync)
        columns = {
            column['name']
            for column in sa.inspect(self.old).get_columns('volumes')
        }
        self.assertIn('replica', columns)
        self.assertNotIn('durability', columns)
        with self.old.connect() as connection:
            rows = connection.execute(self.tables.tables['clusters'].select())
            self.assertEqual([_CLUSTER], [dict(r._mapping) for r in rows])


class CutOffTestCase(OldDatabaseTestCase):
    """A process is killed while it migrates; MariaDB undoes no table."""

    engine = 'mariadb'
    allow_processes = True
    allow_sockets = True

    def _sync_until(self, changes: int) -> bool:
        """Migrate, and die after some changes of tables."""
        left = itertools.count(changes, -1)

        def count(
            connection: sa.Connection, cursor: object, statement: str, *_: Any
        ) -> None:
            word = statement.split()[0]
            if word in ('ALTER', 'CREATE') and not next(left):
                connection.connection.dbapi_connection.close()
                raise _Killed

        store = self.another_store()
        sa.event.listen(store._open().engine, 'before_cursor_execute', count)
        try:
            store.sync()
        except _Killed:
            return False
        return True

    def test_migration_is_killed_anywhere(self) -> None:
        """The next one goes on, and nothing is filled in twice."""
        for changes in itertools.count(1):
            self._add('v1', 3, 'strict')
            self._add_brick('b1', 'v1', sizes.GIB)
            if self._sync_until(changes):
                break
            self.store.sync()
            self._check()
            self.make()
        # Or else this has tried nothing.
        self.assertGreater(changes, 12)

    def _check(self) -> None:
        with self.store.read() as tx:
            [volume] = volumes.volumes(tx)
            [device] = topology.snapshot(tx, 'c1').devices
        self.assertEqual('replicate:3', str(volume.durability))
        self.assertEqual('zone:strict', str(volume.spread))
        self.assertEqual(sizes.GIB, device.used_bytes)
        with self.old.connect() as connection:
            context = migration.MigrationContext.configure(connection)
            self.assertEqual(
                [], autogenerate.compare_metadata(context, schema.METADATA)
            )
