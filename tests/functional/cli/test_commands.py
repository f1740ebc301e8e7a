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

"""The ``gluster-heketi`` command in process."""

import io
import json
import os
import stat
import sys

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands
from tests.functional.interference import once
from tests.functional.interference import says


class TopologyTestCase(commands.CommandTestCase):
    """topology load, show, export."""

    def test_load(self) -> None:
        """It lists what was done; a second load did nothing."""
        rows = self.json_of('topology', 'load', self.topology)
        self.assertEqual(
            [
                ('added', 'c1', '', 'cluster'),
                *(('added', 'c1', h, 'node') for h in self.d.hosts),
                *(('added', 'c1', h, '/dev/vdb') for h in self.d.hosts),
            ],
            [
                (r['Action'], r['Cluster'], r['Host'], r['Subject'])
                for r in rows
            ],
        )
        self.assertEqual([], self.json_of('topology', 'load', self.topology))

    def test_load_from_standard_input(self) -> None:
        """For pipes."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'sys.stdin', io.StringIO(json.dumps(self.d.document()))
            )
        )
        self.assertIsInstance(sys.stdin, io.StringIO)
        self.assertEqual(7, len(self.json_of('topology', 'load', '-')))

    def test_warnings(self) -> None:
        """They go to standard error, and are no failure."""
        self.run_command('topology', 'load', self.topology)
        part = self.d.write(
            'part.json', json.dumps(self.d.document('gl1', 'gl2'))
        )
        status, _, err = self.run_command('topology', 'load', part)
        self.assertEqual(0, status)
        self.assertIn('node gl3 is not in the document; it stays', err)

    def test_show(self) -> None:
        """A row for each device, with bytes for programs."""
        self.run_command('topology', 'load', self.topology)
        rows = self.json_of('topology', 'show')
        self.assertEqual(self.d.hosts, [row['Node'] for row in rows])
        for row in rows:
            self.assertIsInstance(row['Total'], int)
            self.assertEqual(row['Total'], row['Free'] + row['Used'])
            self.assertEqual('online', row['Node State'])
        _, table, _ = self.run_command('topology', 'show')
        self.assertIn('GiB', table)

    def test_export(self) -> None:
        """It prints what was loaded."""
        self.run_command('topology', 'load', self.topology)
        status, out, _ = self.run_command('topology', 'export')
        self.assertEqual(0, status)
        self.assertEqual(self.d.document(), json.loads(out))


class ErrorTestCase(commands.CommandTestCase):
    """One line on standard error, and a status that tells the kind."""

    def test_a_file_that_is_not_there(self) -> None:
        """The path is named."""
        err = self.refused(
            ExitCode.BAD_INPUT, 'topology', 'load', '/nonexistent.json'
        )
        self.assertIn('/nonexistent.json', err)

    def test_a_file_that_is_not_text(self) -> None:
        """So is one that nobody can read."""
        path = os.path.join(self.d.directory, 'binary.json')
        with open(path, 'wb') as file:
            file.write(b'\xff\xfe\x00')
        err = self.refused(ExitCode.BAD_INPUT, 'topology', 'load', path)
        self.assertIn(path, err)

    def test_a_document_that_is_not_json(self) -> None:
        """Line and column are named."""
        path = self.d.write('bad.json', '{"clusters": [}')
        err = self.refused(ExitCode.BAD_INPUT, 'topology', 'load', path)
        self.assertIn('line 1', err)
        self.assertIn(path, err)

    def test_a_host_that_does_not_answer(self) -> None:
        """A status of its own."""
        self.d.cluster.power_off('gl2')
        err = self.refused(ExitCode.HOST, 'topology', 'load', self.topology)
        self.assertIn('gl2', err)

    def test_a_host_key_that_changed(self) -> None:
        """The reader learns what it may mean."""
        self.d.cluster.refuse(
            'gl2', exceptions.HostKeyRefused(host='gl2', reason='changed')
        )
        err = self.refused(ExitCode.HOST, 'topology', 'load', self.topology)
        self.assertIn('somebody may be in between', err)

    def test_what_could_not_be_undone(self) -> None:
        """The operation is named, listed, and recovered."""
        self.d.executor.before = once(
            says('write_file'),
            lambda host, command: self.d.cluster.power_off('gl3'),
        )
        err = self.refused(ExitCode.STUCK, 'topology', 'load', self.topology)
        [row] = self.json_of('operation', 'list')
        self.assertIn(row['Id'], err)
        self.assertEqual('stuck', row['State'])
        [row] = self.json_of('operation', 'clean')
        self.assertIn('gl3', row['Outcome'])
        self.d.cluster.power_on('gl3')
        [row] = self.json_of('operation', 'clean')
        self.assertEqual('closed', row['Outcome'])
        self.assertEqual([], self.json_of('operation', 'list'))
        self.assertEqual(
            ['undone'],
            [r['State'] for r in self.json_of('operation', 'list', '--all')],
        )

    def test_an_unknown_command(self) -> None:
        """cliff says so."""
        status, _, err = self.run_command('topologie', 'load')
        self.assertEqual(2, status)
        self.assertNotIn('Traceback', err)

    def test_a_bug(self) -> None:
        """A status of its own, so that scripts can tell."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.service.Service.volumes', _bug
            )
        )
        status, _, err = self.run_command('volume', 'list')
        self.assertEqual(ExitCode.BUG, status)
        self.assertIn('surprise', err)


