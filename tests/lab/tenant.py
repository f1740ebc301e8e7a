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

"""A tenant's machine: a network namespace of its own beside the nodes.

It sees this host's programs, but neither its configuration and state nor its
identity: where glusterfs looks for one there is a directory of the tenant's.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import fixtures

from manila_gluster_heketi.lab import client
from manila_gluster_heketi.lab import layout

_BRIDGE = 'br0'
# Far from those of the nodes.
_HOST_NUMBER = 250
_SECONDS = 120

# What is hidden is hidden below an empty file system; what the machine has
# of its own is put over what this host has. The rest is the tenant's script.
_ENTER = """
set -e
ssl=$1 hidden=$2
mount --bind -- "$ssl" "$3"
mount -t tmpfs none "$hidden"
mount -t tmpfs none /var/log/glusterfs
mount -t tmpfs none /mnt
cd /
shift 3
exec "$@"
"""


class Machine(fixtures.Fixture):
    """A machine in the lab's network.

    :ivar identity: where its glusterfs looks for its certificate
    """

    def __init__(self, lab: layout.Lab, hidden: pathlib.Path) -> None:
        """Know where it is.

        :param hidden: directory of this host that it must not see
        """
        self._lab = lab
        self._hidden = hidden
        self._name = f'gluster-tenant-{os.getpid()}'

    def _setUp(self) -> None:
        self.identity = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self._ip('netns', 'add', self._name)
        self.addCleanup(self._ip, 'netns', 'delete', self._name)
        # This process is in the lab's network.
        self._ip(
            'link',
            'add',
            'tenant0',
            'type',
            'veth',
            'peer',
            'name',
            'eth0',
            'netns',
            self._name,
        )
        self._ip('link', 'set', 'tenant0', 'master', _BRIDGE, 'up')
        network = self._lab.spec.network
        address = f'{network[_HOST_NUMBER]}/{network.prefixlen}'
        there = ('-n', self._name)
        self._ip(*there, 'link', 'set', 'lo', 'up')
        self._ip(*there, 'address', 'add', address, 'dev', 'eth0')
        self._ip(*there, 'link', 'set', 'eth0', 'up')

    def run(
        self, script: str, *arguments: str, text: str = ''
    ) -> subprocess.CompletedProcess[str]:
        """Run a script there, with no environment but a path.

        :param text: its standard input
        """
        programs = pathlib.Path(sys.executable).parent
        return subprocess.run(
            [
                'nsenter',
                f'--net=/run/netns/{self._name}',
                '--',
                'unshare',
                '--mount',
                '--propagation=private',
                '--',
                'env',
                '-i',
                f'PATH={programs}:/usr/sbin:/usr/bin:/sbin:/bin',
                'sh',
                '-c',
                _ENTER,
                'enter',
                str(self.identity),
                str(self._hidden),
                client.CERTIFICATE_DIRECTORY,
                'sh',
                '-c',
                script,
                'tenant',
                *arguments,
            ],
            input=text,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def forget(self) -> None:
        """Have no identity any more."""
        for path in self.identity.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    @staticmethod
    def _ip(*words: str) -> None:
        subprocess.run(['ip', *words], check=True, capture_output=True)
