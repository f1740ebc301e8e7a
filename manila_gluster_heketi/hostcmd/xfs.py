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

"""XFS on bricks."""

import dataclasses
import re
from collections.abc import Sequence

from manila_gluster_heketi.hostcmd import shell
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Tolerance

# What is not mounted, or can't be read, is left out.
_GEOMETRIES = """\
for path in "$@"; do
printf '== %s\\n' "$path"
xfs_growfs -n "$path" 2>/dev/null
done
exit 0
"""
_GEOMETRY = re.compile(
    r'== (?P<path>.*)\n'
    r'meta-data=.* agsize=(?P<group_blocks>\d+) blks\n'
    r'(?: .*\n)*'
    r'data +=.* bsize=(?P<block_bytes>\d+) +blocks=(?P<blocks>\d+),'
)
# The kernel (XFS_MIN_AG_BLOCKS) adds no smaller allocation group at the end,
# and mkfs.xfs (XFS_AG_MIN_BYTES) makes none smaller than this.
_GROWN_GROUP_BLOCKS = 64
_MADE_GROUP_BYTES = 16 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Geometry:
    """How a file system is laid out.

    :ivar blocks: all that it has
    :ivar group_blocks: those of an allocation group; the last may have less
    """

    block_bytes: int
    blocks: int
    group_blocks: int

    @property
    def size_bytes(self) -> int:
        """How large it is."""
        return self.blocks * self.block_bytes

    def room_in(self, device_bytes: int) -> int:
        """Say how many bytes it lacks of a device's size.

        As the kernel would grow it, which may leave blocks at the end. What
        mkfs.xfs itself left there, to have stripes aligned, is not missed.
        """
        blocks = device_bytes // self.block_bytes
        rest = blocks % self.group_blocks
        if rest < _GROWN_GROUP_BLOCKS:
            blocks -= rest
        room = (blocks - self.blocks) * self.block_bytes
        is_as_made = self.blocks % self.group_blocks == 0
        if room < 0 or (is_as_made and room < _MADE_GROUP_BYTES):
            return 0
        return room


def make(device: str) -> Command:
    """Make a file system on a new thin volume.

    No discard (-K): there is nothing to discard in a thin volume that was
    just made. With a quota, Gluster's extended attributes of a file do not
    fit into an inode of 512 bytes, so that each file took another block: 5.3
    KiB for an empty one, and 2.3 KiB with inodes of 1024 (measured with
    glusterfs 10.3 and 6,000 files). Inodes may take all of the space, since
    an arbiter holds nothing else.

    A second run finds XFS there, mounted or not, and leaves it. Any other
    content is refused, as is a device of less than 300 MiB (xfsprogs 6.1).
    """
    return Command(
        (
            'mkfs.xfs',
            '-q',
            '-K',
            '-i',
            'size=1024,maxpct=100',
            '-n',
            'size=8192',
            device,
        ),
        tolerated=(
            Tolerance(1, 'contain an existing filesystem (xfs)'),
            Tolerance(1, 'contains a mounted filesystem'),
        ),
    )


def grow(mount_path: str) -> Command:
    """Grow a mounted file system to the size of its device.

    A second run changes nothing.
    """
    return Command(('xfs_growfs', '-d', mount_path))


def geometries(mount_paths: Sequence[str]) -> Command:
    """Show the geometry of file systems; -n changes nothing."""
    return Command(
        shell.script(_GEOMETRIES, 'geometries', *mount_paths),
        reads_only=True,
    )


def parse_geometries(output: str) -> dict[str, Geometry]:
    """Read what :func:`geometries` shows, by mount path.

    Those that could not be shown are not in it.
    """
    return {
        found['path']: Geometry(
            block_bytes=int(found['block_bytes']),
            blocks=int(found['blocks']),
            group_blocks=int(found['group_blocks']),
        )
        for found in _GEOMETRY.finditer(output)
    }
