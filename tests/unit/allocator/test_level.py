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

"""Tests of how level a cluster is said to be."""

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import Disk


def _level(*disks: Disk, copies: int = 2) -> allocator.Level:
    rule = allocator.Request(
        0, durability.replicate(copies), spread.parse('zone:prefer')
    )
    return allocator.level_of(clusters.snapshot(disks), rule)


class LevelTestCase(base.TestCase):
    """Distances of devices from where they should be."""

    def test_two_devices(self) -> None:
        """Each should be as full as both are on average."""
        level = _level(Disk('a', 1, 100, used=80), Disk('b', 2, 100, used=40))
        self.assertEqual({'a-d0': 0.6, 'b-d0': 0.6}, dict(level.fair))
        self.assertAlmostEqual(0.2, level.rms)
        self.assertAlmostEqual(0.2, level.worst)
        self.assertEqual('a-d0', level.worst_id)

    def test_a_device_without_a_partner(self) -> None:
        """A large one can't be used whole, and should not be as full."""
        level = _level(Disk('a', 1, 300, used=50), Disk('b', 2, 100, used=50))
        self.assertAlmostEqual(0.5 / 3, level.fair['a-d0'])
        self.assertAlmostEqual(0.5, level.fair['b-d0'])
        self.assertAlmostEqual(0, level.rms)

    def test_offline_devices_have_no_level(self) -> None:
        """Nothing can be put on them, nor are they compared."""
        level = _level(
            Disk('a', 1, 100, used=50),
            Disk('b', 2, 100, used=50),
            Disk('c', 3, 100, used=90, online=False),
            Disk('d', 3, 100, used=90, node_online=False),
        )
        self.assertEqual({'a-d0', 'b-d0'}, set(level.fair))
        self.assertAlmostEqual(0, level.worst)

    def test_no_level_is_above_the_brim(self) -> None:
        """Volumes of other kinds may hold more than these ever could."""
        level = _level(Disk('a', 1, 100, used=90), Disk('b', 2, 10, used=9))
        self.assertEqual(1, level.fair['b-d0'])
        self.assertEqual(0, _level(copies=3).rms)

    def test_nothing_there(self) -> None:
        """There is no worst device then."""
        self.assertEqual(
            allocator.Level({}, 0.0, 0.0, ''),
            allocator.level_of(
                model.Snapshot(model.Cluster('c', 'c'), ()),
                allocator.Request(
                    0, durability.DISTRIBUTE, spread.parse('none')
                ),
            ),
        )
