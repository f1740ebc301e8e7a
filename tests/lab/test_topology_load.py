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

"""Topologies that name unfit hosts: told which, and nothing is changed."""

import contextlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from typing import ClassVar

from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import topology
from manila_gluster_heketi.service import Service
from tests import base
from tests.lab import footprint
from tests.lab import site

_DISK = '/dev/ubdb'
# More than the 5 minutes by which certificates are dated back.
_CLOCK_SECONDS = 400
# What puts something on that disk; the last is a table with one partition.
_CONTENTS = {
    'xfs': f'mkfs.xfs -q -K {_DISK}',
    'LVM2_member': f'pvcreate -qq {_DISK}',
    'dos': f"""
        put() {{ dd of={_DISK} bs=1 seek=$1 conv=notrunc status=none; }}
        printf '\\0\\0\\2\\0\\203\\0\\0\\0\\0\\10\\0\\0\\0\\0\\1\\0' | put 446
        printf '\\125\\252' | put 510
    """,
}
# The program of a release from before our time.
_OLD = """
mv "$1" "$1.new"
printf '#!/bin/sh\\necho "%s"\\n' "$2" >"$1"
chmod 755 "$1"
"""


class BareNodesCase(base.LabTestCase):
    """Nodes that belong to no cluster, before and after each test."""

    lab: ClassVar[layout.Lab]
    before: ClassVar[dict[str, footprint.Footprint]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.lab = site.the_lab()
        site.leave()
        footprint.sweep(cls.lab)
        cls.before = footprint.look(cls.lab)

    def setUp(self) -> None:
        super().setUp()
        # Short: sockets of SSH are in it.
        directory = tempfile.mkdtemp(prefix='gh-', dir='/tmp')
        self.addCleanup(shutil.rmtree, directory)
        self.directory = pathlib.Path(directory)
        self.file = self.directory / 'some.conf'
        self.document = topology.topology_document(self.lab)

    def load(self, **changes: str) -> subprocess.CompletedProcess[str]:
        """Load the document with some options set."""
        chosen = site.options(self.lab, self.directory, **changes)
        site.write_options(self.file, chosen)
        self.addCleanup(self._close_connections)
        return site.load(self.file, self.document)

    def _close_connections(self) -> None:
        for socket in (self.directory / 'state' / 'ssh').glob('*'):
            subprocess.run(
                ['ssh', '-o', f'ControlPath={socket}', '-O', 'exit', '-'],
                stderr=subprocess.DEVNULL,
            )

    def address(self, name: str) -> str:
        """Give what the document calls a node."""
        return self.lab.node(name).address


class UnfitHostTest(BareNodesCase):
    """One thing is wrong with one host; the other three are fine."""

    def refused(self, code: str, *words: str, **changes: str) -> None:
        """Load in vain; nothing is on record and no node has changed."""
        done = self.load(**changes)
        self.assertIn(f'[{code}]', done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(ExitCode.HOST, done.returncode)
        self.assertEqual('', done.stdout)
        self.assertEqual((), Service(site.settings(self.file)).nodes())

    def assert_untouched(self) -> None:
        self.assertEqual(self.before, footprint.look(self.lab))

    def arrange(self, name: str, script: str, back: str) -> None:
        """Do something to a node for the time of the test."""
        self.addCleanup(footprint.answer, self.lab, name, back)
        footprint.answer(self.lab, name, script)

    def test_a_host_that_does_not_answer(self) -> None:
        self.document['clusters'][0]['nodes'].append(self._stranger())
        self.refused(
            'MGH-301', self._stranger_address(), ssh_connect_timeout='3'
        )
        self.assert_untouched()

    def _stranger_address(self) -> str:
        return str(self.lab.spec.network[-2])

    def _stranger(self) -> dict[str, Any]:
        address = self._stranger_address()
        names = {'manage': [address], 'storage': [address]}
        return {'node': {'hostnames': names, 'zone': 1}, 'devices': [_DISK]}

    def test_a_host_with_another_key(self) -> None:
        state = self.directory / 'state'
        state.mkdir(mode=0o700)
        key = next(
            line.split(maxsplit=1)[1]
            for line in self.lab.known_hosts.read_text().splitlines()
            if 'n1' in line.split()[0].split(',')
        )
        address = self.address('n3')
        (state / 'known_hosts').write_text(f'{address} {key}\n')
        self.refused('MGH-302', address)
        self.assert_untouched()

    def test_a_key_that_no_host_admits(self) -> None:
        key = self.directory / 'key'
        subprocess.run(
            ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(key)],
            check=True,
        )
        self.refused('MGH-303', 'user root', ssh_private_key=str(key))
        self.assert_untouched()

    def test_a_user_who_may_not_use_sudo(self) -> None:
        self.refused(
            'MGH-304', 'user nosudo', ssh_user='nosudo', ssh_sudo='True'
        )
        self.assert_untouched()

    def test_a_host_whose_glusterd_is_down(self) -> None:
        self.arrange(
            'n3', 'systemctl stop glusterd', 'systemctl start glusterd'
        )
        self.refused(
            'MGH-308', self.address('n3'), 'glusterd is not running'
        )

    def test_a_host_whose_clock_is_wrong(self) -> None:
        self.addCleanup(self._set_clock, 0)
        self._set_clock(-_CLOCK_SECONDS)
        # To the second it depends on how long an SSH connection takes.
        self.refused(
            'MGH-308',
            self.address('n2'),
            f'its clock is -{_CLOCK_SECONDS // 10}',
        )
        self.assert_untouched()

    def _set_clock(self, offset_seconds: int) -> None:
        wanted = time.time() + offset_seconds
        footprint.answer(self.lab, 'n2', f'date -s @{wanted:.3f}')

    def test_a_host_that_lacks_a_program(self) -> None:
        for program, package in (
            ('gluster', 'glusterfs-server'),
            ('lvm', 'lvm2'),
        ):
            path = f'/usr/sbin/{program}'
            with self._replaced('n3', f'mv {path} {path}.new', path):
                self.refused(
                    'MGH-308',
                    self.address('n3'),
                    f'it lacks {program}; packages: {package}',
                )
        self.assert_untouched()

    def test_a_host_with_old_programs(self) -> None:
        for program, told, version in (
            ('gluster', 'glusterfs 8.6', '8.6'),
            ('lvm', '  LVM version:     2.02.133(2)', '2.02.133'),
        ):
            path = f'/usr/sbin/{program}'
            script = f"set -- {path} '{told}'; {_OLD}"
            with self._replaced('n2', script, path):
                self.refused(
                    'MGH-308',
                    self.address('n2'),
                    f'{program} {version} is too old',
                )
        self.assert_untouched()

    @contextlib.contextmanager
    def _replaced(self, name: str, script: str, path: str) -> Iterator[None]:
        footprint.answer(self.lab, name, script)
        try:
            yield
        finally:
            footprint.answer(self.lab, name, f'mv {path}.new {path}')


class DiskWithDataTest(BareNodesCase):
    """A disk that holds something is taken only by who says so."""

    def setUp(self) -> None:
        super().setUp()
        # One node: what is asked of it does not depend on the others.
        nodes = self.document['clusters'][0]['nodes']
        [only] = [
            node
            for node in nodes
            if node['node']['hostnames']['manage'] == [self.address('n2')]
        ]
        only['devices'] = [_DISK]
        self.only = only
        nodes[:] = [only]
        # Once swept, it is in no volume group, however the test ends.
        self.addCleanup(
            footprint.answer, self.lab, 'n2', f'wipefs -aq {_DISK}'
        )
        self.addCleanup(footprint.sweep, self.lab)

    def test_it_is_refused_until_destroydata(self) -> None:
        for kind, fill in _CONTENTS.items():
            footprint.answer(
                self.lab, 'n2', f'wipefs -aq {_DISK}; {fill}'
            )
            before = self._disk()
            done = self.load()
            self.assertEqual(ExitCode.HOST, done.returncode, done.stderr)
            self.assertIn('[MGH-309]', done.stderr)
            self.assertIn(
                f'{self.address("n2")}, device {_DISK}: it holds data: {kind}',
                done.stderr,
            )
            self.assertEqual(before, self._disk())
        self.only['devices'] = [{'name': _DISK, 'destroydata': True}]
        done = self.load()
        self.assertEqual(0, done.returncode, done.stderr)
        added = {row['Subject'] for row in json.loads(done.stdout)}
        self.assertEqual({'cluster', 'node', _DISK}, added)
        self.assertIn('LVM2_member', self._disk())

    def _disk(self) -> str:
        """Tell what is on the disk, byte by byte where it counts."""
        return footprint.answer(
            self.lab,
            'n2',
            f'wipefs {_DISK}; head -c 8M {_DISK} | sha256sum',
        )
