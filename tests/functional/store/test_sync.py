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

"""Tests of how a database comes to the present schema."""

import os
import subprocess
import sys
from unittest import mock

import fixtures
import sqlalchemy as sa
from alembic import autogenerate
from alembic import migration
from alembic import script

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import engines
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import sync
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.migrations import run
from tests.functional import databases
from tests.functional.store import base

_NOBODY = 65534


@databases.on_each_engine
class SyncTestCase(base.StoreTestCase):
    """From nothing, from the same schema, from a newer one."""

    def setUp(self) -> None:
        """Open the database without the store."""
        super().setUp()
        self.plain = sa.create_engine(self.url)
        self.addCleanup(self.plain.dispose)

    def test_migrations_lead_to_the_schema(self) -> None:
        """A change of schema.py has its migration."""
        with self.plain.connect() as connection:
            context = migration.MigrationContext.configure(connection)
            self.assertEqual(
                [], autogenerate.compare_metadata(context, schema.METADATA)
            )

    def test_constraints_have_the_names_of_the_schema(self) -> None:
        """A later migration finds by name what it changes."""
        inspector = sa.inspect(self.plain)
        for table in schema.METADATA.tables.values():
            found = {
                constraint['name']
                for constraint in (
                    *inspector.get_unique_constraints(table.name),
                    *inspector.get_foreign_keys(table.name),
                    inspector.get_pk_constraint(table.name),
                )
            }
            if self.engine == 'mariadb':
                # It calls each the same.
                found = found - {None} | {table.primary_key.name}
            self.assertEqual({part.name for part in table.constraints}, found)

    def test_migrations_are_one_line(self) -> None:
        """Alembic has them in the order of their names."""
        scripts = script.ScriptDirectory(run.SCRIPTS)
        self.assertEqual(1, len(scripts.get_heads()))
        newest_first = [each.revision for each in scripts.walk_revisions()]
        self.assertEqual(tuple(newest_first[::-1]), sync.revisions())

    def test_second_sync_keeps_what_is_there(self) -> None:
        """Each start of the service is one."""
        cluster = self.add_cluster()
        self.another_store().sync()
        with self.store.read() as tx:
            self.assertEqual((cluster,), topology.clusters(tx))

    def test_many_processes_sync_a_new_database(self) -> None:
        """One of them creates it."""
        self.url = self.new_database().url
        stores = [self.another_store() for _ in range(8)]
        results = self.all_at_once([store.sync for store in stores])
        self.assertEqual([None] * 8, results)

    def test_database_of_a_newer_release(self) -> None:
        """It is refused and left as it is."""
        with self.plain.begin() as connection:
            connection.execute(
                sa.text("UPDATE alembic_version SET version_num = '9999'")
            )
        error = self.assertRaises(exceptions.StoreTooNew, self.store.sync)
        self.assertEqual('9999', error.fields['found'])
        with self.plain.connect() as connection:
            context = migration.MigrationContext.configure(connection)
            self.assertEqual('9999', context.get_current_revision())

    def test_failed_migration_leaves_nothing(self) -> None:
        """A half-made schema would not be a schema."""
        url = self.new_database().url
        half = sa.create_engine(url)
        self.addCleanup(half.dispose)
        with half.begin() as connection:
            connection.exec_driver_sql('CREATE TABLE volumes (mine INTEGER)')
        store = session.Store(url)
        self.addCleanup(store.close)
        error = self.assertRaises(exceptions.StoreError, store.sync)
        self.assertIn('volumes', str(error))
        inspector = sa.inspect(half)
        if self.engine != 'mariadb':
            self.assertEqual(['volumes'], inspector.get_table_names())
        [column] = inspector.get_columns('volumes')
        self.assertEqual('mine', column['name'])

    def test_version_table_is_not_ours(self) -> None:
        """Two versions at once mean nothing here."""
        with self.plain.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO alembic_version VALUES ('other')")
            )
        self.assertRaises(exceptions.StoreError, self.store.sync)


