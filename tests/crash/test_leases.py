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
"""Leases of real processes: one sleeps, and another one takes over."""

import os
import pathlib
import signal
import threading
import time
from typing import Any

import ddt

from manila_gluster_heketi import model
from manila_gluster_heketi.sizes import GIB
from tests.crash import agreement
from tests.crash import far_hosts
from tests.crash import forked
from tests.crash import process
from tests.functional import databases
from tests.functional import deployment

_LEASE_SECONDS = 1.0
_PATIENCE_SECONDS = 60
_SPEC = {'share_id': 'share-1', 'name': 'v', 'size_bytes': GIB}


def _is_stopped(pid: int) -> bool:
    stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
    return stat.rpartition(')')[2].split()[0] == 'T'


@databases.on_each_engine_and_galera
@ddt.ddt
class SleeperTestCase(deployment.DeployedTestCase):
    """It was stopped for longer than its lease, as a virtual machine may be.

    :cvar engine: of the database
    """

    engine: str
    allow_processes = True
    allow_sockets = True
    TIMEOUT_SCALING_FACTOR = 2

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        forked.prepare(process.__name__)

    def setUp(self) -> None:
        """Have hosts that many processes use."""
        super().setUp()
        self.database = self.useFixture(
            databases.Database(self.engine, synced=True)
        )
        self.d = self.deploy(store_connection=self.database.url)
        self.exchange = self.useFixture(far_hosts.Exchange(self.d.cluster))

    def options(self, name: str) -> dict[str, Any]:
        """Say how a process is started, where the store lets it be.

        Others than a file's users are each on a machine of its own.
        """
        place = 'here' if self.engine == 'sqlite' else name
        state = os.path.join(self.d.directory, place)
        return {
            'state_path': state,
            'store_connection': self.database.urls[
                -1 if name == 'sleeper' else 0
            ],
            'ca_directory': self.d.settings.ca_directory,
            'hosts': self.exchange.path,
            'name': name,
            'lease_seconds': _LEASE_SECONDS,
        }

    def start(
        self, name: str, method: str, given: dict[str, Any]
    ) -> forked.Forked:
        """Start a process that does one thing."""
        log = pathlib.Path(self.d.directory, f'{name}.said')
        options = self.options(name)
        return forked.Forked(log, process.ask, options, method, given)

    def fall_asleep(
        self, word: str, method: str, **given: Any
    ) -> forked.Forked:
        """Start a process that is stopped when a host has run a command."""
        started, stopped = threading.Event(), threading.Event()

        def stop(name: str, host: str, batch: far_hosts.Batch) -> None:
            if name != 'sleeper' or stopped.is_set():
                return
            if any(word in each.argv for each in batch):
                started.wait(_PATIENCE_SECONDS)
                sleeper.signal(signal.SIGSTOP)
                while not _is_stopped(sleeper.pid):
                    time.sleep(0.01)
                stopped.set()

        self.exchange.done = stop
        sleeper = self.start('sleeper', method, given)
        self.addCleanup(sleeper.kill)
        started.set()
        while not stopped.wait(0.1):
            self.assertIsNone(sleeper.exit_code, 'it was not stopped')
        time.sleep(1.5 * _LEASE_SECONDS)
        return sleeper

    def other(self, method: str, **given: Any) -> None:
        """Let another process do something meanwhile."""
        other = self.start('other', method, given)
        self.assertEqual(0, other.wait(_PATIENCE_SECONDS), other.said)
        self.assertEqual((), self.d.service.operations())

    def wake(self, sleeper: forked.Forked) -> None:
        """Let it go on: it notices, stops, and changes nothing."""
        before = self.d.world()
        sleeper.signal(signal.SIGCONT)
        self.assertEqual(1, sleeper.wait(_PATIENCE_SECONDS))
        self.assertRegex(sleeper.said, 'lease has run out|has taken it over')
        self.assertEqual(before, self.d.world())
        self.assertEqual([], agreement.differences(self.d))
        self.assertEqual((), self.d.service.operations())

    @ddt.data('mkfs.xfs', 'create', 'limit-usage')
    def test_what_it_created_was_undone(self, word: str) -> None:
        """It finds nothing of it, and makes nothing again."""
        before = self.d.world()
        sleeper = self.fall_asleep(word, 'create_volume', spec=_SPEC)
        self.other('recover')
        self.assertEqual(before, self.d.world())
        self.wake(sleeper)
        self.assertEqual(before, self.d.world())

    @ddt.data('mkfs.xfs', 'create')
    def test_the_other_one_was_asked_for_the_same(self, word: str) -> None:
        """That one's volume stands."""
        sleeper = self.fall_asleep(word, 'create_volume', spec=_SPEC)
        self.other('create_volume', spec=_SPEC)
        self.wake(sleeper)
        [volume] = self.d.service.volumes()
        self.assertIs(model.VolumeState.READY, volume.state)

    @ddt.data('stop', 'lvremove')
    def test_what_it_deleted_was_finished(self, word: str) -> None:
        """A volume that was made since is another one."""
        self.d.service.create_volume(model.VolumeSpec(**_SPEC))
        sleeper = self.fall_asleep(
            word, 'delete_volume', share_id=_SPEC['share_id']
        )
        self.other('recover')
        self.other('create_volume', spec=_SPEC)
        self.wake(sleeper)
        [volume] = self.d.service.volumes()
        self.assertIs(model.VolumeState.READY, volume.state)
