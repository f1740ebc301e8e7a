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

"""One brick goes elsewhere, or it is said why it can't."""

import dataclasses

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.allocator import replace
from manila_gluster_heketi.allocator.inventory import Inventory
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import holdings
from tests.unit.allocator.clusters import GIB


class ReplaceTestCase(base.TestCase):
    """One brick goes elsewhere."""

    def setUp(self) -> None:
        """Place one volume over three zones."""
        super().setUp()
        self.inventory = Inventory(clusters.grid(3, 2, 1))
        request = dataclasses.replace(holdings.RULE, data_bytes=50 * GIB)
        holding = holdings.hold(self.inventory, request, 1)
        assert holding is not None
        self.holding = holding

    def test_stays_in_its_zone(self) -> None:
        """The others have theirs."""
        zones = {
            c.device.id: c.node.zone for c in self.inventory.snapshot().devices
        }
        for brick in self.holding.bricks:
            slot = replace.replace(
                self.inventory, self.holding.volume, self.holding.bricks, brick
            )
            self.assertNotEqual(brick.device_id, slot.device_id)
            self.assertEqual(zones[brick.device_id], zones[slot.device_id])
            self.assertEqual(brick.size_bytes, slot.size_bytes)

    def test_says_what_is_in_the_way(self) -> None:
        """Each constraint counts what it removed."""
        brick = self.holding.bricks[0]
        spare = {c.node.id for c in self.inventory.snapshot().devices}
        used = {b.device_id for b in self.holding.bricks}
        spare -= {
            c.node.id
            for c in self.inventory.snapshot().devices
            if c.device.id in used
        }
        refusal = self.assertRaises(
            exceptions.NoSpace,
            replace.replace,
            self.inventory,
            self.holding.volume,
            self.holding.bricks,
            brick,
            excluded=frozenset(spare),
        )
        explanation = refusal.fields['explanation']
        removed = {r.constraint: r.devices for r in explanation.refusals}
        self.assertEqual(
            {'not-excluded': 3, 'elsewhere': 1, 'different-zones': 2}, removed
        )
        self.assertIn('a zone other than zone 2, zone 3', explanation.remedy)
