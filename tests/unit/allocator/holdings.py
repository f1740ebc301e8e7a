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

"""Clusters with volumes on them, drawn and made."""

import collections
import dataclasses
import random
from collections.abc import Iterable
from collections.abc import Sequence

from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.allocator import rebalance
from manila_gluster_heketi.allocator.inventory import Inventory
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

STRICT = spread.zones(spread.Mode.STRICT)
RULE = allocator.Request(0, durability.replicate(3), STRICT)
KINDS = (
    durability.DISTRIBUTE,
    durability.replicate(2),
    durability.replicate(3),
    durability.ARBITER,
    durability.disperse(2, 1),
)
SPREADS = tuple(spread.zones(mode) for mode in spread.Mode)
Held = tuple[model.Snapshot, tuple[moves.Holding, ...]]


def hold(
    inventory: Inventory, request: allocator.Request, number: int
) -> moves.Holding | None:
    """Place the volume of that number; None if there is no space."""
    try:
        placed = allocator.place(inventory, request)
    except exceptions.NoSpace:
        return None
    inventory.change(placed.slots, number)
    return holding(placed, number, request.durability, request.spread)


def holding(
    placed: allocator.Placement,
    number: int,
    kind: durability.Durability,
    zones: spread.Spread,
) -> moves.Holding:
    """Make the volume of that number and its bricks."""
    name = f'v{number}'
    volume = dataclasses.replace(
        clusters.volume(placed, spread=zones),
        id=name,
        name=name,
        durability=kind,
    )
    bricks = tuple(
        dataclasses.replace(each, id=f'{name}-{each.id}', volume_id=name)
        for each in clusters.bricks(placed)
    )
    return moves.Holding(volume, bricks)


@st.composite
def held(draw: st.DrawFn) -> Held:
    """Draw a cluster with volumes on it that nobody spread well."""
    nodes = draw(st.integers(3, 10))
    disks = draw(st.integers(1, 3))
    volumes = draw(st.integers(0, 20))
    chance = random.Random(draw(st.integers(0, 2**16)))
    snapshot = clusters.snapshot(
        Disk(f'n{node}', node % 3, chance.randint(20, 300))
        for node in range(nodes)
        for _ in range(disks)
    )
    free = {c.device.id: c.device.total_bytes for c in snapshot.devices}
    made = []
    for number in range(volumes):
        found = _scattered(snapshot, free, chance, number)
        if found is not None:
            made.append(found)
    return with_only(snapshot, made), tuple(made)


def _scattered(
    snapshot: model.Snapshot,
    free: dict[str, int],
    chance: random.Random,
    number: int,
) -> moves.Holding | None:
    """Put a volume anywhere where its bricks may be."""
    kind, zones = chance.choice(KINDS), chance.choice(SPREADS)
    size = int(GIB * chance.choice((1, 2, 5, 20, 50, 100)) * chance.random())
    # Devices up to a number: the others are as new.
    known = snapshot.devices[: chance.randint(1, len(snapshot.devices))]
    slots = []
    taken: set[object] = set()
    for position in range(kind.bricks_per_set):
        brick_bytes = size if position < kind.data_bricks else size // 10
        brick_bytes = sizes.round_up(brick_bytes + 1, 4 * sizes.MIB)
        fitting = [
            c
            for c in known
            if free[c.device.id] >= brick_bytes
            and c.node.id not in taken
            and (zones != STRICT or c.node.zone not in taken)
        ]
        if not fitting:
            return None
        here = chance.choice(fitting)
        taken |= {here.node.id, here.node.zone}
        slots.append(allocator.Slot(here.device.id, here.node.id, brick_bytes))
    for slot in slots:
        free[slot.device_id] -= slot.size_bytes
    placed = allocator.Placement(snapshot.cluster.id, (tuple(slots),), size)
    return holding(placed, number, kind, zones)


def with_only(
    snapshot: model.Snapshot, holdings: Iterable[moves.Holding]
) -> model.Snapshot:
    """Return a cluster on which there is nothing else."""
    used: collections.Counter[str] = collections.Counter()
    for holding in holdings:
        for brick in holding.bricks:
            used[brick.device_id] += brick.size_bytes
    devices = tuple(
        dataclasses.replace(each, used_bytes=used[each.device.id])
        for each in snapshot.devices
    )
    return dataclasses.replace(snapshot, devices=devices)


def after(state: Held, made: Iterable[moves.Move]) -> Held:
    """Carry moves out."""
    places = {move.brick.id: move.target.device.id for move in made}
    snapshot, holdings = state
    moved = tuple(
        dataclasses.replace(
            each,
            bricks=tuple(
                dataclasses.replace(b, device_id=places.get(b.id, b.device_id))
                for b in each.bricks
            ),
        )
        for each in holdings
    )
    return with_only(snapshot, moved), moved


def plan(
    state: Held,
    budget: moves.Budget = moves.Budget(),
    drain: frozenset[str] = frozenset(),
) -> moves.Plan:
    """Plan by the usual kind of volume."""
    return rebalance.plan(Inventory(state[0]), state[1], RULE, budget, drain)


def placed(
    snapshot: model.Snapshot,
    requests: Iterable[allocator.Request],
    gib: float,
) -> Held:
    """Place volumes of so many GiB; there has to be space."""
    inventory = Inventory(snapshot)
    made = []
    for number, request in enumerate(requests):
        wanted = dataclasses.replace(request, data_bytes=int(gib * GIB))
        found = hold(inventory, wanted, number)
        assert found is not None
        made.append(found)
    return inventory.snapshot(), tuple(made)


def put(
    number: int,
    gib: float | Sequence[float],
    kind: allocator.Request,
    devices: Sequence[str],
) -> moves.Holding:
    """Put a volume of one set on devices.

    :param gib: the size of its bricks, or of each, in GiB
    """
    sizes_gib = gib if isinstance(gib, Sequence) else [gib] * len(devices)
    slots = tuple(
        allocator.Slot(each, each.split('-')[0], int(size * GIB))
        for each, size in zip(devices, sizes_gib, strict=True)
    )
    made = allocator.Placement('c1', (slots,), slots[0].size_bytes)
    return holding(made, number, kind.durability, kind.spread)
