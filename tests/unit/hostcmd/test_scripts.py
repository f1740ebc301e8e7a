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

"""The scripts in commands do what they say, in each shell of this machine."""

import concurrent.futures
import pathlib
import resource
import shutil
import signal
import stat
import subprocess

import ddt
import fixtures

from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import hooks
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from tests import base

_SHELLS = [each for each in ('dash', 'bash') if shutil.which(each)]
_FOREIGN = '# a comment with /m/b1 in it\nUUID=1 / ext4 defaults 0 1\n'
_LINE = '/dev/vg/b1 /m/b1 xfs rw,inode64,noatime,nouuid,nofail 0 0\n'
_GLUSTERD = 'volume management\n    option ping-timeout 0\nend-volume\n'

# What a limited script may write into one file, in bytes.
_LIMIT = 4096

_BRICK = 'hostname=10.0.0.1\npath={}/brick\nreal_path=/no\nlisten-port=0\n'


class _ScriptCase(base.TestCase):
    allow_processes = True

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.file = self.directory / 'file'
        self.replaced = {
            names.FSTAB: str(self.file),
            names.GLUSTERD_VOL: str(self.file),
            names.FSTAB_LOCK: str(self.directory / 'lock'),
        }

    def run_command(self, built, shell='sh', *, limited=False):
        """Run a script; a limit on files is much like a full disk."""
        argv = [
            shell if word == 'sh' else self.replaced.get(word, word)
            for word in built.argv
        ]
        return subprocess.run(
            argv,
            input=built.stdin,
            text=True,
            capture_output=True,
            preexec_fn=_limit_files if limited else None,
        )

    def succeed(self, built, shell='sh'):
        done = self.run_command(built, shell)
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        return done.stdout


def _limit_files():
    # Else the kernel would end whoever writes too much.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LIMIT, _LIMIT))


def _log_sync(test, programs):
    """Put a "sync" first on the path that writes down what it is told."""
    programs.mkdir()
    log = programs / 'log'
    (programs / 'sync').write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{log}\n')
    (programs / 'sync').chmod(0o755)
    test.useFixture(
        fixtures.EnvironmentVariable('PATH', f'{programs}:/usr/bin:/bin')
    )
    return log


@ddt.ddt
class FstabScriptsTest(_ScriptCase):
    """Lines of fstab."""

    @ddt.data(*_SHELLS)
    def test_a_line_is_added_once(self, shell):
        self.file.write_text(_FOREIGN)

        for _ in range(2):
            self.succeed(mounts.fstab_add('/dev/vg/b1', '/m/b1'), shell)

        self.assertEqual(_FOREIGN + _LINE, self.file.read_text())

    @ddt.data(*_SHELLS)
    def test_a_last_line_without_newline_stays_whole(self, shell):
        self.file.write_text('/dev/x /y ext4')

        self.succeed(mounts.fstab_add('/dev/vg/b1', '/m/b1'), shell)

        self.assertEqual('/dev/x /y ext4\n' + _LINE, self.file.read_text())

    @ddt.data(*_SHELLS)
    def test_our_own_last_line_without_newline_is_found(self, shell):
        self.file.write_text(_LINE.rstrip('\n'))

        self.succeed(mounts.fstab_add('/dev/vg/b1', '/m/b1'), shell)

        self.assertEqual(_LINE.rstrip('\n'), self.file.read_text())

    @ddt.data(*_SHELLS)
    def test_only_the_line_with_that_mount_goes(self, shell):
        near = _LINE.replace('b1', 'b10')
        self.file.write_text(_FOREIGN + _LINE + near)
        self.file.chmod(0o640)

        for _ in range(2):
            self.succeed(mounts.fstab_remove('/m/b1'), shell)

        self.assertEqual(_FOREIGN + near, self.file.read_text())
        self.assertEqual(0o640, stat.S_IMODE(self.file.stat().st_mode))

    @ddt.data(*_SHELLS)
    def test_half_a_line_does_not_stay(self, shell):
        for last in ('\n', ''):
            there = _FOREIGN.ljust(_LIMIT - 40 - len(last), '#') + last
            self.file.write_text(there)

            done = self.run_command(
                mounts.fstab_add('/dev/vg/b1', '/m/b1'), shell, limited=True
            )

            self.assertEqual(1, done.returncode)
            # The end of the line that was there may have been added.
            self.assertEqual(
                there.rstrip('\n'), self.file.read_text().rstrip('\n')
            )

    @ddt.data(*_SHELLS)
    def test_half_a_copy_does_not_stay(self, shell):
        there = _FOREIGN + _LINE + '#' * _LIMIT + '\n'
        self.file.write_text(there)

        done = self.run_command(
            mounts.fstab_remove('/m/b1'), shell, limited=True
        )

        self.assertEqual(1, done.returncode)
        self.assertEqual(there, self.file.read_text())
        self.assertEqual([self.file], list(self.directory.glob('file*')))

    @ddt.data(*_SHELLS)
    def test_a_power_cut_brings_no_line_back(self, shell):
        self.file.write_text(_FOREIGN + _LINE)
        log = _log_sync(self, self.directory / 'bin')

        self.succeed(mounts.fstab_remove('/m/b1'), shell)

        self.assertEqual(
            [f'{self.file}.new', str(self.directory)],
            log.read_text().splitlines(),
        )

    def test_a_full_disk_leaves_fstab_as_it_was(self):
        self.file.write_text(_FOREIGN + _LINE)
        (self.directory / 'file.new').mkdir()

        done = self.run_command(mounts.fstab_remove('/m/b1'))

        self.assertNotEqual(0, done.returncode)
        self.assertEqual(_FOREIGN + _LINE, self.file.read_text())

    def test_parallel_edits_lose_nothing(self):
        self.file.write_text(_FOREIGN + _LINE)
        edits = [
            mounts.fstab_add(f'/dev/vg/n{n}', f'/m/n{n}') for n in range(12)
        ]
        edits.insert(6, mounts.fstab_remove('/m/b1'))

        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            list(threads.map(self.succeed, edits))

        lines = self.file.read_text().splitlines()
        self.assertEqual(_FOREIGN.splitlines(), lines[:2])
        self.assertEqual(
            {f'/m/n{n}' for n in range(12)},
            {line.split()[1] for line in lines[2:]},
        )


