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

"""Simulated hosts behind the executor's protocol."""

import dataclasses
import threading
import time
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor.simulated import gluster
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.hostcmd.command import Command

#: Seconds as measured with four storage nodes on two cores.
MEASURED = {
    'ssh': 0.005,
    'lvm': 0.1,
    'lvm lvcreate': 0.3,
    'lvm lvextend': 0.3,
    'lvm lvremove': 0.3,
    'mkfs.xfs': 0.1,
    'gluster volume': 1.0,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Latency:
    """How long things take.

    :ivar seconds: by a command's first two words, or its first, or ``ssh``
        for the way to the host; what is not in it takes no time. Questions
        to gluster take none.
    """

    seconds: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: dict(MEASURED)
    )

    def of(self, argv: Sequence[str]) -> float:
        """Say how long a command takes."""
        words = [each for each in argv if not each.startswith('-')]
        return self.seconds.get(
            ' '.join(words[:2]), self.seconds.get(words[0], 0.0)
        )


@dataclasses.dataclass(slots=True)
class Statistics:
    """Counted since the cluster was made."""

    batches: int = 0
    commands: int = 0


class SimulatedCluster:
    """Storage hosts in memory; see :class:`base.Executor`.

    Safe for many threads. With ``latency`` calls take real time.
    """

    def __init__(
        self, hosts: Iterable[HostSpec], latency: Latency | None = None
    ) -> None:
        self.latency = latency
        self.statistics = Statistics()
        self._state = threading.RLock()
        self._hosts = {spec.name: Host(spec) for spec in hosts}
        self._gluster = gluster.Gluster(
            self._hosts.values(), self._state, self._pause
        )
        self._refusals: dict[str, exceptions.HostError] = {}
        self._fuses: dict[str, int] = {}

    def host(self, name: str) -> Host:
        """Give a host, to look at or to change."""
        return self._hosts[name]

    def volume(self, host: str, name: str) -> Volume:
        """Give a Gluster volume of the pool that a host is in."""
        return self._gluster.pool(self._hosts[host]).volumes[name]

    def volume_names(self, host: str) -> tuple[str, ...]:
        """Name the Gluster volumes of the pool that a host is in."""
        return tuple(self._gluster.pool(self._hosts[host]).volumes)

    # --- what goes wrong --------------------------------------------------

    def power_off(self, host: str) -> None:
        """Cut a host's power."""
        with self._state:
            self._hosts[host].power_off()

    def power_on(self, host: str) -> None:
        """Boot a host again."""
        with self._state:
            self._hosts[host].power_on()

    def cut_network(self, host: str) -> None:
        """Take a host off the network; it runs on."""
        self._hosts[host].has_network = False

    def restore_network(self, host: str) -> None:
        """Put a host on the network again."""
        self._hosts[host].has_network = True

    def refuse(self, host: str, error: exceptions.HostError | None) -> None:
        """Have each batch for a host fail before its first command.

        :param error: what is raised; None to let batches in again
        """
        with self._state:
            self._refusals.pop(host, None)
            if error is not None:
                self._refusals[host] = error

    def fail_after(self, host: str, commands: int) -> None:
        """Break the connection once, when so many more commands ran.

        The answer of the last of them is lost.
        """
        with self._state:
            self._fuses[host] = commands

    # --- the executor -----------------------------------------------------

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        """See :class:`base.Executor`."""
        if not batch:
            return ()
        self._sleep(self.latency.seconds.get('ssh', 0) if self.latency else 0)
        target = self._reach(host)
        with self._state:
            self.statistics.batches += 1
        self._require_connection(target, batch[0], ran=0)
        results: list[base.Result] = []
        for command in batch:
            results.append(self._run(target, command))
            self._require_connection(target, command, ran=1)
            if base.is_fatal(results[-1]):
                raise base.failure(host, results)
        return tuple(results)

    def _reach(self, host: str) -> Host:
        with self._state:
            error = self._refusals.get(host)
        if error is not None:
            raise error
        target = self._hosts.get(host)
        if target is None:
            raise exceptions.HostUnreachable(
                host=host, reason='Could not resolve hostname'
            )
        if not (target.is_up and target.has_network):
            raise exceptions.HostUnreachable(
                host=host, reason='No route to host'
            )
        return target

    def _require_connection(
        self, host: Host, command: Command, *, ran: int
    ) -> None:
        """Lose the connection if it is time: with it, the last answer."""
        with self._state:
            left = self._fuses.pop(host.name, None)
            if left is not None and left > ran:
                self._fuses[host.name] = left - ran
        lost = left is not None and left <= ran
        if lost or not (host.is_up and host.has_network):
            raise exceptions.ConnectionLost(
                host=host.name,
                command=str(command),
                reason='Connection closed by remote host',
            )

    def _run(self, host: Host, command: Command) -> base.Result:
        begun = time.monotonic()
        with self._state:
            self.statistics.commands += 1
            skipped = command.guard is not None and not host.passes(
                command.guard
            )
        outcome = Outcome()
        if not skipped:
            outcome = self._call(host, command)
        return base.Result(
            command=command,
            status=outcome.status,
            stdout=outcome.stdout,
            stderr=outcome.stderr,
            seconds=time.monotonic() - begun,
            skipped=skipped,
        )

    def _call(self, host: Host, command: Command) -> Outcome:
        if command.program == 'gluster':
            return self._gluster.run(host, command.argv)
        self._pause(command.argv)
        with self._state:
            return host.run(command)

    def _pause(self, argv: Sequence[str]) -> None:
        if self.latency is not None:
            self._sleep(self.latency.of(argv))

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)
