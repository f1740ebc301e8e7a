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

"""``gluster-heketi enroll`` and ``enrolment`` as their users run them."""

import io
import json
import os
import socket
import time
from collections.abc import Callable

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.tls import tokens
from tests.functional import deployment
from tests.functional import interference
from tests.functional.cli import commands
from tests.functional.enrolment import bench
from tests.functional.enrolment import served

_PATIENCE_SECONDS = 30
_LOOK_SECONDS = 0.02
_URL = f'gluster_heketi_enrolment_url = {bench.URL}'


@ddt.ddt
class EnrollTestCase(served.ServedTestCase):
    """A tenant's machine, without any configuration."""

    run_plainly = commands.CommandTestCase.run_plainly

    def enroll(self, *words: str) -> tuple[int, str, str]:
        """Run the command, into a directory."""
        return self.run_plainly(
            'enroll',
            '--url',
            self.served.url,
            '--directory',
            self.directory,
            *words,
        )

    def test_it_shows_how_to_mount(self) -> None:
        """And what was installed, where."""
        status, out, err = self.enroll('--token', self.token, '-f', 'json')
        self.assertEqual(0, status, err)
        [record] = self.d.service.clients.certificates('alice')
        told = json.loads(out)
        self.assertTrue(told.pop('Mount').startswith('mount -t glusterfs '))
        self.assertEqual(
            {
                'Common Name': 'alice',
                'Share': bench.SHARE,
                'Serial': record.serial,
                'Not After': record.not_after.replace(
                    microsecond=0
                ).isoformat(),
                'Directory': self.directory,
            },
            told,
        )

    def test_the_key_comes_from_a_file_or_stdin(self) -> None:
        """Where nobody sees it; a newline behind it is no part of it."""
        path = self.d.write('token', self.token + '\n')
        status, _, err = self.enroll('--token-file', path)
        self.assertEqual(0, status, err)
        other = self.enrolment.grant(bench.SHARE, 'alice')
        self.useFixture(
            fixtures.MonkeyPatch('sys.stdin', io.StringIO(other + '\r\n'))
        )
        status, _, err = self.enroll('--token-file', '-', '--overwrite')
        self.assertEqual(0, status, err)

    def test_it_is_shown_nowhere(self) -> None:
        """Whatever is shown of what happens."""
        status, out, err = self.run_plainly(
            '--debug',
            'enroll',
            '--url',
            self.served.url,
            '--directory',
            self.directory,
            '--token',
            self.token,
        )
        self.assertEqual(0, status, err)
        self.assertNotIn(self.token, out + err)
        self.assertNotIn('PRIVATE KEY', out + err)

    @ddt.data(
        (('--token', 'x'), 'MGH-620'),
        (('--token-file', '/nowhere'), '--token-file'),
        (('--token-file', '/bin/sh'), '--token-file'),
        (('--token-file', '/dev/null'), 'MGH-620'),
        (('--name', 'bob'), 'MGH-621'),
        (('--share', 'x'), 'MGH-621'),
        (('--url', 'http://h'), '--url'),
        (('--url', ''), '--url'),
        (('--directory', '/dev/null'), 'directory'),
    )
    @ddt.unpack
    def test_bad_input(self, words: tuple[str, str], named: str) -> None:
        """Said in a line; nothing is changed."""
        before = self.on_record()
        if not words[0].startswith('--token'):
            words = ('--token', self.token, *words)
        status, out, err = self.enroll(*words)
        self.assertEqual((ExitCode.BAD_INPUT, ''), (status, out), err)
        self.assertIn(named, err)
        self.assertEqual(1, err.strip().count('\n') + 1, err)
        self.assertEqual(before, self.on_record())
        self.assertEqual([], os.listdir(self.directory))

    def test_nobody_is_there(self) -> None:
        """The exit status is another: it is worth to try again."""
        self.served.server.stop()
        status, _, err = self.enroll('--token', self.token)
        self.assertEqual(ExitCode.FAILED, status)
        self.assertIn('MGH-622', err)


