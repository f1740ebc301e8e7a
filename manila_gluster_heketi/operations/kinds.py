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
from collections.abc import Callable
from collections.abc import Mapping

from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
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
    """

    settle: Settle
    forward_only: bool = False


#: Claimed by all that change nodes and devices, whichever those are: they go
#: one by one.
TOPOLOGY = 'topology'

_KINDS: dict[OpKind, Kind] = {}


def register(kind: OpKind, behaviour: Kind) -> None:
    """Tell the engine about a kind of operation."""
    _KINDS[kind] = behaviour


def behaviour_of(kind: OpKind) -> Kind:
    """Look up how operations of a kind end."""
    return _KINDS[kind]
