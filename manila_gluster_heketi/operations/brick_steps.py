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

"""Steps on the hosts of bricks: one batch, one round trip each."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import xfs
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site


@step.persisted
@dataclasses.dataclass(frozen=True)
class MakeBricks(step.Step):
    """Thin volumes, file systems, mounts and directories of one host."""

    kind: ClassVar[str] = 'make-bricks'
    bricks: tuple[model.Brick, ...]

    def do(self, site: Site) -> Found:
        """Make every brick ready for Gluster."""
        site.run(self.host, self.commands())
        return NOTHING

    def commands(self) -> tuple[Command, ...]:
        """List what is run on the host."""
        return tuple(c for b in self.bricks for c in _make(b))

    def undo(self, site: Site) -> None:
        """Destroy whatever part of the bricks is there."""
        site.run(self.host, [c for b in self.bricks for c in _destroy(b)])


@step.persisted
@dataclasses.dataclass(frozen=True)
class DestroyBricks(step.Step):
    """The end of bricks that no volume uses any more."""

    kind: ClassVar[str] = 'destroy-bricks'
    bricks: tuple[model.Brick, ...]

    def do(self, site: Site) -> Found:
        """Destroy the bricks; those that are gone already are fine."""
        site.run(self.host, [c for b in self.bricks for c in _destroy(b)])
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: deleted data does not come back; deletion goes on."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class GrowBricks(step.Step):
    """More room in bricks that are in use; clients see it at once.

    :ivar bricks: with the sizes that they shall have
    :ivar old_sizes: in bytes, by the bricks' identities
    """

    kind: ClassVar[str] = 'grow-bricks'
    bricks: tuple[model.Brick, ...]
    old_sizes: Mapping[str, int]

    def do(self, site: Site) -> Found:
        """Grow the thin volumes and the file systems on them."""
        batch: list[Command] = []
        for brick in self.bricks:
            batch += [
                lvm.lv_extend(brick.vg_name, brick.lv_name, brick.size_bytes),
                xfs.grow(brick.mount_path),
            ]
        site.run(self.host, batch)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: XFS can't shrink. The room is kept for an extension."""


def _make(brick: model.Brick) -> list[Command]:
    return [
        lvm.brick_create(
            brick.vg_name,
            brick.pool_name,
            brick.lv_name,
            brick.size_bytes,
            marks.brick_tags(brick),
        ),
        xfs.make(_device(brick)),
        mounts.make_directory(brick.mount_path),
        mounts.fstab_add(_device(brick), brick.mount_path),
        mounts.mount(_device(brick), brick.mount_path),
        mounts.make_directory(brick.brick_path),
    ]


def _destroy(brick: model.Brick) -> list[Command]:
    # The sync for fstab takes the directory along, which a power cut would
    # bring back.
    return [
        mounts.unmount(brick.mount_path),
        mounts.remove_directory(brick.mount_path),
        mounts.fstab_remove(brick.mount_path),
        lvm.lv_remove(brick.vg_name, brick.lv_name),
    ]


def _device(brick: model.Brick) -> str:
    return f'/dev/{brick.vg_name}/{brick.lv_name}'
