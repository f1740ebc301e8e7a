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

"""Another order is tried for the sake of what found no place.

What is placed first takes room from the rest, and what is hard to place is
known only afterwards: so it has the first turn when all is tried anew.
"""

import collections
from collections.abc import Callable
from collections.abc import Collection
from typing import NamedTuple

from manila_gluster_heketi.allocator.ledger import Hop
from manila_gluster_heketi.allocator.ledger import Ledger

# How often all is tried, and how many hops are enough not to try again.
_TURNS = 8
_HOPS = 5000

#: How often a device or brick, by its identity, was left in want before.
Urgency = collections.Counter[str]


class Outcome(NamedTuple):
    """How an attempt ended.

    :ivar cost: what was not reached, then what was spent
    :ivar wanting: identities of what has to be served earlier
    """

    cost: tuple[float, ...]
    wanting: Collection[str]


def take(ledger: Ledger, attempt: Callable[[Urgency], Outcome]) -> None:
    """Attempt in several orders, and leave the ledger as the best left it."""
    urgency: Urgency = collections.Counter()
    best: tuple[tuple[float, ...], list[Hop]] | None = None
    made = 0
    for _ in range(_TURNS):
        outcome = attempt(urgency)
        if best is None or outcome.cost < best[0]:
            best = outcome.cost, list(ledger.hops)
        made += len(ledger.hops)
        if not outcome.wanting or not ledger.hops or made > _HOPS:
            break
        urgency.update(outcome.wanting)
        ledger.back_to(0)
    if best and best[1] != ledger.hops:
        ledger.back_to(0)
        ledger.again(best[1])
