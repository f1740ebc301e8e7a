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
"""Simulated hosts of one process, for the use of many.

They are in memory, so that all that is sent to them goes through a socket to
the process that has them. What was sent runs, whether its sender lives or not.
"""

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence
from multiprocessing import connection

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.hostcmd.command import Command

Batch = Sequence[Command]


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """A batch of an operation that a host was at.

    :ivar operation: its id
    :ivar begun: seconds since whenever
    """

    operation: str
    begun: float
    ended: float


class FarHosts:
    """The side of those who use them: an executor.

    :param path: of the socket
    :param name: what this process is called there
    """

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        self._name = name
        # A connection is a conversation: each thread has its own.
        self._mine = threading.local()

    def run_batch(self, host: str, batch: Batch) -> tuple[base.Result, ...]:
        """See :class:`base.Executor`."""
        answer = self._ask(host, batch)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(
        self, host: str, batch: Batch
    ) -> tuple[base.Result, ...] | Exception:
        try:
            if not hasattr(self._mine, 'connection'):
                self._mine.connection = connection.Client(self._path)
            self._mine.connection.send((self._name, host, tuple(batch)))
            answer: tuple[base.Result, ...] | Exception
            answer = self._mine.connection.recv()
            return answer
        except (EOFError, OSError) as error:
            raise exceptions.ConnectionLost(
                host=host, command=str(batch[0]), reason=str(error)
            ) from error


class Exchange(fixtures.Fixture):
    """The side of the process that has the hosts.

    :ivar path: of the socket
    :ivar done: called with the name of a process, a host and a batch, once
        that was run and before the process is told
    :ivar work: what the hosts did for operations
    """

    def __init__(self, hosts: base.Executor) -> None:
        self._hosts = hosts
        self.done: Callable[[str, str, Batch], None] = lambda *batch: None
        self.work: list[Work] = []

    def _setUp(self) -> None:
        directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(directory, 'hosts')
        # Many may come at the same moment.
        self._listener = connection.Listener(self.path, backlog=128)
        self.addCleanup(self._listener.close)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller = self._listener.accept()
            except OSError:
                # It was closed.
                return
            threading.Thread(
                target=self._serve, args=(caller,), daemon=True
            ).start()

    def _serve(self, caller: connection.Connection) -> None:
        with caller:
            while True:
                try:
                    name, host, batch = caller.recv()
                    answer = self._run(host, batch)
                    self.done(name, host, batch)
                    caller.send(answer)
                except (EOFError, OSError):
                    # The process has ended, or has died.
                    return

    def _run(
        self, host: str, batch: Batch
    ) -> tuple[base.Result, ...] | Exception:
        begun = time.monotonic()
        answer: tuple[base.Result, ...] | Exception
        try:
            answer = self._hosts.run_batch(host, batch)
        except exceptions.GlusterHeketiError as error:
            answer = error
        fence = batch[0].fence
        if fence and not isinstance(answer, exceptions.CommandFenced):
            ended = time.monotonic()
            self.work.append(Work(fence.operation, begun, ended))
        return answer
