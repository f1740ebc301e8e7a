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

"""The OpenSSH executor with a stand-in for the ssh program.

The stand-in runs what it is given in a shell on this machine, or does what a
test wrote for it. It is a process of its own, so that statuses, signals and
pipes are real ones.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import sys
import time

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf.settings import SshSettings
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.executor import script
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Fence
from manila_gluster_heketi.hostcmd.command import Tolerance
from tests import base

# Serves a control socket as a master does: it is there once somebody listens,
# and does not take the place of another.
_MASTER = """\
import os, socket, sys
path, noted = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path + '.new')
server.listen()
try:
    os.link(path + '.new', path)
except FileExistsError:
    sys.exit()
finally:
    os.unlink(path + '.new')
pid = os.fork()
if pid:
    with open(noted, 'w') as file:
        file.write(str(pid))
    sys.exit()
while True:
    server.accept()[0].close()
"""

# "master", "session" and "exit" are what tests write; $host and $socket are
# theirs.
_SSH = """\
#!/bin/sh
here={here}
printf '%s\\n' "$*" >>"$here/calls"
kind=session
for word in "$@"; do
    case $word in
    -N) kind=master ;;
    exit) kind=exit ;;
    ControlPath=*) socket=${{word#ControlPath=}} ;;
    esac
done
while [ "$1" != -- ]; do shift; done
host=$2
socket=${{socket%\\%n}}$host
noted=$here/served-${{socket##*/}}
case $kind in
exit)
    [ -e "$here/exit" ] && . "$here/exit"
    kill "$(cat "$noted")"
    rm -f "$socket" ;;
master)
    [ -e "$here/master" ] && . "$here/master"
    exec {python} -S -E -c '{master}' "$socket" "$noted" \\
        </dev/null >/dev/null 2>&1 ;;
session)
    echo $$ >"$here/pid"
    [ -e "$here/session" ] && . "$here/session"
    exec /bin/sh -s ;;
esac
"""


def _sh(text, **fields):
    return Command(('sh', '-c', text), **fields)


class OpenSshTestCase(base.TestCase):
    """Makes executors whose ssh is the stand-in."""

    allow_processes = True
    allow_sockets = True

    def setUp(self) -> None:
        """Put the stand-in first on the path."""
        super().setUp()
        self.here = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        program = self.here / 'ssh'
        program.write_text(
            _SSH.format(
                here=self.here,
                python=sys.executable,
                master=_MASTER.replace("'", '"'),
            )
        )
        program.chmod(0o755)
        self.useFixture(
            fixtures.EnvironmentVariable(
                'PATH', f'{self.here}:{os.environ["PATH"]}'
            )
        )
        self.addCleanup(self.kill_masters)
        # Between attempts to connect.
        self.useFixture(
            fixtures.MockPatchObject(
                openssh.OpenSshExecutor._open_master.retry,
                'sleep',
                lambda seconds: None,
            )
        )

    def executor(self, **values) -> openssh.OpenSshExecutor:
        """Make an executor with these settings."""
        return openssh.OpenSshExecutor(
            SshSettings(
                **{
                    'control_directory': str(self.here / 'ctl'),
                    'known_hosts': str(self.here / 'known_hosts'),
                    **values,
                }
            )
        )

    def script(self, kind: str, text: str) -> None:
        """Say what the stand-in does for a master or a session."""
        (self.here / kind).write_text(text)

    def kill_masters(self) -> None:
        """Have all masters die at once; their sockets stay."""
        for noted in self.here.glob('served-*'):
            pid = int(noted.read_text())
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                os.kill(pid, signal.SIGKILL)
                while os.listdir(f'/proc/{pid}/fd'):
                    time.sleep(0.01)
            noted.unlink()

    def calls(self, word: str = '') -> list[str]:
        """List the calls of ssh with a word in them."""
        lines = (self.here / 'calls').read_text().splitlines()
        return [each for each in lines if word in each]


class BatchTestCase(OpenSshTestCase):
    """Batches that reach the host."""

    def test_results(self) -> None:
        """Each command has its own status, output and time."""
        one, two = self.executor().run_batch(
            'gl1',
            [
                _sh('echo out; echo err >&2'),
                Command(('cat',), stdin='a secret\n', sensitive=True),
            ],
        )
        self.assertEqual(
            (0, 'out\n', 'err\n'), (one.status, one.stdout, one.stderr)
        )
        self.assertEqual('a secret\n', two.stdout)
        self.assertGreaterEqual(one.seconds, 0)
        self.assertNotIn('a secret', '\n'.join(self.calls()))
        self.assertNotIn('echo out', '\n'.join(self.calls()))

    def test_one_connection_for_all_batches(self) -> None:
        """Whatever threads they come from."""
        executor = self.executor()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = list(
                pool.map(
                    lambda n: executor.run_batch('gl1', [_sh(f'echo {n}')]),
                    range(8),
                )
            )
        self.assertEqual(
            [f'{n}\n' for n in range(8)], [r.stdout for (r,) in found]
        )
        self.assertEqual(1, len(self.calls(' -N ')))
        self.assertEqual(8, len(self.calls('/bin/sh -s')))
        self.assertEqual(1, executor.statistics.connections)
        self.assertEqual(8, executor.statistics.batches)

    def test_an_empty_batch(self) -> None:
        """Nobody is called."""
        self.assertEqual((), self.executor().run_batch('gl1', []))
        self.assertFalse((self.here / 'calls').exists())

    def test_options(self) -> None:
        """Host keys are always checked, nobody is ever asked."""
        self.executor().run_batch('gl1', [_sh(':')])
        for call in self.calls():
            for option in (
                'User=root',
                'Port=22',
                'BatchMode=yes',
                'StrictHostKeyChecking=accept-new',
                f'UserKnownHostsFile={self.here}/known_hosts',
                'ServerAliveInterval=3',
                'ConnectTimeout=10',
            ):
                self.assertIn(f'-o {option}', call)
            self.assertNotIn(' -i ', call)
            self.assertNotIn('-F', call)

    def test_options_of_the_operator(self) -> None:
        """User, port, key, file, policy and sudo."""
        self.executor(
            user='stack',
            port=2222,
            private_key='/etc/key',
            config_file='/etc/conf',
            host_key_policy='strict',
        ).run_batch('gl1', [_sh(':')])
        self.script('session', 'shift 2; [ "$*" = "sudo -n -- /bin/sh -s" ]\n')
        self.executor(user='other', sudo=True).run_batch('gl1', [_sh(':')])
        call = self.calls()[0]
        for option in (
            '-F /etc/conf',
            '-i /etc/key',
            'IdentitiesOnly=yes',
            'User=stack',
            'Port=2222',
            'StrictHostKeyChecking=yes',
        ):
            self.assertIn(option, call)
        self.assertTrue(self.calls()[-1].endswith('sudo -n -- /bin/sh -s'))
        # Another login has another connection.
        self.assertEqual(2, len(self.calls(' -N ')))

    def test_closing(self) -> None:
        """The connections end; the next batch logs in again."""
        executor = self.executor()
        executor.run_batch('gl1', [_sh(':')])
        executor.close()
        self.assertEqual([], os.listdir(self.here / 'ctl'))
        executor.run_batch('gl1', [_sh(':')])
        self.assertEqual(2, len(self.calls(' -N ')))
        executor.forget('gl1')
        executor.forget('gl1')
        self.assertEqual(2, len(self.calls('-O exit')))


class CommandFailureTestCase(OpenSshTestCase):
    """Commands that fail on a host that is well."""

    def _fails(self, *batch, **values):
        return self.assertRaises(
            exceptions.CommandFailed,
            self.executor(**values).run_batch,
            'gl1',
            list(batch),
        )

    def test_the_first_failure_ends_the_batch(self) -> None:
        """What it said is in the error, and how many went well."""
        never = self.here / 'never'
        error = self._fails(
            _sh('echo fine'),
            _sh('echo why >&2; exit 3'),
            _sh(f'touch {never}'),
        )
        self.assertEqual(
            (3, 'why', 1),
            tuple(
                error.fields[key] for key in ('status', 'stderr', 'completed')
            ),
        )
        self.assertIn('gl1', str(error))
        self.assertFalse(never.exists())

    def test_a_status_of_255_is_the_commands_own(self) -> None:
        """It is not taken for ssh's."""
        self.assertEqual(255, self._fails(_sh('exit 255')).fields['status'])

    def test_a_tolerated_failure(self) -> None:
        """Only with its own words."""
        there = Tolerance(5, 'already exists')
        results = self.executor().run_batch(
            'gl1',
            [
                _sh('echo x already exists >&2; exit 5', tolerated=(there,)),
                _sh('echo next'),
            ],
        )
        self.assertEqual([5, 0], [each.status for each in results])
        error = self._fails(
            _sh('echo disk full >&2; exit 5', tolerated=(there,))
        )
        self.assertEqual('disk full', error.fields['stderr'])

    def test_a_program_that_is_not_there(self) -> None:
        """127, as the shell has it."""
        error = self._fails(Command(('no-such-program',)))
        self.assertEqual(127, error.fields['status'])
        self.assertIn('not found', error.fields['stderr'])


@ddt.ddt
class ConnectionTestCase(OpenSshTestCase):
    """The way to the host is what fails."""

    def _refused(self, kind, **values):
        error = self.assertRaises(
            kind, self.executor(**values).run_batch, 'gl1', [_sh('echo hi')]
        )
        self.assertIs(kind, type(error))
        self.assertEqual('gl1', error.fields['host'])
        return error

    @ddt.data(
        (
            'ssh: connect to host gl1 port 22: No route to host',
            exceptions.HostUnreachable,
            'No route to host',
        ),
        (
            'ssh: Could not resolve hostname gl1: Name or service not known',
            exceptions.HostUnreachable,
            'resolve',
        ),
        (
            'root@gl1: Permission denied (publickey).',
            exceptions.LoginRefused,
            'publickey',
        ),
        (
            'WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\n'
            'Host key verification failed.',
            exceptions.HostKeyRefused,
            'verification failed',
        ),
        (
            'No ED25519 host key is known for gl1.\n'
            'Host key verification failed.',
            exceptions.HostKeyRefused,
            'verification failed',
        ),
        ('', exceptions.HostUnreachable, 'ssh said nothing'),
    )
    @ddt.unpack
    def test_no_connection(self, stderr, kind, part) -> None:
        """Each reason has its own error; there is one attempt."""
        self.script('master', f"echo '{stderr}' >&2; exit 255\n")
        self.assertIn(part, str(self._refused(kind)))
        self.assertEqual(1, len(self.calls()))

    def test_sshd_is_overloaded_for_a_moment(self) -> None:
        """It is tried again."""
        self.script(
            'master',
            'echo x >>"$here/tries"\n'
            '[ "$(wc -l <"$here/tries")" -lt 3 ] && {\n'
            "echo 'kex_exchange_identification: Connection closed by remote "
            "host' >&2\nexit 255\n}\n",
        )
        [result] = self.executor().run_batch('gl1', [_sh('echo hi')])
        self.assertEqual('hi\n', result.stdout)
        self.assertEqual(3, len(self.calls(' -N ')))

    def test_sshd_stays_overloaded(self) -> None:
        """In the end the host counts as unreachable."""
        self.script(
            'master',
            "echo 'kex_exchange_identification: read: Connection reset by "
            "peer' >&2; exit 255\n",
        )
        error = self._refused(exceptions.HostUnreachable)
        self.assertIn('Connection reset', str(error))
        self.assertEqual(4, len(self.calls(' -N ')))

    @ddt.data(
        'ssh: connect to host gl1 port 22: No route to host',
        'Connection timed out during banner exchange',
        'kex_exchange_identification: Connection closed by remote host\n'
        'Connection closed by 10.0.0.1 port 22',
    )
    def test_the_lasting_connection_is_dead(self, last) -> None:
        """No command was started; the next batch logs in anew.

        ssh tries once without it, and says so if that fails, too.
        """
        self.script(
            'session',
            '[ -e "$here/dead" ] || { : >"$here/dead"\n'
            "echo 'mux_client_request_session: read from master failed: "
            f"Broken pipe\n{last}' >&2\n"
            'exit 255; }\n',
        )
        executor = self.executor()
        self.assertRaises(
            exceptions.HostUnreachable,
            executor.run_batch,
            'gl1',
            [_sh('echo hi')],
        )
        [result] = executor.run_batch('gl1', [_sh('echo hi')])
        self.assertEqual('hi\n', result.stdout)
        self.assertEqual(2, len(self.calls(' -N ')))

    @ddt.data(
        ('', 'exit 255'),
        ('mux_client_request_session: read from master failed', 'exit 255'),
        ('Control socket connect(/s): Connection refused', 'exit 255'),
        ('Connection to gl1 closed by remote host.', 'exit 255'),
        ('', 'kill -9 $$'),
    )
    @ddt.unpack
    def test_it_breaks_before_the_host_has_said_anything(
        self, stderr, end
    ) -> None:
        """The host may have begun: it is not as if it were not there.

        A session that was opened and is lost leaves no word of its own.
        """
        self.script('session', f"echo '{stderr}' >&2\n{end}\n")
        for sudo in (False, True):
            error = self._refused(exceptions.ConnectionLost, sudo=sudo)
            self.assertIn('echo hi', error.fields['command'])

    def test_the_shell_is_none(self) -> None:
        """It has ended, so that nothing was begun."""
        self.script('session', "echo 'sh: not found' >&2; exit 127\n")
        error = self._refused(exceptions.HostUnreachable)
        self.assertIn('not found', str(error))

    def test_sudo_refuses(self) -> None:
        """It is not the host's fault that it is not reached."""
        self.script(
            'session', "echo 'sudo: a password is required' >&2; exit 1\n"
        )
        error = self._refused(exceptions.SudoRefused, sudo=True, user='stack')
        self.assertIn('a password is required', str(error))
        self.assertIn('stack', str(error))

    def test_the_host_can_not_note_the_epoch(self) -> None:
        """Nothing runs; that is no failure of the command's own."""
        (self.here / 'file').touch()
        make = script.Script.of
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.executor.script.Script.of',
                staticmethod(lambda batch: make(batch, f'{self.here}/file')),
            )
        )
        error = self.assertRaises(
            exceptions.FenceFailed,
            self.executor().run_batch,
            'gl1',
            [_sh('echo never', fence=Fence('op', 1))],
        )
        self.assertIn(f'{self.here}/file', str(error))
        self.assertIn('irectory', error.fields['reason'])
        self.assertNotIn('==', error.fields['reason'])

    def test_it_breaks_in_the_middle(self) -> None:
        """The command whose fate is unknown is named."""
        self.script('session', '/bin/sh -s; exit 255\n')
        executor = self.executor()
        error = self.assertRaises(
            exceptions.ConnectionLost,
            executor.run_batch,
            'gl1',
            [_sh('echo fine'), _sh('kill -9 $PPID'), _sh('echo never')],
        )
        self.assertIn('kill', error.fields['command'])
        self.assertNotIn('==', error.fields['reason'])

    def test_a_command_takes_too_long(self) -> None:
        """The one that runs is named, and the client ended."""
        error = self.assertRaises(
            exceptions.CommandTimedOut,
            self.executor().run_batch,
            'gl1',
            [
                _sh('echo fine', timeout_seconds=60),
                Command(('sleep', '4'), timeout_seconds=1),
                _sh('echo never', timeout_seconds=60),
            ],
        )
        self.assertEqual(
            ('sleep 4', 1), (error.fields['command'], error.fields['seconds'])
        )
        pid = int((self.here / 'pid').read_text())
        self.assertFalse(pathlib.Path(f'/proc/{pid}/stat').exists())

    def test_many_commands_take_their_time(self) -> None:
        """Each has its own; what the script is long for has no part in it."""
        text = '#' * 300_000 + '\n'
        results = self.executor().run_batch(
            'gl1',
            [
                _sh('sleep 1.6; cat', stdin=text, timeout_seconds=3),
                _sh('sleep 1.6', timeout_seconds=3),
                _sh('sleep 1.6', timeout_seconds=3),
            ],
        )
        self.assertEqual([0, 0, 0], [each.status for each in results])
        self.assertEqual(text, results[0].stdout)

    def test_what_was_left_behind_keeps_the_session_open(self) -> None:
        """All commands have ended: their results are there."""
        [result] = self.executor().run_batch(
            'gl1', [_sh('echo done; sleep 8 &', timeout_seconds=1)]
        )
        self.assertEqual('done\n', result.stdout)

    def test_the_path_of_the_socket_is_too_long(self) -> None:
        """ssh would fail for a reason that it does not tell well."""
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            self.executor(control_directory='/' + 'x' * 90).run_batch,
            'gl1',
            [_sh(':')],
        )
        self.assertIn('gluster_heketi_state_path', str(error))
        self.assertFalse((self.here / 'calls').exists())
