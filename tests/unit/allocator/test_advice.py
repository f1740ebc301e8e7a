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

"""Advice that leaves nothing open."""

from manila_gluster_heketi import allocator
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import drawn
from tests.unit.allocator.clusters import Disk


class AdviceTestCase(base.TestCase):
    """Where a new device has to be."""

    def test_a_zone_whose_other_rack_would_not_do(self) -> None:
        """All strict tiers are named, though one tells the devices apart."""
        state = clusters.tagged(
            clusters.snapshot(
                [Disk('n0', 1, 1), Disk('n1', 2, 1), Disk('n2', 1, 1)]
            ),
            n0={'rack': 'a', 'arbiter': 'required'},
            n1={'rack': 'a'},
            n2={'rack': 'b'},
        )
        explanation = drawn.explanation(
            state, drawn.request('distribute', 'zone:strict,rack:strict', 2)
        )
        assert explanation is not None
        [change] = explanation.changes
        assert isinstance(change, allocator.AddDevices)
        self.assertEqual(
            (allocator.DevicesIn('zone 1/rack b', 1),), change.where
        )
