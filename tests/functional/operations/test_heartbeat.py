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

"""Leases: kept while the work goes on, and given up by who slept."""

import datetime
import threading
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations import heartbeat
from manila_gluster_heketi.store import journal
from tests.functional import deployment
from tests.functional.interference import once
from tests.functional.interference import refusal
from tests.functional.interference import says

_SHORT = datetime.timedelta(seconds=0.6)
_LONG_WORK = 1.5


class HeartbeatTestCase(deployment.DeployedTestCase):
    """Two processes; the first one creates a volume."""

    def setUp(self) -> None:
        """Start the other one."""
        super().setUp()
        self.d = self.deploy()
        self.other, _ = self.d.process()
        self.minutes = 0.0

    def use(self, lease: datetime.timedelta = heartbeat.LEASE) -> None:
        """Give the first process another lease, and a clock to turn."""
        engine = self.d.service.engine
        engine.heartbeat = heartbeat.Heartbeat(
            engine.store,
            lease,
            lambda: time.monotonic() + 60 * self.minutes,
        )

    def test_work_takes_longer_than_a_lease(self) -> None:
        """Nobody takes it over; it ends well."""
        self.use(_SHORT)
        seen = []

        def work(host, command):
            end = time.monotonic() + _LONG_WORK
            while time.monotonic() < end:
                seen.extend(self.other.recover())
                time.sleep(0.1)

        self.d.executor.before = once(says('mkfs.xfs'), work)
        volume = self.d.create()
        self.assertEqual([], seen)
        self.assertIs(model.VolumeState.READY, volume.state)

    def test_what_a_host_works_on_can_be_seen_meanwhile(self) -> None:
        """By other processes, as of the last beat."""
        self.use(_SHORT)
        seen = []

        def work(host, command):
            time.sleep(_LONG_WORK / 2)
            [operation] = self.other.operations()
            seen.append(operation.last_command)

        self.d.executor.before = once(says('volume', 'start'), work)
        self.d.create()
        [told] = seen
        self.assertRegex(told, r'^gl\d: gluster .*volume .*\d more$')

    def test_without_a_heartbeat(self) -> None:
        """This is what it is for."""
        self.use(_SHORT)
        self.d.service.engine.heartbeat._beat = lambda: None
        taken = []

        def work(host, command):
            time.sleep(_LONG_WORK)
            taken.extend(self.other.recover())

        self.d.executor.before = once(says('mkfs.xfs'), work)
        self.assertRaises(exceptions.Conflict, self.d.create)
        self.assertEqual(1, len(taken))

    def test_who_slept_sends_no_more_commands(self) -> None:
        """Not even within a step, where nothing is written down between."""
        self.use()
        before = self.d.world()
        sent = []

        def sleep(host, command):
            self.minutes += 4
            self.d.expire_leases()
            self.other.recover()
            sent.extend(self.d.executor.seen)
            # What is refused like this is tried again.
            raise refusal(host, command, 'Another transaction is in progress')

        self.d.executor.before = once(says('volume', 'set'), sleep)
        error = self.assertRaises(exceptions.Conflict, self.d.create)
        self.assertIn('its lease has run out', str(error))
        self.assertEqual(sent, self.d.executor.seen)
        self.assertEqual(before, self.d.world())

    def test_another_thread_takes_over(self) -> None:
        """A lease is of one change, and not of the process."""
        self.use()
        before = self.d.world()
        at_work, is_over = threading.Event(), threading.Event()
        creator = threading.current_thread()
        recovered = []

        def recover():
            recovered.extend(self.d.service.recover())

        thread = threading.Thread(target=recover)

        def fall_behind(host, command):
            self.minutes += 4
            self.d.expire_leases()
            thread.start()
            self.assertTrue(at_work.wait(60))

        def undo(host, command):
            # The creator gives up while this goes on.
            if thread.ident and threading.current_thread() is not creator:
                at_work.set()
                is_over.wait(60)

        self.d.executor.before = undo
        self.d.executor.after = once(says('volume', 'status'), fall_behind)
        error = self.assertRaises(exceptions.Conflict, self.d.create)
        is_over.set()
        thread.join(60)
        self.assertIn('has taken it over', str(error))
        self.assertEqual([''], [each.error for each in recovered])
        self.assertEqual(before, self.d.world())

    def test_the_store_does_not_answer_for_a_while(self) -> None:
        """One renewal that fails is not the end."""
        self.use(_SHORT)
        store = self.d.service.store
        failures = []

        def work(host, command):
            write = store.write
            started = time.monotonic()

            def refuse():
                if time.monotonic() < started + _SHORT.total_seconds() / 2:
                    failures.append(True)
                    raise exceptions.StoreError(url='x', reason='restarting')
                return write()

            self.d.service.engine.heartbeat._store.write = refuse
            time.sleep(_LONG_WORK)
            del store.write

        self.d.executor.before = once(says('mkfs.xfs'), work)
        self.d.create()
        self.assertNotEqual([], failures)

    def test_threads_end(self) -> None:
        """There is none while nothing is done."""
        self.use(_SHORT)
        beat = self.d.service.engine.heartbeat
        self.d.create('one')
        self.d.create('two')
        end = time.monotonic() + 10
        while beat._beats and time.monotonic() < end:
            time.sleep(0.01)
        self.assertFalse(beat._beats)

    def test_a_lease_is_on_record(self) -> None:
        """It is renewed there, for others to see."""
        self.use(_SHORT)
        seen = set()

        def work(host, command):
            for _ in range(10):
                with self.d.service.store.read() as tx:
                    [operation] = journal.operations(
                        tx, states=(model.OpState.RUNNING,)
                    )
                seen.add(operation.lease_until)
                time.sleep(_SHORT.total_seconds() / 3)

        self.d.executor.before = once(says('mkfs.xfs'), work)
        self.d.create()
        self.assertGreater(len(seen), 4)
