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
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor.simulated import gluster
from manila_gluster_heketi.executor.simulated.faults import Faults
from manila_gluster_heketi.executor.simulated.fences import Fences
from manila_gluster_heketi.executor.simulated.gluster_state import Pool
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Guard

# Where glusterd has a directory for each volume that it knows.
_RECORDS = f'{names.GLUSTERD_STATE}/vols/'

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


class SimulatedCluster(Faults):
    """Storage hosts in memory; see :class:`base.Executor`.

    Safe for many threads. With ``latency`` calls take real time.

    :ivar interrupt: called with what comes next: before each command, before
        the answer to a batch, and while Gluster's lock of a volume is held
    :ivar fences: what runs for which operation
    """

    def __init__(
        self, hosts: Iterable[HostSpec], latency: Latency | None = None
    ) -> None:
        super().__init__(hosts)
        self.latency = latency
        self.statistics = Statistics()
        self.interrupt: Callable[[str], None] = lambda at: None
        self.fences = Fences(self._state)
        # As in most networks, SSH answers at the storage address too.
        self._names = {
            each.storage: name for name, each in self._world.hosts.items()
        }
        self._gluster = gluster.Gluster(
            self._world, self._state, self._transact
        )

    def host(self, name: str) -> Host:
        """Give a host, to look at or to change."""
        return self._world.hosts[name]

    def pool(self, host: str) -> Pool:
        """Give the trusted pool that a host is in."""
        return self._world.pool(self._world.hosts[host])

    def volume(self, host: str, name: str) -> Volume:
        """Give a Gluster volume of the pool that a host is in."""
        return self.volumes(host)[name]

    def volumes(self, host: str) -> dict[str, Volume]:
        """Give the Gluster volumes that a host knows."""
        return self.pool(host).known_to(self._world.hosts[host])

    def volume_names(self, host: str) -> tuple[str, ...]:
        """Name the Gluster volumes that a host knows."""
        return tuple(self.volumes(host))

    def sees(self, host: str, other: str) -> bool:
        """Tell whether a host believes to be connected to another."""
        scene = self._world.scene(self._world.hosts[host])
        return scene.sees(self._world.hosts[other])

    def release(self, host: str) -> None:
        """Let a host that hangs go on: first with what it was told."""
        with self._state:
            found = self._world.hosts[host]
            found.is_hung = False
            self._came_back(host)
            late = self._world.late.pop(host, [])
        for batch in late:
            self._run_unheard(found, batch)

    def _run_unheard(self, host: Host, batch: Sequence[Command]) -> None:
        for command in batch:
            try:
                if base.is_fatal(self._run(host, command)):
                    return
            except (exceptions.CommandFenced, exceptions.CommandStillRuns):
                return

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
        return self._serve(target, tuple(batch))

    def _reach(self, host: str) -> Host:
        with self._state:
            error = self._refusals.get(host)
        if error is not None:
            raise error
        there = self._world.hosts
        target = there.get(host) or there.get(self._names.get(host, ''))
        if target is None:
            raise exceptions.HostUnreachable(
                host=host, reason='Could not resolve hostname'
            )
        if not (target.is_up and target.serves_controller):
            raise exceptions.HostUnreachable(
                host=host, reason='No route to host'
            )
        return target

    def _serve(
        self, host: Host, batch: tuple[Command, ...]
    ) -> tuple[base.Result, ...]:
        """Run commands, and tell what comes of it if anybody listens."""
        results: list[base.Result] = []
        try:
            lost = self._listen(host, batch, 0, None)
            for done, command in enumerate(batch, 1):
                results.append(self._run(host, command))
                lost = self._listen(host, batch, done, lost)
                if base.is_fatal(results[-1]):
                    raise lost or base.failure(host.name, results)
            if lost:
                raise lost
        finally:
            self._broken.pop(host.name, None)
        return tuple(results)

    def _listen(
        self,
        host: Host,
        batch: tuple[Command, ...],
        done: int,
        lost: exceptions.HostError | None,
    ) -> exceptions.HostError | None:
        """See whether the host goes on, and whether it is still heard.

        :param done: how many commands of the batch ran
        :param lost: since when it is not heard any more
        :returns: what the caller is going to be told at the end
        :raises HostError: the same, at once, because the host stops here
        """
        comes = str(batch[done]) if done < len(batch) else 'the answer'
        self.interrupt(f'{host.name}: {comes}')
        with self._state:
            self._count(host.name, min(done, 1))
            if host.is_hung:
                self._world.late.setdefault(host.name, []).append(batch[done:])
                running = batch[min(done, len(batch) - 1)]
                raise lost or exceptions.CommandTimedOut(
                    host=host.name,
                    command=str(running),
                    seconds=running.timeout_seconds,
                )
            more = self._broken.get(host.name)
            if host.is_up and host.serves_controller and more is None:
                return lost
            lost = lost or exceptions.ConnectionLost(
                host=host.name,
                command=str(batch[max(0, done - 1)]),
                reason='Connection closed by remote host',
            )
            if not host.is_up or more == 0:
                raise lost
            if more is not None:
                self._broken[host.name] = more - 1
            return lost

    def _run(self, host: Host, command: Command) -> base.Result:
        with self.fences.passed(host, command):
            return self._run_now(host, command)

    def _run_now(self, host: Host, command: Command) -> base.Result:
        begun = time.monotonic()
        with self._state:
            self.statistics.commands += 1
            strike = self._midst(host.name)
            skipped = command.guard is not None and not self._passes(
                host, command.guard
            )
        outcome = Outcome()
        if not skipped:
            outcome = self._call(host, command, strike)
        elif strike is not None:
            strike()
        return base.Result(
            command=command,
            status=outcome.status,
            stdout=outcome.stdout,
            stderr=outcome.stderr,
            seconds=time.monotonic() - begun,
            skipped=skipped,
        )

    def _passes(self, host: Host, guard: Guard) -> bool:
        if guard.path.startswith(_RECORDS):
            name = guard.path.removeprefix(_RECORDS).partition('/')[0]
            return name in self.volumes(host.name)
        return host.passes(guard)

    def _call(
        self, host: Host, command: Command, strike: gluster.Strike | None
    ) -> Outcome:
        if command.program == 'gluster':
            return self._gluster.run(host, command.argv, strike)
        self._pause(command.argv)
        with self._state:
            if strike is not None:
                strike()
            if not host.is_up:
                host.break_off(command)
                return Outcome()
            busy = command.program == 'umount' and self._world.is_busy(
                host, command.argv[-1]
            )
            starts = host.glusterd_starts
            outcome = host.run(command, busy=busy)
            if host.glusterd_starts != starts:
                self._world.glusterd_started(host)
            return outcome

    def _transact(self, argv: Sequence[str]) -> None:
        """Take the time that a transaction of Gluster's takes."""
        self.interrupt(f'in the midst of {" ".join(argv)}')
        self._pause(argv)

    def _pause(self, argv: Sequence[str]) -> None:
        if self.latency is not None:
            self._sleep(self.latency.of(argv))

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)
