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

"""What goes on by itself behind a share service, in threads that last."""

import datetime
import itertools
import threading
import time
from collections.abc import Callable
from unittest import mock

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.layout import recoverer
from manila_gluster_heketi.layout import renewer
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import journal
from tests.functional import deployment
from tests.functional.interference import Hook
from tests.functional.interference import once
from tests.functional.interference import says

_INTERVAL_SECONDS = 0.02
_PATIENCE_SECONDS = 30
_OLD = datetime.timedelta(days=400)


class RecovererTestCase(deployment.DeployedTestCase):
    """A minute takes no time."""

    def setUp(self) -> None:
        """Load the hosts."""
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.d = self.deploy(history_days=365)

    def _start(self, before: Hook = lambda *_: None) -> None:
        """Have another process, in which it goes on."""
        service, executor = self.d.process()
        executor.before = before
        self.background = recoverer.start(service, _INTERVAL_SECONDS)
        self.addCleanup(self._stop)

    def _stop(self) -> None:
        self.background.stop()
        self._wait_until(lambda: not self._threads())

    @staticmethod
    def _threads() -> list[str]:
        ours = {'recoverer', 'recovery', 'renewer', 'pruner'}
        return [t.name for t in threading.enumerate() if t.name in ours]

    def _wait_until(self, is_so: Callable[[], object]) -> None:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), end, self.logger.output)
            time.sleep(_INTERVAL_SECONDS)

    def _open(self) -> dict[str, model.Operation]:
        return {each.subject: each for each in self.d.service.operations()}

    def _get_stuck(self, share: str, host: str = 'gl3') -> None:
        """Create a volume in vain, since a host goes off meanwhile."""
        self.d.executor.before = once(
            says('mkfs.xfs'), lambda *_: self.d.cluster.power_off(host)
        )
        self.assertRaises(exceptions.OperationStuck, self.d.create, share)

    def test_host_comes_back(self) -> None:
        """What waits for it is closed, without anybody who asks."""
        before = self.d.world()
        self._get_stuck('share-1')
        self._start()
        self._wait_until(lambda: 'gl3' in self.logger.output)
        self.assertEqual(1, len(self._open()))
        self.d.cluster.power_on('gl3')
        self._wait_until(lambda: not self._open())
        self.assertEqual(before, self.d.world())

    def test_another_operation_hangs(self) -> None:
        """It keeps its thread, and nothing else."""
        self._get_stuck('share-1')
        [hanging] = self._open().values()
        self.d.cluster.power_on('gl3')
        go_on, hangs = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def hang(*_: object) -> None:
            hangs.set()
            go_on.wait(_PATIENCE_SECONDS)

        self._count_attempts()
        self._start(once(says('umount'), hang))
        self._wait_until(hangs.is_set)
        self._get_stuck('share-2')
        self.d.cluster.power_on('gl3')
        self._wait_until(lambda: len(self._open()) == 1)
        self.assertEqual([hanging.id], [o.id for o in self._open().values()])
        self.assertEqual(1, self.attempts.count(hanging.id))
        go_on.set()
        self._wait_until(lambda: not self._open())

    def _count_attempts(self) -> None:
        self.attempts: list[str] = []
        attempt = recovery.attempt

        def counted(
            engine: Engine, operation: model.Operation
        ) -> recovery.Recovered | None:
            self.attempts.append(operation.id)
            return attempt(engine, operation)

        self.useFixture(
            fixtures.MonkeyPatch(f'{recovery.__name__}.attempt', counted)
        )

    def test_renewal_of_certificates_hangs(self) -> None:
        """What is open is recovered nevertheless."""
        go_on, hangs = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def hang(service: object) -> None:
            hangs.set()
            go_on.wait(_PATIENCE_SECONDS)

        self.useFixture(
            fixtures.MonkeyPatch(f'{renewer.__name__}.renew', hang)
        )
        self._get_stuck('share-1')
        self._start()
        self._wait_until(hangs.is_set)
        self.d.cluster.power_on('gl3')
        self._wait_until(lambda: not self._open())
        go_on.set()

    def test_history_is_forgotten(self) -> None:
        """What was closed long ago, a few at a time; the rest is kept."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.store.history._AT_ONCE', 2
            )
        )
        self.d.create()
        kept = {o.id for o in self.d.service.operations(every=True)}
        for number in range(5):
            self._closed_long_ago(f'old-{number}')
        self.assertEqual(len(kept) + 5, len(self.d.service.summaries(True)))
        self._start()
        self._wait_until(lambda: len(self.d.service.summaries(True)) <= 3)
        left = {each.id for each in self.d.service.summaries(True)}
        self.assertEqual(kept, left)

    def _closed_long_ago(self, identity: str) -> None:
        long_ago = datetime.datetime.now(datetime.timezone.utc) - _OLD
        operation = model.Operation(
            id=identity,
            kind=model.OpKind.ACCESS_UPDATE,
            subject=identity,
            cluster_id='c1',
            state=model.OpState.DONE,
            owner='host:1',
            lease_until=long_ago,
            steps=(model.StepRecord(0, 'set-access', 'gl1', {}),),
        )
        past = fixtures.MonkeyPatch(
            f'{journal.__name__}._now', lambda: long_ago
        )
        with past, self.d.service.store.write() as tx:
            journal.open_operation(tx, operation)
            journal.close_operation(tx, identity)

    def test_whatever_fails(self) -> None:
        """It is told, and tried again in the next round."""
        self._get_stuck('share-1')
        self.d.cluster.power_on('gl3')
        for name in ('waiting', 'attempt'):
            real = getattr(recovery, name)
            failing = mock.Mock(side_effect=[RuntimeError(f'bug in {name}')])
            self.useFixture(
                fixtures.MonkeyPatch(
                    f'{recovery.__name__}.{name}',
                    self._first(failing, real),
                )
            )
        self._start()
        self._wait_until(lambda: not self._open())
        for name in ('waiting', 'attempt'):
            self.assertIn(f'bug in {name}', self.logger.output)

    @staticmethod
    def _first(
        failing: Callable[..., object], real: Callable[..., object]
    ) -> Callable[..., object]:
        """Call one function the first time, and the other one later."""
        functions = itertools.chain([failing], itertools.repeat(real))
        return lambda *words: next(functions)(*words)

    def test_what_is_held(self) -> None:
        """It is told of once, and left to an operator."""
        self._get_stuck('share-1')
        self.d.service.hold_open()
        self.d.cluster.power_on('gl3')
        self._start()
        self._wait_until(lambda: 'is held since' in self.logger.output)
        time.sleep(5 * _INTERVAL_SECONDS)
        self.assertEqual(1, self.logger.output.count('is held since'))
        self.assertEqual(1, len(self._open()))

    def test_paces(self) -> None:
        """A minute, an hour, a day; a second start changes nothing."""
        paces: dict[str, float] = {}

        def note(
            background: object, name: str, turn: object, seconds: float
        ) -> None:
            paces[name] = seconds

        self.useFixture(
            fixtures.MonkeyPatch(
                f'{recoverer.__name__}.Background._repeat', note
            )
        )
        first = recoverer.start(self.d.service)
        self.assertIs(first, recoverer.start(self.d.service))
        self._wait_until(lambda: len(paces) == 3)
        self.assertEqual(
            {'recoverer': 60.0, 'renewer': 3600.0, 'pruner': 86400.0}, paces
        )
