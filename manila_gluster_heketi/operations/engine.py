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

"""Does the steps of journaled operations, or undoes them.

A mark in the journal precedes every phase, so that whoever takes over after a
crash knows what may have begun.
"""

import collections
import contextlib
import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Fence
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import StepRecord
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.operations import phases
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations import told
from manila_gluster_heketi.operations.heartbeat import Heartbeat
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.turnstile import Turnstile

LOG = log.getLogger(__name__)

Errors = Mapping[int, Exception]
_NO_MARKS: Mapping[int, StepState] = {}
_BEGUN = frozenset({StepState.DOING, StepState.DONE, StepState.UNDO_FAILED})


class Engine:
    """Runs operations on a site; one for each process is enough."""

    def __init__(
        self, store: Store, site: Site, cluster_operations: int = 8
    ) -> None:
        """Know where operations run.

        :param cluster_operations: that run at once in a cluster
        """
        self.store = store
        self.site = site
        self._turnstiles: collections.defaultdict[str, Turnstile] = (
            collections.defaultdict(lambda: Turnstile(cluster_operations))
        )
        self.heartbeat = Heartbeat(store)

    def open(
        self,
        tx: WriteTransaction,
        kind: model.OpKind,
        subject: str,
        cluster_id: str,
        claims: Collection[str] = (),
        note: str = '',
    ) -> Operation:
        """Journal an operation within the transaction that reserves for it.

        What it changes has to be read after that, in the same transaction.

        :param claims: what else than the subject it changes
        :param note: what the history should tell, if it ends well
        :raises UnderWay: another open operation changes some of that
        """
        operation = Operation(
            id=model.new_id(),
            kind=kind,
            subject=subject,
            cluster_id=cluster_id,
            state=OpState.RUNNING,
            owner=owner.new(),
            lease_until=tx.now() + self.heartbeat.lease,
            error=note,
        )
        journal.open_operation(tx, operation, {subject, *claims} - {''})
        return operation

    @staticmethod
    def plan(
        tx: WriteTransaction, operation: Operation, steps: Sequence[step.Step]
    ) -> Operation:
        """Journal what an operation that was just opened is going to do."""
        records = step.to_records(steps)
        journal.add_steps(tx, operation.id, records)
        return dataclasses.replace(operation, steps=records)

    def run(self, operation: Operation) -> Mapping[int, Found]:
        """Do all steps that are not done; on failure undo, or leave STUCK.

        :returns: what the steps found, by their index
        :raises OperationFailed: undone, nothing was left behind
        :raises OperationStuck: not all could be undone, or done, yet
        :raises Conflict: another process has taken it over
        """
        with self._turn_of(operation):
            return self._run(operation)

    def _run(self, operation: Operation) -> Mapping[int, Found]:
        found: dict[int, Found] = {}
        # Written down with what comes next: a commit waits for the disk.
        done: dict[int, StepState] = {}
        for phase in phases.of(operation.steps):
            todo = [s for s in phase if s.state is not StepState.DONE]
            if not todo:
                continue
            doing = phases.all_marked(todo, StepState.DOING)
            operation = self._mark(operation, {**done, **doing})
            got, errors = phases.act_on(todo, self._actor(operation, _do))
            found.update(got)
            if errors:
                self.heartbeat.require(operation)
                self._failed(operation, errors)
            done = phases.all_marked(todo, StepState.DONE)
        self._close(operation, OpState.DONE, found, marks=done)
        return found

    @contextlib.contextmanager
    def _turn_of(self, operation: Operation) -> Iterator[None]:
        """Hold the lease, even while there is no place for it yet."""
        with self.heartbeat.holding(operation):
            with self._turnstiles[operation.cluster_id]:
                yield

    def _site_for(self, operation: Operation) -> Site:
        """Have each batch ask whether the operation is still ours.

        Hosts ask as well, for what was sent may be late.
        """
        return dataclasses.replace(
            self.site,
            permit=functools.partial(self._permit, operation),
            fence=Fence(operation.id, operation.epoch),
        )

    def _actor(
        self, operation: Operation, act: told.Act
    ) -> Callable[[StepRecord], Found]:
        """Have steps act so that no host goes on with what is superseded."""
        site = self._site_for(operation)

        def on_record(record: StepRecord) -> Found:
            return told.act(
                step.from_record(record),
                site,
                act,
                again=record.state in _BEGUN,
                write=functools.partial(self._write_told, operation, record),
            )

        return on_record

    def _write_told(
        self, operation: Operation, record: StepRecord, hosts: Sequence[str]
    ) -> None:
        params = {**record.params, 'told': hosts}

        def write(tx: WriteTransaction) -> None:
            journal.set_params(tx, operation.id, record.index, params)
            self._hold(tx, operation)

        self.store.transact(write)

    def _permit(
        self, operation: Operation, host: str, batch: Sequence[Command]
    ) -> None:
        more = f' and {len(batch) - 1} more' if len(batch) > 1 else ''
        told = f'{host}: {batch[0]}{more}' if batch else ''
        self.heartbeat.tell(operation, told)

    def undo(self, operation: Operation, errors: Errors) -> None:
        """Undo every step that may have begun, last phase first.

        :param errors: why, by the index of the step
        :raises OperationStuck: a host could not undo now; its step and those
            before it stay in the journal for recovery
        :raises Conflict: another process has taken it over
        """
        with self._turn_of(operation):
            self._undo(operation, errors)

    def _undo(self, operation: Operation, errors: Errors) -> None:
        operation = self._move(operation, OpState.UNDOING, errors)
        for phase in reversed(phases.of(operation.steps)):
            todo = [s for s in phase if s.state in _BEGUN]
            _, failures = phases.act_on(todo, self._actor(operation, _undo))
            operation = self._mark_undone(operation, todo, failures)
            if failures:
                self._close(operation, OpState.STUCK, {})
                raise exceptions.OperationStuck(
                    kind=operation.kind,
                    subject=operation.subject,
                    operation=operation.id,
                    reason=_reason(errors)
                    or operation.error
                    or 'it was interrupted.',
                    undo_reason=_reason(failures),
                    errors=tuple(errors.values()),
                )
        self._close(operation, OpState.UNDONE, {})

    def _failed(self, operation: Operation, errors: Errors) -> None:
        if not kinds.goes_forward(operation):
            LOG.warning(
                'operation %s (%s) failed and is being undone: %s',
                operation.id,
                operation.kind,
                _reason(errors),
            )
            self._undo(operation, errors)
            raise exceptions.OperationFailed(
                kind=operation.kind,
                subject=operation.subject,
                reason=_reason(errors),
                errors=tuple(errors.values()),
            )
        # Those that failed stay marked: hosts may be at them yet.
        done = [
            s
            for s in operation.steps
            if s.state is StepState.DOING and s.index not in errors
        ]
        marks = phases.all_marked(done, StepState.DONE)
        self._close(operation, OpState.STUCK, {}, _reason(errors), marks)
        raise exceptions.OperationStuck(
            kind=operation.kind,
            subject=operation.subject,
            operation=operation.id,
            reason=_reason(errors),
            undo_reason='it goes on when the host answers again.',
            errors=tuple(errors.values()),
        )

    def _mark(
        self,
        operation: Operation,
        marks: Mapping[int, StepState],
    ) -> Operation:

        def mark(tx: WriteTransaction) -> None:
            journal.mark_steps(tx, operation.id, marks)
            self._hold(tx, operation)

        self.store.transact(mark)
        return phases.with_marks(operation, marks)

    def _mark_undone(
        self,
        operation: Operation,
        records: Sequence[StepRecord],
        failures: Errors,
    ) -> Operation:
        marks = {
            record.index: StepState.UNDO_FAILED
            if record.index in failures
            else StepState.UNDONE
            for record in records
        }
        texts = {index: str(error) for index, error in failures.items()}

        def mark(tx: WriteTransaction) -> None:
            journal.mark_steps(tx, operation.id, marks, texts)
            self._hold(tx, operation)

        self.store.transact(mark)
        return phases.with_marks(operation, marks)

    def _hold(self, tx: WriteTransaction, operation: Operation) -> None:
        """Renew the lease; one that lost it must not touch a host again."""
        if not journal.renew_lease(
            tx,
            operation.id,
            operation.owner,
            tx.now() + self.heartbeat.lease,
            self.heartbeat.last_command(operation),
        ):
            raise exceptions.Conflict(
                kind='operation',
                identity=operation.id,
                reason='another process has taken it over',
            )
        self.heartbeat.renewed(operation)

    def _move(
        self, operation: Operation, state: OpState, errors: Errors
    ) -> Operation:
        if operation.state is state:
            # It was just taken over, perhaps a long sleep ago.
            self.store.transact(lambda tx: self._hold(tx, operation))
            return operation
        states.check_transition(operation, state)
        epoch = operation.epoch + 1

        def move(tx: WriteTransaction) -> Operation:
            self._hold(tx, operation)
            journal.set_state(tx, operation.id, state, _reason(errors))
            journal.begin_epoch(tx, operation.id, epoch)
            # Its steps may have written down whom they told.
            return journal.operation(tx, operation.id)

        return self.store.transact(move)

    def _close(
        self,
        operation: Operation,
        state: OpState,
        found: Mapping[int, Found],
        error: str = '',
        marks: Mapping[int, StepState] = _NO_MARKS,
    ) -> None:
        """Record the outcome: one transaction with the objects it changes.

        :param marks: of steps, which are still to be written down
        """
        states.check_transition(operation, state)
        settled = dataclasses.replace(
            phases.with_marks(operation, marks), state=state
        )

        def close(tx: WriteTransaction) -> None:
            journal.mark_steps(tx, operation.id, marks)
            self._hold(tx, operation)
            kinds.behaviour_of(operation.kind).settle(tx, settled, found)
            journal.set_state(tx, operation.id, state, error)
            if state in states.FINAL:
                journal.close_operation(tx, operation.id)
            else:
                # Whoever finds it may go on with it at once.
                journal.renew_lease(
                    tx, operation.id, operation.owner, tx.now()
                )

        self.store.transact(close)
        LOG.info(
            'operation %s (%s) is %s', operation.id, operation.kind, state
        )


def _do(each: step.Step, site: Site) -> Found:
    return each.do(site)


def _undo(each: step.Step, site: Site) -> Found:
    each.undo(site)
    return {}


def _reason(errors: Errors) -> str:
    """Tell all errors, the first of each text once."""
    texts = dict.fromkeys(str(error) for error in errors.values())
    return ' '.join(texts)
