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

"""What the engine must know of each kind of operation."""

import dataclasses
import itertools
from collections.abc import Callable
from collections.abc import Mapping

from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store.transaction import WriteTransaction

Settle = Callable[[WriteTransaction, Operation, Mapping[int, Found]], None]


@dataclasses.dataclass(frozen=True)
class Kind:
    """How operations of a kind end.

    :ivar settle: writes the outcome to the store; called in the transaction
        that closes the operation, or leaves it STUCK; looks at the states of
        the steps and at nothing else, so that recovery can call it too
    :ivar forward_only: a failure is finished later, never undone
    :ivar no_return: the kind of step that takes away what an undo would need;
        when it is its turn, the operation only goes forward; '' if none does
    """

    settle: Settle
    forward_only: bool = False
    no_return: str = ''


#: Claimed by all that change nodes and devices, whichever those are: they go
#: one by one.
TOPOLOGY = 'topology'

_KINDS: dict[OpKind, Kind] = {}


def togetherness(cluster_id: str) -> str:
    """Name what is claimed by whoever parts the nodes of a cluster.

    As long as it is claimed no volume is made there.
    """
    return f'together-{cluster_id}'



def register(kind: OpKind, behaviour: Kind) -> None:
    """Tell the engine about a kind of operation."""
    _KINDS[kind] = behaviour


def behaviour_of(kind: OpKind) -> Kind:
    """Look up how operations of a kind end."""
    return _KINDS[kind]


def goes_forward(operation: Operation) -> bool:
    """Tell whether a failure of an operation is finished later, not undone.

    By the states of the steps alone, so that whoever takes it over decides
    as its first owner would have. It does not count whether the last one has
    begun.
    """
    behaviour = behaviour_of(operation.kind)
    if behaviour.forward_only or not behaviour.no_return:
        return behaviour.forward_only
    steps = sorted(operation.steps, key=lambda each: each.index)
    before = [
        *itertools.takewhile(lambda s: s.kind != behaviour.no_return, steps)
    ]
    return len(before) < len(steps) and all(
        each.state is StepState.DONE for each in before
    )
