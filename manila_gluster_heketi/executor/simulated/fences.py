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

"""Scripts of one operation do not run beside each other on a host.

As on a real host, a newer one has what runs end first, and an older one does
nothing.
"""

import contextlib
import threading
from collections.abc import Iterator

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import fence
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.hostcmd.command import Command


class Fences:
    """What runs on hosts for operations.

    :param state: guards the hosts
    :ivar patience_seconds: of real time, that an older command is waited for;
        what hangs for longer will go on hanging
    """

    def __init__(self, state: threading.RLock) -> None:
        self.patience_seconds = 5.0
        self._changed = threading.Condition(state)
        # By host and operation: epochs, and the threads that run them.
        self._at_work: dict[tuple[str, str], list[tuple[int, int]]] = {}

    @contextlib.contextmanager
    def passed(self, host: Host, command: Command) -> Iterator[None]:
        """Wait for what is of an older epoch, and be waited for.

        :raises CommandFenced: the command itself is of an older epoch
        :raises CommandStillRuns: the other does not end; it can't if this
            command is run in its midst
        """
        if command.fence is None:
            yield
            return
        work = self._at_work.setdefault(
            (host.name, command.fence.operation), []
        )
        mine = (command.fence.epoch, threading.get_ident())
        with self._changed:
            self._admit(host, command)
            self._await_older(host, command, work)
            self._admit(host, command)
            work.append(mine)
        try:
            yield
        finally:
            with self._changed:
                work.remove(mine)
                self._changed.notify_all()

    @staticmethod
    def _admit(host: Host, command: Command) -> None:
        if not host.admits(command.fence):
            raise exceptions.CommandFenced(
                host=host.name, command=str(command)
            )

    def _await_older(
        self, host: Host, command: Command, work: list[tuple[int, int]]
    ) -> None:
        assert command.fence is not None
        epoch, thread = command.fence.epoch, threading.get_ident()
        in_its_midst = any(at < epoch and its == thread for at, its in work)
        if in_its_midst or not self._changed.wait_for(
            lambda: all(at >= epoch for at, _ in work), self.patience_seconds
        ):
            raise exceptions.CommandStillRuns(
                host=host.name, command=str(command), seconds=fence.PATIENCE
            )
