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

"""Between placements, brick rows, hosts and gluster's brick addresses."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

# Hosts to fall back to: that all of so many are down is a cluster that is.
_OTHER_HOSTS = 8


def from_placement(
    tx: Transaction,
    volume_id: str,
    placement: allocator.Placement,
    first_set: int = 0,
) -> tuple[model.Brick, ...]:
    """Make the rows of the bricks that a placement asks for."""
    rows = []
    devices = topology.devices_of(
        tx, {slot.device_id for slot in placement.slots}
    )
    for index, slots in enumerate(placement.sets, first_set):
        for position, slot in enumerate(slots):
            device, _ = devices[slot.device_id]
            brick_id = model.new_id()
            rows.append(
                model.Brick(
                    id=brick_id,
                    volume_id=volume_id,
                    device_id=device.id,
                    set_index=index,
                    position=position,
                    size_bytes=slot.size_bytes,
                    vg_name=device.vg_name,
                    pool_name=device.pool_name,
                    lv_name=names.lv_name(brick_id),
                    mount_path=names.mount_path(device.id, brick_id),
                    brick_path=names.brick_path(device.id, brick_id),
                )
            )
    return tuple(rows)


@dataclasses.dataclass(frozen=True, slots=True)
class Homes:
    """Bricks with the nodes that they are on.

    :ivar nodes: by the identities of the devices
    """

    bricks: tuple[model.Brick, ...]
    nodes: Mapping[str, model.Node]

    def by_host(self) -> dict[str, list[model.Brick]]:
        """Group the bricks by the host that SSH goes to."""
        groups: dict[str, list[model.Brick]] = {}
        for brick in self.bricks:
            host = self.nodes[brick.device_id].manage_host
            groups.setdefault(host, []).append(brick)
        return groups

    def addresses(self) -> tuple[str, ...]:
        """Write the bricks as gluster wants them: ``HOST:/PATH``."""
        ordered = sorted(self.bricks, key=lambda b: (b.set_index, b.position))
        return tuple(
            f'{self.nodes[b.device_id].storage_host}:{b.brick_path}'
            for b in ordered
        )

    def hosts(self, state: model.EntryState | None = None) -> list[str]:
        """List the hosts in the order of the bricks.

        :param state: of these nodes only; None for all
        """
        nodes = [self.nodes[brick.device_id] for brick in self.bricks]
        hosts = [n.manage_host for n in nodes if state in (None, n.state)]
        return list(dict.fromkeys(hosts))


def homes(tx: Transaction, bricks: Iterable[model.Brick]) -> Homes:
    """Find the nodes that bricks are on."""
    bricks = tuple(bricks)
    found = topology.devices_of(tx, {brick.device_id for brick in bricks})
    nodes = {device_id: node for device_id, (_, node) in found.items()}
    return Homes(bricks, nodes)


def gluster_hosts(
    tx: Transaction, cluster_id: str, there: Homes
) -> tuple[str, ...]:
    """List hosts to run gluster commands on, those of the bricks first.

    So the work of many volumes falls on many hosts. Some others from all over
    the cluster follow: whoever goes on with a step when the first ones are
    gone reads this list from the journal, where a thousand would be too many.
    """
    start = there.bricks[0].id if there.bricks else ''
    most = len(there.nodes) + _OTHER_HOSTS
    for state in (model.EntryState.ONLINE, None):
        others = topology.some_hosts(tx, cluster_id, start, most, state)
        if others:
            break
    first = there.hosts(state)
    return tuple(dict.fromkeys((*first, *others)))[: len(first) + _OTHER_HOSTS]


def unproven_bytes(volume: model.Volume, bricks: Iterable[model.Brick]) -> int:
    """Add up what bricks hold on record, but were not seen to hold.

    A growth that was given up keeps its room: some bricks have grown, others
    may not have.

    :returns: bytes of the tenant's data; 0 unless a growth was given up
    """
    held = allocator.capacity_of(bricks, volume.durability)
    return max(0, held - volume.capacity_bytes)


def release_undone(tx: WriteTransaction, operation: model.Operation) -> None:
    """Free the space of bricks that are on no host any more."""
    gone = {StepState.UNDONE, StepState.PLANNED}
    for record in operation.steps:
        if record.kind == brick_steps.MakeBricks.kind and (
            record.state in gone
        ):
            _remove(tx, record.params)


def release_destroyed(
    tx: WriteTransaction, operation: model.Operation
) -> None:
    """Free the space of bricks that the operation destroyed."""
    for record in operation.steps:
        if record.kind == brick_steps.DestroyBricks.kind and (
            record.state is StepState.DONE
        ):
            _remove(tx, record.params)


def _remove(tx: WriteTransaction, params: Mapping[str, object]) -> None:
    volumes.remove_bricks(tx, [b.id for b in step.bricks_of(params)])
