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

"""Tests of the journal: states, steps, leases, history."""

import dataclasses
import datetime

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import history
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import transaction
from tests.functional import databases
from tests.functional.store import base

_MINUTE = datetime.timedelta(minutes=1)
_NOBODY = 'f' * 32


@databases.on_each_engine
class JournalTestCase(base.StoreTestCase):
    """An operation with two steps; its lease ends at noon."""

    def setUp(self) -> None:
        """Open the operation."""
        super().setUp()
        self.operation = self.open()

    def open(self) -> model.Operation:
        """Record an operation."""
        new = model.Operation(
            id=model.new_id(),
            kind=model.OpKind.VOLUME_CREATE,
            subject=model.new_id(),
            cluster_id=model.new_id(),
            state=model.OpState.RUNNING,
            owner='host-a:17',
            lease_until=base.NOON,
            steps=(
                model.StepRecord(0, 'bricks', 'a', {'ids': ['x', 'y']}),
                model.StepRecord(1, 'volume', 'b', {'name': 'vol'}),
            ),
        )
        with self.store.write() as tx:
            journal.open_operation(tx, new)
        return new

    def read(self) -> model.Operation:
        """Return how the operation is on record."""
        with self.store.read() as tx:
            return journal.operation(tx, self.operation.id)

    def renew(self, owner: str) -> bool:
        """Renew the lease for a minute."""
        with self.store.write() as tx:
            return journal.renew_lease(
                tx, self.operation.id, owner, base.NOON + _MINUTE
            )

    def take_over(self, owner: str, now: datetime.datetime) -> bool:
        """Take the operation over for a minute."""
        with self.store.write() as tx:
            return journal.take_over(
                tx, self.operation.id, owner, now, now + _MINUTE
            )

    def test_what_was_put_in_comes_out(self) -> None:
        """With its steps in order, and its instant to the microsecond."""
        self.assertEqual(self.operation, self.read())

    def test_instant_of_another_zone(self) -> None:
        """It comes out in UTC."""
        east = datetime.timezone(datetime.timedelta(hours=9))
        with self.store.write() as tx:
            journal.renew_lease(
                tx,
                self.operation.id,
                self.operation.owner,
                base.NOON.astimezone(east),
            )
        lease = self.read().lease_until
        self.assertEqual(base.NOON, lease)
        self.assertEqual(datetime.timezone.utc, lease.tzinfo)

    def test_instant_without_a_zone(self) -> None:
        """It could be hours off, so it is refused."""
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.StoreError,
                journal.renew_lease,
                tx,
                self.operation.id,
                self.operation.owner,
                base.NOON.replace(tzinfo=None),
            )

    def test_operations_by_state(self) -> None:
        """Oldest first; without states, all."""
        second, third = self.open(), self.open()
        with self.store.write() as tx:
            journal.set_state(tx, second.id, model.OpState.STUCK)
        with self.store.read() as tx:
            self.assertEqual(
                (self.operation, third),
                journal.operations(tx, states=[model.OpState.RUNNING]),
            )
            self.assertEqual(
                [self.operation.id, second.id, third.id],
                [each.id for each in journal.operations(tx)],
            )
            self.assertEqual((), journal.operations(tx, states=()))

    def test_what_was_worked_on(self) -> None:
        """By operations of a kind that are done; others do not count."""
        done = self.open()
        with self.store.write() as tx:
            journal.set_state(tx, done.id, model.OpState.DONE)
        with self.store.read() as tx:
            found = {
                kind: journal.subjects_done(tx, kind)
                for kind in (done.kind, model.OpKind.DEVICE_REMOVE)
            }
        self.assertEqual(
            {done.kind: {done.subject}, model.OpKind.DEVICE_REMOVE: set()},
            found,
        )

    def test_state_changes(self) -> None:
        """An error stays until there is another."""
        states = model.OpState
        for state, error, expected in (
            (states.UNDOING, 'disk full', 'disk full'),
            (states.UNDONE, '', 'disk full'),
            (states.STUCK, 'host gone', 'host gone'),
        ):
            with self.store.write() as tx:
                journal.set_state(tx, self.operation.id, state, error)
            found = self.read()
            self.assertEqual((state, expected), (found.state, found.error))

    def test_hosts_may_say_anything(self) -> None:
        """Databases refuse some of it; and it may be long."""
        said = 'broken \0 or \udcff, ünd löng 🙂' + 100_000 * '.'
        undone = model.StepState.UNDO_FAILED
        with self.store.write() as tx:
            journal.set_state(tx, self.operation.id, model.OpState.STUCK, said)
            journal.mark_steps(tx, self.operation.id, {0: undone}, {0: said})
        found = self.read()
        expected = said.replace('\0', '\ufffd').replace('\udcff', '?')
        self.assertEqual(expected, found.error)
        self.assertEqual(expected, found.steps[0].error)

    def test_steps_are_marked(self) -> None:
        """An error goes when the step is marked again."""
        states = model.StepState
        with self.store.write() as tx:
            journal.mark_steps(
                tx,
                self.operation.id,
                {0: states.DONE, 1: states.UNDO_FAILED},
                errors={1: 'host gone'},
            )
        self.assertEqual(
            [(states.DONE, ''), (states.UNDO_FAILED, 'host gone')],
            [(step.state, step.error) for step in self.read().steps],
        )
        with self.store.write() as tx:
            journal.mark_steps(tx, self.operation.id, {1: states.UNDONE})
        self.assertEqual(
            [(states.DONE, ''), (states.UNDONE, '')],
            [(step.state, step.error) for step in self.read().steps],
        )

    def test_steps_are_added(self) -> None:
        """After those that are there; an index is had once."""
        step = model.StepRecord(2, 'quota', 'b', {})
        with self.store.write() as tx:
            journal.add_steps(tx, self.operation.id, [step])
            self.assertRaises(
                exceptions.Conflict,
                journal.add_steps,
                tx,
                self.operation.id,
                [step],
            )
        self.assertEqual((*self.operation.steps, step), self.read().steps)

    def test_parameters_of_a_step_change(self) -> None:
        """Those of the others stay."""
        first, second = self.operation.steps
        with self.store.write() as tx:
            journal.set_params(tx, self.operation.id, 1, {'told': ['c']})
        changed = dataclasses.replace(second, params={'told': ['c']})
        self.assertEqual((first, changed), self.read().steps)

    def test_operation_without_steps(self) -> None:
        """Its plan is made later."""
        bare = dataclasses.replace(self.operation, id=model.new_id(), steps=())
        with self.store.write() as tx:
            journal.open_operation(tx, bare)
            self.assertEqual(bare, journal.operation(tx, bare.id))

    def test_things_that_are_not_there(self) -> None:
        """Each is named by kind and id."""
        done = model.StepState.DONE
        with self.store.write() as tx:
            for call, arguments in (
                (journal.operation, ()),
                (journal.set_state, (model.OpState.DONE,)),
                (journal.close_operation, ()),
                (journal.mark_steps, ({0: done},)),
                (journal.set_params, (0, {})),
            ):
                error = self.assertRaises(
                    exceptions.NotFound, call, tx, _NOBODY, *arguments
                )
                self.assertIn(_NOBODY, error.fields['identity'])
            error = self.assertRaises(
                exceptions.NotFound,
                journal.mark_steps,
                tx,
                self.operation.id,
                {9: done},
            )
            self.assertEqual('step', error.fields['kind'])
            self.assertRaises(
                exceptions.Conflict,
                journal.add_steps,
                tx,
                _NOBODY,
                self.operation.steps,
            )

    def test_operation_is_there_already(self) -> None:
        """Its id is had once."""
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict,
                journal.open_operation,
                tx,
                self.operation,
            )

    def test_owner_renews_its_lease(self) -> None:
        """Even after it expired, if nobody came."""
        self.assertTrue(self.renew('host-a:17'))
        self.assertEqual(base.NOON + _MINUTE, self.read().lease_until)

    def test_lease_is_lost(self) -> None:
        """Who slept too long learns it and changes nothing."""
        later = base.NOON + _MINUTE
        self.assertTrue(self.take_over('host-b:5', later))
        self.assertFalse(self.renew('host-a:17'))
        found = self.read()
        self.assertEqual('host-b:5', found.owner)
        self.assertEqual(later + _MINUTE, found.lease_until)

    def test_lease_has_not_expired(self) -> None:
        """Not even at its last instant."""
        self.assertFalse(self.take_over('host-b:5', base.NOON))
        self.assertEqual(self.operation, self.read())

    def test_many_find_an_expired_lease(self) -> None:
        """Exactly one takes the operation over."""
        stores = [self.another_store() for _ in range(8)]
        now = base.NOON + _MINUTE

        def recover(number: int) -> bool:
            with stores[number].write() as tx:
                return journal.take_over(
                    tx, self.operation.id, f'host-{number}', now, now + _MINUTE
                )

        results = self.all_at_once(
            [lambda number=number: recover(number) for number in range(8)]
        )
        self.assertEqual([False] * 7 + [True], sorted(results))
        self.assertEqual(f'host-{results.index(True)}', self.read().owner)

    def test_closed_operation_is_history(self) -> None:
        """It is shown, but nobody can own it again."""
        with self.store.write() as tx:
            journal.set_state(tx, self.operation.id, model.OpState.DONE)
            journal.close_operation(tx, self.operation.id)
        self.assertFalse(self.renew('host-a:17'))
        self.assertFalse(self.take_over('host-b:5', base.NOON + _MINUTE))
        self.assertEqual(
            dataclasses.replace(self.operation, state=model.OpState.DONE),
            self.read(),
        )

    def claiming(self, *claims: str) -> model.Operation:
        """Record an operation that claims something."""
        new = dataclasses.replace(self.operation, id=model.new_id())
        with self.store.write() as tx:
            journal.open_operation(tx, new, claims)
        return new

    def test_one_claims_what_another_does(self) -> None:
        """It is told whose that is, and leaves nothing behind."""
        first = self.claiming('a', 'b')
        error = self.assertRaises(
            exceptions.UnderWay, self.claiming, 'c', 'b', 'd'
        )
        self.assertEqual('MGH-113', error.code)
        self.assertEqual(
            (first.kind, first.id),
            (error.fields['kind'], error.fields['identity']),
        )
        self.claiming('c', 'd')
        with self.store.read() as tx:
            self.assertEqual(3, len(journal.operations(tx)))

    def test_what_is_stuck_claims_what_it_did(self) -> None:
        """Whoever owns it."""
        first = self.claiming('a')
        with self.store.write() as tx:
            journal.set_state(tx, first.id, model.OpState.STUCK)
            later = base.NOON + _MINUTE
            journal.take_over(tx, first.id, 'host-b:5', later, later)
        self.assertRaises(exceptions.UnderWay, self.claiming, 'a')

    def test_what_was_claimed_is_free(self) -> None:
        """From the moment on when the operation is closed."""
        first = self.claiming('a', 'b')
        with self.store.write() as tx:
            journal.close_operation(tx, first.id)
        self.claiming('b')
        self.claiming('a')

    def test_many_claim_the_same(self) -> None:
        """One gets it, in whatever order each claims what it wants."""
        stores = [self.another_store() for _ in range(8)]

        def claim(number: int) -> str:
            new = dataclasses.replace(self.operation, id=model.new_id())
            wanted = ['a', f'own-{number}', 'b']
            stores[number].transact(
                lambda tx: journal.open_operation(
                    tx, new, wanted[:: 1 - 2 * (number % 2)]
                )
            )
            return new.id

        results = self.all_at_once(
            [lambda number=number: claim(number) for number in range(8)]
        )
        [winner] = [each for each in results if isinstance(each, str)]
        for each in results:
            if each != winner:
                self.assertIsInstance(each, exceptions.UnderWay)
        with self.store.read() as tx:
            self.assertEqual(
                {self.operation.id, winner},
                {each.id for each in journal.operations(tx)},
            )

    def test_each_sees_what_the_one_before_left(self) -> None:
        """Who claims first and reads then loses no change of another's."""
        stores = [self.another_store() for _ in range(8)]

        def count(number: int) -> None:
            new = dataclasses.replace(
                self.operation, id=model.new_id(), error=''
            )

            def add_one(tx: transaction.WriteTransaction) -> None:
                journal.open_operation(tx, new, ['a'])
                seen = journal.operation(tx, self.operation.id).error
                journal.set_state(
                    tx, self.operation.id, model.OpState.RUNNING, seen + 'x'
                )
                journal.close_operation(tx, new.id)

            for _ in range(5):
                stores[number].transact(add_one)
                new = dataclasses.replace(new, id=model.new_id())

        results = self.all_at_once(
            [lambda number=number: count(number) for number in range(8)]
        )
        self.assertEqual([None] * 8, results)
        self.assertEqual(8 * 5 * 'x', self.read().error)

    def test_history_is_pruned_a_few_at_a_time(self) -> None:
        """The oldest ones first; others write in between."""
        later = self.open()
        self.useFixture(
            fixtures.MonkeyPatch(f'{history.__name__}._AT_ONCE', 1)
        )
        with self.store.write() as tx:
            journal.close_operation(tx, self.operation.id)
            journal.close_operation(tx, later.id)
        tomorrow = datetime.datetime.now(
            datetime.timezone.utc
        ) + datetime.timedelta(days=1)
        for left in ([later.id], [], []):
            with self.store.write() as tx:
                history.prune(tx, tomorrow)
                self.assertEqual(
                    left, [each.id for each in journal.operations(tx)]
                )

    def test_summaries(self) -> None:
        """Steps are counted; the newest ones, with the oldest first."""
        opened = self.open()
        every = tuple(model.OpState)
        with self.store.write() as tx:
            journal.mark_steps(
                tx, opened.id, {opened.steps[0].index: model.StepState.DONE}
            )
            bare = dataclasses.replace(
                opened, id=model.new_id(), state=model.OpState.DONE, steps=()
            )
            journal.open_operation(tx, bare)
            listed = history.summaries(tx, every, 0)
            newest = history.summaries(tx, every, 1)
            self.assertEqual(
                listed[:-1], history.summaries(tx, [opened.state], 0)
            )
        counts = {each.id: (each.steps_done, each.steps) for each in listed}
        self.assertEqual((1, len(opened.steps)), counts[opened.id])
        self.assertEqual((0, 0), counts[bare.id])
        self.assertEqual(listed[-1:], newest)
        self.assertEqual(bare.id, newest[0].id)
        self.assertEqual(
            (opened.kind, opened.subject, opened.state, False),
            (
                listed[-2].kind,
                listed[-2].subject,
                listed[-2].state,
                listed[-2].held,
            ),
        )

    def test_history_is_pruned(self) -> None:
        """Closed operations go with their steps, open ones stay."""
        opened = self.open()
        now = datetime.datetime.now(datetime.timezone.utc)
        with self.store.write() as tx:
            journal.close_operation(tx, self.operation.id)
            self.assertEqual(0, history.prune(tx, now - _MINUTE))
            self.assertEqual(1, history.prune(tx, now + _MINUTE))
            self.assertEqual((opened,), journal.operations(tx))
            # Its steps are gone: the same operation can be put in again.
            journal.open_operation(tx, self.operation)
