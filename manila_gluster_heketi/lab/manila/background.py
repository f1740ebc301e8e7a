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

"""One process in the background, known by its id and the time it began.

The kernel gives an id to another process once it is free; with the start
time beside it, a record from before a reboot never hits a stranger.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping
from collections.abc import Sequence

_POLL_SECONDS = 0.1
# Our own children, kept to be reaped when they have ended.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclasses.dataclass(frozen=True)
class Process:
    """A process of this host.

    :param pid: its id
    :param started: clock ticks from boot to its start, as in proc(5)
    """

    pid: int
    started: int

    def is_alive(self) -> bool:
        """Whether it still runs; one that only waits to be reaped does not."""
        stat = _stat(self.pid)
        if stat is None or stat.started != self.started:
            return False
        child = _CHILDREN.get(self.pid)
        if child is None:
            return not stat.ended
        if child.poll() is None:
            return True
        del _CHILDREN[self.pid]
        return False

    def end(self, number: signal.Signals, seconds: float) -> bool:
        """Send it a signal; return whether it is gone within the time."""
        end = time.monotonic() + seconds
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        while self.is_alive():
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def spawn(
    argv: Sequence[str],
    directory: pathlib.Path,
    environment: Mapping[str, str],
    output: pathlib.Path,
) -> Process:
    """Start a process that outlives us.

    :param directory: its working directory
    :param output: file that gets what it prints; replaced
    :raises OSError: it can't be started
    """
    with output.open('wb') as stream:
        child = subprocess.Popen(
            argv,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _CHILDREN[child.pid] = child
    stat = _stat(child.pid)
    # Our child stays in /proc until we reap it, dead or alive, unless the
    # caller ignores SIGCHLD. No process began at 0.
    return Process(child.pid, stat.started if stat else 0)


@dataclasses.dataclass(frozen=True)
class _Stat:
    started: int
    ended: bool


def _stat(pid: int) -> _Stat | None:
    try:
        line = pathlib.Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # See proc(5). The second field is a name in brackets that may contain
    # anything; what follows begins with the third.
    fields = line.rpartition(')')[2].split()
    # The first thread may end before the others.
    ended = fields[0] in 'ZX' and int(fields[17]) <= 1
    return _Stat(started=int(fields[19]), ended=ended)
