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

"""Commands over the OpenSSH client, with one lasting connection per host.

The operator's own client is used so that jump hosts, agents, certificates
and ssh_config keep working. Host keys are always checked. The connection
(the "master") is opened by a call of its own: so a host that is not there is
told from a command that failed, and no batch pays for a handshake.
"""

import dataclasses
import hashlib
import os
import re
import threading
import time
from collections.abc import Sequence

import tenacity
from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf.settings import SshSettings
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import calls
from manila_gluster_heketi.executor import control_socket
from manila_gluster_heketi.executor import fence
from manila_gluster_heketi.executor import script
from manila_gluster_heketi.hostcmd import command
from manila_gluster_heketi.turnstile import Turnstile

LOG = log.getLogger(__name__)

# sun_path is 108 bytes on Linux (unix(7)); ssh adds a dot and 16 characters
# while it makes the socket.
_SOCKET_PATH_LIMIT = 108 - 17
_KEEPALIVE_COUNT = 3
# What a signal or a lost master leaves as ssh's own exit status, ssh(1).
_SSH_FAILED = 255
# What ssh says if it had no session. It tries the lasting connection first,
# and makes one of its own if it gets no answer there. Of a session that was
# opened and is lost it says nothing, or that the connection was closed.
_NO_SESSION = re.compile(
    r'^ssh: (connect to host|Could not resolve hostname) '
    r'|^kex_exchange_identification: '
    r'|^Connection timed out during banner exchange'
    r'|: Permission denied \('
    r'|^Host key verification failed',
    re.MULTILINE,
)


@dataclasses.dataclass(slots=True)
class Statistics:
    """Counted since the executor was made."""

    connections: int = 0
    batches: int = 0


class _Broken(Exception):
    """sshd dropped the connection before login; it may be overloaded."""


