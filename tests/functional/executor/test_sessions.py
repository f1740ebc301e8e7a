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

"""Tests of how many batches a host gets at once."""

import concurrent.futures

from manila_gluster_heketi.hostcmd.command import Command
from tests.functional.executor import test_openssh

_BATCHES = 8


class LimitTestCase(test_openssh.OpenSshTestCase):
    """More is asked for than a host may have."""

    def most_at_once(self, places: int, hosts: list[str]) -> int:
        """Ask for batches of these hosts, and count those side by side."""
        notes = self.here / 'notes'
        work = Command(
            (
                'sh',
                '-c',
                f'echo in >>{notes}; sleep 0.2; echo out >>{notes}',
            )
        )
        executor = self.executor(sessions_per_host=places)
        with concurrent.futures.ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(lambda h: executor.run_batch(h, [work]), hosts))
        at_once = most = 0
        for note in notes.read_text().split():
            at_once += 1 if note == 'in' else -1
            most = max(most, at_once)
        return most

    def test_one_host(self) -> None:
        """So many, and no more."""
        self.assertEqual(2, self.most_at_once(2, ['gl1'] * _BATCHES))

    def test_other_hosts(self) -> None:
        """Each has a limit of its own."""
        hosts = ['gl1', 'gl2'] * (_BATCHES // 2)
        self.assertEqual(4, self.most_at_once(2, hosts))
