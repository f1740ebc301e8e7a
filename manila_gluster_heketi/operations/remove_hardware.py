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

"""Taking devices and nodes away: it only ever goes forward.

What is to go takes no new bricks from the first moment on, and must hold none
by then. A host that is lost for good can't be cleaned; it is forgotten, and
the journal keeps what was left on it.
"""

from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.model import EntryState
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import node_records
from manila_gluster_heketi.operations import node_steps
from manila_gluster_heketi.operations import secure_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction

_SHOWN = 5


def remove_device(
    engine: Engine, device_id: str, *, forget: bool = False
) -> None:
    """Take a device out of its cluster: pool, volume group and label.

    :param forget: its host is lost; nothing is done there
    :raises Conflict: it holds bricks; nothing was changed
    :raises DeviceUnfit: it has logical volumes that are not on record;
        nothing was changed
    :raises HostError: its host does not answer; nothing was changed
    :raises OperationStuck: the rest is done when the host answers again
    """
    with engine.store.read() as tx:
        device, node = topology.devices_of(tx, [device_id])[device_id]
    if not forget:
        _refuse_unknown_volumes(engine, node.manage_host, device)
    where = f'{node.manage_host}:{device.path}'

    def take_out(tx: WriteTransaction) -> Operation:
        operation = engine.open(
            tx,
            model.OpKind.DEVICE_REMOVE,
            device_id,
            node.cluster_id,
            claims=(kinds.TOPOLOGY, node.id),
            note=f'forgotten: {where} may still have volume group '
            f'{device.vg_name}'
            if forget
            else '',
        )
        # First, so that whoever places a brick there meanwhile is waited for.
        topology.set_device_state(tx, device_id, EntryState.OFFLINE)
        held = volumes.bricks_of_device(tx, device_id)
        if held:
            raise exceptions.Conflict(
                kind='device',
                identity=where,
                reason=f'it holds {len(held)} bricks; move them away first',
            )
        work = [
            node_steps.RemoveDevice(
                host=node.manage_host,
                device_id=device.id,
                path=device.path,
                vg_name=device.vg_name,
                pool_name=device.pool_name,
            ),
            node_records.RecordNode(
                host=node.manage_host,
                content=node_records.of(tx, node, minus=device.id),
                old_content=node_records.of(tx, node),
            ),
        ]
        return engine.plan(tx, operation, [] if forget else work)

    engine.run(engine.store.transact(take_out))


def _refuse_unknown_volumes(
    engine: Engine, host: str, device: model.Device
) -> None:
    """Find logical volumes that nobody here knows: they are somebody's."""
    [answer] = engine.site.run(host, [lvm.lvs()])
    found = [
        each.name
        for each in lvm_report.logical_volumes(host, answer.stdout)
        if each.vg_name == device.vg_name and each.name != device.pool_name
    ]
    with engine.store.read() as tx:
        known = {
            brick.lv_name for brick in volumes.bricks_of_device(tx, device.id)
        }
    unknown = sorted(set(found) - known)
    if unknown:
        raise exceptions.DeviceUnfit(
            host=host,
            device=device.path,
            reason='it has logical volumes that are not on record: '
            + _listing(unknown),
        )


def remove_node(engine: Engine, node_id: str, *, forget: bool = False) -> None:
    """Take a node out of its cluster: peer, certificate, glusterd's changes.

    :param forget: the host is lost; nothing is done there
    :raises Conflict: it has devices; nothing was changed
    :raises OperationStuck: the rest is done when the hosts answer again
    """

    def take_out(tx: WriteTransaction) -> Operation:
        node = topology.node(tx, node_id)
        operation = engine.open(
            tx,
            model.OpKind.NODE_REMOVE,
            node_id,
            node.cluster_id,
            claims=(kinds.TOPOLOGY,),
            note=f'forgotten: {node.manage_host} may still have its '
            'certificate and count itself as a peer'
            if forget
            else '',
        )
        # First, so that whoever adds a device meanwhile is waited for.
        topology.set_node_state(tx, node_id, EntryState.OFFLINE)
        node = topology.node(tx, node_id)
        devices = topology.devices(tx, node_id)
        if devices:
            paths = _listing([each.path for each in devices])
            raise exceptions.Conflict(
                kind='node',
                identity=node.manage_host,
                reason=f'it has devices; remove them first: {paths}',
            )
        others = tuple(
            each.manage_host
            for each in topology.nodes(tx, node.cluster_id)
            if each.id != node_id
        )
        cluster = topology.cluster(tx, node.cluster_id)
        return engine.plan(
            tx, operation, _steps(cluster, node, others, forget)
        )

    engine.run(engine.store.transact(take_out))


def _steps(
    cluster: model.Cluster,
    node: model.Node,
    others: tuple[str, ...],
    forget: bool,
) -> list[step.Step]:
    steps: list[step.Step] = []
    if others:
        steps.append(
            node_steps.LeavePool(
                host=others[0],
                hosts=others,
                address=node.storage_host,
                force=forget,
            )
        )
    if cluster.secure_access and not forget:
        steps.append(
            secure_steps.SwitchSecureAccess(
                host=node.manage_host,
                wanted=False,
                before=True,
                # The next step does that.
                restarts=False,
            )
        )
    if not forget:
        steps += [
            node_steps.RestoreGlusterd(host=node.manage_host),
            node_steps.WithdrawCertificate(
                host=node.manage_host, directory=node.tls_directory
            ),
            node_records.RecordNode(
                host=node.manage_host, content='', old_content=''
            ),
        ]
    return steps


def _listing(names: Sequence[str]) -> str:
    shown = ', '.join(names[:_SHOWN])
    left = len(names) - _SHOWN
    return f'{shown} and {left} more' if left > 0 else shown


def settle_device(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Forget the device when it is clean."""
    if operation.state is OpState.DONE:
        topology.remove_device(tx, operation.subject)


def settle_node(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Forget the node when it is clean, and its cluster if it was the last."""
    if operation.state is not OpState.DONE:
        return
    topology.remove_node(tx, operation.subject)
    cluster = operation.cluster_id
    if not topology.nodes(tx, cluster) and not volumes.volumes(tx, cluster):
        topology.remove_cluster(tx, cluster)


kinds.register(
    model.OpKind.DEVICE_REMOVE, kinds.Kind(settle_device, forward_only=True)
)
kinds.register(
    model.OpKind.NODE_REMOVE, kinds.Kind(settle_node, forward_only=True)
)
