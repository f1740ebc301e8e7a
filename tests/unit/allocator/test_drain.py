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

"""Plans that empty devices."""

import dataclasses

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import moves
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import holdings
from tests.unit.allocator import soundness
from tests.unit.allocator.clusters import Disk


class EveryDrainTestCase(soundness.SoundTestCase):
    """What holds for every drain."""

    @hypothesis.given(holdings.held(), st.data())
    def test_a_drain_empties_or_explains(
        self, state: holdings.Held, data: st.DataObject
    ) -> None:
        """Nothing stays without a reason, nothing else moves."""
        ids = sorted(c.device.id for c in state[0].devices)
        drain = frozenset(
            data.draw(st.sets(st.sampled_from(ids), min_size=1, max_size=3))
        )
        plan = holdings.plan(state, drain=drain)
        for count in range(len(plan.moves) + 1):
            self.assert_sound(holdings.after(state, plan.moves[:count]))
        wanted = {
            b.id for h in state[1] for b in h.bricks if b.device_id in drain
        }
        moved = {move.brick.id for move in plan.moves}
        stuck = {each.brick.id for each in plan.stuck}
        self.assertEqual(wanted, moved | stuck)
        self.assertEqual(set(), moved & stuck)
        for move in plan.moves:
            self.assertNotIn(move.target.device.id, drain)
        self.assertTrue(all(each.reason for each in plan.stuck))
        again = holdings.plan(holdings.after(state, plan.moves), drain=drain)
        self.assertEqual((), again.moves)
        self.assertEqual(stuck, {each.brick.id for each in again.stuck})


class DrainTestCase(base.TestCase):
    """Drains of which one knows how they end."""

    def _devices(self, state: holdings.Held, prefix: str) -> frozenset[str]:
        ids = {c.device.id for c in state[0].devices}
        return frozenset(each for each in ids if each.startswith(prefix))

    def _spread(self, nodes: int, volumes: int = 4) -> holdings.Held:
        """Put volumes on three zones, one brick in each."""
        return holdings.placed(
            clusters.grid(3, nodes, 1), [holdings.RULE] * volumes, 20
        )

    def test_a_node_goes_to_the_others_of_its_zone(self) -> None:
        """That is where strict zones leave room."""
        state = self._spread(nodes=3)
        drain = self._devices(state, 'z2n0')
        plan = holdings.plan(state, drain=drain)
        self.assertGreater(len(plan.moves), 0)
        for move in plan.moves:
            self.assertEqual(2, move.target.node.zone)
            self.assertIn('to be emptied', move.why)
        self.assertEqual(((), ()), (plan.stuck, plan.too_full))

    def test_a_zone_that_each_set_needs(self) -> None:
        """It is said which zones would do."""
        state = self._spread(nodes=2)
        plan = holdings.plan(state, drain=self._devices(state, 'z2'))
        self.assertEqual((), plan.moves)
        self.assertEqual(4, len(plan.stuck))
        for stuck in plan.stuck:
            self.assertIn('in the same zone', stuck.reason)
            self.assertIn('in a zone other than zone 1, zone 3', stuck.reason)

    def test_what_would_help_is_not_online(self) -> None:
        """It is named."""
        snapshot, held = self._spread(nodes=2)
        offline = model.EntryState.OFFLINE
        devices = tuple(
            dataclasses.replace(
                c, device=dataclasses.replace(c.device, state=offline)
            )
            if c.device.id == 'z2n1-d0'
            else c
            for c in snapshot.devices
        )
        state = dataclasses.replace(snapshot, devices=devices), held
        plan = holdings.plan(state, drain=frozenset({'z2n0-d0'}))
        self.assertGreater(len(plan.stuck), 0)
        for stuck in plan.stuck:
            self.assertIn(
                'or bring back z2n1.example:/dev/sd0', stuck.reason
            )
            self.assertNotIn('z1n', stuck.reason.split('add 1')[1])

    def test_the_budget_ends_before_the_bricks(self) -> None:
        """The next plan goes on where this one stops."""
        state = self._spread(nodes=2, volumes=4)
        drain = self._devices(state, 'z2n0')
        budget = moves.Budget(max_moves=1)
        wanted = len(holdings.plan(state, drain=drain).moves)
        self.assertEqual(2, wanted)
        plan = holdings.plan(state, budget, drain)
        self.assertEqual(1, len(plan.moves))
        self.assertTrue(plan.is_cut_short)
        self.assertEqual(
            {'the budget is spent'}, {each.reason for each in plan.stuck}
        )
        rest = holdings.plan(holdings.after(state, plan.moves), drain=drain)
        self.assertEqual(1, len(rest.moves))
        self.assertEqual((), rest.stuck)

    def test_a_volume_that_is_being_made(self) -> None:
        """It is left alone, and said so."""
        snapshot, held = self._spread(nodes=2, volumes=1)
        creating = model.VolumeState.CREATING
        busy = tuple(
            dataclasses.replace(
                each, volume=dataclasses.replace(each.volume, state=creating)
            )
            for each in held
        )
        [brick] = [b for b in held[0].bricks if b.device_id.startswith('z2')]
        plan = holdings.plan(
            (snapshot, busy), drain=frozenset({brick.device_id})
        )
        self.assertEqual((), plan.moves)
        [stuck] = plan.stuck
        self.assertEqual('its volume is creating', stuck.reason)

    def test_the_one_with_a_single_choice_goes_first(self) -> None:
        """The larger brick has another place, the smaller one has not."""
        disks = [Disk('n0', 0, 100), Disk('n1', 1, 60), Disk('n2', 2, 85)]
        single = allocator.Request(
            0, durability.DISTRIBUTE, spread.zones(spread.Mode.NONE)
        )
        pair = dataclasses.replace(single, durability=durability.replicate(2))
        held = (
            holdings.put(1, 40, single, ['n0-d0']),
            holdings.put(2, 35, pair, ['n0-d0', 'n2-d0']),
        )
        state = holdings.with_only(clusters.snapshot(disks), held), held
        plan = holdings.plan(state, drain=frozenset({'n0-d0'}))
        self.assertEqual(
            {'v1-b0-0': 'n2-d0', 'v2-b0-0': 'n1-d0'},
            {m.brick.id: m.target.device.id for m in plan.moves},
        )

    def test_a_device_of_another_cluster(self) -> None:
        """It is named."""
        error = self.assertRaises(
            exceptions.NotFound,
            holdings.plan,
            self._spread(nodes=1),
            drain=frozenset({'other'}),
        )
        self.assertEqual('other', error.fields['identity'])