def _bug(self):
    raise ZeroDivisionError('surprise')


class VolumeTestCase(commands.CommandTestCase):
    """volume list and show."""

    def setUp(self) -> None:
        """Create a volume."""
        super().setUp()
        self.d.load()
        self.volume = self.d.create(durability='replicate:2')
        self.d.service.change_access('share-1', add=['alice'])

    def test_list(self) -> None:
        """A row for each, with bytes for programs."""
        [row] = self.json_of('volume', 'list')
        self.assertEqual(
            (self.volume.name, 'share-1', 2 << 30, 'replicate:2', 'ready'),
            tuple(
                row[key]
                for key in ('Name', 'Share', 'Size', 'Durability', 'State')
            ),
        )

    def test_show(self) -> None:
        """With its bricks and who may mount it."""
        shown = self.json_of('volume', 'show', 'share-1')
        self.assertEqual('alice', shown['Access'])
        self.assertEqual(
            list(self.d.service.bricks(self.volume)),
            shown['Bricks'].split('\n'),
        )

    def test_show_what_is_not_there(self) -> None:
        """The share is named."""
        err = self.refused(ExitCode.FAILED, 'volume', 'show', 'nobody')
        self.assertIn("'nobody'", err)

    def test_a_condemned_volume(self) -> None:
        """It is listed until it is gone."""
        self.d.cluster.power_off('gl3')
        self.d.service.delete_volume('share-1')
        [row] = self.json_of('volume', 'list')
        self.assertEqual('condemned', row['State'])


@ddt.ddt
class CertificateTestCase(commands.CommandTestCase):
    """cert issue and list."""

    def setUp(self) -> None:
        """Choose where files go."""
        super().setUp()
        self.where = os.path.join(self.d.directory, 'client')
        os.mkdir(self.where)

    def test_issue(self) -> None:
        """Three files, the key for its owner alone."""
        shown = self.json_of(
            'cert', 'issue', 'alice', '--directory', self.where
        )
        self.assertEqual('alice', shown['Common Name'])
        self.assertEqual(
            ['glusterfs.ca', 'glusterfs.key', 'glusterfs.pem'],
            sorted(os.listdir(self.where)),
        )
        mode = os.stat(os.path.join(self.where, 'glusterfs.key')).st_mode
        self.assertEqual(0o600, stat.S_IMODE(mode))
        [row] = self.json_of('cert', 'list')
        self.assertEqual(
            ('alice', shown['Serial']), (row['Common Name'], row['Serial'])
        )

    def test_issue_over_another(self) -> None:
        """Refused unless asked for; the old key stays."""
        words = ('cert', 'issue', 'alice', '--directory', self.where)
        self.run_command(*words)
        path = os.path.join(self.where, 'glusterfs.key')
        with open(path, encoding='utf-8') as file:
            before = file.read()
        status, _, err = self.run_command(*words)
        self.assertNotEqual(0, status)
        self.assert_one_line(err)
        with open(path, encoding='utf-8') as file:
            self.assertEqual(before, file.read())
        self.assertEqual(0, self.run_command(*words, '--overwrite')[0])

    @ddt.data('', 'a,b', '*', 'x' * 65, 'gluster-heketi-node-1', 'a b')
    def test_a_bad_name(self, name) -> None:
        """It is named; no file is written."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            'cert',
            'issue',
            name,
            '--directory',
            self.where,
        )
        self.assertIn(repr(name), err)
        self.assertEqual([], os.listdir(self.where))

    def test_a_bad_number_of_days(self) -> None:
        """Said; no file is written."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            'cert',
            'issue',
            'alice',
            '--days',
            '-1',
            '--directory',
            self.where,
        )
        self.assertIn('days', err)
        self.assertEqual([], os.listdir(self.where))
