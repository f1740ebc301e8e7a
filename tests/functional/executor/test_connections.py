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

"""Lasting connections of ssh: those that died, and those that never were."""

import concurrent.futures
import os
import pathlib
import socket
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd.command import Command
from tests.functional.executor import test_openssh

_ECHO = Command(('echo', 'hi'))


class LastingConnectionTestCase(test_openssh.OpenSshTestCase):
    """The socket of a connection, and what waits for it."""

    def _abandon(self, executor) -> None:
        """Leave a socket that nobody serves, as a power cut does."""
        path = pathlib.Path(executor._socket('gl1'))
        path.parent.mkdir()
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))

    def test_a_socket_is_left_of_a_power_cut(self) -> None:
        """There is no connection behind it: one login serves all."""
        executor = self.executor()
        self._abandon(executor)
        for _ in range(3):
            executor.run_batch('gl1', [_ECHO])
        self.assertEqual(1, len(self.calls(' -N ')))

    def test_a_socket_is_left_and_the_key_is_refused(self) -> None:
        """That is told as it is without the socket."""
        executor = self.executor()
        self._abandon(executor)
        refused = "echo 'root@gl1: Permission denied (publickey).' >&2\n"
        self.script('master', f'{refused} exit 255\n')
        self.script('session', f'{refused} exit 255\n')
        self.assertRaises(
            exceptions.LoginRefused,
            executor.run_batch,
            'gl1',
            [_ECHO],
        )

    def test_the_master_was_killed(self) -> None:
        """The next batch logs in anew, those after it need not."""
        executor = self.executor()
        executor.run_batch('gl1', [_ECHO])
        self.kill_masters()
        executor.run_batch('gl1', [_ECHO])
        executor.run_batch('gl1', [_ECHO])
        self.assertEqual(2, len(self.calls(' -N ')))
        self.kill_masters()
        executor.forget('gl1')
        self.assertEqual([], os.listdir(self.here / 'ctl'))
        executor.close()
        self.assertEqual([], self.calls('-O exit'))

    def test_a_master_does_not_end(self) -> None:
        """What is forgotten is not used again."""
        executor = self.executor()
        executor.run_batch('gl1', [_ECHO])
        self.script('exit', 'exit 255\n')
        executor.forget('gl1')
        self.kill_masters()
        executor.run_batch('gl1', [_ECHO])
        self.assertEqual(2, len(self.calls(' -N ')))

    def test_many_wait_for_a_host_that_is_not_there(self) -> None:
        """One attempt tells all of them; those who come later try again."""
        self.script(
            'master',
            'while [ ! -e "$here/go" ]; do sleep 0.02; done\n'
            "echo 'ssh: connect to host gl1 port 22: Connection timed out' "
            '>&2; exit 255\n',
        )
        executor = self.executor(sessions_per_host=3)
        lane = executor._host('gl1')
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            waiting = [
                pool.submit(executor.run_batch, 'gl1', [_ECHO])
                for _ in range(8)
            ]
            while len(lane.sessions._queue) < 5:
                time.sleep(0.02)
            (self.here / 'go').touch()
        errors = [each.exception() for each in waiting]
        self.assertEqual(
            {exceptions.HostUnreachable}, {type(each) for each in errors}
        )
        self.assertIn('Connection timed out', str(errors[-1]))
        self.assertEqual(8, len({id(each) for each in errors}))
        self.assertEqual(1, len(self.calls(' -N ')))
        self.assertRaises(
            exceptions.HostUnreachable,
            executor.run_batch,
            'gl1',
            [_ECHO],
        )
        self.assertEqual(2, len(self.calls(' -N ')))
        self.script('master', '')
        executor.run_batch('gl1', [_ECHO])
