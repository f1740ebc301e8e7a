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

"""Bricks that went several times while a plan was made."""

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.allocator import sequence
from manila_gluster_heketi.allocator.ledger import Ledger
from manila_gluster_heketi.allocator.terrain import Terrain
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator import holdings
from tests.unit.allocator.clusters import Disk


class SequenceTestCase(base.TestCase):
    """A ledger, and the moves that are told of it."""

    def _ledger(
        self,
        kind: durability.Durability,
        devices: list[str],
        *totals: int,
        sizes: list[int] | None = None,
    ) -> Ledger:
        """Put one volume on two disks of each node.

        :param totals: size of each node's first disk in GiB; the second has
            twice as much
        """
        request = allocator.Request(0, kind, holdings.RULE.spread)
        holding = holdings.put(0, sizes or 50, request, devices)
        snapshot = clusters.snapshot(
            Disk(f'n{node}', node, total * times)
            for node, total in enumerate(totals)
            for times in (1, 2)
        )
        state = holdings.with_only(snapshot, [holding])
        return Ledger(Terrain(state, request), [holding])

    def _hop(self, ledger: Ledger, brick_id: str, device_id: str) -> None:
        rooms = [ledger.terrain.room(each) for each in ledger.terrain.levels]
        [brick] = [
            brick
            for room in rooms
            for brick in ledger.bricks_on(room)
            if brick.id == brick_id
        ]
        ledger.move(brick, ledger.terrain.room(device_id))

    def _told(
        self, ledger: Ledger, budget: moves.Budget = moves.Budget()
    ) -> list[tuple[str, str, str]]:
        self.unpaid = sequence.fit(ledger, budget)
        return [
            (m.brick.id, m.source.device.id, m.target.device.id)
            for m in sequence.moves(ledger)
        ]

    def test_a_brick_goes_at_once_to_where_it_ends(self) -> None:
        """It is copied once."""
        ledger = self._ledger(durability.DISTRIBUTE, ['n0-d0'], 100, 200, 300)
        self._hop(ledger, 'v0-b0-0', 'n1-d0')
        self._hop(ledger, 'v0-b0-0', 'n2-d0')
        self.assertEqual([('v0-b0-0', 'n0-d0', 'n2-d0')], self._told(ledger))

    def test_a_brick_that_came_back(self) -> None:
        """It does not move."""
        ledger = self._ledger(durability.DISTRIBUTE, ['n0-d0'], 100, 200)
        self._hop(ledger, 'v0-b0-0', 'n1-d0')
        self._hop(ledger, 'v0-b0-0', 'n0-d0')
        self.assertEqual([], self._told(ledger))

    def test_two_copies_that_change_places(self) -> None:
        """Neither of them moves: they hold the same."""
        ledger = self._ledger(
            durability.replicate(2), ['n0-d0', 'n1-d0'], 100, 100, 100
        )
        self._hop(ledger, 'v0-b0-0', 'n2-d0')
        self._hop(ledger, 'v0-b0-1', 'n0-d0')
        self._hop(ledger, 'v0-b0-0', 'n1-d0')
        self.assertEqual([], self._told(ledger))

    def test_two_copies_that_change_zones(self) -> None:
        """Each stays in its own, or they would wait for each other."""
        ledger = self._ledger(
            durability.replicate(2), ['n0-d0', 'n1-d0'], 100, 100, 100
        )
        self._hop(ledger, 'v0-b0-0', 'n2-d0')
        self._hop(ledger, 'v0-b0-1', 'n0-d1')
        self._hop(ledger, 'v0-b0-0', 'n1-d1')
        self.assertEqual(
            {
                ('v0-b0-0', 'n0-d0', 'n0-d1'),
                ('v0-b0-1', 'n1-d0', 'n1-d1'),
            },
            set(self._told(ledger)),
        )

    def _traded(self) -> Ledger:
        """Let a copy and an arbiter change zones."""
        ledger = self._ledger(
            durability.ARBITER,
            ['n0-d0', 'n1-d0', 'n2-d0'],
            *[100] * 4,
            sizes=[50, 50, 10],
        )
        self._hop(ledger, 'v0-b0-2', 'n3-d1')
        self._hop(ledger, 'v0-b0-0', 'n2-d1')
        self._hop(ledger, 'v0-b0-2', 'n0-d1')
        return ledger

    def test_a_copy_and_an_arbiter_that_change_zones(self) -> None:
        """One of them has to make room: it goes twice."""
        ledger = self._traded()
        self.assertEqual(
            [
                ('v0-b0-2', 'n2-d0', 'n3-d1'),
                ('v0-b0-0', 'n0-d0', 'n2-d1'),
                ('v0-b0-2', 'n3-d1', 'n0-d1'),
            ],
            self._told(ledger),
        )
        self.assertEqual(frozenset(), self.unpaid)

    def test_no_budget_to_go_twice(self) -> None:
        """Then they stay."""
        ledger = self._traded()
        self.assertEqual([], self._told(ledger, moves.Budget(max_moves=2)))
        self.assertEqual({'v0-b0-0', 'v0-b0-2'}, self.unpaid)
