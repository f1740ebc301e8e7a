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

"""The life of an operation: every legal move in one table.

RUNNING    its steps are being done
DONE       all steps done and the outcome recorded; final
UNDOING    a step failed, those begun before it are being undone
UNDONE     nothing of it is left anywhere; final
STUCK      it waits for a host to come back, to be undone or finished then
ABANDONED  an operator gave up on such a host: the record is as if the
           operation had ended, and says what hosts may still have; final
"""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState

TRANSITIONS = frozenset(
    {
        (OpState.RUNNING, OpState.DONE),
        (OpState.RUNNING, OpState.UNDOING),
        (OpState.RUNNING, OpState.STUCK),
        (OpState.UNDOING, OpState.UNDONE),
        (OpState.UNDOING, OpState.STUCK),
        (OpState.STUCK, OpState.UNDOING),
        (OpState.STUCK, OpState.RUNNING),
        (OpState.STUCK, OpState.ABANDONED),
    }
)

FINAL = frozenset({OpState.DONE, OpState.UNDONE, OpState.ABANDONED})
OPEN = frozenset(OpState) - FINAL


def check_transition(operation: Operation, wanted: OpState) -> None:
    """Refuse a move that the table does not hold.

    :raises InvalidTransition: naming the operation and both states
    """
    if (operation.state, wanted) not in TRANSITIONS:
        raise exceptions.InvalidTransition(
            kind=operation.kind,
            identity=operation.id,
            state=operation.state,
            wanted=wanted,
        )
