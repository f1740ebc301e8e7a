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

"""Threads that take turns, so that a test says which one goes on.

A thread stops before each command that it sends to a host, and where it waits
for another one. Only one of them runs at any time, and only when told to.
"""

import threading
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from manila_gluster_heketi.executor.inject import Killed

# No thread takes so long between two stops, however busy the machine is.
_SECONDS = 60.0


def _always() -> bool:
    return True


class Task:
    """A thread, and what came of it.

    :ivar process: what it dies with
    :ivar at: where it stops, for people
    """

    def __init__(
        self, name: str, process: object, act: Callable[[], object]
    ) -> None:
        self.name = name
        self.process = process
        self.at = 'the start'
        self.result: object = None
        self.error: BaseException | None = None
        self.is_over = False
        self.is_dead = False
        self.may_go: Callable[[], bool] = _always
        self._act = act
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, name=name)
        self.thread.daemon = True
        self.thread.start()

    @property
    def is_ready(self) -> bool:
        """Whether it can go on."""
        return not self.is_over and (self.is_dead or self.may_go())

    def go_on(self) -> None:
        """Let it run to its next stop, or to its end."""
        self._go.release()
        if not self._stopped.acquire(timeout=_SECONDS):
            raise AssertionError(f'{self.name} does not stop after {self.at}')

    def stop(self, at: str, may_go: Callable[[], bool] = _always) -> None:
        """Stop, in its own thread, until it is told to go on.

        :raises Killed: its process has died meanwhile
        """
        self.at, self.may_go = at, may_go
        self._stopped.release()
        self._go.acquire()
        if self.is_dead:
            raise Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.is_dead:
                self.result = self._act()
        except BaseException as error:
            self.error = error
        self.is_over = True
        self._stopped.release()


class Turns:
    """All threads of all processes."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def start(
        self, name: str, process: object, act: Callable[[], object]
    ) -> Task:
        """Make a thread; it does nothing yet."""
        task = Task(name, process, act)
        self.tasks.append(task)
        return task

    @property
    def ready(self) -> list[Task]:
        """Those who can go on."""
        self.tasks = [each for each in self.tasks if not each.is_over]
        return [each for each in self.tasks if each.is_ready]

    def stop(self, at: str, may_go: Callable[[], bool] = _always) -> None:
        """Stop the thread that calls this, if it is one of them."""
        task = self.current()
        if task is not None:
            task.stop(at, may_go)
        elif not may_go():
            raise AssertionError(f'nobody would end the wait for {at}')

    def kill(self, process: object) -> None:
        """Have all threads of a process die where they are."""
        mine = [each for each in self.tasks if each.process is process]
        for each in mine:
            each.is_dead = True
        # The last ones first: others wait for them.
        for each in reversed(mine):
            while not each.is_over:
                each.go_on()

    def current(self) -> Task | None:
        this = threading.current_thread()
        for each in self.tasks:
            if each.thread is this:
                return each
        return None

    # --- in place of what waits by itself ---------------------------------

    def pool(self, workers: int) -> 'Pool':
        """Stand for a pool of threads."""
        return Pool(self)


class Pool:
    """A pool of threads that take turns with all others."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> 'Pool':
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def map(self, act: Callable[[Any], Any], *of: Iterable[Any]) -> list[Any]:
        """Act on each, side by side."""
        parent = self._turns.current()
        if parent is None:
            return [act(*each) for each in zip(*of, strict=True)]
        children = [
            self._turns.start(
                f'{parent.name}/{number}',
                parent.process,
                lambda each=each: act(*each),
            )
            for number, each in enumerate(zip(*of, strict=True), 1)
        ]
        parent.stop(
            'its hosts', lambda: all(each.is_over for each in children)
        )
        for each in children:
            if each.error is not None:
                raise each.error
        return [each.result for each in children]
