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

"""An executor that lets a test come between commands."""

import threading
from collections.abc import Callable
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.hostcmd.command import Command

__all__ = ['Interference', 'Killed', 'fail', 'on', 'once', 'refusal', 'says']

#: Is told the host and the command; raises in place of it, or after it.
Hook = Callable[[str, Command], None]


class Interference(inject.Injector):
    """Runs the commands of batches one by one on another executor.

    :ivar before: called before each command
    :ivar after: called after each command that succeeded
    :ivar seen: host and command of all that ran, in order
    """

    def __init__(self, inner: base.Executor) -> None:
        super().__init__(_Steps(inner, self), kill=inject.play_dead)
        self.before: Hook = lambda host, command: None
        self.after: Hook = lambda host, command: None
        self.seen: list[tuple[str, str]] = []

    def kill_after(self, commands: int) -> None:
        """Have the process die when so many more commands have run."""
        self.arm(Rule(Act.KILL, skip=commands))


class _Steps:
    """Runs commands one by one, and tells the hooks of each."""

    def __init__(self, inner: base.Executor, hooks: Interference) -> None:
        self._inner = inner
        self._hooks = hooks
        self._lock = threading.Lock()

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        """See :class:`base.Executor`."""
        results: list[base.Result] = []
        for command in batch:
            try:
                self._hooks.before(host, command)
                results += self._inner.run_batch(host, [command])
                with self._lock:
                    self._hooks.seen.append((host, str(command)))
                self._hooks.after(host, command)
            except exceptions.CommandFailed as error:
                fields = {**error.fields, 'completed': len(results)}
                raise type(error)(**fields) from error
        return tuple(results)


def refusal(
    host: str, command: Command, stderr: str = 'it broke'
) -> exceptions.CommandFailed:
    """Make the error of a command that failed."""
    return exceptions.CommandFailed(
        host=host, command=str(command), status=5, stderr=stderr, completed=0
    )


def once(matches: Callable[[str, Command], bool], act: Hook) -> Hook:
    """Make a hook that acts on the first match alone."""
    lock = threading.Lock()
    done: list[bool] = []

    def hook(host: str, command: Command) -> None:
        with lock:
            if done or not matches(host, command):
                return
            done.append(True)
        act(host, command)

    return hook


def fail(stderr: str = 'it broke') -> Hook:
    """Make a hook that fails the command."""

    def hook(host: str, command: Command) -> None:
        raise refusal(host, command, stderr)

    return hook


def says(*words: str) -> Callable[[str, Command], bool]:
    """Match commands that contain all of these words in order."""

    def matches(host: str, command: Command) -> bool:
        argv = iter(command.argv)
        return all(word in argv for word in words)

    return matches


def on(
    wanted: str, matches: Callable[[str, Command], bool]
) -> Callable[[str, Command], bool]:
    """Match on one host alone."""
    return lambda host, command: host == wanted and matches(host, command)
