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

from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Tolerance


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
