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
from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import counting
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB
from tests.unit.allocator.clusters import Disk

STRICT = zones(Mode.STRICT)
PREFER = zones(Mode.PREFER)


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
        self.assertEqual(bound, counting.fluid_bound(rooms, copies))

    def test_three_equal_nodes(self) -> None:
        """They hold what one of them holds, less the overhead."""
        stats = clusters.pool_stats(
            clusters.grid(3, 1, 1), replicate(3), STRICT
        )
        held = sizes.data_bytes_of(100 * GIB)
        self.assertEqual(
            allocator.PoolCapacity(
                total_data_bytes=held,
                free_data_bytes=held,
                largest_volume_bytes=held,
                raw_total_bytes=300 * GIB,
                raw_used_bytes=0,
                raw_free_bytes=300 * GIB,
                stranded=(),
            ),
            stats,
        )

    def test_large_node_is_stranded(self) -> None:
        """200 of its 300 GiB have no partner."""
        state = clusters.snapshot([Disk('a', 1, 300), Disk('b', 2, 100)])
        stats = clusters.pool_stats(state, replicate(2), PREFER)
        self.assertEqual(
            (allocator.Stranded('a.example', 200 * GIB),), stats.stranded
        )
        self.assertEqual(200 * GIB, stats.raw_stranded_bytes)
        self.assertEqual(
            sizes.data_bytes_of(100 * GIB), stats.total_data_bytes
        )

    def test_zones_bind_only_where_strict(self) -> None:
        """Two zones hold no three copies apart."""
        state = clusters.grid(2, 3, 1)
        strict = clusters.pool_stats(state, replicate(3), STRICT)
        self.assertEqual(
            (0, 0), (strict.total_data_bytes, strict.free_data_bytes)
        )
        prefer = clusters.pool_stats(state, replicate(3), PREFER)
        self.assertGreater(prefer.largest_volume_bytes, 190 * GIB)

    def test_offline_counts_for_the_total_only(self) -> None:
        """It comes back, but takes nothing now."""
        state = clusters.snapshot(
            [Disk('a', 1, 100, node_online=False), Disk('b', 2, 100, used=40)]
        )
        stats = clusters.pool_stats(state, replicate(1), PREFER)
        self.assertEqual(
            sizes.data_bytes_of(200 * GIB), stats.total_data_bytes
        )
        self.assertEqual(sizes.data_bytes_of(60 * GIB), stats.free_data_bytes)
        self.assertEqual(40 * GIB, stats.raw_used_bytes)

    def test_large_pools_have_more_than_one_log(self) -> None:
        """Overhead is that of bricks of the largest size."""
        stats = clusters.pool_stats(
            clusters.grid(1, 1, 1, total=8192), replicate(1), PREFER
        )
        self.assertEqual(
            2 * sizes.data_bytes_of(4 * sizes.TIB), stats.total_data_bytes
        )

    def test_cluster_without_devices(self) -> None:
        """It holds nothing."""
        stats = clusters.pool_stats(
            clusters.snapshot([]), replicate(3), PREFER
        )
        self.assertEqual(
            allocator.PoolCapacity(0, 0, 0, 0, 0, 0, ()), stats
        )

    def test_what_is_stranded_in_a_zone(self) -> None:
        """Strict zones strand room that nodes alone would not."""
        disks = [Disk(f'n{n}', 1, 100) for n in range(3)]
        state = clusters.snapshot([*disks, Disk('m', 2, 100)])
        strict = clusters.pool_stats(state, replicate(2), STRICT)
        self.assertEqual(
            (allocator.Stranded('zone 1', 200 * GIB),), strict.stranded
        )
        prefer = clusters.pool_stats(state, replicate(2), PREFER)
        self.assertEqual((), prefer.stranded)

    def test_all_is_stranded_where_domains_are_too_few(self) -> None:
        """Two nodes hold no three copies."""
        state = clusters.snapshot([Disk('a', 1, 100), Disk('b', 2, 50)])
        stats = clusters.pool_stats(state, replicate(3), PREFER)
        self.assertEqual(150 * GIB, stats.raw_stranded_bytes)
        self.assertEqual(stats.raw_free_bytes, stats.raw_stranded_bytes)

    def test_devices_that_are_not_meant(self) -> None:
        """Tags rule out devices from the total as from what is free."""
        state = clusters.tagged(
            clusters.grid(3, 2, 1),
            **{f'z{zone}n0': {'disk': 'ssd'} for zone in (1, 2, 3)},
        )
        request = allocator.Request(0, replicate(3), STRICT, tags='disk = ssd')
        stats = allocator.pool_stats(allocator.Inventory(state), request)
        held = sizes.data_bytes_of(100 * GIB)
        self.assertEqual(
            (held, held, held),
            (
                stats.total_data_bytes,
                stats.free_data_bytes,
                stats.largest_volume_bytes,
            ),
        )
        self.assertEqual(300 * GIB, stats.raw_total_bytes)
        self.assertEqual(300 * GIB, stats.raw_free_bytes)

    def test_freed_space_is_back(self) -> None:
        """After a deletion all is as before."""
        inventory = allocator.Inventory(clusters.grid(3, 2, 2))
        request = allocator.Request(30 * GIB, replicate(3), STRICT)
        before = allocator.pool_stats(inventory, request)
        placed = allocator.place(inventory, request)
        inventory.change(placed.slots, 1)
        between = allocator.pool_stats(inventory, request)
        self.assertLess(
            between.free_data_bytes, before.free_data_bytes - 30 * GIB
        )
        self.assertEqual(before.total_data_bytes, between.total_data_bytes)
        inventory.change(placed.slots, 2, freed=True)
        self.assertEqual(before, allocator.pool_stats(inventory, request))


class ArbiterTestCase(base.TestCase):
    """Arbiters need room and domains, but hold no data."""

    def _stats(
        self, state: model.Snapshot, average: int = 64 * sizes.KIB
    ) -> allocator.PoolCapacity:
        request = allocator.Request(
            0, durability.ARBITER, PREFER, average_file_bytes=average
        )
        return allocator.pool_stats(allocator.Inventory(state), request)

    def test_a_node_for_arbiters_alone(self) -> None:
        """It is a domain, and none of the room for data."""
        state = clusters.tagged(
            clusters.snapshot(
                [Disk('a', 1, 100), Disk('b', 2, 100), Disk('c', 3, 20)]
            ),
            c={'arbiter': 'required'},
        )
        stats = self._stats(state)
        held = sizes.data_bytes_of(100 * GIB)
        self.assertEqual(held, stats.total_data_bytes)
        self.assertEqual(held, stats.free_data_bytes)
        self.assertEqual(220 * GIB, stats.raw_free_bytes)
        self.assertEqual((), stats.stranded)
        self.assertGreater(stats.largest_volume_bytes, held * 0.99)

    def test_two_nodes(self) -> None:
        """There is no third one for the arbiter."""
        stats = self._stats(clusters.grid(2, 1, 1))
        self.assertEqual(
            (0, 0), (stats.total_data_bytes, stats.free_data_bytes)
        )

    def test_their_room_is_taken_off(self) -> None:
        """The smaller files are, the larger arbiters must be."""
        state = clusters.grid(3, 1, 1)
        large = self._stats(state, sizes.MIB)
        small = self._stats(state, 4 * sizes.KIB)
        # 300 GiB for two copies, or for two copies and as much again.
        self.assertLess(145 * GIB, large.total_data_bytes)
        self.assertLess(large.total_data_bytes, 150 * GIB)
        self.assertLess(95 * GIB, small.total_data_bytes)
        self.assertLess(small.total_data_bytes, 100 * GIB)
