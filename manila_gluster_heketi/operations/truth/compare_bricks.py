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


"""Bricks: logical volumes, mounts, fstab and directories.

A disk or logical volume that is another one is somebody's: nothing is mended
on it, and nothing is done that would have Gluster use it.
"""

import dataclasses
from collections.abc import Iterator

from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.truth import compare_devices
from manila_gluster_heketi.operations.truth import mend_steps
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.survey import HostView


def compare(scene: Scene) -> Iterator[Finding]:
    """Find what differs."""
    seen = {view.host: view for _, view in scene.nodes()}
    for volume in scene.volumes():
        if volume.state is not VolumeState.READY:
            continue
        bricks = []
        for brick in scene.ledger.bricks[volume.id]:
            view = seen.get(scene.ledger.host_of(brick))
            if view is not None and brick.vg_name in view.groups:
                bricks.append(_Brick(scene, volume, brick, view))
        may_start = not any(each.is_other for each in bricks)
        for each in bricks:
            yield from each.compare(may_start=may_start)


class _Brick:
    """The comparison of one brick."""

    def __init__(
        self,
        scene: Scene,
        volume: model.Volume,
        brick: model.Brick,
        view: HostView,
    ) -> None:
        self._scene = scene
        self._volume = volume
        self._brick = brick
        self._view = view
        self._devices = mount_table.devices_of(brick.vg_name, brick.lv_name)
        self._there = view.volumes.get((brick.vg_name, brick.lv_name))
        device = scene.ledger.devices[brick.device_id]
        self._is_on_other = compare_devices.is_other(
            device, view.groups[brick.vg_name]
        )

    @property
    def is_other(self) -> bool:
        """Whether it is, or is on, something else than what is on record."""
        return self._is_on_other or self._is_other_volume

    @property
    def _is_other_volume(self) -> bool:
        there = self._there
        return there is not None and (
            there.pool != self._brick.pool_name
            or bool(
                marks.contradicting(there.tags, marks.brick_tags(self._brick))
            )
        )

    def compare(self, *, may_start: bool) -> Iterator[Finding]:
        """Find what differs.

        :param may_start: Gluster may start all bricks of the volume
        """
        brick = self._brick
        if self._there is None:
            yield self._finding(
                Code.BRICK_MISSING, f'{brick.vg_name}/{brick.lv_name}', 'none'
            )
            return
        if self._is_other_volume:
            yield self._finding(
                Code.BRICK_OTHER,
                f'{", ".join(marks.brick_tags(brick))} in pool '
                f'{brick.pool_name}',
                f'{", ".join(self._there.tags)} in pool {self._there.pool}',
            )
            return
        yield from self._marks(self._there)
        yield from self._mount(may_start)
        yield from self._fstab()
        yield from self._size(self._there)

    def _marks(self, there: lvm_report.LogicalVolume) -> Iterator[Finding]:
        brick = self._brick
        wanted = marks.brick_tags(brick)
        if not set(wanted) <= set(there.tags):
            yield self._finding(
                Code.BRICK_MARKS,
                ', '.join(wanted),
                ', '.join(there.tags) or 'none',
                mend_steps.AddTags(
                    host=self._view.host,
                    vg_name=brick.vg_name,
                    lv_name=brick.lv_name,
                    tags=wanted,
                ),
            )

    def _mount(self, may_start: bool) -> Iterator[Finding]:
        path = self._brick.mount_path
        device = self._view.mounts.get(path)
        if device is None:
            mount = mend_steps.MountBricks(
                host=self._view.host, bricks=(self._brick,)
            )
            restart = self._restart()
            # Mounted alone it would look whole, and yet not be served.
            is_mendable = may_start or not restart
            yield self._finding(
                Code.BRICK_NOT_MOUNTED,
                f'{self._devices[0]} on {path}',
                'not mounted',
                *([mount] if is_mendable else []),
                closing=restart,
            )
        elif self._is_hidden:
            yield self._finding(
                Code.BRICK_HIDDEN,
                f'{self._devices[0]} on {path}',
                f'{device} on {path}',
            )
        elif self._brick.brick_path not in self._view.directories:
            yield self._finding(
                Code.BRICK_DIRECTORY, self._brick.brick_path, 'no directory'
            )

    @property
    def _is_hidden(self) -> bool:
        """Whether something else is mounted in its place."""
        device = self._view.mounts.get(self._brick.mount_path)
        return device is not None and device not in self._devices

    def _restart(self) -> tuple[step.Step, ...]:
        """Have Gluster start the brick, unless the volume is to rest.

        It refuses while any other brick of the volume is not mounted.
        """
        pool = self._scene.pool(self._volume.cluster_id)
        if pool is None or not pool.runs(self._volume.name):
            return ()
        hosts = self._scene.gluster_hosts(self._volume)
        return (
            mend_steps.StartMissing(
                host=hosts[0], hosts=hosts, name=self._volume.name
            ),
        )

    def _fstab(self) -> Iterator[Finding]:
        path = self._brick.mount_path
        device = self._view.fstab.get(path)
        if device is None:
            yield self._finding(
                Code.BRICK_NOT_AT_BOOT,
                f'{self._devices[0]} {path}',
                'no line',
                mend_steps.EnterFstab(
                    host=self._view.host, bricks=(self._brick,)
                ),
            )
        elif device not in self._devices:
            yield self._finding(
                Code.BRICK_OTHER_AT_BOOT,
                f'{self._devices[0]} {path}',
                f'{device} {path}',
            )

    def _size(self, there: lvm_report.LogicalVolume) -> Iterator[Finding]:
        brick = self._brick
        wanted = f'{brick.size_bytes} bytes'
        found = f'{there.size_bytes} bytes'
        behind = brick_rows.unproven_bytes(
            self._volume, self._scene.ledger.bricks[self._volume.id]
        )
        if there.size_bytes < brick.size_bytes:
            yield self._finding(
                Code.BRICK_BEHIND if behind else Code.BRICK_SMALLER,
                wanted,
                found,
                *self._growth(there),
            )
            return
        if there.size_bytes > brick.size_bytes:
            yield self._finding(Code.BRICK_LARGER, wanted, found)
        file_system = self._view.file_systems.get(brick.mount_path)
        if (
            file_system is not None
            and not self._is_hidden
            and file_system.room_in(brick.size_bytes)
        ):
            yield self._finding(
                Code.BRICK_BEHIND
                if behind
                else Code.BRICK_FILE_SYSTEM_SMALLER,
                f'a file system of {wanted}',
                f'{file_system.size_bytes} bytes',
                *self._growth(there),
            )

    def _growth(self, there: lvm_report.LogicalVolume) -> list[step.Step]:
        """Say how the brick gets its size, which is done where it is."""
        if self._is_hidden:
            return []
        return [
            brick_steps.GrowBricks(
                host=self._view.host,
                bricks=(self._brick,),
                old_sizes={self._brick.id: there.size_bytes},
            )
        ]

    def _finding(
        self,
        code: Code,
        expected: str,
        found: str,
        *steps: step.Step,
        closing: tuple[step.Step, ...] = (),
    ) -> Finding:
        remedy = None
        if steps and not self._is_on_other:
            remedy = dataclasses.replace(
                self._scene.mend_volume(self._volume, *steps), closing=closing
            )
        return Finding(
            code,
            self._view.host,
            f'brick {self._brick.id} of volume {self._volume.name}',
            expected,
            found,
            remedy,
        )
