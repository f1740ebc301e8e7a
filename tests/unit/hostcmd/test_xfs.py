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

"""How large file systems are, and how much larger they could be."""

import pathlib
import shutil
import subprocess

import ddt
import fixtures

from manila_gluster_heketi.hostcmd import xfs
from tests import base

_OUTPUT = (
    pathlib.Path(__file__).parents[2]
    / 'commands'
    / 'outputs'
    / 'xfs-geometries.txt'
)
_SHELLS = [each for each in ('dash', 'bash') if shutil.which(each)]
_BLOCK = 4096
_GROUP = 65536


class GeometryParserTest(base.TestCase):
    """What xfsprogs 6.1 wrote."""

    def test_some_file_systems(self):
        """Those that could not be shown are left out."""
        found = xfs.parse_geometries(_OUTPUT.read_text())

        self.assertEqual({'/m/b1': xfs.Geometry(4096, 524288, 131072)}, found)
        self.assertEqual(2 << 30, found['/m/b1'].size_bytes)

    def test_nothing(self):
        self.assertEqual({}, xfs.parse_geometries(''))


@ddt.ddt
class RoomTest(base.TestCase):
    """As Linux 6.18 and mkfs.xfs 6.1 have been seen to do it."""

    @ddt.data(
        # The device is as large, or has less than a block more.
        (4 * _GROUP, 4 * _GROUP * _BLOCK, 0),
        (4 * _GROUP, 4 * _GROUP * _BLOCK + 512, 0),
        (4 * _GROUP - 100, (4 * _GROUP - 100) * _BLOCK, 0),
        # A last group of 63 blocks is not added, one of 64 is.
        (4 * _GROUP - 100, (4 * _GROUP + 63) * _BLOCK, 100 * _BLOCK),
        (4 * _GROUP - 100, (4 * _GROUP + 64) * _BLOCK, 164 * _BLOCK),
        # A last group that is there grows by any block.
        (4 * _GROUP + 64, (4 * _GROUP + 65) * _BLOCK, _BLOCK),
        # mkfs.xfs leaves less than 16 MiB at the end, but no more.
        (4 * _GROUP, (4 * _GROUP + 4095) * _BLOCK, 0),
        (4 * _GROUP, (4 * _GROUP + 4096) * _BLOCK, 16 << 20),
        # It is larger than it should be: a growth was given up.
        (4 * _GROUP, 3 * _GROUP * _BLOCK, 0),
    )
    @ddt.unpack
    def test_room(self, blocks, device_bytes, room):
        geometry = xfs.Geometry(_BLOCK, blocks, _GROUP)
        self.assertEqual(room, geometry.room_in(device_bytes))


@ddt.ddt
class GeometryScriptTest(base.TestCase):
    """Whatever a file system is like, the script goes on."""

    allow_processes = True

    @ddt.data(*_SHELLS)
    def test_some_fail(self, shell):
        """One is no XFS, one is shown; what is said of it goes nowhere."""
        programs = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        program = programs / 'xfs_growfs'
        program.write_text(
            '#!/bin/sh\n[ "$2" = /m/b2 ] && echo "$1 $2" && exit\n'
            'echo broken >&2\nexit 1\n'
        )
        program.chmod(0o755)
        self.useFixture(
            fixtures.EnvironmentVariable('PATH', f'{programs}:/usr/bin:/bin')
        )
        self.assertEqual(
            '== /m/b 1\n== /m/b2\n-n /m/b2\n== /m/b3\n',
            self._run(shell, '/m/b 1', '/m/b2', '/m/b3'),
        )

    @ddt.data(*_SHELLS)
    def test_there_is_no_such_program(self, shell):
        empty = self.useFixture(fixtures.TempDir()).path
        path = shutil.which(shell)
        self.useFixture(fixtures.EnvironmentVariable('PATH', empty))
        self.assertEqual('== /m/b1\n', self._run(path, '/m/b1'))

    def _run(self, shell, *paths):
        argv = xfs.geometries(paths).argv
        done = subprocess.run(
            [shell, *argv[1:]], capture_output=True, text=True
        )
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        return done.stdout
