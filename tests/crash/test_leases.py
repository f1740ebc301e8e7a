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

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import ddt

from manila_gluster_heketi import model
from manila_gluster_heketi.sizes import GIB
from tests.crash import agreement
from tests.crash import far_hosts
from tests.functional import databases
from tests.functional import deployment

_LEASE_SECONDS = 1.0
_PATIENCE_SECONDS = 60
_SPEC = {'share_id': 'share-1', 'name': 'v', 'size_bytes': GIB}
_ROOT = pathlib.Path(__file__).parents[2]


def _command(options: dict[str, Any], method: str, **given: Any) -> list[str]:
    rules = pathlib.Path(options['state_path'], 'rules.json')
    rules.parent.mkdir(exist_ok=True)
    rules.write_text('[]')
    return [
        sys.executable,
        '-m',
        'tests.crash.process',
        json.dumps(options),
        str(rules),
        method,
        json.dumps(given),
    ]


def _is_stopped(pid: int) -> bool:
    stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
    return stat.rpartition(')')[2].split()[0] == 'T'


@databases.on_each_engine
@ddt.ddt
class SleeperTestCase(deployment.DeployedTestCase):
    """It was stopped for longer than its lease, as a virtual machine may be.

    :cvar engine: of the database
    """

    engine: str
    allow_processes = True
    allow_sockets = True
    TIMEOUT_SCALING_FACTOR = 2

    def setUp(self) -> None:
        """Have hosts that many processes use."""
        super().setUp()
        database = self.useFixture(
            databases.Database(self.engine, synced=True)
        )
        self.d = self.deploy(store_connection=database.url)
        self.exchange = self.useFixture(far_hosts.Exchange(self.d.cluster))

    def options(self, name: str) -> dict[str, Any]:
        """Say how a process is started, each on a machine of its own."""
        state = os.path.join(self.d.directory, name)
        return {
            'state_path': state,
            'store_connection': self.d.settings.store_connection,
            'ca_directory': self.d.settings.ca_directory,
            'hosts': self.exchange.path,
            'name': name,
            'lease_seconds': _LEASE_SECONDS,
        }

    def fall_asleep(
        self, word: str, method: str, **given: Any
    ) -> 'subprocess.Popen[str]':
        """Start a process that is stopped when a host has run a command."""
        started, stopped = threading.Event(), threading.Event()

        def stop(name: str, host: str, batch: far_hosts.Batch) -> None:
            if name != 'sleeper' or stopped.is_set():
                return
            if any(word in each.argv for each in batch):
                started.wait(_PATIENCE_SECONDS)
                sleeper.send_signal(signal.SIGSTOP)
                while not _is_stopped(sleeper.pid):
                    time.sleep(0.01)
                stopped.set()

        self.exchange.done = stop
        sleeper = subprocess.Popen(
            _command(self.options('sleeper'), method, **given),
            stderr=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        self.addCleanup(sleeper.kill)
        started.set()
        while not stopped.wait(0.1):
            self.assertIsNone(sleeper.poll(), 'it was not stopped')
        time.sleep(1.5 * _LEASE_SECONDS)
        return sleeper

    def other(self, method: str, **given: Any) -> None:
        """Let another process do something meanwhile."""
        done = subprocess.run(
            _command(self.options('other'), method, **given),
            check=False,
            capture_output=True,
            text=True,
            cwd=_ROOT,
            timeout=_PATIENCE_SECONDS,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual((), self.d.service.operations())

    def wake(self, sleeper: 'subprocess.Popen[str]') -> None:
        """Let it go on: it notices, stops, and changes nothing."""
        before = self.d.world()
        sleeper.send_signal(signal.SIGCONT)
        _, errors = sleeper.communicate(timeout=_PATIENCE_SECONDS)
        self.assertEqual(1, sleeper.returncode)
        self.assertRegex(errors, 'lease has run out|has taken it over')
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
