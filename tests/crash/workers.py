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

"""Processes of the control plane that work side by side, in turns."""

import dataclasses
import hashlib
import itertools
from collections.abc import Callable

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.service import Service
from tests.crash import clocks
from tests.crash import saved
from tests.crash import turns
from tests.functional.deployment import Deployment

#: Where processes run: the first two on one machine, the others apart.
MACHINES = (0, 0, 1, 2)


class Worker:
    """One process; it does one thing at a time.

    :ivar machine: what it runs on
    :ivar name: no other process has it
    :ivar task: what it does, or did last
    :ivar asked: that in words
    """

    def __init__(self, service: Service, machine: int, name: str) -> None:
        self.service = service
        self.machine = machine
        self.name = name
        self.task: turns.Task | None = None
        self.asked = ''

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do."""
        return self.task is None or self.task.is_over

    @property
    def failure(self) -> Exception | None:
        """What its last task failed of, if it did."""
        error = self.task.error if self.task else None
        return error if isinstance(error, Exception) else None


class Workers(fixtures.Fixture):
    """Hosts with a cluster and a bystander, and processes that share a store.

    :ivar clocks: which leases are about
    """

    def __init__(self, **hosts: object) -> None:
        self.deployment = Deployment(**hosts)
        self.cluster = self.deployment.cluster

    def _setUp(self) -> None:
        self.useFixture(self.deployment)
        self.turns = turns.Turns()
        self.clocks = self.useFixture(clocks.Clocks())
        self._ids = itertools.count(1)
        # Ids decide between equals: the same script has to have the same ones.
        self.useFixture(
            fixtures.MonkeyPatch(f'{model.__name__}.new_id', self._new_id)
        )
        self.useFixture(
            fixtures.MonkeyPatch(f'{owner.__name__}.new', self._new_owner)
        )
        # The processes are threads of this one, which lives.
        self.useFixture(
            fixtures.MonkeyPatch(f'{owner.__name__}._is_dead', self._is_dead)
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'concurrent.futures.ThreadPoolExecutor', self.turns.pool
            )
        )

    def pass_time(self, minutes: int) -> None:
        """Have time pass for processes and hosts; who works sleeps."""
        self.clocks.pass_time(minutes)
        self.cluster.advance(60.0 * minutes)

    def _machine(self) -> int:
        """Say on which machine that runs which asks."""
        task = self.turns.current()
        if task is None or not isinstance(task.process, Worker):
            return MACHINES[0]
        return task.process.machine

    def _new_owner(self) -> str:
        """Name a lease of the process that asks."""
        task = self.turns.current()
        process = task.process if task else None
        name = process.name if isinstance(process, Worker) else 'nobody'
        return f'{name}:{self._new_id()}'

    def _is_dead(self, owner: str) -> bool:
        """Tell whether a process is known to be dead where that is asked."""
        name = owner.partition(':')[0]
        return self._died.get(name) == self._machine()

    def _new_id(self) -> str:
        """Make an id that looks like any, and is the same in each run."""
        return hashlib.md5(  # noqa: S324  (for no security)
            str(next(self._ids)).encode()
        ).hexdigest()

    # --- beginning again --------------------------------------------------

    def save(self) -> None:
        """Remember everything as it is."""
        self._saved = saved.Saved(self.deployment)
        self._first_id = next(self._ids)

    def set_back(self) -> None:
        """Make everything as it was when it was saved."""
        self.clocks.put_right()
        self._ids = itertools.count(self._first_id)
        self._saved.set_back()
        self.cluster.interrupt = self.turns.stop
        # Nobody else goes on while a thread waits, however long it does.
        self.cluster.fences.patience_seconds = 0
        self._died: dict[str, int] = {}
        self.deployment.service = self._service()
        self.workers = [self._worker(each) for each in MACHINES]

    def _worker(self, machine: int) -> Worker:
        return Worker(self._service(), machine, self._new_id())

    def _service(self) -> Service:
        made = Service(self.deployment.settings, executor=self.cluster)
        made.engine.site = dataclasses.replace(
            made.engine.site,
            sleep=self._sleep,
            handshake=self.deployment.bricks_seen,
        )
        return made

    def _sleep(self, seconds: float) -> None:
        self.cluster.advance(seconds)
        self.clocks.wait(seconds)
        self.turns.stop(f'a pause of {seconds} s')

    # --- work -------------------------------------------------------------

    def ask(
        self, number: int, asked: str, act: Callable[[Service], object]
    ) -> None:
        """Have a worker begin something."""
        worker = self.workers[number]
        worker.asked = asked
        worker.task = self.turns.start(
            f'worker {number}', worker, lambda: act(worker.service)
        )

    def step(self, choice: int) -> None:
        """Let one of those who can go on do so."""
        ready = self.turns.ready
        if ready:
            ready[choice % len(ready)].go_on()

    def step_of(self, number: int) -> bool:
        """Let a worker go on, if it can; tell whether it did."""
        worker = self.workers[number]
        mine = [each for each in self.turns.ready if each.process is worker]
        if mine:
            mine[-1].go_on()
        return bool(mine)

    def finish(self) -> None:
        """Let all go on until nobody can."""
        while ready := self.turns.ready:
            ready[0].go_on()

    def kill(self, number: int) -> None:
        """Have a process die and another one start in its place."""
        worker = self.workers[number]
        self.turns.kill(worker)
        worker.service.store.close()
        self._died[worker.name] = worker.machine
        self.workers[number] = self._worker(worker.machine)

    def close(self) -> None:
        """End all threads."""
        for worker in self.workers:
            self.turns.kill(worker)
            worker.service.store.close()
        self.deployment.service.store.close()

    def unexpected(self) -> list[str]:
        """List errors that are none of ours."""
        return [
            f'{worker.asked}: {worker.failure!r}'
            for worker in self.workers
            if worker.failure is not None
            and not isinstance(
                worker.failure, exceptions.GlusterHeketiError | Killed
            )
        ]
