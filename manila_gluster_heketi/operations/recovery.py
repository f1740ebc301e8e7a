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

import dataclasses
from collections.abc import Callable

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations.engine import LEASE
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.engine import now
from manila_gluster_heketi.store import journal

LOG = log.getLogger(__name__)


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

    :param concerns: tells whether to look at an operation
    """
    taken = (_take_over(engine, each) for each in _open(engine, concerns))
    return tuple(
        _close(engine, operation) for operation in taken if operation
    )


def recover_before(
    engine: Engine, concerns: Callable[[Operation], bool]
) -> None:
    """Close the open operations that a new one would clash with.

    If such an operation were recovered later, it would undo what was changed
    since: an old access list, for one, would come back.

    :raises Conflict: one is under way, or can't be closed yet
    """
    for operation in _open(engine, concerns):
        taken = _take_over(engine, operation)
        error = 'it is under way'
        if taken is not None:
            error = _close(engine, taken).error
        if error:
            raise exceptions.Conflict(
                kind=operation.kind, identity=operation.id, reason=error
            )


def _open(
    engine: Engine, concerns: Callable[[Operation], bool]
) -> list[Operation]:
    with engine.store.read() as tx:
        waiting = journal.operations(tx, states=tuple(states.OPEN))
    return [each for each in waiting if concerns(each)]


def _take_over(engine: Engine, operation: Operation) -> Operation | None:
    with engine.store.write() as tx:
        moment = now()
        if not journal.take_over(
            tx,
            operation.id,
            engine.owner,
            owner.expired_at(operation, moment),
            moment + LEASE,
        ):
            return None
        current = journal.operation(tx, operation.id)
        wanted = OpState.UNDOING
        if kinds.behaviour_of(current.kind).forward_only:
            wanted = OpState.RUNNING
        if current.state is not wanted:
            states.check_transition(current, wanted)
            journal.set_state(tx, current.id, wanted, current.error)
    return dataclasses.replace(current, state=wanted)


def _close(engine: Engine, operation: Operation) -> Recovered:
    LOG.info('recovering operation %s (%s)', operation.id, operation.kind)
    try:
        if kinds.behaviour_of(operation.kind).forward_only:
            engine.run(operation)
        else:
            engine.undo(operation, {})
    except exceptions.GlusterHeketiError as error:
        return Recovered(operation, str(error))
    return Recovered(operation)
