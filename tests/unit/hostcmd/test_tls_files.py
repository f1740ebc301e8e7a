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

"""Scripts about a node's key and certificate, run by real shells."""

import pathlib
import shutil
import subprocess

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import tls_files
from tests import base

_SHELLS = [each for each in ('dash', 'bash') if shutil.which(each)]
_FILES = ('glusterfs.key', 'glusterfs.pem', 'glusterfs.ca')

# As glusterfs 10 writes them, but for dates.
_LINE = '[2026-01-01 00:00:00.000001 +0000] I [MSGID: {}] [{}] {} \n'
_STARTED = _LINE.format(
    100030,
    'glusterfsd.c:2767:main',
    '0-/usr/sbin/glusterfs: Started '
    'running version [{arg=/usr/sbin/glusterfs}, {version=10.3}]',
)


def _refused(connection):
    return _LINE.format(
        114049,
        'client-handshake.c:865:client_setvolume_cbk',
        f'{connection}: sending AUTH_FAILED event []',
    )


def _connected(connection):
    return _LINE.format(
        114046,
        'client-handshake.c:857:client_setvolume_cbk',
        f'{connection}: Connected, attached to remote volume [/b]',
    )


class _FilesCase(base.TestCase):
    allow_processes = True

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.kept = self.directory / names.KEPT_CERTIFICATE

    def run_command(self, built, shell='sh'):
        argv = [
            {'sh': shell, tls_files.LOGS: str(self.directory)}.get(word, word)
            for word in built.argv
        ]
        return subprocess.run(argv, text=True, capture_output=True)

    def succeed(self, built, shell='sh'):
        done = self.run_command(built, shell)
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        return done.stdout


@ddt.ddt
class KeptFilesTest(_FilesCase):
    """Files that are kept, replaced and put back."""

    def _write(self, text, files=_FILES):
        """Replace files as system.write_file does: by a rename."""
        for name in files:
            new = self.directory / f'{name}.new'
            new.write_text(f'{text} {name}')
            new.chmod(0o600)
            new.rename(self.directory / name)

    def _found(self):
        return {
            path.name: path.read_text().partition(' ')[0]
            for path in self.directory.iterdir()
            if path.is_file()
        }

    def _keep(self, shell):
        self.succeed(tls_files.keep(str(self.directory), _FILES), shell)

    def _restore(self, shell):
        self.succeed(tls_files.restore(str(self.directory), _FILES), shell)

    @ddt.data(*_SHELLS)
    def test_old_files_come_back_as_they_were(self, shell):
        self._write('old')
        self._keep(shell)
        self._write('new')
        for _ in range(2):
            self._restore(shell)
            self.assertEqual(dict.fromkeys(_FILES, 'old'), self._found())
        mode = (self.directory / 'glusterfs.key').stat().st_mode
        self.assertEqual(0o600, mode & 0o777)

    @ddt.data(*_SHELLS)
    def test_what_is_kept_is_for_its_owner_alone(self, shell):
        self._write('old')
        self._keep(shell)
        self.assertEqual(0o700, self.kept.stat().st_mode & 0o777)

    @ddt.data(*_SHELLS)
    def test_files_that_were_not_there_are_gone_again(self, shell):
        self._write('old', _FILES[:1])
        self._keep(shell)
        self._write('new')
        self._restore(shell)
        self.assertEqual({'glusterfs.key': 'old'}, self._found())

    @ddt.data(*_SHELLS)
    def test_half_of_the_new_files_is_there(self, shell):
        self._write('old')
        self._keep(shell)
        self._write('new', _FILES[:2])
        self._restore(shell)
        self.assertEqual(dict.fromkeys(_FILES, 'old'), self._found())

    @ddt.data(*_SHELLS)
    def test_what_was_kept_before_is_dropped(self, shell):
        self._write('first')
        self._keep(shell)
        self._write('second')
        self._keep(shell)
        self._write('third')
        self._restore(shell)
        self.assertEqual(dict.fromkeys(_FILES, 'second'), self._found())

    @ddt.data(*_SHELLS)
    def test_a_keep_that_was_cut_short_is_none(self, shell):
        half = self.directory / f'{names.KEPT_CERTIFICATE}.new'
        half.mkdir()
        (half / 'glusterfs.key').write_text('half')
        self._write('old')
        self.assertFalse(self.kept.exists())
        self._keep(shell)
        self.assertEqual(3, len([*self.kept.iterdir()]))
        self.assertFalse(half.exists())

    @ddt.data(*_SHELLS)
    def test_what_is_kept_goes(self, shell):
        self._write('old')
        self._keep(shell)
        for _ in range(2):
            self.succeed(tls_files.discard(str(self.directory)), shell)
            self.assertFalse(self.kept.exists())
        self.assertEqual(dict.fromkeys(_FILES, 'old'), self._found())

    def test_a_directory_that_is_not_there(self):
        built = tls_files.keep(str(self.directory / 'none'), _FILES)
        self.assertEqual(1, self.run_command(built).returncode)


@ddt.ddt
class RefusedDaemonsTest(_FilesCase):
    """What the daemons' logs say."""

    def _read(self, text, shell='sh', name='glustershd.log'):
        (self.directory / name).write_text(text)
        return tls_files.parse_refused(
            self.succeed(tls_files.refused_daemons(), shell)
        )

    @ddt.data(*_SHELLS)
    def test_refused_and_never_connected_since(self, shell):
        text = (
            _STARTED
            + _connected('0-share-1-client-0')
            + _refused('0-share-1-client-1')
            + _refused('0-share-1-client-2')
        )
        self.assertEqual(
            (tls_files.Refused('glustershd', 'share-1'),),
            self._read(text, shell),
        )

    @ddt.data(
        _refused('0-v-client-0') + _STARTED,
        _refused('0-v-client-0') + _connected('0-v-client-0'),
        _refused('0-v-client-0') + _connected('2-v-client-0'),
        '',
        'sending AUTH_FAILED event\n',
    )
    def test_nothing_is_wrong(self, text):
        self.assertEqual((), self._read(text))

    def test_both_daemons(self):
        self._read(_refused('0-a-client-0'))
        self.assertEqual(
            (
                tls_files.Refused('glustershd', 'a'),
                tls_files.Refused('quotad', 'b-client'),
            ),
            self._read(_refused('0-b-client-client-12'), name='quotad.log'),
        )

    def test_no_daemon_ever_ran(self):
        self.assertEqual('', self.succeed(tls_files.refused_daemons()))


@ddt.ddt
class PermissionTest(_FilesCase):
    """Mode and owner of a key."""

    def test_a_file(self):
        path = self.directory / 'key'
        path.write_text('')
        path.chmod(0o640)
        said = self.succeed(tls_files.permission(str(path)))
        found = tls_files.parse_permission('n', said)
        self.assertEqual(0o640, found.mode)
        self.assertEqual(path.stat().st_uid, found.uid)
        self.assertEqual('0640', str(found).partition(',')[0])

    @ddt.data('', '600', '600 root', '9 0', '600 0 0')
    def test_what_is_not_understood(self, output):
        self.assertRaises(
            exceptions.OutputNotUnderstood,
            tls_files.parse_permission,
            'n',
            output,
        )