class EnrolmentTestCase(commands.CommandTestCase):
    """The operator's side."""

    # Whether an address can be had is for the network to say.
    allow_sockets = True

    def setUp(self) -> None:
        """Have a share that lets alice in."""
        super().setUp()
        self.config = self.configure(_URL)
        self.run_command('topology', 'load', self.topology)
        self.d.create(bench.SHARE)
        self.d.service.change_access(bench.SHARE, add=['alice'])

    def grant(self) -> str:
        """Get a key for alice."""
        status, out, err = self.run_command(
            'enrolment', 'grant', bench.SHARE, 'alice'
        )
        self.assertEqual(0, status, err)
        return out

    def states(self) -> list[str]:
        """See what is listed."""
        rows = self.json_of('enrolment', 'list')
        self.assertEqual(
            {(bench.SHARE, 'alice')},
            {(row['Share'], row['Common Name']) for row in rows},
        )
        return [row['State'] for row in rows]

    def test_a_key_is_granted(self) -> None:
        """It alone is printed, and is good."""
        token = self.grant()
        self.assertEqual(
            'alice', tokens.peek(token.removesuffix('\n')).common_name
        )
        self.assertEqual(['open'], self.states())

    def test_what_became_of_keys(self) -> None:
        """Used, or withdrawn."""
        token = self.grant().strip()
        service = Service(
            deployment.settings_in(self.d.directory, enrolment_url=bench.URL),
            executor=self.d.executor,
        )
        self.addCleanup(service.store.close)
        service.enrolment.redeem(token, bench.EnrolmentTestCase.request())
        self.grant()
        self.assertEqual({'used', 'open'}, set(self.states()))
        service.change_access(bench.SHARE, remove=['alice'])
        self.assertEqual(['withdrawn'] * 2, self.states())

    def test_bad_input(self) -> None:
        """Said in a line."""
        for words in (
            ('grant', bench.SHARE, 'bob'),
            ('serve', '--listen', 'nowhere'),
            ('serve', '--listen', '127.0.0.1:0'),
            ('serve', '--listen', '192.0.2.1:8787'),
        ):
            self.refused(ExitCode.BAD_INPUT, 'enrolment', *words)
        self.refused(ExitCode.FAILED, 'enrolment', 'grant', 'none', 'alice')

    def test_the_port_is_taken(self) -> None:
        """Which one is told."""
        with socket.create_server(('127.0.0.1', 0)) as taken:
            address = f'127.0.0.1:{taken.getsockname()[1]}'
            said = self.refused(
                ExitCode.BAD_INPUT, 'enrolment', 'serve', '--listen', address
            )
        self.assertIn(address, said)

    def test_nobody_can_enrol(self) -> None:
        """The option that is missing is named."""
        self.config = self.configure()
        for words in (('grant', bench.SHARE, 'alice'), ('serve',)):
            said = self.refused(ExitCode.BAD_INPUT, 'enrolment', *words)
            self.assertIn('gluster_heketi_enrolment_url', said)


class _Served:
    """In the place of the endpoint: it is over when a test says so."""

    until: Callable[[], bool]

    def __init__(self, *words: object) -> None:
        pass

    def prepare(self) -> None:
        """Take no port."""

    def serve(self) -> None:
        """Serve nobody."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self.until() and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """Have nothing to stop."""


class RecoveryTestCase(commands.CommandTestCase):
    """The endpoint is a process that lasts."""

    def setUp(self) -> None:
        """Leave a creation half-way, whose host is back."""
        super().setUp()
        self.config = self.configure(_URL)
        self.d.load()
        self.d.executor.before = interference.once(
            interference.says('mkfs.xfs'),
            lambda *_: self.d.cluster.power_off('gl3'),
        )
        self.assertRaises(exceptions.OperationStuck, self.d.create)
        self.d.cluster.power_on('gl3')
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.cli.enrolment.Server', _Served
            )
        )

    def _serve(self, *words: str) -> None:
        status, _, err = self.run_command('enrolment', 'serve', *words)
        self.assertEqual(0, status, err)

    def test_what_is_open_is_closed(self) -> None:
        """From the start on, as manila-share does it."""
        _Served.until = lambda _: not self.d.service.operations()
        self._serve()
        self.assertEqual((), self.d.service.operations())

    def test_nodes_are_left_to_others(self) -> None:
        """The host may have no key to log in there."""
        _Served.until = lambda _: True
        started: list[object] = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.layout.recoverer.start', started.append
            )
        )
        self._serve('--no-recovery')
        self.assertEqual([], started)
