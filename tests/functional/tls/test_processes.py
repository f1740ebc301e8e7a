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

"""Processes that want the authority at the same time."""

import os
import subprocess
import sys

import fixtures

from manila_gluster_heketi.tls import ca
from tests import base

# Each waits until all are ready, so that they race.
_CREATE = """
import sys
from manila_gluster_heketi.tls import ca
print('ready', flush=True)
sys.stdin.readline()
print(ca.Authority.load_or_create(sys.argv[1]).fingerprint)
"""


class ProcessesTestCase(base.TestCase):
    """Several services that start on one host."""

    allow_processes = True

    def test_processes_create_one_authority(self) -> None:
        """All go on with the same."""
        directory = os.path.join(
            self.useFixture(fixtures.TempDir()).path, 'ca'
        )
        processes = [
            subprocess.Popen(
                [sys.executable, '-c', _CREATE, directory],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        for process in processes:
            assert process.stdout is not None
            self.assertEqual('ready\n', process.stdout.readline())
        for process in processes:
            assert process.stdin is not None
            process.stdin.write('go\n')
            process.stdin.flush()
        found = {process.communicate()[0].strip() for process in processes}
        self.assertEqual([0] * 4, [each.returncode for each in processes])
        self.assertEqual({ca.Authority.load(directory).fingerprint}, found)
