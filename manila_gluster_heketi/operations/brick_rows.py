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

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

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


def from_placement(
    tx: Transaction,
    volume_id: str,
    placement: allocator.Placement,
    first_set: int = 0,
) -> tuple[model.Brick, ...]:
    """Make the rows of the bricks that a placement asks for."""
    rows = []
    for index, slots in enumerate(placement.sets, first_set):
        for position, slot in enumerate(slots):
            device = topology.device(tx, slot.device_id)
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


def by_host(
    tx: Transaction, bricks: Iterable[model.Brick]
) -> dict[str, list[model.Brick]]:
    """Group bricks by the host that SSH goes to."""
    groups: dict[str, list[model.Brick]] = {}
    nodes = _nodes_of(tx, bricks)
    for brick in bricks:
        groups.setdefault(nodes[brick.device_id].manage_host, []).append(brick)
    return groups


def addresses(
    tx: Transaction, bricks: Sequence[model.Brick]
) -> tuple[str, ...]:
    """Write bricks as gluster wants them: ``HOST:/PATH``, set by set."""
    nodes = _nodes_of(tx, bricks)
    ordered = sorted(bricks, key=lambda b: (b.set_index, b.position))
    return tuple(
        f'{nodes[b.device_id].storage_host}:{b.brick_path}' for b in ordered
    )


def gluster_hosts(
    tx: Transaction, cluster_id: str, first: Sequence[str] = ()
) -> tuple[str, ...]:
    """List hosts to run gluster commands on, those in ``first`` first."""
    nodes = topology.nodes(tx, cluster_id)
    online = [
        n.manage_host for n in nodes if n.state is model.EntryState.ONLINE
    ]
    every = online or [n.manage_host for n in nodes]
    return tuple(dict.fromkeys([*(h for h in first if h in every), *every]))


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


def _nodes_of(
    tx: Transaction, bricks: Iterable[model.Brick]
) -> dict[str, model.Node]:
    devices = {brick.device_id for brick in bricks}
    return {
        device_id: topology.node(tx, topology.device(tx, device_id).node_id)
        for device_id in devices
    }
