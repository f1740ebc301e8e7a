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

Steps that stand side by side in the journal with the same kind and different
hosts are one phase: they run at once. A mark in the journal precedes every
phase, so that whoever takes over after a crash knows what may have begun.
"""

import concurrent.futures
import dataclasses
import datetime
import itertools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import StepRecord
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import WriteTransaction

LOG = log.getLogger(__name__)

# Longer than any phase: gluster's own limits are 120 s for its CLI and 180 s
# for its lock timer.
LEASE = datetime.timedelta(minutes=15)

Errors = Mapping[int, Exception]
_BEGUN = frozenset({StepState.DOING, StepState.DONE, StepState.UNDO_FAILED})


def now() -> datetime.datetime:
    """The time in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


class Engine:
    """Runs operations on a site; one for each process is enough."""

    def __init__(self, store: Store, site: Site) -> None:
        self.store = store
        self.site = site
        self.owner = owner.new()

    def open(
        self,
        tx: WriteTransaction,
        kind: model.OpKind,
        subject: str,
        cluster_id: str,
        steps: Sequence[step.Step],
    ) -> Operation:
        """Journal an operation within the transaction that reserves for it."""
        operation = Operation(
            id=model.new_id(),
            kind=kind,
            subject=subject,
            cluster_id=cluster_id,
            state=OpState.RUNNING,
            owner=self.owner,
            lease_until=now() + LEASE,
            steps=step.to_records(steps),
        )
        journal.open_operation(tx, operation)
        return operation

    def run(self, operation: Operation) -> None:
        """Do all steps that are not done; on failure undo, or leave STUCK.

        :raises OperationFailed: undone, nothing was left behind
        :raises OperationStuck: not all could be undone, or done, yet
        """
        found: dict[int, Found] = {}
        for phase in _phases(operation.steps):
            todo = [s for s in phase if s.state is not StepState.DONE]
            if not todo:
                continue
            operation = self._mark(operation, todo, StepState.DOING)
            got, errors = self._each(todo, lambda s: s.do(self.site))
            found.update(got)
            if errors:
                self._failed(operation, errors)
            operation = self._mark(operation, todo, StepState.DONE)
        self._close(operation, OpState.DONE, found)

    def undo(self, operation: Operation, errors: Errors) -> None:
        """Undo every step that may have begun, last phase first.

        :param errors: why, by the index of the step
        :raises OperationStuck: a host could not undo now; its step and those
            before it stay in the journal for recovery
        """
        operation = self._move(operation, OpState.UNDOING, errors)
        for phase in reversed(_phases(operation.steps)):
            todo = [s for s in phase if s.state in _BEGUN]
            _, failures = self._each(todo, _undo_on(self.site))
            operation = self._mark_undone(operation, todo, failures)
            if failures:
                self._close(operation, OpState.STUCK, {})
                raise exceptions.OperationStuck(
                    kind=operation.kind,
                    subject=operation.subject,
                    operation=operation.id,
                    reason=_reason(errors) or operation.error,
                    undo_reason=_reason(failures),
                    errors=tuple(errors.values()),
                )
        self._close(operation, OpState.UNDONE, {})

    def _failed(self, operation: Operation, errors: Errors) -> None:
        behaviour = kinds.behaviour_of(operation.kind)
        if not behaviour.forward_only:
            LOG.warning(
                'operation %s (%s) failed and is being undone: %s',
                operation.id,
                operation.kind,
                _reason(errors),
            )
            self.undo(operation, errors)
            raise exceptions.OperationFailed(
                kind=operation.kind,
                subject=operation.subject,
                reason=_reason(errors),
                errors=tuple(errors.values()),
            )
        failed = [s for s in operation.steps if s.index in errors]
        done = [
            s
            for s in operation.steps
            if s.state is StepState.DOING and s.index not in errors
        ]
        operation = self._mark(operation, done, StepState.DONE)
        operation = self._mark(operation, failed, StepState.PLANNED)
        self._close(operation, OpState.STUCK, {}, _reason(errors))
        raise exceptions.OperationStuck(
            kind=operation.kind,
            subject=operation.subject,
            operation=operation.id,
            reason=_reason(errors),
            undo_reason='it goes on when the host answers again.',
            errors=tuple(errors.values()),
        )

    def _each(
        self,
        records: Sequence[StepRecord],
        act: Callable[[step.Step], Found],
    ) -> tuple[dict[int, Found], dict[int, Exception]]:
        """Act on all steps at once; what each found, or why it failed."""

        def attempt(record: StepRecord) -> Found | Exception:
            try:
                return act(step.from_record(record))
            except exceptions.GlusterHeketiError as error:
                return error
            except Exception as bug:
                LOG.exception('step %s on %s', record.kind, record.host)
                return bug

        if len(records) == 1:
            outcomes = [attempt(records[0])]
        elif records:
            with concurrent.futures.ThreadPoolExecutor(len(records)) as pool:
                outcomes = list(pool.map(attempt, records))
        else:
            outcomes = []
        found: dict[int, Found] = {}
        errors: dict[int, Exception] = {}
        for record, outcome in zip(records, outcomes, strict=True):
            if isinstance(outcome, Exception):
                errors[record.index] = outcome
            else:
                found[record.index] = outcome
        return found, errors

    def _mark(
        self,
        operation: Operation,
        records: Sequence[StepRecord],
        state: StepState,
    ) -> Operation:
        marks = {record.index: state for record in records}
        with self.store.write() as tx:
            journal.mark_steps(tx, operation.id, marks)
            self._hold(tx, operation)
        return _with_marks(operation, marks)

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
        with self.store.write() as tx:
            journal.mark_steps(tx, operation.id, marks, texts)
            self._hold(tx, operation)
        return _with_marks(operation, marks)

    def _hold(self, tx: WriteTransaction, operation: Operation) -> None:
        """Renew the lease; one that lost it must not touch a host again."""
        if not journal.renew_lease(
            tx, operation.id, self.owner, now() + LEASE
        ):
            raise exceptions.Conflict(
                kind='operation',
                identity=operation.id,
                reason='another process has taken it over',
            )

    def _move(
        self, operation: Operation, state: OpState, errors: Errors
    ) -> Operation:
        if operation.state is state:
            return operation
        states.check_transition(operation, state)
        with self.store.write() as tx:
            self._hold(tx, operation)
            journal.set_state(tx, operation.id, state, _reason(errors))
        return dataclasses.replace(operation, state=state)

    def _close(
        self,
        operation: Operation,
        state: OpState,
        found: Mapping[int, Found],
        error: str = '',
    ) -> None:
        """Record the outcome: one transaction with the objects it changes."""
        states.check_transition(operation, state)
        settled = dataclasses.replace(operation, state=state)
        with self.store.write() as tx:
            self._hold(tx, operation)
            kinds.behaviour_of(operation.kind).settle(tx, settled, found)
            journal.set_state(tx, operation.id, state, error)
            if state in states.FINAL:
                journal.close_operation(tx, operation.id)
            else:
                # Whoever finds it may go on with it at once.
                journal.renew_lease(tx, operation.id, self.owner, now())
        LOG.info(
            'operation %s (%s) is %s', operation.id, operation.kind, state
        )


def _undo_on(site: Site) -> Callable[[step.Step], Found]:
    def undo(each: step.Step) -> Found:
        each.undo(site)
        return {}

    return undo


def _phases(steps: Sequence[StepRecord]) -> list[list[StepRecord]]:
    ordered = sorted(steps, key=lambda s: s.index)
    return [
        list(group)
        for _, group in itertools.groupby(ordered, key=lambda s: s.kind)
    ]


def _with_marks(
    operation: Operation, marks: Mapping[int, StepState]
) -> Operation:
    return dataclasses.replace(
        operation,
        steps=tuple(
            dataclasses.replace(s, state=marks.get(s.index, s.state))
            for s in operation.steps
        ),
    )


def _reason(errors: Errors) -> str:
    """Tell all errors, the first of each text once."""
    texts = dict.fromkeys(str(error) for error in errors.values())
    return ' '.join(texts)
