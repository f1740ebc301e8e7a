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

"""Certificates change while clients are at work."""

import json
import time
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.lab import client
from tests.lab import footprint
from tests.lab import site
from tests.lab.shares import until
from tests.lab.writer import Writer

_CUT_OFF_SECONDS = 15

_DIGESTS = "cd /usr/lib/ssl && ls -AI filler && sha256sum glusterfs.*"
# The same files on a disk of their own, which has room for nothing else.
_FULL_DISK = """
set -e
mkdir /run/full
mount -t tmpfs -o size=64k none /run/full
cp -a /usr/lib/ssl/. /run/full
mount --move /run/full /usr/lib/ssl
rmdir /run/full
dd if=/dev/zero of=/usr/lib/ssl/filler bs=4k status=none || true
"""
_NO_FULL_DISK = 'umount /usr/lib/ssl'


class CertificatesTest(site.SiteCase):
    """A share of 1 GiB on which alice is allowed, and at work."""

    def setUp(self) -> None:
        super().setUp()
        shares = self.site.shares
        self.share = shares.create(1)
        self.addCleanup(shares.delete, self.share)
        shares.allow(self.share, 'alice')
        self.volume = self.site.volume(self.share)

    def mounted(self, name: str) -> client.Client:
        """Mount the share as a tenant."""
        mounted = self.site.client(self.share, self.site.identity(name))
        self.addCleanup(mounted.unmount)
        mounted.mount()
        return mounted

    def told(self, *argv: str, status: int = 0) -> list[dict[str, Any]]:
        """Run a command that lists; give its rows."""
        done = self.site.run(*argv, '-f', 'json')
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def test_nodes_get_new_ones(self) -> None:
        """A writer sees nothing of it, and who comes later gets in."""
        alice = self.mounted('alice')
        writing = Writer(alice)
        self.addCleanup(writing.kill)
        before = {r['Host']: r['Serial'] for r in self.told('tls', 'status')}

        begun = time.monotonic()
        rows = self.told('tls', 'renew', '--all')
        seconds = time.monotonic() - begun

        written = writing.finish()
        print(
            f'{len(rows)} nodes in {seconds:.1f} s; meanwhile '
            f'{written.blocks} blocks were written, the slowest in '
            f'{written.longest:.1f} s'
        )
        self.assertEqual({'renewed'}, {row['Outcome'] for row in rows})
        seen = [r for r in rows if r['Detail'].startswith('handshake on')]
        self.assertLessEqual(3, len(seen), rows)
        after = {r['Host']: r['Serial'] for r in self.told('tls', 'status')}
        self.assertEqual(before.keys(), after.keys())
        self.assertEqual(set(), set(before.values()) & set(after.values()))
        again = self.mounted('alice')
        read = again.run(['sha256sum', 'work'], check=True)
        self.assertEqual(written.digest, read.stdout.split()[0])
        self.assertEqual('0', self._to_heal())
        self.told('check')

    def _to_heal(self) -> str:
        said = footprint.answer(
            self.site.lab,
            'n1',
            f'gluster volume heal {self.volume.name} info '
            "| awk '/^Number of entries:/ {sum += $4} END {print sum}'",
        )
        return said.strip()

    def test_a_disk_is_full_while_one_gets_a_new_one(self) -> None:
        """Its old files stay, it serves on, and nothing is left over."""
        lab = self.site.lab
        node = self.site.service.nodes()[0]
        [name] = [n.name for n in lab.nodes if n.address == node.manage_host]
        before = footprint.answer(lab, name, _DIGESTS)
        footprint.answer(lab, name, _FULL_DISK)
        self.addCleanup(footprint.answer, lab, name, _NO_FULL_DISK)
        rows = self.told(
            'tls',
            'renew',
            '--all',
            '--node',
            node.manage_host,
            status=ExitCode.FAILED,
        )
        self.assertEqual(['failed'], [row['Outcome'] for row in rows])
        self.assertIn('No space left on device', rows[0]['Detail'])
        self.assertEqual(before, footprint.answer(lab, name, _DIGESTS))
        self.mounted('alice').run(['touch', 'here'], check=True)

    def test_a_name_is_revoked(self) -> None:
        """Cut off at once, and nothing lets it in again."""
        shares = self.site.shares
        rule = shares.allow(self.share, 'mallory')
        mallory = self.mounted('mallory')
        alice = self.mounted('alice')
        mallory.run(['tee', 'note'], text='here', check=True)
        self.addCleanup(
            self.site.run, 'cert', 'unrevoke', 'mallory', '--force'
        )

        [row] = self.told('cert', 'revoke', 'mallory', '--reason', 'left')

        begun = time.monotonic()
        until(
            lambda: mallory.run(['cat', 'note']).returncode,
            bool,
            seconds=_CUT_OFF_SECONDS,
        )
        print(f'cut off after {time.monotonic() - begun:.1f} s')
        self.assertEqual('cut off', row['Outcome'])
        again = self.site.client(self.share, self.site.identity('mallory'))
        self.assertRaises(exceptions.LabMountFailed, again.mount)
        refused = self.site.run('cert', 'issue', 'mallory')
        self.assertEqual(ExitCode.BAD_INPUT, refused.returncode)
        self.assertIn('MGH-613', refused.stderr)
        shares.deny(self.share, rule)
        rule = shares.allow(self.share, 'mallory', wanted='error')
        shares.deny(self.share, rule)
        info = self.site.volume_info(self.volume.name)
        self.assertNotIn('mallory', info.options['auth.ssl-allow'])
        read = alice.run(['cat', 'note'], check=True)
        self.assertEqual('here', read.stdout)
        self.told('check')
