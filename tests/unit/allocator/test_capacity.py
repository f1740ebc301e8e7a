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

"""Tests of what a cluster is said to hold."""

import ddt

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import capacity
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

STRICT = model.ZoneSpread.STRICT
PREFER = model.ZoneSpread.PREFER


@ddt.ddt
class PoolStatsTestCase(base.TestCase):
    """Capacities as Manila's scheduler needs them: true."""

    @ddt.data(
        # A domain can't hold more than one copy (dachary.org, 2017-05-11).
        ([5, 1, 1, 1, 1], 2, 4),
        ([10, 10, 10], 3, 10),
        ([10, 8, 5], 3, 5),
        ([10, 10], 3, 0),
        ([], 2, 0),
        ([3, 4], 1, 7),
    )
    @ddt.unpack
    def test_fluid_bound(
        self, rooms: list[int], copies: int, bound: int
    ) -> None:
        """The part of a large domain that has no partner is lost."""
        self.assertEqual(bound, capacity.fluid_bound(rooms, copies))

    def test_three_equal_nodes(self) -> None:
        """They hold what one of them holds, less the overhead."""
        stats = allocator.pool_stats(
            clusters.grid(3, 1, 1), model.Durability(3), STRICT
        )
        held = sizes.data_bytes_of(100 * GIB)
        self.assertEqual(
            allocator.PoolCapacity(
                total_data_bytes=held,
                free_data_bytes=held,
                largest_volume_bytes=held,
                raw_total_bytes=300 * GIB,
                raw_used_bytes=0,
                raw_stranded_bytes=0,
            ),
            stats,
        )

    def test_large_node_is_stranded(self) -> None:
        """200 of its 300 GiB have no partner."""
        state = clusters.snapshot([Disk('a', 1, 300), Disk('b', 2, 100)])
        stats = allocator.pool_stats(state, model.Durability(2), PREFER)
        self.assertEqual(200 * GIB, stats.raw_stranded_bytes)
        self.assertEqual(
            sizes.data_bytes_of(100 * GIB), stats.total_data_bytes
        )

    def test_zones_bind_only_where_strict(self) -> None:
        """Two zones hold no three copies apart."""
        state = clusters.grid(2, 3, 1)
        durability = model.Durability(3)
        strict = allocator.pool_stats(state, durability, STRICT)
        self.assertEqual(
            (0, 0), (strict.total_data_bytes, strict.free_data_bytes)
        )
        prefer = allocator.pool_stats(state, durability, PREFER)
        self.assertGreater(prefer.largest_volume_bytes, 190 * GIB)

    def test_offline_counts_for_the_total_only(self) -> None:
        """It comes back, but takes nothing now."""
        state = clusters.snapshot(
            [Disk('a', 1, 100, node_online=False), Disk('b', 2, 100, used=40)]
        )
        stats = allocator.pool_stats(state, model.Durability(1), PREFER)
        self.assertEqual(
            sizes.data_bytes_of(200 * GIB), stats.total_data_bytes
        )
        self.assertEqual(sizes.data_bytes_of(60 * GIB), stats.free_data_bytes)
        self.assertEqual(40 * GIB, stats.raw_used_bytes)

    def test_large_pools_have_more_than_one_log(self) -> None:
        """Overhead is that of bricks of the largest size."""
        stats = allocator.pool_stats(
            clusters.grid(1, 1, 1, total=8192), model.Durability(1), PREFER
        )
        self.assertEqual(
            2 * sizes.data_bytes_of(4 * sizes.TIB), stats.total_data_bytes
        )

    def test_cluster_without_devices(self) -> None:
        """It holds nothing."""
        stats = allocator.pool_stats(
            clusters.snapshot([]), model.Durability(3), PREFER
        )
        self.assertEqual(allocator.PoolCapacity(0, 0, 0, 0, 0, 0), stats)
