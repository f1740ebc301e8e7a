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

"""Which bricks to move so that devices are evenly full, or empty for good.

Nothing but the sum that placing keeps low is lowered: what a plan moves the
next placement would not put back, and a second plan has nothing to add.
"""

from collections.abc import Collection
from collections.abc import Iterable

from manila_gluster_heketi.allocator import draining
from manila_gluster_heketi.allocator import levelling
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import sequence
from manila_gluster_heketi.allocator.estate import Room
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.ledger import Ledger
from manila_gluster_heketi.allocator.moves import Budget
from manila_gluster_heketi.allocator.moves import Holding
from manila_gluster_heketi.allocator.moves import Plan
from manila_gluster_heketi.allocator.moves import Stuck
from manila_gluster_heketi.allocator.moves import TooFull
from manila_gluster_heketi.allocator.terrain import Terrain
from manila_gluster_heketi.allocator.wording import gib

_SPENT = 'the budget is spent'


def plan(
    inventory: Inventory,
    holdings: Iterable[Holding],
    rule: requests.Request,
    budget: Budget = Budget(),
    drain: frozenset[str] = frozenset(),
) -> Plan:
    """Plan moves that make a cluster level, or empty some devices of it.

    :param rule: the usual kind of volume; fair levels are by its constraints
    :param drain: identities of devices to empty; only their bricks move then
    :raises NotFound: a brick, or the drain, is of a device not in the cluster
    """
    terrain = Terrain(inventory.snapshot(), rule, drain)
    for device_id in sorted(drain):
        terrain.room(device_id)
    ledger = Ledger(terrain, holdings)
    before = terrain.objective, terrain.worst
    stuck: tuple[Stuck, ...] = ()
    if drain:
        stuck = draining.drain(ledger)
    else:
        levelling.level(ledger, budget)
    unpaid = sequence.fit(ledger, budget)
    return Plan(
        cluster=terrain.cluster,
        moves=sequence.moves(ledger),
        stuck=stuck + _unpaid(ledger, unpaid),
        too_full=() if drain else _too_full(ledger, budget, unpaid),
        objective_before=before[0],
        objective_after=terrain.objective,
        worst_before=before[1],
        worst_after=terrain.worst,
        is_cut_short=bool(unpaid),
    )


def _unpaid(ledger: Ledger, unpaid: Collection[str]) -> tuple[Stuck, ...]:
    """List what stays on a device that is to be emptied for its price."""
    return tuple(
        Stuck(ledger.volume(b), b, ledger.room(b).capacity, _SPENT)
        for b in draining.bricks_of(ledger)
        if b.id in unpaid
    )


def _too_full(
    ledger: Ledger, budget: Budget, unpaid: Collection[str]
) -> tuple[TooFull, ...]:
    """List the devices that stay above what is tolerated, fullest first."""
    found = [
        TooFull(
            room.capacity,
            ledger.terrain.distance(room),
            _why_too_full(ledger, budget, room, unpaid),
        )
        for room in levelling.sources(ledger, budget)
    ]
    return tuple(
        sorted(found, key=lambda each: (-each.distance, each.device.device.id))
    )


def _why_too_full(
    ledger: Ledger, budget: Budget, room: Room, unpaid: Collection[str]
) -> str:
    bricks = ledger.bricks_on(room)
    if any(brick.id in unpaid for brick in bricks):
        return _SPENT
    movable = ledger.movable_on(room)
    if not movable:
        return 'its volumes are being created or deleted'
    largest = movable[0]
    if ledger.is_oversize(largest, budget.tolerance):
        size = gib(largest.size_bytes)
        return f'brick {largest.id} of {size} is more than any device may take'
    return 'no device that may take one of its bricks stays level with it'
