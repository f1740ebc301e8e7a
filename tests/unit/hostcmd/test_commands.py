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

"""Builders make exactly the command lines that ``tests/commands`` lists."""

import json
import pathlib

import ddt

from manila_gluster_heketi import durability
from manila_gluster_heketi.hostcmd import device
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.hostcmd import xfs
from tests import base

_DIRECTORY = pathlib.Path(__file__).parents[2] / 'commands'
_MODULES = {
    each.__name__.rpartition('.')[2]: each
    for each in (device, gluster, lvm, mounts, system, tls_files, xfs)
}
_CASES = [
    case
    for path in sorted(_DIRECTORY.glob('*.json'))
    for case in json.loads(path.read_text())
]


def _build(case):
    module, _, name = case['builder'].partition('.')
    builder = getattr(_MODULES[module], name)
    return builder(*map(_argument, case['args']), **case.get('kwargs', {}))


def _argument(written):
    """Make the value of what JSON has no word for."""
    if isinstance(written, dict) and 'durability' in written:
        return durability.parse(written['durability'])
    return written


@ddt.ddt
class CommandsTest(base.TestCase):
    """One test per line of the tables."""

    @ddt.data(*_CASES)
    def test_builder(self, case):
        built = _build(case)
        # Scripts are listed line by line.
        argv = tuple(
            '\n'.join(word) if isinstance(word, list) else word
            for word in case['argv']
        )
        guard = (
            [built.guard.condition.value, built.guard.path]
            if built.guard
            else None
        )

        self.assertEqual(argv, built.argv, case['why'])
        self.assertEqual(case.get('stdin', ''), built.stdin)
        self.assertEqual(case.get('guard'), guard)
        self.assertEqual(
            case.get('tolerated', []),
            [[each.status, each.text] for each in built.tolerated],
        )

    def test_no_gluster_command_may_end_before_its_locks(self):
        for case in _CASES:
            if case['argv'][0] == 'gluster':
                self.assertGreater(_build(case).timeout_seconds, 180)

    def test_probe_asks_the_kernel_and_the_device(self):
        self.assertEqual(
            ['lsblk', 'wipefs'],
            [each.program for each in device.probe('/dev/sdb')],
        )

    def test_a_secret_is_never_in_argv_or_repr(self):
        built = system.write_file('/x', 'hidden word\n', 0o600, sensitive=True)

        self.assertTrue(built.sensitive)
        self.assertNotIn('hidden', repr(built))
        self.assertNotIn('hidden', str(built))
