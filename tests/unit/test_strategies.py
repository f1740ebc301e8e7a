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


"""Tests of strategies by name, ours and those of others."""

from importlib import metadata

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import strategies
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import strategies as ours
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.strategies import Checked
from tests import base
from tests.unit.allocator import clusters


class FirstFit:
    """A strategy of somebody: one set on the first devices there are."""

    def find(
        self, ground: search.Ground, request: Request
    ) -> search.BrickSets:
        """Take devices as they come; room and nodes are no matter."""
        division = next(request.divisions(ground.estate.extent_bytes))
        rooms = list(ground.estate.rooms.values())[: request.copies]
        return [[(room, division.brick_bytes) for room in rooms]]


FIRST_FIT = FirstFit()
NUMBER = 1


def install(case: base.TestCase, **plugins: str) -> None:
    """Have plugins installed beside ours, as 'module:object'.

    A plugin may have the name of one that is there, too.
    """
    mine = [
        metadata.EntryPoint(name, value, strategies.NAMESPACE)
        for name, value in plugins.items()
    ]
    there = metadata.entry_points(group=strategies.NAMESPACE)
    case.useFixture(
        fixtures.MonkeyPatch(
            'stevedore.extension.ExtensionManager.ENTRY_POINT_CACHE',
            {strategies.NAMESPACE: [*there, *mine]},
        )
    )


@ddt.ddt
class StrategyTestCase(base.TestCase):
    """They are entry points."""

    def _refused(self, name: str) -> str:
        error = self.assertRaises(
            exceptions.InvalidInput, strategies.named, name
        )
        self.assertEqual(name, error.fields['value'])
        return str(error.fields['reason'])

    @ddt.data(
        ('balanced', ours.BALANCED),
        ('heketi_ring', ours.HEKETI_RING),
        ('most_free', ours.MOST_FREE),
        ('packed', ours.PACKED),
        ('straw2', ours.STRAW2),
    )
    @ddt.unpack
    def test_ours(self, name: str, expected: ours.Strategy) -> None:
        """Each has its name, and needs no look at what it answers."""
        self.assertIs(expected, strategies.named(name))

    def test_all_of_ours_have_names(self) -> None:
        """None is missing."""
        found = [strategies.named(name) for name in strategies.known()]
        self.assertCountEqual(ours.OURS, found)
        self.assertIn(strategies.DEFAULT, strategies.known())

    def test_unknown(self) -> None:
        """Those that there are are named."""
        install(self, mine='tests.unit.test_strategies:FIRST_FIT')
        self.assertEqual(
            'known are balanced, heketi_ring, mine, most_free, packed, straw2',
            self._refused('best'),
        )

    @ddt.data('most_free', 'straw2')
    def test_to_compare_alone(self, name: str) -> None:
        """No share is placed by them; the simulator has them."""
        error = self.assertRaises(
            exceptions.InvalidInput, strategies.for_shares, name
        )
        self.assertIn('to compare', error.fields['reason'])
        strategies.named(name)

    @ddt.data('balanced', 'heketi_ring', 'packed')
    def test_for_shares(self, name: str) -> None:
        """Shares may be placed by the others."""
        self.assertIs(strategies.named(name), strategies.for_shares(name))

    def test_of_somebody_else(self) -> None:
        """It places, where what it does is right."""
        install(self, mine='tests.unit.test_strategies:FIRST_FIT')
        found = strategies.for_shares('mine')
        self.assertEqual(Checked('mine', FIRST_FIT), found)
        inventory = clusters.allocator.Inventory(clusters.grid(3, 1, 1))
        request = clusters.allocator.request_for(clusters.spec(10))
        placement = clusters.allocator.place(
            inventory, request, strategy=found
        )
        self.assertEqual(
            ['z1n0-d0', 'z2n0-d0', 'z3n0-d0'],
            [slot.device_id for slot in placement.slots],
        )

    def test_of_somebody_else_at_fault(self) -> None:
        """What it does is refused where it would harm."""
        install(self, mine='tests.unit.test_strategies:FIRST_FIT')
        inventory = clusters.allocator.Inventory(clusters.grid(3, 1, 2))
        request = clusters.allocator.request_for(clusters.spec(10))
        error = self.assertRaises(
            exceptions.StrategyAtFault,
            clusters.allocator.place,
            inventory,
            request,
            strategy=strategies.named('mine'),
        )
        self.assertEqual('mine', error.fields['strategy'])
        self.assertIn('two bricks in one node', str(error))

    def test_two_of_one_name(self) -> None:
        """Nobody guesses which one is meant."""
        install(self, packed='tests.unit.test_strategies:FIRST_FIT')
        self.assertIn('several', self._refused('packed'))

    @ddt.data(
        ('tests.nosuch:FIRST_FIT', 'can not be loaded'),
        ('tests.unit.test_strategies:NOSUCH', 'can not be loaded'),
        ('tests.unit.test_strategies:NUMBER', 'no object with'),
        ('tests.unit.test_strategies:FirstFit', 'no object with'),
    )
    @ddt.unpack
    def test_broken_plugin(self, value: str, reason: str) -> None:
        """The reason is given; those that are not broken still work."""
        install(self, mine=value)
        self.assertIn(reason, self._refused('mine'))
        strategies.named('packed')
