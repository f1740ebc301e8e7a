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


"""Room on devices that is taken by what is not going to be on record.

The allocator goes by what is on record. It would place bricks on the room of
volumes that are left out but live, and then the thin pool runs full under all
of them.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Sequence
from collections.abc import Set

from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.rebuild_nodes import KnownNode
from manila_gluster_heketi.operations.truth.rebuild_nodes import KnownPool
from manila_gluster_heketi.operations.truth.survey import HostView


def devices(
    known: Iterable[KnownPool], bricks: Iterable[model.Brick]
) -> tuple[tuple[model.Device, ...], tuple[Finding, ...]]:
    """Make the rows of devices; say which are offline for what they hold.

    :param bricks: those that are restored
    """
    recorded = {(brick.device_id, brick.lv_name) for brick in bricks}
    rows = []
    told = []
    for node in (each for pool in known for each in pool.nodes):
        for device in node.devices:
            others = _others(node.sighted.view, device, recorded)
            if others:
                told.append(_taken(node, device, others))
                offline = model.EntryState.OFFLINE
                device = dataclasses.replace(device, state=offline)
            rows.append(device)
    return tuple(rows), tuple(sorted(told, key=lambda each: each.key))


def _taken(
    node: KnownNode,
    device: model.Device,
    others: Sequence[lvm_report.LogicalVolume],
) -> Finding:
    return Finding(
        Code.DEVICE_TAKEN,
        node.sighted.view.host,
        f'device {device.path}',
        'bricks on record alone',
        f'{", ".join(sorted(each.name for each in others))} of '
        f'{sum(each.size_bytes for each in others)} bytes',
    )


def _others(
    view: HostView, device: model.Device, recorded: Set[tuple[str, str]]
) -> list[lvm_report.LogicalVolume]:
    """List what may be bricks in the thin pool of a device and has no row."""
    pool = device.vg_name, device.pool_name
    return [
        volume
        for volume in view.volumes.values()
        if (volume.vg_name, volume.pool) == pool
        and (device.id, volume.name) not in recorded
        and _may_be_brick(view, volume)
    ]


def _may_be_brick(view: HostView, volume: lvm_report.LogicalVolume) -> bool:
    """Tell whether a volume bears a mark, a name or a place of ours.

    Any one is enough: marks get lost, and a volume in use is what matters.
    """
    marked = names.TAG in volume.tags
    if marked or volume.name.startswith(names.lv_name('')):
        return True
    devices = mount_table.devices_of(volume.vg_name, volume.name)
    return any(
        path.startswith(f'{names.MOUNT_ROOT}/')
        for table in (view.fstab, view.mounts)
        for path, device in table.items()
        if device in devices
    )