class OpenSshExecutor:
    """Runs batches over OpenSSH; safe for threads and green threads."""

    def __init__(self, options: SshSettings) -> None:
        self.options = options
        self.statistics = Statistics()
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    def run_batch(
        self, host: str, batch: Sequence[command.Command]
    ) -> tuple[base.Result, ...]:
        """See :class:`base.Executor`."""
        if not batch:
            return ()
        text = script.Script.of(batch)
        lane = self._host(host)
        asked = time.monotonic()
        with lane.sessions:
            self._connect(host, lane, asked)
            with self._lock:
                self.statistics.batches += 1
            status, stdout, stderr = self._session(host, text)
        transcript = text.parse(stdout, stderr)
        self._log(host, transcript)
        if not transcript.begun:
            raise self._refusal(host, text, status, stderr)
        return self._judge(host, text, transcript, stderr)

    def close(self) -> None:
        """Close the connections that this machine holds to known hosts."""
        with self._lock:
            hosts = tuple(self._hosts)
        for host in hosts:
            self.forget(host)

    def forget(self, host: str) -> None:
        """Drop the connection to a host, so that the next batch logs in."""
        path = self._socket(host)
        if control_socket.is_served(path):
            ended = self._ssh(host, ('-O', 'exit'), (), calls.within(10))
            if ended.status != 0:
                control_socket.remove(path)

    def _host(self, host: str) -> '_Host':
        with self._lock:
            if host not in self._hosts:
                self._hosts[host] = _Host(self.options.sessions_per_host)
            return self._hosts[host]

    def _connect(self, host: str, lane: '_Host', asked: float) -> None:
        """Open the lasting connection unless some process already has.

        Each attempt may take as long as a connection may. So what has waited
        for one that failed takes that for its own.

        :param asked: when the wait began
        """
        path = self._socket(host)
        if control_socket.is_served(path):
            return
        with lane.connecting:
            if control_socket.is_served(path):
                return
            lane.raise_failure_since(asked)
            try:
                self._open_master(host)
            except exceptions.HostUnreachable as error:
                lane.failed = (time.monotonic(), error)
                raise

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(_Broken),
        wait=tenacity.wait_random_exponential(0.2, max=3),
        stop=tenacity.stop_after_attempt(4),
        retry_error_callback=lambda state: _give_up(state),
    )
    def _open_master(self, host: str) -> None:
        os.makedirs(self.options.control_directory, mode=0o700, exist_ok=True)
        LOG.debug('opening an SSH connection to %s', host)
        with self._lock:
            self.statistics.connections += 1
        ended = self._ssh(
            host,
            (
                '-f',
                '-N',
                '-o',
                'ControlMaster=yes',
                '-o',
                f'ControlPersist={self.options.persist_seconds}',
            ),
            (),
            calls.within(self.options.connect_timeout_seconds + 20),
        )
        # Another process may have won the race for the socket: that is fine.
        if ended.status != 0 and (
            not control_socket.is_served(self._socket(host))
        ):
            raise self._connect_error(host, ended.stderr)

    def _session(self, host: str, text: script.Script) -> tuple[int, str, str]:
        remote: tuple[str, ...] = ('/bin/sh', '-s')
        if self.options.sudo:
            remote = ('sudo', '-n', '--', *remote)
        ended = self._ssh(
            host,
            ('-T', '-o', 'ControlMaster=no'),
            remote,
            calls.Patience(text.reached, text.limit_seconds),
            stdin=text.text(),
        )
        if ended.status is None:
            self._check_complete(host, text, ended)
        return ended.status or 0, ended.stdout, ended.stderr

    def _ssh(
        self,
        host: str,
        flags: tuple[str, ...],
        remote: tuple[str, ...],
        patience: calls.Patience,
        stdin: str = '',
    ) -> calls.Ended:
        argv = (*self._argv(), *flags, '--', host, *remote)
        return calls.call(argv, stdin, patience)

    def _argv(self) -> tuple[str, ...]:
        chosen = self.options
        argv = ['ssh']
        if chosen.config_file:
            argv += ['-F', chosen.config_file]
        if chosen.private_key:
            argv += ['-i', chosen.private_key, '-o', 'IdentitiesOnly=yes']
        settings = {
            'User': chosen.user,
            'Port': chosen.port,
            'BatchMode': 'yes',
            'ConnectTimeout': chosen.connect_timeout_seconds,
            'ServerAliveInterval': chosen.keepalive_seconds,
            'ServerAliveCountMax': _KEEPALIVE_COUNT,
            'StrictHostKeyChecking': (
                'yes' if chosen.host_key_policy == 'strict' else 'accept-new'
            ),
            'UserKnownHostsFile': chosen.known_hosts,
            'HashKnownHosts': 'no',
            'UpdateHostKeys': 'no',
            'LogLevel': 'ERROR',
            'ControlPath': self._socket_pattern(),
        }
        for key, value in settings.items():
            argv += ['-o', f'{key}={value}']
        return tuple(argv)

    def _socket_pattern(self) -> str:
        return os.path.join(self.options.control_directory, f'{self._who()}%n')

    def _socket(self, host: str) -> str:
        path = os.path.join(
            self.options.control_directory, f'{self._who()}{host}'
        )
        if len(path) > _SOCKET_PATH_LIMIT:
            raise exceptions.InvalidConfiguration(
                option='gluster_heketi_state_path',
                value=self.options.control_directory,
                reason='the path of an SSH control socket in it would be '
                f'{len(path)} bytes long, the limit is {_SOCKET_PATH_LIMIT}',
            )
        return path

    def _who(self) -> str:
        """Keep the sockets of different logins apart."""
        chosen = self.options
        login = f'{chosen.user} {chosen.port} {chosen.private_key}'
        return hashlib.sha256(login.encode()).hexdigest()[:6] + '-'

    def _connect_error(self, host: str, stderr: str) -> Exception:
        reason = _last_line(stderr)
        if 'Host key verification failed' in stderr or (
            'IDENTIFICATION HAS CHANGED' in stderr
        ):
            return exceptions.HostKeyRefused(host=host, reason=reason)
        if 'Permission denied' in stderr:
            return exceptions.LoginRefused(
                host=host, user=self.options.user, reason=reason
            )
        if 'kex_exchange_identification' in stderr or (
            'Connection reset' in stderr
        ):
            return _Broken(host, reason)
        return exceptions.HostUnreachable(host=host, reason=reason)

    def _refusal(
        self, host: str, text: script.Script, status: int, stderr: str
    ) -> exceptions.HostError:
        """Say why nothing was heard, not even of the script's first line."""
        reason = _last_line(stderr)
        has_ended = 0 <= status != _SSH_FAILED
        if self.options.sudo and has_ended:
            return exceptions.SudoRefused(
                host=host, user=self.options.user, reason=reason
            )
        self.forget(host)
        if has_ended or _NO_SESSION.search(stderr):
            return exceptions.HostUnreachable(host=host, reason=reason)
        return exceptions.ConnectionLost(
            host=host, command=str(text.batch[0]), reason=reason
        )

    def _check_complete(
        self, host: str, text: script.Script, ended: calls.Ended
    ) -> None:
        """See that all commands of a session that was given up have ended.

        Only what they left behind keeps it open then.

        :raises CommandTimedOut: names the one that has not
        """
        transcript = text.parse(ended.stdout, ended.stderr)
        if len(transcript.results) == len(text.batch):
            return
        self._log(host, transcript)
        raise exceptions.CommandTimedOut(
            host=host,
            command=str(text.batch[len(transcript.results)]),
            seconds=text.limit_seconds(text.reached(ended.stdout)),
        )

    def _judge(
        self,
        host: str,
        text: script.Script,
        transcript: script.Transcript,
        stderr: str,
    ) -> tuple[base.Result, ...]:
        results = transcript.results
        for position, result in enumerate(results, 1):
            if base.is_fatal(result):
                raise base.failure(host, results[:position])
        if len(results) < len(text.batch):
            if transcript.refused:
                raise _fenced(host, text, transcript, stderr)
            raise exceptions.ConnectionLost(
                host=host,
                command=str(text.batch[len(results)]),
                reason=_last_line(text.without_marks(stderr)),
            )
        return results

    def _log(self, host: str, transcript: script.Transcript) -> None:
        for result in transcript.results:
            LOG.debug(
                '%s: %s -> %s in %.2f s%s',
                host,
                result.command,
                result.status,
                result.seconds,
                ' (skipped)' if result.skipped else '',
            )


