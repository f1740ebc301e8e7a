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

"""What holds wherever a plan is stopped."""

import collections

from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import moves
from tests import base
from tests.unit.allocator import holdings

PREFER = spread.zones(spread.Mode.PREFER)


class SoundTestCase(base.TestCase):
    """Looks at every constraint."""

    def assert_sound(self, state: holdings.Held) -> None:
        """Nothing is too full, and sets are spread as they have to be."""
        snapshot, held = state
        here = {each.device.id: each for each in snapshot.devices}
        for each in snapshot.devices:
            self.assertLessEqual(each.used_bytes, each.device.total_bytes)
        for holding in held:
            for members in _sets(holding):
                nodes = [here[b.device_id].node for b in members]
                self.assertEqual(len(nodes), len({n.id for n in nodes}))
                if holding.volume.spread == holdings.STRICT:
                    self.assertEqual(len(nodes), len({n.zone for n in nodes}))

    def zones_missed(self, state: holdings.Held) -> int:
        """Count bricks in a zone of their set where it prefers others."""
        snapshot, held = state
        zones = {c.device.id: c.node.zone for c in snapshot.devices}
        return sum(
            len(members) - len({zones[b.device_id] for b in members})
            for holding in held
            if holding.volume.spread == PREFER
            for members in _sets(holding)
        )


def _sets(holding: moves.Holding) -> list[list[model.Brick]]:
    found = collections.defaultdict(list)
    for brick in holding.bricks:
        found[brick.set_index].append(brick)
    return list(found.values())
