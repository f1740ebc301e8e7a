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
import datetime
import hashlib
import itertools
from collections.abc import Callable

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.store import clock
from tests.crash import saved
from tests.crash import turns
from tests.functional.deployment import Deployment

_UTC = datetime.timezone.utc


class Worker:
    """One process; it does one thing at a time.

    :ivar task: what it does, or did last
    :ivar asked: that in words
    """

    def __init__(self, service: Service) -> None:
        self.service = service
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

    :ivar hours: how far the clock was put forward
    """

    def __init__(self, count: int, **hosts: object) -> None:
        self._count = count
        self.deployment = Deployment(**hosts)
        self.cluster = self.deployment.cluster

    def _setUp(self) -> None:
        self.useFixture(self.deployment)
        self.turns = turns.Turns()
        self._later = datetime.timedelta(0)
        self._ids = itertools.count(1)
        # Ids decide between equals: the same script has to have the same ones.
        self.useFixture(
            fixtures.MonkeyPatch(f'{model.__name__}.new_id', self._new_id)
        )
        self.useFixture(
            fixtures.MonkeyPatch(f'{clock.__name__}.local', self.now)
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'concurrent.futures.ThreadPoolExecutor', self.turns.pool
            )
        )

    def now(self) -> datetime.datetime:
        """The time, as the processes see it."""
        return datetime.datetime.now(_UTC) + self._later

    def put_clock_forward(self, minutes: int) -> None:
        """Have time pass for processes and hosts."""
        self._later += datetime.timedelta(minutes=minutes)
        self.cluster.advance(60.0 * minutes)

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
        self._later = datetime.timedelta(0)
        self._ids = itertools.count(self._first_id)
        self._saved.set_back()
        self.cluster.interrupt = self.turns.stop
        self.deployment.service = self._service()
        self.workers = [Worker(self._service()) for _ in range(self._count)]

    def _service(self) -> Service:
        made = Service(self.deployment.settings, executor=self.cluster)
        made.engine.site = dataclasses.replace(
            made.engine.site, sleep=self._sleep
        )
        return made

    def _sleep(self, seconds: float) -> None:
        self.cluster.advance(seconds)
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

    def finish(self) -> None:
        """Let all go on until nobody can."""
        while ready := self.turns.ready:
            ready[0].go_on()

    def kill(self, number: int) -> None:
        """Have a process die and another one start in its place."""
        worker = self.workers[number]
        self.turns.kill(worker)
        worker.service.store.close()
        self.workers[number] = Worker(self._service())

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