class StartTestCase(base.StoreTestCase):
    """What each command of an operator waits for."""

    allow_processes = True

    def test_nothing_to_migrate_loads_no_alembic(self) -> None:
        """It takes a fifth of the time that a command takes to start."""
        script = (
            'import sys; from manila_gluster_heketi import service; '
            'from manila_gluster_heketi.store import session; '
            f'session.Store({self.url!r}).sync(); '
            "sys.exit('alembic' in sys.modules)"
        )
        done = subprocess.run([sys.executable, '-c', script])
        self.assertEqual(0, done.returncode)


class MysqlUrlTestCase(base.StoreTestCase):
    """URLs may call MariaDB by the name of its ancestor."""

    engine = 'mariadb'
    allow_processes = True
    allow_sockets = True

    def test_url_says_mysql(self) -> None:
        """The tables are the same."""
        made = []
        for scheme in ('mariadb', 'mysql'):
            database = self.new_database()
            self.url = database.url.replace('mariadb', scheme, 1)
            self.another_store().sync()
            made.append(
                database.server.ask(
                    'SELECT table_name, engine, table_collation '
                    'FROM information_schema.tables '
                    'WHERE table_schema = :name ORDER BY table_name',
                    name=database.name,
                )
            )
        self.assertEqual(*made)
        [clusters] = [row for row in made[0] if row[0] == 'clusters']
        self.assertEqual(('InnoDB', 'utf8mb4_bin'), clusters[1:])


class JournalModeTestCase(base.StoreTestCase):
    """A file system on which SQLite can't share memory."""

    def test_no_write_ahead_log(self) -> None:
        """The store works; the log says what is slower."""
        logged = self.useFixture(fixtures.FakeLogger())
        engine = mock.MagicMock(spec=sa.Engine)
        connection = engine.connect.return_value.__enter__.return_value
        connection.exec_driver_sql.return_value.scalar_one.return_value = (
            'delete'
        )
        engine.url = sa.make_url('sqlite://')
        engines.prepare_file(engine, self.url)
        self.assertIn('no shared memory', logged.output)


class UnwritableTestCase(base.StoreTestCase):
    """Where no database can be."""

    def _refused(self, url: str) -> str:
        store = session.Store(url)
        self.addCleanup(store.close)
        return str(self.assertRaises(exceptions.StoreError, store.sync))

    def test_directory_is_not_there(self) -> None:
        """Its making is the administrator's."""
        url = f'sqlite:///{self.database.directory}/none/store.db'
        self.assertIn(url, self._refused(url))

    def test_path_is_a_directory(self) -> None:
        """It can't be opened."""
        self._refused(f'sqlite:///{self.database.directory}')

    def test_file_is_no_database(self) -> None:
        """It is not overwritten."""
        path = f'{self.database.directory}/letter.txt'
        with open(path, 'w', encoding='utf-8') as letter:
            letter.write('Dear reader, ' * 100)
        self.assertIn('not a database', self._refused(f'sqlite:///{path}'))
        self.assertEqual(1300, os.path.getsize(path))

    def test_database_is_read_only(self) -> None:
        """It is said at the start and not with the first share."""
        path = self.url.removeprefix('sqlite:///')
        self.assertIn(
            'readonly',
            self._refused(f'sqlite:///file:{path}?mode=ro&uri=true'),
        )

    def test_file_may_not_be_written(self) -> None:
        """The mode of the file forbids it."""
        path = self.url.removeprefix('sqlite:///')
        os.chmod(path, 0o400)
        self._be_nobody(path)

        self.assertIn('readonly', self._refused(self.url))

    def _be_nobody(self, path: str) -> None:
        """Have no right to write everything, but to own a file."""
        if os.geteuid() == 0:
            directory = self.database.directory
            for each in (os.path.dirname(directory), directory, path):
                os.chown(each, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
            self.addCleanup(os.seteuid, 0)


class WidthTestCase(base.StoreTestCase):
    """What SQLite does not check and others do."""

    def test_enumerations_fit_their_columns(self) -> None:
        """PostgreSQL and MariaDB refuse longer text."""
        for members in (
            model.EntryState,
            model.VolumeState,
            model.OpState,
            model.StepState,
            model.OpKind,
        ):
            for member in members:
                self.assertLessEqual(len(member.value), 32)
