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

"""Enrolment end to end: a tenant with nothing but an access key and a URL."""

import json
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.parse

import testtools
from testtools import content

from tests.lab import site
from tests.lab import tenant
from tests.lab.shares import until

_START_SECONDS = 30

_ENROL = 'gluster-heketi enroll --token-file - --url "$1" -f json'

# Just what the tenant was told.
_MOUNT = """
$1 && df --output=fstype /mnt | tail -1 && cat /mnt/letter 2>/dev/null
echo "$2" >/mnt/letter && umount /mnt
"""

# Room for the key, and not for what comes after it.
_FULL = """
mount -t tmpfs -o size=4k none "$2"
gluster-heketi enroll --token-file "$3" --url "$1" -f json --directory "$2"
status=$?
ls "$2"
mount -o remount,size=1m "$2"
gluster-heketi enroll --token-file "$3" --url "$1" -f json --directory "$2" &&
ls "$2" && exit $status
"""


class EnrolmentTest(site.SiteCase):
    """A share of 1 GiB; the endpoint serves; a machine of a tenant."""

    share: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.share = cls.site.shares.create(1)
        cls.addClassCleanup(cls.site.shares.delete, cls.share)
        told = cls.site.shares.location_metadata(cls.share)
        cls.url = told['enrolment-url']
        cls.log = cls.site.directory / 'endpoint.log'
        cls.serve()

    @classmethod
    def serve(cls) -> None:
        """Start the endpoint as an operator does, and wait for it."""
        program = pathlib.Path(sys.executable).with_name('gluster-heketi')
        with cls.log.open('w') as file:
            process = subprocess.Popen(
                [
                    str(program),
                    f'--config-file={cls.site.manila.configuration}',
                    f'--config-section={site.SECTION}',
                    '-v',
                    'enrolment',
                    'serve',
                ],
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        cls.addClassCleanup(cls.stop, process)
        until(
            lambda: process.poll() is not None or cls.answers(),
            bool,
            seconds=_START_SECONDS,
        )

    @classmethod
    def answers(cls) -> bool:
        """Whether somebody listens there."""
        parts = urllib.parse.urlsplit(cls.url)
        address = (parts.hostname or '', parts.port or 0)
        try:
            socket.create_connection(address, 5).close()
        except OSError:
            return False
        return True

    @classmethod
    def stop(cls, process: 'subprocess.Popen[bytes]') -> None:
        """Stop the endpoint; it ends by itself, and well."""
        process.send_signal(signal.SIGTERM)
        status = process.wait(_START_SECONDS)
        if status:
            raise AssertionError(f'{status}: {cls.log.read_text()}')

    def setUp(self) -> None:
        super().setUp()
        self.addDetail('endpoint', content.content_from_file(str(self.log)))
        self.machine = self.useFixture(
            tenant.Machine(self.site.lab, self.site.directory)
        )

    def key_of(self, rule: str) -> str:
        """Read the access key of a rule as the tenant does."""
        listed = self.site.shares.call(
            'GET', f'share-access-rules?share_id={self.share}'
        )
        [found] = [
            each for each in listed['access_list'] if each['id'] == rule
        ]
        return str(found['access_key'])

    def enrol(self, key: str) -> 'subprocess.CompletedProcess[str]':
        """Enrol the machine."""
        return self.machine.run(_ENROL, self.url, text=key)

    def refused(self, key: str, *words: str) -> None:
        """See that a key is refused, and that nothing is installed."""
        done = self.enrol(key)
        self.assertEqual(2, done.returncode, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual([], list(self.machine.identity.iterdir()))

    def test_end_to_end(self) -> None:
        """From an access rule to a file in the share, and out again."""
        shares = self.site.shares
        begun = time.monotonic()
        rule = shares.allow(self.share, 'dora')
        allowed = time.monotonic()
        key = self.key_of(rule)
        self.assertLessEqual(len(key), 255)

        done = self.enrol(key)
        enrolled = time.monotonic()
        self.assertEqual(0, done.returncode, done.stderr)
        told = json.loads(done.stdout)
        mounted = self.machine.run(_MOUNT, told['Mount'], 'from dora')
        print(
            f'rule {allowed - begun:.1f} s, enrolment '
            f'{enrolled - allowed:.1f} s, mount and write '
            f'{time.monotonic() - enrolled:.1f} s'
        )
        self.assertEqual('fuse.glusterfs', mounted.stdout.strip(), mounted)
        self.assertEqual(0, mounted.returncode, mounted.stderr)
        again = self.machine.run(_MOUNT, told['Mount'], 'again')
        self.assertIn('from dora', again.stdout)
        path = self.machine.identity / 'glusterfs.key'
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        [record] = [
            each
            for each in self.site.service.clients.certificates('dora')
            if each.asked_by == 'enrolment'
        ]
        self.assertEqual(told['Serial'], record.serial)

        # The machine has an identity; another one with this key has none.
        self.assertIn('is there already', self.enrol(key).stderr)
        self.machine.forget()
        self.refused(key, 'MGH-621', 'it was used')
        self.assertNotIn(key, self.log.read_text())
        self.assertNotIn(key, self.site.manila.log.read_text())
        shares.deny(self.share, rule)

    def test_what_is_refused(self) -> None:
        """A key whose rule is gone, one of nobody, and another endpoint."""
        shares = self.site.shares
        rule = shares.allow(self.share, 'eve')
        key = self.key_of(rule)
        self.refused(key[:-1] + ('A' if key[-1] != 'A' else 'Q'), 'MGH-62')
        shares.deny(self.share, rule)
        self.refused(key, 'MGH-621', 'it was withdrawn')
        rule = shares.allow(self.share, 'eve')
        self.refused(key, 'MGH-621', 'it was withdrawn')
        self.assertNotEqual(key, self.key_of(rule))
        shares.deny(self.share, rule)

    def test_the_disk_of_the_machine_is_full(self) -> None:
        """Nothing is there then; with room the same key does it."""
        rule = self.site.shares.allow(self.share, 'faye')
        target = self.machine.identity / 'small'
        target.mkdir()
        file = self.machine.identity / 'token'
        file.write_text(self.key_of(rule))
        done = self.machine.run(
            _FULL,
            self.url,
            f'{tenant.client.CERTIFICATE_DIRECTORY}/small',
            f'{tenant.client.CERTIFICATE_DIRECTORY}/token',
        )
        self.assertIn('No space left on device', done.stderr)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertThat(
            done.stdout,
            testtools.matchers.EndsWith(
                'glusterfs.ca\nglusterfs.key\nglusterfs.pem\n'
            ),
        )
        self.assertEqual(1, done.stdout.count('glusterfs.key'))
        self.site.shares.deny(self.share, rule)

    def test_manila_starts_again(self) -> None:
        """All rules are set anew: what the tenant has stays good."""
        shares = self.site.shares
        rule = shares.allow(self.share, 'gwen')
        key = self.key_of(rule)
        self.site.stop_manila()
        self.site.start_manila()
        until(lambda: shares.rules(self.share)[rule], 'active'.__eq__)
        self.assertEqual(key, self.key_of(rule))
        done = self.enrol(key)
        self.assertEqual(0, done.returncode, done.stderr)
        shares.deny(self.share, rule)
