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

"""Adding devices to nodes: a volume group and a thin pool on each."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi import sizes
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.model import EntryState
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import node_records
from manila_gluster_heketi.operations import node_steps
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import WriteTransaction


@dataclasses.dataclass(frozen=True, slots=True)
class NewDevice:
    """A device that was looked at and found fit.

    :ivar size_bytes: of the whole device
    :ivar destroy_data: wipe what is on it
    """

    manage_host: str
    path: str
    size_bytes: int
    destroy_data: bool
    tags: Mapping[str, str]


def add(
    engine: Engine, wanted: Sequence[NewDevice]
) -> tuple[model.Device, ...]:
    """Make devices into room for bricks, all hosts at once.

    :raises NotFound: a host is no node
    :raises UnderWay: another process changes the topology, or just has
    :raises OperationFailed: undone; what was wiped stays wiped
    """

    def reserve(
        tx: WriteTransaction,
    ) -> tuple[list[model.Device], Operation]:
        there = {each.manage_host: _node(tx, each) for each in wanted}
        operation = engine.open(
            tx,
            model.OpKind.DEVICE_ADD,
            '',
            there[wanted[0].manage_host].cluster_id,
            claims=(kinds.TOPOLOGY, *(node.id for node in there.values())),
        )
        new = [_row(each, there[each.manage_host]) for each in wanted]
        patience.check_new(
            'device',
            [f'{each.node_id}:{each.path}' for each in new],
            {f'{each.node_id}:{each.path}' for each in topology.devices(tx)},
        )
        records = _records(tx, new)
        for device in new:
            topology.add_device(tx, device)
        steps = [*map(_step, wanted, new), *records]
        return new, engine.plan(tx, operation, steps)

    new, operation = engine.store.transact(reserve)
    engine.run(operation)
    with engine.store.read() as tx:
        return tuple(topology.device(tx, device.id) for device in new)


def _node(tx: WriteTransaction, wanted: NewDevice) -> model.Node:
    node = topology.node_by_host(tx, wanted.manage_host)
    if node is None:
        raise exceptions.NotFound(kind='node', identity=wanted.manage_host)
    return node


def _row(wanted: NewDevice, node: model.Node) -> model.Device:
    device_id = model.new_id()
    return model.Device(
        id=device_id,
        node_id=node.id,
        path=wanted.path,
        vg_name=names.vg_name(device_id),
        pool_name=names.POOL,
        total_bytes=0,
        extent_bytes=lvm.EXTENT_BYTES,
        state=EntryState.OFFLINE,
        tags=wanted.tags,
    )


def _step(wanted: NewDevice, device: model.Device) -> node_steps.MakeDevice:
    vg_bytes = sizes.vg_bytes_of(wanted.size_bytes, lvm.EXTENT_BYTES)
    return node_steps.MakeDevice(
        host=wanted.manage_host,
        device_id=device.id,
        path=device.path,
        vg_name=device.vg_name,
        pool_name=device.pool_name,
        data_bytes=sizes.pool_data_bytes(vg_bytes, lvm.EXTENT_BYTES),
        metadata_bytes=sizes.pool_metadata_bytes(vg_bytes, lvm.EXTENT_BYTES),
        destroy=wanted.destroy_data,
    )


def _records(
    tx: WriteTransaction, new: Sequence[model.Device]
) -> list[node_records.RecordNode]:
    """Have each node know of its devices, once they are made."""
    theirs: dict[str, list[model.Device]] = {}
    for device in new:
        online = dataclasses.replace(device, state=EntryState.ONLINE)
        theirs.setdefault(device.node_id, []).append(online)
    nodes = {node_id: topology.node(tx, node_id) for node_id in theirs}
    return [
        node_records.RecordNode(
            host=nodes[node_id].manage_host,
            content=node_records.of(tx, nodes[node_id], plus=devices),
            old_content=node_records.of(tx, nodes[node_id]),
        )
        for node_id, devices in theirs.items()
    ]


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Let bricks onto the devices, or forget them."""
    for record in operation.steps:
        if record.kind != node_steps.MakeDevice.kind:
            continue
        device_id = str(record.params['device_id'])
        if operation.state is OpState.DONE:
            seen = node_steps.DeviceFound(**found[record.index])
            topology.update_device(
                tx,
                dataclasses.replace(
                    topology.device(tx, device_id),
                    state=EntryState.ONLINE,
                    total_bytes=seen.total_bytes,
                    extent_bytes=seen.extent_bytes,
                    pv_uuid=seen.pv_uuid,
                ),
            )
        elif operation.state is OpState.UNDONE:
            topology.remove_device(tx, device_id)


kinds.register(model.OpKind.DEVICE_ADD, kinds.Kind(settle))
