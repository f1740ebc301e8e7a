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

"""Why each device was taken, and what was passed over."""

import json

import hypothesis

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import drawn
from tests.unit.allocator.clusters import Disk


def _reasons(
    state: model.Snapshot, request: allocator.Request
) -> tuple[allocator.Choice, ...]:
    inventory = allocator.Inventory(state)
    placement = allocator.place(inventory, request)
    return allocator.explain_placement(inventory, request, placement)


class ReasonsTestCase(base.TestCase):
    """On a few devices, by hand."""

    def test_the_emptiest_device_of_a_domain(self) -> None:
        """With the next one beside it, and how full they should be."""
        state = clusters.snapshot(
            [
                Disk('a', 1, 100, used=50),
                Disk('a', 1, 200, used=60),
                Disk('b', 2, 100, used=10),
                Disk('c', 3, 100, used=20),
                Disk('d', 4, 100, used=90),
            ]
        )
        choices = _reasons(
            state, drawn.request('replicate:3', 'zone:strict', 20)
        )
        by_domain = {each.taken.domain: each for each in choices}
        self.assertEqual({'zone 1', 'zone 2', 'zone 3'}, set(by_domain))
        mine = by_domain['zone 1']
        assert mine.beside is not None
        self.assertEqual('a-d1', mine.taken.device_id)
        self.assertAlmostEqual(0.3, mine.taken.before)
        self.assertAlmostEqual(0.3 + 20.55 / 200, mine.taken.after, 3)
        self.assertEqual('a-d0', mine.beside.device_id)
        self.assertAlmostEqual(0.5, mine.beside.before)
        self.assertIsNone(by_domain['zone 2'].beside)
        # Zone 1 is so large that a brick of each set does not fill it.
        self.assertAlmostEqual(
            by_domain['zone 2'].taken.level, by_domain['zone 3'].taken.level
        )
        self.assertGreater(by_domain['zone 2'].taken.level, mine.taken.level)

    def test_the_next_domain(self) -> None:
        """It is one that the set does not use."""
        state = clusters.snapshot(
            Disk(name, zone, 100, used=10 * zone)
            for zone, name in enumerate('abcd', 1)
        )
        choices = _reasons(state, drawn.request('replicate:2', 'none', 10))
        self.assertEqual(
            ['a.example', 'b.example'], [each.taken.host for each in choices]
        )
        for each in choices:
            assert each.elsewhere is not None
            self.assertEqual('c.example', each.elsewhere.host)
            self.assertAlmostEqual(0.3, each.elsewhere.before)
            self.assertGreater(each.elsewhere.cost, each.taken.cost)
            self.assertEqual('nearest to its fair level', each.reason)

    def test_a_domain_that_every_set_needs(self) -> None:
        """That is the reason, though others are emptier."""
        state = clusters.snapshot(
            [
                Disk('a', 1, 1000, used=500),
                Disk('b', 2, 100),
                Disk('c', 3, 100),
                Disk('d', 4, 100),
            ]
        )
        choices = _reasons(state, drawn.request('replicate:2', 'none', 10))
        self.assertEqual(
            {'a.example': True, 'b.example': False},
            {each.taken.host: each.domain_is_due for each in choices},
        )
        reasons = {each.taken.host: each.reason for each in choices}
        self.assertEqual('every set needs a.example', reasons['a.example'])

    def test_nothing_else_had_room(self) -> None:
        """So there was no choice."""
        state = clusters.snapshot(Disk(n, 1, 20) for n in 'ab')
        for each in _reasons(state, drawn.request('replicate:2', 'none', 10)):
            self.assertEqual(
                (None, None, 'no other has room'),
                (each.beside, each.elsewhere, each.reason),
            )

    def test_later_sets_see_the_bricks_of_earlier_ones(self) -> None:
        """As placing did."""
        state = clusters.snapshot(Disk(n, 1, 25) for n in 'ab')
        request = drawn.request('replicate:2', 'none', 18, brick_gib=10)
        choices = _reasons(state, request)
        self.assertEqual(2, choices[-1].set_index + 1)
        self.assertEqual(0, choices[0].taken.before)
        self.assertEqual(choices[0].taken.after, choices[-1].taken.before)


class EveryPlacementTestCase(base.TestCase):
    """Whatever the cluster and the request."""

    @hypothesis.given(drawn.states(), drawn.requests())
    def test_reasons_are_about_what_was_placed(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """And what was passed over could have been taken."""
        inventory = allocator.Inventory(state)
        try:
            placement = allocator.place(inventory, request)
        except (exceptions.NoSpace, exceptions.InvalidInput):
            return
        choices = allocator.explain_placement(inventory, request, placement)
        self.assertEqual(
            [(s.device_id, s.size_bytes) for s in placement.slots],
            [(c.taken.device_id, c.size_bytes) for c in choices],
        )
        self.assertEqual(placement, allocator.place(inventory, request))
        for choice in choices:
            self._check(choice, choices)
            json.dumps(choice.as_data())
        if len(placement.sets) == 1:
            for choice in choices[: request.copies]:
                if choice.beside:
                    self.assertLessEqual(choice.taken.cost, choice.beside.cost)

    def _check(
        self,
        choice: allocator.Choice,
        choices: tuple[allocator.Choice, ...],
    ) -> None:
        taken, beside = choice.taken, choice.beside
        self.assertGreater(taken.after, taken.before)
        self.assertLessEqual(taken.after, 1)
        if beside:
            self.assertEqual(taken.domain, beside.domain)
            self.assertNotEqual(taken.device_id, beside.device_id)
            self.assertLessEqual(beside.after, 1)
        if choice.elsewhere:
            self.assertLessEqual(choice.elsewhere.after, 1)
            self.assertNotIn(
                choice.elsewhere.domain,
                {
                    each.taken.domain
                    for each in choices
                    if each.set_index == choice.set_index
                },
            )
