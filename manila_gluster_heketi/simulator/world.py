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

"""A simulated cluster and the shares on it."""

import dataclasses
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.allocator import seat as seats
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.strategies import Strategy
from manila_gluster_heketi.allocator.terrain import Terrain
from manila_gluster_heketi.simulator import chance
from manila_gluster_heketi.simulator import hardware
from manila_gluster_heketi.simulator.scenario import Hardware
from manila_gluster_heketi.simulator.scenario import Lose
from manila_gluster_heketi.simulator.scenario import Scenario


@dataclasses.dataclass
class Share:
    """One share.

    :ivar name: the same with every strategy
    :ivar sets: the slots of each of its sets
    """

    name: str
    data_bytes: int
    sets: list[tuple[Slot, ...]]


class World:
    """What one strategy makes of a scenario.

    :ivar seed: of all chance in it
    :ivar request: the kind of its shares
    :ivar shares: those that were not refused, by name
    :ivar stored_bytes: what they take, counted once for each set
    :ivar bound_bytes: how much that could be at most
    :ivar placed: slots of what was created and added, in order
    :ivar added: identities of the devices that were not there at first
    """

    def __init__(
        self, scenario: Scenario, strategy: Strategy, seed: int
    ) -> None:
        self.request = Request(
            1, scenario.durability, scenario.spread, scenario.limits
        )
        self.shares: dict[str, Share] = {}
        self.stored_bytes = 0
        self.placed: list[Slot] = []
        self.added: set[str] = set()
        self.seed = seed
        self._strategy = strategy
        self._seeds = chance.stream(seed, 'strategy')
        self._deliveries = 0
        self.have(())
        for each in scenario.cluster:
            self.add(each)
        self.added.clear()

    def snapshot(self) -> model.Snapshot:
        """Show the cluster as it is now."""
        return self._inventory.snapshot()

    def have(self, devices: Sequence[model.DeviceCapacity]) -> None:
        """Be a cluster of these devices, and no others."""
        cluster = model.Cluster(hardware.CLUSTER, hardware.CLUSTER, 0)
        self._inventory = Inventory(model.Snapshot(cluster, tuple(devices)))
        estate = self._inventory.ground(self.request).estate
        self.bound_bytes = min(
            counting.fluid_bound(
                (group.total_bytes for group in estate.groups(label)),
                self.request.copies,
            )
            for label in capacity.strict_labels(self.request)
        )

    def create(self, name: str, data_bytes: int) -> bool:
        """Place a share; False if it was refused."""
        sets = self._placed(data_bytes, 0)
        if sets:
            self.shares[name] = Share(name, data_bytes, sets)
        return bool(sets)

    def extend(self, share: Share, data_bytes: int) -> bool:
        """Add sets for what a share grows by; False if that was refused."""
        before = sum(len(slots) for slots in share.sets)
        sets = self._placed(data_bytes - share.data_bytes, before)
        share.sets += sets
        if sets:
            share.data_bytes = data_bytes
        return bool(sets)

    def fits(self, data_bytes: int, share: Share | None = None) -> bool:
        """Tell whether so much more can be had at all.

        It is counted, not searched for, and so depends on no strategy; but
        arbiters, and tiers that don't nest, are searched for as "balanced"
        would.

        :param share: that is to grow; None for a new one
        """
        before = sum(len(slots) for slots in share.sets) if share else 0
        asked = dataclasses.replace(self.request, bricks_before=before)
        ground = self._inventory.ground(asked)
        return data_bytes <= capacity.largest_data_bytes(ground, asked)

    def delete(self, share: Share) -> None:
        """Free what a share has."""
        del self.shares[share.name]
        for slots in share.sets:
            self.stored_bytes -= slots[0].size_bytes if slots else 0
            self._inventory.change(slots, 0, freed=True)

    def add(self, delivery: Hardware) -> None:
        """Add nodes, and name them after those that are there."""
        there = self.snapshot().devices
        numbers = [
            int(each.node.id.partition('n')[2])
            for each in there
            if each.node.zone == delivery.zone
        ]
        first = 1 + max(numbers, default=-1)
        self._deliveries += 1
        draws = chance.stream(self.seed, 'hardware', self._deliveries)
        new = tuple(hardware.devices(delivery, first, draws))
        self.added.update(each.device.id for each in new)
        self.have((*there, *new))

    def lose(self, lost: Lose) -> tuple[int, int]:
        """Lose hardware; make its bricks anew where there is room.

        :returns: bricks that were lost, and those of them with a new place
        :raises InvalidInput: there is no such hardware
        """
        there = self.snapshot().devices
        gone = {each.device.id for each in there if _is_part(each, lost)}
        if not gone:
            raise exceptions.InvalidInput(
                field=lost.kind, value=lost.identity, reason='there is none'
            )
        losses = _Losses(self._inventory, self.request, frozenset(gone))
        for share in self.shares.values():
            share.sets = [losses.repaired(slots) for slots in share.sets]
        self.stored_bytes = sum(
            slots[0].size_bytes
            for share in self.shares.values()
            for slots in share.sets
            if slots
        )
        self.have(losses.left())
        return losses.count, losses.replaced

    def _placed(self, data_bytes: int, before: int) -> list[tuple[Slot, ...]]:
        asked = dataclasses.replace(
            self.request, data_bytes=data_bytes, bricks_before=before
        )
        # New chance for each question, as there is in life.
        seed = self._seeds.randrange(1, 2**31)
        ground = dataclasses.replace(self._inventory.ground(asked), seed=seed)
        found = self._strategy.find(ground, asked)
        sets = [
            tuple(
                Slot(room.device_id, room.node_id, size_bytes)
                for room, size_bytes in bricks
            )
            for bricks in found
        ]
        for slots in sets:
            self.stored_bytes += slots[0].size_bytes
            self.placed += slots
            self._inventory.change(slots, 0)
        return sets


