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


"""Devices: volume groups, their thin pools and their tags."""

from collections.abc import Iterator

from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.operations.truth import mend_steps
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.survey import HostView


def compare(scene: Scene) -> Iterator[Finding]:
    """Find what differs."""
    for node, view in scene.nodes():
        known = set()
        for device in scene.ledger.devices_of(node):
            known.add(device.vg_name)
            if device.id not in scene.motion.ids:
                yield from _device(scene, node, device, view)
        yield from _unknown(view, known)


def is_other(device: model.Device, group: lvm_report.PhysicalVolume) -> bool:
    """Tell whether a volume group is certainly not that of a device."""
    wanted = marks.device_tags(device.id)
    return bool(marks.contradicting(group.vg_tags, wanted)) or (
        device.pv_uuid not in ('', group.uuid)
    )


def _device(
    scene: Scene, node: model.Node, device: model.Device, view: HostView
) -> Iterator[Finding]:
    name = f'device {device.path}'
    group = view.groups.get(device.vg_name)
    if group is None:
        yield Finding(
            Code.DEVICE_MISSING,
            view.host,
            name,
            f'volume group {device.vg_name}',
            'none',
        )
        return
    yield from _identity(scene, node, device, group)
    pool = view.volumes.get((device.vg_name, device.pool_name))
    if pool is None or not pool.is_pool:
        yield Finding(
            Code.POOL_MISSING,
            view.host,
            name,
            f'thin pool {device.pool_name}',
            'none',
        )
    elif pool.size_bytes != device.total_bytes:
        yield Finding(
            Code.POOL_SIZE,
            view.host,
            name,
            f'{device.total_bytes} bytes',
            f'{pool.size_bytes} bytes',
        )


def _identity(
    scene: Scene,
    node: model.Node,
    device: model.Device,
    group: lvm_report.PhysicalVolume,
) -> Iterator[Finding]:
    name = f'device {device.path}'
    wanted = marks.device_tags(device.id)
    missing = [each for each in wanted if each not in group.vg_tags]
    if is_other(device, group):
        foreign = marks.contradicting(group.vg_tags, wanted)
        yield Finding(
            Code.DEVICE_OTHER,
            node.manage_host,
            name,
            f'device {device.id}, physical volume {device.pv_uuid}',
            f'{", ".join(foreign) or device.id}, physical volume {group.uuid}',
        )
    elif missing:
        yield Finding(
            Code.DEVICE_MARKS,
            node.manage_host,
            name,
            ', '.join(wanted),
            ', '.join(group.vg_tags) or 'none',
            scene.mend_node(
                node,
                mend_steps.AddTags(
                    host=node.manage_host,
                    vg_name=device.vg_name,
                    lv_name='',
                    tags=wanted,
                ),
            ),
        )


def _unknown(view: HostView, known: set[str]) -> Iterator[Finding]:
    for group in view.groups.values():
        if names.TAG in group.vg_tags and group.vg_name not in known:
            yield Finding(
                Code.DEVICE_UNKNOWN,
                view.host,
                f'volume group {group.vg_name}',
                'none',
                f'it is on {group.device}',
            )
