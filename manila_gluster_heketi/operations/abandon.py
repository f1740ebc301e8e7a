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

"""Giving up on an operation whose host is lost for good.

Recovery would try again for ever, and what is reserved on the lost host would
never be free. So an operator may end the operation on the record alone.
"""

import dataclasses

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import StepRecord
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store.transaction import WriteTransaction


def abandon(engine: Engine, operation_id: str) -> Operation:
    """End a STUCK or held operation as if all its hosts had been clean.

    What it reserved is free, and what it was to remove is off the record.
    What hosts may still have is written down as the operation's error.

    :raises NotFound: there is no such operation
    :raises Conflict: it is neither, or a process is at work on it
    """

    def end(tx: WriteTransaction) -> Operation:
        operation = journal.operation(tx, operation_id)
        claim(tx, operation)
        is_forward = kinds.goes_forward(operation)
        kinds.behaviour_of(operation.kind).settle(
            tx, as_if_ended(operation, is_done=is_forward), {}
        )
        note = _what_is_left(operation, is_forward)
        journal.set_state(tx, operation_id, OpState.ABANDONED, note)
        journal.close_operation(tx, operation_id)
        return journal.operation(tx, operation_id)

    return engine.store.transact(end)


def claim(tx: WriteTransaction, operation: Operation) -> None:
    """Take over a STUCK or held operation that is about to be closed.

    :raises Conflict: it is neither, or a process is at work on it
    """
    if operation.state is not OpState.STUCK and not operation.held:
        raise exceptions.Conflict(
            kind='operation',
            identity=operation.id,
            reason=f'it is {operation.state}; what is stuck or held can be '
            'ended so, nothing else',
        )
    journal.release(tx, operation.id)
    moment = tx.now()
    expired = owner.expired_at(operation, moment)
    if not journal.take_over(tx, operation.id, owner.new(), expired, moment):
        raise exceptions.UnderWay(
            kind='operation', identity=operation.id, reason='it is under way'
        )


def as_if_ended(operation: Operation, *, is_done: bool) -> Operation:
    """Give an operation as it were if all hosts had done their part.

    :param is_done: what; else undone
    """
    step_state, state = StepState.UNDONE, OpState.UNDONE
    if is_done:
        step_state, state = StepState.DONE, OpState.DONE
    return dataclasses.replace(
        operation,
        state=state,
        steps=tuple(
            dataclasses.replace(each, state=step_state)
            for each in operation.steps
        ),
    )


def _what_is_left(operation: Operation, is_forward: bool) -> str:
    left = [s for s in operation.steps if _is_left(s, is_forward)]
    what = 'not done' if is_forward else 'not undone'
    where = ', '.join(f'{s.kind} ({s.host or "any host"})' for s in left)
    return f'{operation.error} Abandoned; {what}: {where}'.strip()


def _is_left(record: StepRecord, is_forward: bool) -> bool:
    if is_forward:
        return record.state is not StepState.DONE
    return record.state not in (StepState.PLANNED, StepState.UNDONE)