@ddt.ddt
class FileScriptsTest(_ScriptCase):
    """Files, and glusterd's own."""

    @ddt.data(*_SHELLS)
    def test_a_file_is_replaced_with_its_mode(self, shell):
        self.file.write_text('old')

        self.succeed(system.write_file(str(self.file), 'new\n', 0o600), shell)

        self.assertEqual('new\n', self.file.read_text())
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertEqual([self.file], list(self.directory.iterdir()))

    @ddt.data(*_SHELLS)
    def test_a_full_disk_leaves_the_old_file(self, shell):
        self.file.write_text('old')
        self.file.chmod(0o600)
        wanted = system.write_file(str(self.file), 'new\n' * _LIMIT)

        done = self.run_command(wanted, shell, limited=True)

        self.assertEqual(1, done.returncode)
        self.assertIn('too large', done.stderr)
        self.assertEqual('old', self.file.read_text())
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertEqual([self.file], list(self.directory.iterdir()))

    @ddt.data(*_SHELLS)
    def test_a_file_that_can_not_be_written_leaves_nothing(self, shell):
        self.file.mkdir()
        (self.file / 'inside').write_text('')
        wanted = system.write_file(f'{self.file}/none/x', 'new\n')

        done = self.run_command(wanted, shell)

        self.assertEqual(1, done.returncode)
        self.assertEqual(['inside'], [p.name for p in self.file.iterdir()])

    @ddt.data(*_SHELLS)
    def test_a_file_that_was_removed_stays_away(self, shell):
        self.file.write_text('secret')
        log = _log_sync(self, self.directory / 'bin')

        for _ in range(2):
            self.succeed(system.remove_file(str(self.file)), shell)

        self.assertFalse(self.file.exists())
        self.assertEqual(
            [str(self.directory)] * 2, log.read_text().splitlines()
        )

    @ddt.data(*_SHELLS)
    def test_ping_timeout_is_set_and_taken_back(self, shell):
        self.file.write_text(_GLUSTERD)

        for seconds in (7, 7, 5):
            self.succeed(system.set_ping_timeout(seconds), shell)
        changed = self.file.read_text()
        self.succeed(system.restore_ping_timeout(), shell)

        self.assertEqual(_GLUSTERD.replace('out 0', 'out 5'), changed)
        self.assertEqual(_GLUSTERD, self.file.read_text())

    @ddt.data(*_SHELLS)
    def test_half_a_copy_of_glusterds_file_does_not_stay(self, shell):
        there = _GLUSTERD + '#' * _LIMIT
        self.file.write_text(there)

        done = self.run_command(
            system.set_ping_timeout(5), shell, limited=True
        )

        self.assertEqual(1, done.returncode)
        self.assertEqual([self.file], list(self.directory.glob('file*')))
        self.assertEqual(there, self.file.read_text())

    @ddt.data(*_SHELLS)
    def test_ping_timeout_is_entered_where_there_is_none(self, shell):
        self.file.write_text('volume management\nend-volume\n')

        self.succeed(system.set_ping_timeout(5), shell)

        self.assertIn(
            '\n    option ping-timeout 5\nend-volume\n', self.file.read_text()
        )

    @ddt.data(*_SHELLS)
    def test_versions_of_what_is_missing_are_empty(self, shell):
        path = shutil.which(shell)
        self.useFixture(fixtures.EnvironmentVariable('PATH', '/nowhere'))

        found = system.parse_versions(self.succeed(system.versions(), path))

        self.assertEqual(6, len(found.missing))


