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


"""What is left on hosts of bricks that are on record no more."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Set

from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.truth import mend_steps
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.findings import Mend
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.survey import HostView

# How deep a mount point is: the root of all, a group, a volume.
_LEVEL = names.MOUNT_ROOT.count('/') + 2
_ROOT = f'{names.MOUNT_ROOT}/'
_UNKNOWN_THERE = 'no volume of it in Gluster'


def compare(scene: Scene) -> Iterator[Finding]:
    """Find them, on the devices that are on record."""
    bricks = scene.ledger.bricks_by_host()
    for node, view in scene.nodes():
        yield from _Host(scene, node, view, bricks.get(view.host, ())).look()


class _Host:
    """The leftovers of one host."""

    def __init__(
        self,
        scene: Scene,
        node: model.Node,
        view: HostView,
        bricks: tuple[model.Brick, ...],
    ) -> None:
        self._scene = scene
        self._node = node
        self._view = view
        self._volumes = {(b.vg_name, b.lv_name) for b in bricks}
        self._paths = {b.mount_path for b in bricks}

    def look(self) -> Iterator[Finding]:
        """Find them; what belongs to one is no finding of its own."""
        claimed = self._paths | self._mountable()
        for device in self._scene.ledger.devices_of(self._node):
            for volume in self._view.volumes.values():
                brick = self._orphan(device, volume)
                if brick is not None:
                    claimed.add(brick.mount_path)
                    yield from self._told(brick, volume)
        yield from self._traces(claimed)

    def _mountable(self) -> set[str]:
        """List the paths where volumes that exist are to be mounted."""
        devices = {
            name
            for volume in self._view.volumes
            for name in mount_table.devices_of(*volume)
        }
        return {
            path
            for path, device in self._view.fstab.items()
            if device in devices
        }

    def _orphan(
        self, device: model.Device, volume: lvm_report.LogicalVolume
    ) -> model.Brick | None:
        """Make a row of a marked volume that has none."""
        known = (volume.vg_name, volume.name) in self._volumes
        if volume.vg_name != device.vg_name or known:
            return None
        brick_id, volume_id = marks.ids_of(volume.tags)
        # Whatever took over the tags of a brick does not have its name.
        if not brick_id or volume.name != names.lv_name(brick_id):
            return None
        mount_path = names.mount_path(device.id, brick_id)
        for table in (self._view.fstab, self._view.mounts):
            for path in _paths_of(volume, table):
                if path.startswith(_ROOT):
                    mount_path = path
        return model.Brick(
            id=brick_id,
            volume_id=volume_id,
            device_id=device.id,
            set_index=0,
            position=0,
            size_bytes=volume.size_bytes,
            vg_name=volume.vg_name,
            pool_name=volume.pool,
            lv_name=volume.name,
            mount_path=mount_path,
            brick_path='',
        )

    def _told(
        self, brick: model.Brick, volume: lvm_report.LogicalVolume
    ) -> Iterator[Finding]:
        if {brick.id, brick.volume_id} & self._scene.motion.ids:
            return
        ledger = self._scene.ledger
        elsewhere = tuple(
            path
            for path in _paths_of(volume, self._view.mounts)
            if path != brick.mount_path
        )
        destruction = mend_steps.DestroyOrphans(
            host=self._view.host,
            bricks=(brick,),
            address=self._node.storage_host,
            hosts=tuple(ledger.addresses_of(self._node.cluster_id)),
            elsewhere=elsewhere,
            recorded=ledger.addresses_of_volume(brick.volume_id),
        )
        use = self._use(volume) or self._in_gluster(brick, destruction)
        remedy = None
        if use == _UNKNOWN_THERE:
            remedy = Mend(
                subject=brick.id,
                cluster_id=self._node.cluster_id,
                steps=(destruction,),
            )
        yield Finding(
            Code.BRICK_ORPHAN,
            self._view.host,
            f'logical volume {volume.vg_name}/{volume.name}',
            'none',
            f'{volume.size_bytes} bytes, {use}',
            remedy,
        )

    def _use(self, volume: lvm_report.LogicalVolume) -> str:
        """Say what somebody has it for, by a line in fstab; '' if nobody."""
        for path in _paths_of(volume, self._view.fstab):
            if not path.startswith(_ROOT):
                return f'fstab has it on {path}'
        return ''

    def _in_gluster(
        self, brick: model.Brick, destruction: mend_steps.DestroyOrphans
    ) -> str:
        """Say whether Gluster knows of it; only a clear no lets it go."""
        pool = self._scene.pool(self._node.cluster_id)
        if pool is None:
            return 'Gluster does not answer'
        addresses = self._scene.ledger.addresses_of(self._node.cluster_id)
        if not pool.members.issuperset(addresses.values()):
            return 'not all nodes are in its trusted pool'
        volume = destruction.hindrance(brick, pool.volumes.values())
        if volume:
            return f'it belongs to volume {volume} in Gluster'
        return _UNKNOWN_THERE

    def _traces(self, claimed: Set[str]) -> Iterator[Finding]:
        in_fstab = {
            path
            for path in self._view.fstab
            if path.startswith(_ROOT) and path not in claimed
        }
        for path in sorted(in_fstab):
            if path not in self._view.mounts:
                yield self._trace(
                    Code.MOUNT_STALE,
                    f'line of {path} in fstab',
                    mend_steps.LeaveFstab(host=self._view.host, path=path),
                )
        for path in sorted(self._view.directories):
            if not path.startswith(_ROOT) or path.count('/') != _LEVEL:
                continue
            if path not in {*claimed, *self._view.mounts}:
                yield self._trace(
                    Code.DIRECTORY_STALE,
                    f'directory {path}',
                    mend_steps.RemoveMountPoint(
                        host=self._view.host, path=path
                    ),
                )

    def _trace(self, code: Code, name: str, remedy: step.Step) -> Finding:
        return Finding(
            code,
            self._view.host,
            name,
            'none',
            'it is there',
            self._scene.mend_node(self._node, remedy),
        )


def _paths_of(
    volume: lvm_report.LogicalVolume, table: Mapping[str, str]
) -> Iterator[str]:
    """List where a table of mounts has a logical volume."""
    devices = mount_table.devices_of(volume.vg_name, volume.name)
    return (path for path, device in table.items() if device in devices)
