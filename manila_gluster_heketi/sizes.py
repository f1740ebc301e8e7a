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

"""How many bytes what takes: bytes inside, other units at the edges alone.

Everything that is known about overhead is a constant of this module, each
with where it comes from, so that a measurement has one place to change.
"""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

#: What quotas, statfs(2) and the store can count to.
MOST_BYTES = 2**63 - 1

# --- thin pools -----------------------------------------------------------

#: For LVM's own records of a device: some 700 bytes per brick, twice, and
#: always whole.
LVM_RECORDS_BYTES = 32 * MIB

#: Chunk of a thin pool; lvcreate is to be told, as its own default grows
#: with the pool. A multiple of XFS's and Gluster's block sizes, small enough
#: that a first write to a snapshot copies little.
POOL_CHUNK_BYTES = 256 * KIB

#: Pool metadata for each chunk. lvmthin(7) reckons 64 bytes for a chunk that
#: is mapped once; ``thin_metadata_size`` (thin-provisioning-tools) says 32.5.
#: Each snapshot whose data diverged everywhere costs as much again, so this
#: has room for some fifteen of them. A pool without free metadata turns
#: read-only, and the rest of the device is taken by data: be generous.
POOL_METADATA_PER_CHUNK = 8 * 64

#: LVM takes no less than 2 MiB.
POOL_METADATA_MIN_BYTES = 4 * MIB

#: The most that LVM can crop to and repair ("15.81 GiB", lvmthin(7)).
POOL_METADATA_MAX_BYTES = 16192 * MIB

# --- bricks ---------------------------------------------------------------

#: mkfs.xfs 6.1 refuses less than 300 MiB; the next multiple of 16 MiB.
BRICK_MIN_BYTES = 304 * MIB

#: XFS has its log inside: 64 MiB at least, 1/2048 of the file system from
#: 128 GiB on, a little less than 2 GiB at most (mkfs.xfs 6.1, measured with
#: xfs_db from 304 MiB to 8 TiB).
XFS_BLOCK_BYTES = 4 * KIB
XFS_LOG_MIN_BYTES = 64 * MIB
XFS_LOG_DIVISOR = 2048
XFS_LOG_MAX_BYTES = 2 * GIB

#: Blocks that XFS keeps for itself so that it can always free others:
#: 5 %, 8192 blocks at most (xfs_default_resblks() of Linux).
XFS_RESERVED_PERCENT = 5
XFS_RESERVED_MAX_BYTES = 8192 * 4 * KIB

#: Allocation group headers and what each group sets aside for its reference
#: count and free inode trees: 0.64 % to 0.70 % of the file system, measured
#: with statfs() on empty file systems from 304 MiB to 8 TiB.
XFS_GROUPS_PER_MILLE = 7

#: Gluster's option storage.reserve, default 1: percent of statfs' size that
#: has to stay free, or clients get ENOSPC.
GLUSTER_RESERVE_PERCENT = 1

#: An inode of 1 KiB and two links of about 60 bytes for each file, for files
#: of 256 KiB on average. An estimate.
GLUSTER_FILES_PER_MILLE = 5

#: What a brick of an empty volume holds: .glusterfs and its directories.
GLUSTER_EMPTY_BYTES = 4 * MIB

# --- arbiters ---------------------------------------------------------------

#: What a file holds on average where nobody says: Heketi's default.
AVERAGE_FILE_BYTES = 64 * KIB

#: What may be said: a smaller file takes a block of XFS on data bricks too.
AVERAGE_FILE_MIN_BYTES = 4 * KIB
AVERAGE_FILE_MAX_BYTES = 1 * GIB

#: What a file takes on an arbiter. Gluster's administrator guide reckons 4
#: KiB. Measured were 2.3 KiB for each of 6,000 files in four directories: an
#: inode of 1 KiB, its links, and a directory of its own in .glusterfs, as
#: long as there are less than 65,536 files. The rest is for long names,
#: directories, hard links and what waits to be healed.
ARBITER_FILE_BYTES = 4 * KIB