class _Losses:
    """Bricks of lost devices on their way to others.

    :ivar count: bricks that were lost
    :ivar replaced: those of them with a new place
    """

    def __init__(
        self, inventory: Inventory, request: Request, gone: frozenset[str]
    ) -> None:
        self._terrain = Terrain(inventory.snapshot(), request, gone)
        self._gone = gone
        self._volume = model.Volume(
            id='share',
            cluster_id=hardware.CLUSTER,
            share_id='share',
            name='share',
            size_bytes=0,
            capacity_bytes=0,
            durability=request.durability,
            spread=request.spread,
            state=model.VolumeState.READY,
        )
        self.count = self.replaced = 0

    def repaired(self, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        """Give a set's lost bricks new places; leave out those without."""
        there: list[Slot | None] = list(slots)
        for position, slot in enumerate(slots):
            if slot.device_id in self._gone:
                others = [
                    each.device_id
                    for index, each in enumerate(there)
                    if each is not None
                    and index != position
                    and each.device_id not in self._gone
                ]
                there[position] = self._elsewhere(slot, position, others)
        return tuple(each for each in there if each is not None)

    def left(self) -> tuple[model.DeviceCapacity, ...]:
        """Return the devices that are still there."""
        return tuple(
            each
            for each in self._terrain.now()
            if each.device.id not in self._gone
        )

    def _elsewhere(
        self, slot: Slot, position: int, others: Sequence[str]
    ) -> Slot | None:
        self.count += 1
        brick = _brick(slot, position)
        seat = seats.seat_on(
            self._terrain, self._volume, brick, slot.device_id, others
        )
        found = seats.best(self._terrain, seat)
        if found is None:
            return None
        self.replaced += 1
        source = self._terrain.room(slot.device_id)
        self._terrain.move(slot.size_bytes, source, found.room)
        return dataclasses.replace(
            slot, device_id=found.room.device_id, node_id=found.room.node_id
        )


def _brick(slot: Slot, position: int) -> model.Brick:
    return model.Brick(
        id='brick',
        volume_id='share',
        device_id=slot.device_id,
        set_index=0,
        position=position,
        size_bytes=slot.size_bytes,
        vg_name='',
        pool_name='',
        lv_name='',
        mount_path='',
        brick_path='',
    )


def _is_part(each: model.DeviceCapacity, lost: Lose) -> bool:
    identities = {
        'zone': str(each.node.zone),
        'node': each.node.id,
        'device': each.device.id,
    }
    return identities[lost.kind] == lost.identity
