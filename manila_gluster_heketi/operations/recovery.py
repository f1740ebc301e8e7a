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

"""Finishing what a crash or a dead host left half-way.

Every operation whose lease has run out is taken over by exactly one process,
then undone, or finished where its kind only goes forward. What a new change
would clash with is recovered before it.
"""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store.transaction import WriteTransaction

LOG = log.getLogger(__name__)

# Operations that are recovered side by side.
AT_ONCE = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Recovered:
    """What became of one operation.

    :ivar error: why it is still open; '' if it is closed
    """

    operation: Operation
    error: str = ''


def recover(
    engine: Engine, concerns: Callable[[Operation], bool] = lambda o: True
) -> tuple[Recovered, ...]:
    """Try once to close each open operation that no process holds.

    They go side by side, as they did when they were interrupted: no two
    change the same thing. What is held is left as it is.

    :param concerns: tells whether to look at an operation
    """
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = pool.map(
            functools.partial(attempt, engine), waiting(engine, concerns)
        )
        return tuple(each for each in outcomes if each)


def attempt(engine: Engine, operation: Operation) -> Recovered | None:
    """Try once to close one operation; None if a process works on it."""
    if operation.held:
        return Recovered(operation, str(journal.in_the_way(operation)))
    taken = _take_over(engine, operation)
    return _close(engine, taken) if taken else None


def recover_before(
    engine: Engine, concerns: Callable[[Operation], bool]
) -> None:
    """Close the open operations that a new one would clash with.

    If such an operation were recovered later, it would undo what was changed
    since: an old access list, for one, would come back.

    :raises UnderWay: a process is at work on one
    :raises OperationHeld: one is held
    :raises Conflict: one can't be closed yet
    """
    for operation in waiting(engine, concerns):
        taken = _take_over(engine, operation)
        if taken is None:
            raise journal.in_the_way(operation)
        error = _close(engine, taken).error
        if error:
            raise exceptions.Conflict(
                kind=operation.kind, identity=operation.id, reason=error
            )


def resume(engine: Engine, operation_id: str) -> Recovered:
    """Try now to close one operation that no process holds.

    It is held no more: who asks for that has looked at it.

    :raises NotFound: there is no such operation
    :raises UnderWay: a process is at work on it
    :raises Conflict: it is closed
    """
    with engine.store.read() as tx:
        found = journal.operation(tx, operation_id)
    if found.state in states.FINAL:
        raise exceptions.Conflict(
            kind='operation', identity=operation_id, reason=found.state
        )
    new_owner = owner.new()

    def take(tx: WriteTransaction) -> Operation:
        journal.release(tx, operation_id)
        taken = _take(engine, tx, found, new_owner)
        if taken is None:
            # It stays held, if it was.
            raise exceptions.UnderWay(
                kind='operation',
                identity=operation_id,
                reason='it is under way',
            )
        return taken

    return _close(engine, engine.store.transact(take))


def waiting(
    engine: Engine, concerns: Callable[[Operation], bool] = lambda o: True
) -> list[Operation]:
    """List what is open, whether a process works on it or not."""
    with engine.store.read() as tx:
        found = journal.operations(tx, states=tuple(states.OPEN))
    return [each for each in found if concerns(each)]


def _take_over(engine: Engine, operation: Operation) -> Operation | None:
    new_owner = owner.new()
    return engine.store.transact(
        lambda tx: _take(engine, tx, operation, new_owner)
    )


def _take(
    engine: Engine, tx: WriteTransaction, operation: Operation, new_owner: str
) -> Operation | None:
    """Become the owner of an operation; None if it is held or owned."""
    moment = tx.now()
    if not journal.take_over(
        tx,
        operation.id,
        new_owner,
        owner.expired_at(operation, moment),
        moment + engine.heartbeat.lease,
    ):
        return None
    current = journal.operation(tx, operation.id)
    wanted = OpState.UNDOING
    if kinds.goes_forward(current):
        wanted = OpState.RUNNING
    if current.state is not wanted:
        states.check_transition(current, wanted)
        journal.set_state(tx, current.id, wanted, current.error)
    return dataclasses.replace(current, state=wanted)


def _close(engine: Engine, operation: Operation) -> Recovered:
    LOG.info('recovering operation %s (%s)', operation.id, operation.kind)
    try:
        if kinds.goes_forward(operation):
            engine.run(operation)
        else:
            engine.undo(operation, {})
    except exceptions.GlusterHeketiError as error:
        return Recovered(operation, str(error))
    return Recovered(operation)
