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

"""Tests of sizes."""

import ddt
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import sizes
from tests import base

EXTENTS = st.sampled_from([1, 4, 16, 64]).map(lambda n: n * sizes.MIB)


@ddt.ddt
class SizesTestCase(base.TestCase):
    """Bytes, and what they are good for."""

    def test_rounding(self) -> None:
        """Multiples stay, others move to the next or last one."""
        self.assertEqual(8, sizes.round_up(5, 4))
        self.assertEqual(4, sizes.round_up(4, 4))
        self.assertEqual(4, sizes.round_down(7, 4))
        self.assertEqual(0, sizes.round_up(0, 4))

    @ddt.data(
        # Size, and what statfs(2) says is available on an empty file system
        # made by mkfs.xfs 6.1 with inodes of 512 bytes.
        (304 * sizes.MIB, 233693184),
        (512 * sizes.MIB, 439373824),
        (1 * sizes.GIB, 965767168),
        (1536 * sizes.MIB, 1498902528),
        (10 * sizes.GIB, 10562068480),
        (100 * sizes.GIB, 106525089792),
        (1 * sizes.TIB, 1091278692352),
        (8 * sizes.TIB, 8732609372160),
    )
    @ddt.unpack
    def test_brick_holds_less_than_its_file_system(
        self, brick: int, available: int
    ) -> None:
        """Gluster's reserve and a little for its own files come off."""
        lost = available - brick // 100 - sizes.data_bytes_of(brick)
        self.assertGreater(lost, -sizes.MIB)
        self.assertLess(lost, 5 * sizes.MIB + brick * 8 // 1000)

    def test_share_gets_its_whole_size(self) -> None:
        """Overhead is added to the brick, not taken from the share."""
        brick = sizes.brick_bytes_for(sizes.GIB, 4 * sizes.MIB)
        self.assertGreaterEqual(sizes.data_bytes_of(brick), sizes.GIB)
        self.assertEqual(1152 * sizes.MIB, brick)

    def test_tiny_share_gets_the_smallest_brick(self) -> None:
        """mkfs.xfs refuses less than 300 MiB."""
        self.assertEqual(
            304 * sizes.MIB, sizes.brick_bytes_for(1, 4 * sizes.MIB)
        )

    @ddt.data(0, -1, -(2**70))
    def test_no_share_gets_the_smallest_brick(self, data: int) -> None:
        """Nothing takes no less than a file system takes."""
        self.assertEqual(
            304 * sizes.MIB, sizes.brick_bytes_for(data, 4 * sizes.MIB)
        )

    @ddt.data(2**63 - 1, 2**63, 2**70)
    def test_absurd_shares_have_a_brick_too(self, data: int) -> None:
        """It is no matter of arithmetic that none is that large."""
        brick = sizes.brick_bytes_for(data, 4 * sizes.MIB)
        self.assertGreaterEqual(sizes.data_bytes_of(brick), data)
        self.assertLess(brick, data * 103 // 100)
        arbiter = sizes.arbiter_bytes_for(
            data, sizes.AVERAGE_FILE_BYTES, 4 * sizes.MIB
        )
        self.assertLess(arbiter, brick)

    @hypothesis.given(st.integers(0, 64 * sizes.TIB), EXTENTS)
    def test_brick_is_the_smallest_that_holds_it(
        self, data: int, extent: int
    ) -> None:
        """The two functions are inverse to within an extent."""
        brick = sizes.brick_bytes_for(data, extent)
        self.assertEqual(0, brick % extent)
        self.assertGreaterEqual(sizes.data_bytes_of(brick), data)
        if brick - extent >= sizes.BRICK_MIN_BYTES:
            self.assertLess(sizes.data_bytes_of(brick - extent), data)

    @hypothesis.given(
        st.integers(0, 16 * sizes.TIB), st.integers(1, sizes.TIB)
    )
    def test_larger_brick_holds_more(self, brick: int, more: int) -> None:
        """Nothing is lost by growing."""
        self.assertLessEqual(
            sizes.data_bytes_of(brick), sizes.data_bytes_of(brick + more)
        )

    @ddt.data(
        # Data, average size of a file, arbiter; in MiB, KiB and MiB.
        (1024, 64, 304),
        (100 * 1024, 64, 6648),
        (100 * 1024, 1024, 504),
        (4 * 1024, 4, 4292),
    )
    @ddt.unpack
    def test_arbiter(self, data: int, average: int, arbiter: int) -> None:
        """4 KiB for each file, and what XFS and Gluster take."""
        found = sizes.arbiter_bytes_for(
            data * sizes.MIB, average * sizes.KIB, 4 * sizes.MIB
        )
        self.assertEqual(arbiter * sizes.MIB, found)

    @hypothesis.given(
        st.integers(0, 64 * sizes.TIB),
        st.integers(
            sizes.AVERAGE_FILE_MIN_BYTES, sizes.AVERAGE_FILE_MAX_BYTES
        ),
        EXTENTS,
    )
    def test_arbiter_is_no_larger_than_its_data(
        self, data: int, average: int, extent: int
    ) -> None:
        """Else three copies would be cheaper."""
        arbiter = sizes.arbiter_bytes_for(data, average, extent)
        self.assertLessEqual(
            arbiter, sizes.brick_bytes_for(data + sizes.MIB, extent)
        )
        self.assertGreaterEqual(arbiter, sizes.BRICK_MIN_BYTES)

    @ddt.data(
        # A lab disk, an ordinary one, one at the limit.
        (4 * sizes.GIB, 8 * sizes.MIB),
        (1 * sizes.TIB, 2 * sizes.GIB),
        (100 * sizes.TIB, 16192 * sizes.MIB),
    )
    @ddt.unpack
    def test_pool_metadata(self, vg: int, metadata: int) -> None:
        """Half a percent at most, on small disks little."""
        extent = 4 * sizes.MIB
        self.assertEqual(metadata, sizes.pool_metadata_bytes(vg, extent))
        self.assertEqual(vg - 2 * metadata, sizes.pool_data_bytes(vg, extent))

    @hypothesis.given(st.integers(0, 100 * sizes.TIB), EXTENTS)
    def test_pool_and_spare_fit_into_the_volume_group(
        self, vg: int, extent: int
    ) -> None:
        """LVM keeps a spare as big as the metadata."""
        metadata = sizes.pool_metadata_bytes(vg, extent)
        data = sizes.pool_data_bytes(vg, extent)
        self.assertEqual((0, 0), (metadata % extent, data % extent))
        self.assertGreaterEqual(metadata, sizes.POOL_METADATA_MIN_BYTES // 4)
        self.assertLessEqual(metadata, 16 * sizes.GIB)
        if data:
            self.assertLessEqual(data + 2 * metadata, vg)

    @hypothesis.given(st.integers(0, 100 * sizes.TIB), EXTENTS)
    def test_disk_for_a_pool(self, pool: int, extent: int) -> None:
        """Its pool has the room; that of a disk an extent smaller has not."""
        disk = sizes.disk_bytes_for(pool, extent)

        def holds(disk: int) -> int:
            vg = sizes.vg_bytes_of(disk, extent)
            return sizes.pool_data_bytes(vg, extent)

        self.assertGreaterEqual(holds(disk), pool)
        if pool:
            self.assertLess(holds(disk - extent), pool)

    def test_disk_without_room_for_records(self) -> None:
        """It has no extents, rather than less than none."""
        self.assertEqual(0, sizes.vg_bytes_of(sizes.MIB, 4 * sizes.MIB))

    def test_volume_group_without_room_for_a_pool(self) -> None:
        """It holds nothing, rather than less than nothing."""
        self.assertEqual(
            0, sizes.pool_data_bytes(8 * sizes.MIB, 4 * sizes.MIB)
        )
