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


"""Tests of copies of a store that is in use."""

import datetime
import os
import sqlite3
import stat
import threading

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import backup
from manila_gluster_heketi.store import files
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests.functional import databases
from tests.functional.store import base


class BackupTestCase(base.StoreTestCase):
    """A file of SQLite."""

    def setUp(self) -> None:
        """Choose where the copy goes."""
        super().setUp()
        self.path = f'{self.database.directory}/copies/copy.db'
        os.mkdir(os.path.dirname(self.path))

    def _copied(self) -> session.Store:
        backup.copy(self.store, self.path)
        copy = session.Store(f'sqlite:///{self.path}')
        self.addCleanup(copy.close)
        return copy

    def test_copy_is_a_store(self) -> None:
        """For its owner alone, and one file."""
        cluster = self.add_cluster()
        copy = self._copied()
        self.assertEqual(['copy.db'], os.listdir(os.path.dirname(self.path)))
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        self.assertEqual(0o600, mode)
        copy.sync()
        with copy.write() as tx:
            self.assertEqual((cluster,), topology.clusters(tx))
            topology.remove_cluster(tx, cluster.id)
        with self.store.read() as tx:
            self.assertEqual((cluster,), topology.clusters(tx))

    def test_what_is_open_is_held(self) -> None:
        """In the copy, not in the store; the rest is as it is."""
        cluster = self.add_cluster()
        opened, closed = (
            model.Operation(
                id=model.new_id(),
                kind=model.OpKind.VOLUME_CREATE,
                subject=model.new_id(),
                cluster_id=cluster.id,
                state=model.OpState.RUNNING,
                owner='host:1',
                lease_until=base.NOON,
            )
            for _ in range(2)
        )
        with self.store.write() as tx:
            for each in (opened, closed):
                journal.open_operation(tx, each)
            journal.close_operation(tx, closed.id)
        self.assertEqual(1, backup.copy(self.store, self.path))
        copy = session.Store(f'sqlite:///{self.path}')
        self.addCleanup(copy.close)
        with self.store.read() as tx:
            self.assertFalse(journal.operation(tx, opened.id).held)
        later = base.NOON + datetime.timedelta(hours=1)
        with copy.write() as tx:
            self.assertTrue(journal.operation(tx, opened.id).held)
            self.assertFalse(journal.operation(tx, closed.id).held)
            taken = (opened.id, 'host:2', later, later)
            self.assertFalse(journal.take_over(tx, *taken))
            journal.release(tx, opened.id)
            self.assertTrue(journal.take_over(tx, *taken))

    def test_store_of_an_older_release(self) -> None:
        """It is copied as it is, for that release."""
        with sqlite3.connect(self.url.removeprefix('sqlite:///')) as old:
            old.execute('ALTER TABLE operations DROP COLUMN held')
        old.close()
        self.assertEqual(0, backup.copy(self.store, self.path))

    def test_others_write_meanwhile(self) -> None:
        """It is the store of one moment."""
        cluster = self.add_cluster()
        device = self.add_device(self.add_node(cluster, 'a'), '/dev/sdb')
        volume = self.add_volume(cluster)
        done, writing = threading.Event(), threading.Event()
        other = self.another_store()

        def write() -> None:
            while not done.is_set():
                bricks = [self.brick(volume, device, n) for n in range(50)]
                with other.write() as tx:
                    volumes.add_bricks(tx, bricks)
                writing.set()

        writer = threading.Thread(target=write)
        writer.start()
        writing.wait()
        copy = self._copied()
        done.set()
        writer.join()
        with copy.read() as tx:
            bricks = volumes.bricks(tx, volume.id)
            [capacity] = topology.snapshot(tx, cluster.id).devices
        self.assertGreaterEqual(len(bricks), 50)
        self.assertEqual(0, len(bricks) % 50)
        self.assertEqual(len(bricks) * 10 * base.GIB, capacity.used_bytes)

    def test_file_is_there_already(self) -> None:
        """A backup is never lost to the next one."""
        for make in (lambda: open(self.path, 'w'), self._link_to_nothing):
            make()
            error = self.assertRaises(
                exceptions.InvalidInput, backup.copy, self.store, self.path
            )
            self.assertIn('it is there already', str(error))
            os.unlink(self.path)

    def _link_to_nothing(self) -> None:
        os.symlink('/nonexistent', self.path)

    def test_file_comes_meanwhile(self) -> None:
        """The one that was quicker stays, and nothing else."""

        def make() -> None:
            with files.new(self.path) as path:
                with open(self.path, 'w') as quicker:
                    quicker.write('quicker')
                self.assertNotEqual(self.path, path)

        self.assertRaises(exceptions.InvalidInput, make)
        with open(self.path) as found:
            self.assertEqual('quicker', found.read())
        self.assertEqual(['copy.db'], os.listdir(os.path.dirname(self.path)))

    def test_directory_is_not_there(self) -> None:
        """It may be a disk that is not mounted."""
        error = self.assertRaises(
            exceptions.InvalidInput,
            backup.copy,
            self.store,
            f'{self.database.directory}/none/copy.db',
        )
        self.assertIn('No such file or directory', str(error))

    def test_store_is_broken(self) -> None:
        """There is no copy of it then, and nothing is left of it."""
        for number in range(50):
            self.add_cluster(name=f'{number}')
        self.store.close()
        path = self.url.removeprefix('sqlite:///')
        with open(path, 'r+b') as file:
            size = os.path.getsize(path)
            file.seek(4096)
            file.write(b'\xff' * (size - 4096))
        self.assertRaises(
            exceptions.StoreError, backup.copy, self.store, self.path
        )
        self.assertEqual([], os.listdir(os.path.dirname(self.path)))

    def test_store_is_for_its_owner_alone(self) -> None:
        """It says where hosts are and who mounts what."""
        self.url = self.new_database().url
        store = self.another_store()
        store.sync()
        path = self.url.removeprefix('sqlite:///')
        self.add_cluster()
        with store.write() as tx:
            topology.add_cluster(tx, model.Cluster(model.new_id(), 'one'))
            for name in (path, f'{path}-wal', f'{path}-shm'):
                mode = stat.S_IMODE(os.stat(name).st_mode)
                self.assertEqual(0o600, mode, name)


@databases.on_servers
class ServerBackupTestCase(base.StoreTestCase):
    """A database on a server."""

    def test_tool_of_the_server(self) -> None:
        """It is named."""
        error = self.assertRaises(
            exceptions.NoFileToCopy, backup.copy, self.store, '/none'
        )
        self.assertIn('dump', error.fields['tool'])
        self.assertNotIn('secret', str(error))
