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

"""What xfs_growfs (xfsprogs 6.1) says of a file system."""

from manila_gluster_heketi.executor.simulated.block import LogicalVolume
from manila_gluster_heketi.executor.simulated.files import XFS_BLOCK_BYTES

_REPORT = """\
meta-data={device:<22} isize=1024   agcount={groups}, agsize={size} blks
         =                       sectsz=512   attr=2, projid32bit=1
         =                       crc=1        finobt=1, sparse=1, rmapbt=0
         =                       reflink=1    bigtime=1 inobtcount=1 nrext64=0
data     =                       bsize=4096   blocks={blocks}, imaxpct=100
         =                       sunit=0      swidth=0 blks
naming   =version 2              bsize=8192   ascii-ci=0, ftype=1
log      =internal log           bsize=4096   blocks=16384, version=2
         =                       sectsz=512   sunit=0 blks, lazy-count=1
realtime =none                   extsz=4096   blocks=0, rtextents=0
"""


def of(volume: LogicalVolume) -> str:
    """Show the geometry of the file system on a logical volume."""
    filesystem = volume.filesystem
    assert filesystem is not None
    blocks = filesystem.size_bytes // XFS_BLOCK_BYTES
    return _REPORT.format(
        device=volume.mapper_path,
        groups=-(-blocks // filesystem.group_blocks),
        size=filesystem.group_blocks,
        blocks=blocks,
    )
