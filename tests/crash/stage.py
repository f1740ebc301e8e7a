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

"""Where one change is tried again and again, each time from the beginning."""

import concurrent.futures
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import fixtures

from manila_gluster_heketi.executor import base as executors
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.service import Service
from tests.crash import agreement
from tests.crash import change
from tests.crash import saved
from tests.functional.deployment import Deployment
from tests.functional.deployment import without_growth

#: Seconds; longer than the kernel keeps what it has not written to a disk,
#: and than peers need to see each other again.
LATER = 60.0


class InTurn:
    """Stands for a pool of threads, and works in the order of its hosts.

    So the same commands run before a certain one, each time.
    """

    def __init__(self, workers: int) -> None:
        pass

    def __enter__(self) -> 'InTurn':
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def map(self, act: Callable[[Any], Any], *of: Iterable[Any]) -> list[Any]:
        """Act on each."""
        return [act(*each) for each in zip(*of, strict=True)]


class Commits:
    """Lets a process die at the end of one of its transactions.

    :ivar seen: transactions that wrote, so far
    """

    def __init__(self, service: Service) -> None:
        self._write = service.store.write
        self._at = -1
        self._after = False
        self.seen = 0
        service.store.write = self._interrupted  # type: ignore[method-assign]

    def kill(self, at: int, *, after: bool) -> None:
        """Die in the transaction of this number, before or after its end."""
        self._at, self._after = at, after

    @contextlib.contextmanager
    def _interrupted(self) -> Iterator[Any]:
        with self._write() as tx:
            yield tx
            mine = tx.has_written and self.seen == self._at
            self.seen += tx.has_written
            if mine and not self._after:
                raise inject.Killed
        if mine:
            raise inject.Killed


class Told:
    """Writes down which hosts are told to run commands.

    :ivar hosts: one for each command
    """

    def __init__(self, inner: executors.Executor) -> None:
        self._inner = inner
        self.hosts: list[str] = []

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[executors.Result, ...]:
        """See :class:`executors.Executor`."""
        self.hosts += [host] * len(batch)
        return self._inner.run_batch(host, batch)


class Stage(fixtures.Fixture):
    """A deployment that can be set back to where a change begins.

    :ivar told: the commands of the process that runs
    :ivar injector: its faults
    :ivar commits: the ends of its transactions
    """

    def __init__(self, of: change.Change) -> None:
        self.change = of
        self.deployment = Deployment(**of.hosts)

    def _setUp(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'concurrent.futures.ThreadPoolExecutor', InTurn
            )
        )
        assert concurrent.futures.ThreadPoolExecutor is InTurn
        self.useFixture(self.deployment)
        self.change.prepare(self.deployment)
        change.bystander(self.deployment, self.change.bystander)
        self.change.complete(self.deployment)
        self.deployment.cluster.advance(LATER)
        self._saved = saved.Saved(self.deployment)
        self.set_back()
        self.before = self.deployment.record()
        self._earlier = {
            each.id for each in self.deployment.service.operations(every=True)
        }
        self.bystander = change.untouched(self.deployment)
        self.wrong = set(self._differences())

    def set_back(self) -> None:
        """Begin again: hosts, store and process."""
        self._saved.set_back()
        self.start_process()

    def start_process(self) -> None:
        """Have another process go on, as after a restart."""
        d = self.deployment
        d.service.store.close()
        self.told = Told(d.cluster)
        self.injector = inject.Injector(self.told, kill=inject.play_dead)
        d.service = Service(d.settings, executor=self.injector)
        d.service.engine.site = dataclasses.replace(
            d.service.engine.site,
            sleep=d.cluster.advance,
            handshake=d.bricks_seen,
        )
        d.service.prepare()
        self.commits = Commits(d.service)

    def act(self, *rules: Rule) -> None:
        """Ask for the change."""
        for rule in rules:
            self.injector.arm(rule)
        self.change.act(self.deployment)

    def count(self) -> tuple[int, int]:
        """Make the change once; say how many commands and commits it took."""
        self.act()
        commands = len(self.told.hosts)
        commits = self.commits.seen
        problems = self.problems(done=True)
        assert not problems, problems
        self._check_kinds()
        self.set_back()
        return commands, commits

    def trace(self) -> list[tuple[str, int]]:
        """Make the change once; list its commands: host, and place there."""
        self.act()
        seen = self.told.hosts
        self._check_kinds()
        self.set_back()
        return [(host, seen[:at].count(host)) for at, host in enumerate(seen)]

    def _check_kinds(self) -> None:
        """Hold the change to what it says of itself, of any of its runs."""
        made = {
            each.kind
            for each in self.deployment.service.operations(every=True)
            if each.id not in self._earlier
        }
        assert made == self.change.kinds, made

    def recover(self) -> list[str]:
        """Recover in a new process; say what could not be closed."""
        self.start_process()
        self.deployment.expire_leases()
        return [
            f'not recovered: {each.error}'
            for each in self.deployment.service.recover()
            if each.error
        ]

    def problems(self, *, done: bool) -> list[str]:
        """Look at everything.

        :param done: the change must be in force
        """
        found = self._differences()
        if change.untouched(self.deployment) != self.bystander:
            found.append('the bystander was touched')
        if self.change.is_done(self.deployment):
            return found
        if self.change.stays_half_way:
            found = [
                each
                for each in found
                if each not in self.wrong
                and not each.endswith(self.change.half_way)
            ]
        if done:
            found.append('the change is not in force')
        if self.change.is_one and not self._is_undone():
            found.append('the change is neither in force nor undone')
        return found

    def _is_undone(self) -> bool:
        records = self.before, self.deployment.record()
        if self.change.grows:
            records = tuple(map(without_growth, records))
        before, now = records
        return now == before

    def _differences(self) -> list[str]:
        return agreement.differences(self.deployment, self.change.lost)


class Staged:
    """Points of one change, which the class that uses it names."""

    change: change.Change
    TIMEOUT_SCALING_FACTOR = 5

    def setUp(self) -> None:
        """Set the stage."""
        super().setUp()  # type: ignore[misc]
        # Thousands of points would fill the memory with what they log.
        self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        self.stage = self.useFixture(Stage(self.change))
