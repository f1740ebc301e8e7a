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


"""Tests of the service on database servers that it loses."""

from typing import Any
from unittest import mock

from manila_gluster_heketi.sizes import GIB
from tests.functional import databases
from tests.functional import deployment
from tests.functional.store import base


@databases.on_servers
class LostServerTestCase(base.StoreTestCase):
    """The connection breaks at one commit or the other."""

    def setUp(self) -> None:
        """Set hosts and a service up; count its commits."""
        super().setUp()
        self.d = self.useFixture(
            deployment.Deployment(store_connection=self.url)
        )
        self.d.load()
        dialect = self.d.service.store._open().engine.dialect
        self.commit = dialect.do_commit
        patched = mock.patch.object(dialect, 'do_commit', self._commit)
        patched.start()
        self.addCleanup(patched.stop)
        self.commits = self.losses = 0
        self.period = 0

    def _commit(self, connection: Any) -> None:
        """Commit, and break the connection if it is the turn of this one."""
        self.commits += 1
        if not self.period or self.commits % self.period:
            self.commit(connection)
            return
        # Each second one takes place.
        self.losses += 1
        if self.losses % 2:
            self.commit(connection)
        self.database.server.disconnect(self.database.name)
        connection.cursor().execute('SELECT 1')

    def _live(self) -> None:
        """Let a share be created, changed and deleted."""
        service = self.d.service
        self.d.create(gigabytes=2)
        service.extend_volume('share-1', 5 * GIB)
        service.change_access('share-1', add=['alice'])
        volume = service.volume('share-1')
        self.assertEqual(5 * GIB, self.d.gluster(volume).quota_bytes)
        self.assertEqual(('alice',), volume.access)
        service.delete_volume('share-1')

    def test_share_lives_on(self) -> None:
        """Whichever commit is lost, each change is made, and made once."""
        before = self.d.world()
        for self.period in (2, 3, 5, 7):
            for self.commits in range(min(self.period, 3)):
                self._live()
                self.assertEqual(before, self.d.world())
        # Or else this has tried nothing.
        self.assertGreater(self.losses, 50)