@ddt.ddt
class FlushHookTest(_ScriptCase):
    """The script that glusterd runs when bricks have come."""

    def setUp(self):
        super().setUp()
        self.here = [self.directory / 'mounts' / n for n in ('b 1', 'b2')]
        for mount in self.here:
            (mount / 'brick').mkdir(parents=True)
        bricks = self.directory / 'state' / 'vols' / 'share-1' / 'bricks'
        bricks.mkdir(parents=True)
        for number, mount in enumerate(
            (*self.here, self.directory / 'mounts' / 'elsewhere', '/etc')
        ):
            (bricks / str(number)).write_text(_BRICK.format(mount))
        self.log = _log_sync(self, self.directory / 'bin')

    def _run(self, shell, *words):
        [content] = {each.stdin for each in hooks.install() if each.stdin}
        for old, new in (
            (names.GLUSTERD_STATE, 'state'),
            (names.MOUNT_ROOT, 'mounts'),
        ):
            content = content.replace(old, str(self.directory / new))
        return subprocess.run(
            [shell, '-c', content, 'hook', *words], capture_output=True
        )

    @ddt.data(*_SHELLS)
    def test_our_bricks_on_this_host_are_flushed(self, shell):
        done = self._run(shell, '--volname=share-1', '--gd-workdir=/x')

        self.assertEqual((0, b''), (done.returncode, done.stderr))
        self.assertEqual(
            [f'--file-system -- {mount}/brick' for mount in self.here],
            self.log.read_text().splitlines(),
        )

    @ddt.data('--volname=share-2', '--version=1')
    def test_nothing_to_flush(self, word):
        self._run('sh', word)

        self.assertFalse(self.log.exists())


@ddt.ddt
class RestartTest(_ScriptCase):
    """A service, which here writes down what is asked of it."""

    def setUp(self):
        super().setUp()
        self.asked = self.directory / 'asked'
        self.programs = self.directory / 'programs'
        self.programs.mkdir()
        self._serve(status=0)
        self.useFixture(
            fixtures.EnvironmentVariable(
                'PATH', f'{self.programs}:/usr/bin:/bin'
            )
        )
        for reason in ('one', 'two'):
            note = f'{names.RUN_DIRECTORY}/restarted-{reason}'
            self.replaced[note] = str(self.directory / 'run' / reason)

    def _serve(self, status):
        program = self.programs / 'systemctl'
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{self.asked}\nexit {status}\n'
        )
        program.chmod(0o700)

    def _asked(self):
        return self.asked.read_text().splitlines()

    @ddt.data(*_SHELLS)
    def test_not_again_for_the_same_reason(self, shell):
        for reason in ('one', 'one', 'two', 'one'):
            self.succeed(system.service_restart_once(reason), shell)

        self.assertEqual(
            2 * ['reset-failed glusterd', 'restart glusterd'], self._asked()
        )

    @ddt.data(*_SHELLS)
    def test_starts_that_can_not_be_counted_anew(self, shell):
        """A unit that systemd does not know yet has none."""
        self._serve(status='$([ "$1" != reset-failed ]; echo $?)')
        self.succeed(system.service_restart_once('one'), shell)

    @ddt.data(*_SHELLS)
    def test_each_time(self, shell):
        for _ in range(2):
            self.succeed(system.service_restart(), shell)

        self.assertEqual(
            2 * ['reset-failed glusterd', 'restart glusterd'], self._asked()
        )

    @ddt.data(*_SHELLS)
    def test_again_if_it_did_not_start(self, shell):
        self._serve(status=1)
        built = system.service_restart_once('one')
        self.assertEqual(1, self.run_command(built, shell).returncode)
        self._serve(status=0)
        self.succeed(built, shell)
        self.succeed(built, shell)

        self.assertEqual(2, self._asked().count('restart glusterd'))