def round_up(size_bytes: int, unit_bytes: int) -> int:
    """Return the next multiple of ``unit_bytes``."""
    return -(-size_bytes // unit_bytes) * unit_bytes


def round_down(size_bytes: int, unit_bytes: int) -> int:
    """Return the last multiple of ``unit_bytes``."""
    return size_bytes // unit_bytes * unit_bytes


def vg_bytes_of(disk_bytes: int, extent_bytes: int) -> int:
    """Say what extents a disk has: LVM's records lie before the first."""
    # What aligns the first extent is less than another one.
    before = LVM_RECORDS_BYTES + extent_bytes
    return max(0, round_down(disk_bytes - before, extent_bytes))


def pool_metadata_bytes(vg_bytes: int, extent_bytes: int) -> int:
    """Size the metadata of a thin pool that takes all of a volume group.

    :param vg_bytes: all extents of the volume group
    :param extent_bytes: its extent size
    :returns: bytes, whole extents
    """
    chunks = -(-vg_bytes // POOL_CHUNK_BYTES)
    wanted = max(chunks * POOL_METADATA_PER_CHUNK, POOL_METADATA_MIN_BYTES)
    most = round_down(POOL_METADATA_MAX_BYTES, extent_bytes)
    # An extent may be larger than the limit; less than one there can't be.
    return max(min(round_up(wanted, extent_bytes), most), extent_bytes)


def pool_data_bytes(vg_bytes: int, extent_bytes: int) -> int:
    """Say what is left for data: LVM keeps a spare as big as the metadata.

    :returns: bytes, whole extents; 0 if the volume group is too small
    """
    metadata = pool_metadata_bytes(vg_bytes, extent_bytes)
    return max(0, round_down(vg_bytes, extent_bytes) - 2 * metadata)


def disk_bytes_for(pool_bytes: int, extent_bytes: int) -> int:
    """Return the smallest disk whose thin pool has room for so much.

    :param pool_bytes: what bricks are to take
    """
    low = 0
    high = 2 * round_up(pool_bytes, extent_bytes) + 8 * extent_bytes
    while high - low > extent_bytes:
        middle = round_down((low + high) // 2, extent_bytes)
        if pool_data_bytes(middle, extent_bytes) < pool_bytes:
            low = middle
        else:
            high = middle
    return high + LVM_RECORDS_BYTES + extent_bytes


def data_bytes_of(brick_bytes: int) -> int:
    """Say how much of a tenant's data a brick holds.

    Grows with ``brick_bytes``; inverse of :func:`brick_bytes_for` to within
    an extent.

    :param brick_bytes: size of the brick's logical volume
    """
    # Each part is rounded; within a block that could be more than it grows.
    brick_bytes -= brick_bytes % XFS_BLOCK_BYTES
    log = min(
        max(XFS_LOG_MIN_BYTES, brick_bytes // XFS_LOG_DIVISOR),
        XFS_LOG_MAX_BYTES,
    )
    reserved = min(
        brick_bytes * XFS_RESERVED_PERCENT // 100, XFS_RESERVED_MAX_BYTES
    )
    groups = brick_bytes * XFS_GROUPS_PER_MILLE // 1000
    # storage.reserve is a share of what statfs shows: all but the log.
    reserve = (brick_bytes - log) * GLUSTER_RESERVE_PERCENT // 100
    files = brick_bytes * GLUSTER_FILES_PER_MILLE // 1000
    lost = log + reserved + groups + reserve + files + GLUSTER_EMPTY_BYTES
    return max(0, brick_bytes - lost)


def brick_bytes_for(data_bytes: int, extent_bytes: int) -> int:
    """Return the smallest brick that holds ``data_bytes`` of a tenant.

    :param data_bytes: what the share is to hold on this brick
    :param extent_bytes: extent size of the volume group
    :returns: bytes, whole extents, at least :data:`BRICK_MIN_BYTES`
    """
    # Overhead has steps and limits: search instead of a formula to keep in
    # line with the one above.
    low = -(-BRICK_MIN_BYTES // extent_bytes)
    if data_bytes_of(low * extent_bytes) >= data_bytes:
        return low * extent_bytes
    high = 2 * low
    while data_bytes_of(high * extent_bytes) < data_bytes:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if data_bytes_of(middle * extent_bytes) < data_bytes:
            low = middle
        else:
            high = middle
    return high * extent_bytes


def arbiter_bytes_for(
    data_bytes: int, average_file_bytes: int, extent_bytes: int
) -> int:
    """Return the smallest arbiter for a set that holds ``data_bytes``.

    It has an empty file for each file of the data bricks, which takes
    :data:`ARBITER_FILE_BYTES`, so that the formula is, but for the overhead
    of every brick: data / average size of a file * 4 KiB.

    :param average_file_bytes: what files are expected to hold
    :returns: bytes, whole extents, at least :data:`BRICK_MIN_BYTES`
    """
    files = -(-data_bytes // average_file_bytes)
    return brick_bytes_for(files * ARBITER_FILE_BYTES, extent_bytes)