class _Host:
    """What limits the use of one host."""

    def __init__(self, sessions: int) -> None:
        self.sessions = Turnstile(sessions)
        self.connecting = threading.Lock()
        self.failed: tuple[float, exceptions.HostUnreachable] | None = None

    def raise_failure_since(self, moment: float) -> None:
        """Raise what the last connection failed with, if it was after that.

        :raises HostUnreachable: or a kind of it
        """
        if self.failed and self.failed[0] >= moment:
            error = self.failed[1]
            raise type(error)(**error.fields) from error


def _fenced(
    host: str,
    text: script.Script,
    transcript: script.Transcript,
    stderr: str,
) -> exceptions.HostError:
    """Say why the fence did not let a command run."""
    command = str(text.batch[len(transcript.results)])
    if transcript.refused == fence.LATE:
        return exceptions.CommandFenced(host=host, command=command)
    if transcript.refused == fence.BUSY:
        return exceptions.CommandStillRuns(
            host=host, command=command, seconds=fence.PATIENCE
        )
    return exceptions.FenceFailed(
        host=host,
        command=command,
        directory=text.fences,
        reason=_last_line(text.without_marks(stderr)),
    )


def _give_up(state: tenacity.RetryCallState) -> None:
    assert state.outcome is not None
    broken = state.outcome.exception()
    assert isinstance(broken, _Broken)
    host, reason = broken.args
    raise exceptions.HostUnreachable(host=host, reason=reason) from broken


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else 'ssh said nothing'
