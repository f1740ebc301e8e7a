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

"""Tests of refusals: what was in the way, and what would help."""

import pickle

import ddt

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import Spread
from manila_gluster_heketi.spread import zones
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import Disk

STRICT = zones(Mode.STRICT)


@ddt.ddt
class ExplainTestCase(base.TestCase):
    """Each constraint says what it removed."""

    def _explained(
        self,
        state: model.Snapshot,
        spec: model.VolumeSpec,
        exclude: str = '',
        limits: allocator.Limits = allocator.Limits(),
    ) -> allocator.Explanation:
        error = self.assertRaises(
            exceptions.NoSpace,
            clusters.place,
            state,
            spec,
            excluded=frozenset({exclude}),
            limits=limits,
        )
        explanation = error.fields['explanation']
        self.assertIn(str(explanation), str(error))
        self.assertIsInstance(explanation, allocator.Explanation)
        return explanation

    def _refusals(
        self, explanation: allocator.Explanation
    ) -> list[tuple[str, int, tuple[str, ...]]]:
        return [
            (refusal.constraint, refusal.devices, refusal.where)
            for refusal in explanation.refusals
        ]

    def test_each_constraint_in_turn(self) -> None:
        """A device counts for the first that removes it."""
        state = clusters.snapshot(
            [
                Disk('a', 1, 100, node_online=False, online=False),
                Disk('a', 1, 100, node_online=False),
                Disk('b', 2, 100, online=False),
                Disk('c', 3, 100),
                Disk('d', 4, 5),
                Disk('e', 5, 100),
                Disk('e', 5, 100),
            ]
        )
        explanation = self._explained(
            state, clusters.spec(10, replica=2), exclude='c'
        )
        self.assertEqual(
            [
                ('node-online', 2, ('a.example',)),
                ('not-excluded', 1, ('c.example',)),
                ('device-online', 1, ('b.example',)),
                ('room', 1, ('d.example',)),
                ('different-nodes', 1, ('e.example',)),
            ],
            self._refusals(explanation),
        )
        self.assertEqual(7, explanation.devices)
        self.assertEqual(4, explanation.largest_gib)
        self.assertEqual(
            'bring back b.example:/dev/sd0, or add 1 device of 5.49 GiB on '
            'd.example',
            explanation.remedy,
        )

    def test_strict_zones(self) -> None:
        """What is missing is a zone, not space."""
        state = clusters.grid(2, 3, 1)
        explanation = self._explained(state, clusters.spec(10, spread=STRICT))
        self.assertEqual(
            [('different-zones', 4, ('zone 1', 'zone 2'))],
            self._refusals(explanation),
        )
        self.assertEqual(0, explanation.largest_bytes)
        self.assertEqual(
            'add 1 device of 10.41 GiB in a zone other than zone 1, zone 2, '
            'or do without zone:strict',
            explanation.remedy,
        )

    def test_several_zones_are_missing(self) -> None:
        """Two bricks of one set can't go to one new zone."""
        state = clusters.grid(1, 3, 1)
        explanation = self._explained(state, clusters.spec(10, spread=STRICT))
        self.assertIn(
            'add 2 devices of 10.41 GiB each: 1 in each of 2 different zones '
            'other than zone 1, ',
            explanation.remedy,
        )

    def test_advice_helps(self) -> None:
        """With what it names the volume fits."""
        disks = [Disk(f'n{zone}', zone, 20) for zone in (1, 2, 3)]
        wanted = clusters.spec(25)
        explanation = self._explained(clusters.snapshot(disks), wanted)
        self.assertEqual(
            'add 3 devices of 5.83 GiB each: 1 on each of n1.example, '
            'n2.example, n3.example',
            explanation.remedy,
        )
        [change] = explanation.changes
        assert isinstance(change, allocator.AddDevices)
        room = change.room_bytes / GIB
        more = [Disk(f'n{zone}', zone, room) for zone in (1, 2, 3)]
        clusters.place(clusters.snapshot(disks + more), wanted)

    def test_cluster_without_devices(self) -> None:
        """The text makes sense there too."""
        explanation = self._explained(clusters.snapshot([]), clusters.spec(1))
        self.assertEqual(
            'cluster c1 has 0 devices; the 3 bricks of a set must be in '
            'different nodes, and there are 0 alone; the largest that fits '
            'is 0.00 GiB; add 3 devices of 1.17 GiB each: 1 on each of 3 '
            'different nodes',
            str(explanation),
        )

    def test_limits(self) -> None:
        """Some volumes fit into no cluster."""
        explanation = self._explained(
            clusters.grid(3, 1, 1), clusters.spec(100_000)
        )
        self.assertEqual([('limits', 0, ())], self._refusals(explanation))
        self.assertIn('60 bricks of at most 4096.00 GiB', str(explanation))

    def test_many_hosts_are_cut_short_in_the_text_only(self) -> None:
        """A cluster of a thousand nodes has a readable message."""
        state = clusters.grid(10, 10, 1, total=1)
        explanation = self._explained(state, clusters.spec(900))
        (refusal,) = explanation.refusals
        self.assertEqual(100, len(refusal.where))
        self.assertIn('and 95 more', str(refusal))

    @ddt.data(zones(Mode.PREFER), zones(Mode.NONE))
    def test_what_was_wanted_is_said(self, spread: Spread) -> None:
        """With durability and spread, since they decide."""
        error = self.assertRaises(
            exceptions.NoSpace,
            clusters.place,
            clusters.grid(1, 1, 1),
            clusters.spec(10, replica=2, spread=spread),
        )
        self.assertEqual(
            f'10.00 GiB (replicate:2, spread {spread})',
            error.fields['wanted'],
        )

    def test_refusal_survives_pickling(self) -> None:
        """It may have to go from one process to another."""
        error = self.assertRaises(
            exceptions.NoSpace,
            clusters.place,
            clusters.grid(1, 1, 1),
            clusters.spec(10),
        )
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301
        self.assertEqual(str(error), str(copy))
        self.assertEqual(error.fields, copy.fields)
