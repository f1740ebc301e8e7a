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

"""Tiers of any label, tags, arbiters, and an inventory that is kept."""

import dataclasses

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.sizes import GIB
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import Disk

_KINDS = (
    'distribute',
    'replicate:2',
    'replicate:3',
    'arbiter',
    'disperse:2+1',
    'disperse:4+2',
)


def _request(kind: str, tiers: str, gib: float = 10, **more: str):
    return allocator.Request(
        int(gib * GIB), durability.parse(kind), spread.parse(tiers), **more
    )


def _place(state: model.Snapshot, request: allocator.Request):
    return allocator.place(allocator.Inventory(state), request)


@st.composite
def _states(draw: st.DrawFn) -> model.Snapshot:
    """Draw nodes in zones and racks that do not nest."""
    count = draw(st.integers(3, 9))
    state = clusters.snapshot(
        Disk(f'n{n}', draw(st.integers(1, 3)), draw(st.integers(10, 40)))
        for n in range(count)
        for _ in range(draw(st.integers(1, 2)))
    )
    # The zone of a node is that of its first disk.
    first: dict[str, model.Node] = {}
    for device in state.devices:
        first.setdefault(device.node.id, device.node)
    nodes = {
        name: dataclasses.replace(
            node,
            tags={
                'rack': draw(st.sampled_from('abcd')),
                'arbiter': draw(
                    st.sampled_from(['required', 'supported', 'disabled'])
                ),
                'disk': draw(st.sampled_from(['ssd', 'hdd'])),
            },
        )
        for name, node in first.items()
    }
    return dataclasses.replace(
        state,
        devices=tuple(
            dataclasses.replace(c, node=nodes[c.node.id])
            for c in state.devices
        ),
    )


_REQUESTS = st.builds(
    _request,
    kind=st.sampled_from(_KINDS),
    tiers=st.sampled_from(
        [
            'zone:strict,rack:strict',
            'zone:prefer,rack:strict',
            'rack:prefer,zone:prefer',
            'none',
        ]
    ),
    gib=st.floats(0.5, 8),
    tags=st.sampled_from(['', 'disk = ssd']),
)


class ConstraintsTestCase(base.TestCase):
    """Whatever is asked of sets holds for each of them."""

    @hypothesis.given(_states(), _REQUESTS)
    def test_every_set(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """Nodes, strict tiers, roles, tags and room."""
        try:
            placement = _place(state, request)
        except exceptions.NoSpace:
            return
        here = {c.device.id: c for c in state.devices}
        kind = request.durability
        strict = request.spread.labels(spread.Mode.STRICT)
        for slots in placement.sets:
            self.assertEqual(kind.bricks_per_set, len(slots))
            where = [here[slot.device_id] for slot in slots]
            self.assertEqual(len(slots), len({c.node.id for c in where}))
            if 'zone' in strict:
                self.assertEqual(len(slots), len({c.node.zone for c in where}))
            if 'rack' in strict:
                racks = {c.tags['rack'] for c in where}
                self.assertEqual(len(slots), len(racks))
            for position, candidate in enumerate(where):
                role = candidate.tags['arbiter']
                unfit = 'disabled' if kind.is_arbiter(position) else 'required'
                self.assertNotEqual(unfit, role)
                if request.tags:
                    self.assertEqual('ssd', candidate.tags['disk'])
        after = clusters.filled(state, placement.slots)
        for candidate in after.devices:
            self.assertLessEqual(
                candidate.used_bytes, candidate.device.total_bytes
            )
        self.assertGreaterEqual(placement.capacity_bytes, request.data_bytes)

    @hypothesis.given(_states(), st.lists(_REQUESTS, min_size=1, max_size=5))
    def test_an_inventory_that_is_kept(
        self, state: model.Snapshot, requests: list[allocator.Request]
    ) -> None:
        """It answers as one that is made anew, also after deletions."""
        kept = allocator.Inventory(state)
        placed = []
        for number, request in enumerate(requests):
            expected = self._answer(allocator.Inventory(state), request)
            self.assertEqual(expected, self._answer(kept, request))
            if expected is not None:
                kept.change(expected.slots, number)
                state = clusters.filled(state, expected.slots)
                placed.append(expected)
        for placement in placed:
            kept.change(placement.slots, 0, freed=True)
        for device in kept.snapshot().devices:
            self.assertEqual(0, device.used_bytes)

    def _answer(
        self, inventory: allocator.Inventory, request: allocator.Request
    ) -> allocator.Placement | None:
        try:
            return allocator.place(inventory, request)
        except exceptions.NoSpace:
            return None


class TiersTestCase(base.TestCase):
    """Failure domains that are tags."""

    def setUp(self) -> None:
        """Make two zones of three racks each, a node to a rack."""
        super().setUp()
        self.state = clusters.tagged(
            clusters.grid(2, 3, 1),
            **{
                f'z{zone}n{node}': {'rack': f'{zone}{node}'}
                for zone in (1, 2)
                for node in range(3)
            },
        )

    def _racks(self, placement: allocator.Placement) -> list[set[str]]:
        racks = {c.device.id: c.tags['rack'] for c in self.state.devices}
        return [{racks[s.device_id] for s in each} for each in placement.sets]

    def test_racks_where_zones_are_too_few(self) -> None:
        """Three copies do not fit into two zones."""
        refusal = self.assertRaises(
            exceptions.NoSpace,
            _place,
            self.state,
            _request('replicate:3', 'zone:strict,rack:strict'),
        )
        self.assertIn('or do without zone:strict', str(refusal))
        placement = _place(
            self.state, _request('replicate:3', 'zone:prefer,rack:strict')
        )
        self.assertEqual([3], [len(r) for r in self._racks(placement)])
        # Of the zones it still uses as many as there are.
        zones = {s.node_id[1] for s in placement.slots}
        self.assertEqual({'1', '2'}, zones)

    def test_tiers_that_cross(self) -> None:
        """Racks go through zones: the emptiest pair shares one of them."""
        state = clusters.tagged(
            clusters.snapshot(
                [
                    Disk('a', 1, 100),
                    Disk('b', 1, 100),
                    Disk('c', 2, 100),
                    Disk('d', 2, 100, used=70),
                    Disk('e', 3, 100, used=80),
                ]
            ),
            a={'rack': '1'},
            b={'rack': '2'},
            c={'rack': '1'},
            d={'rack': '2'},
            e={'rack': '3'},
        )
        both = 'zone:strict,rack:strict'
        for kind, expected in (
            ('replicate:2', [{'b', 'c'}]),
            # c and e leave nothing in rack 2 but b, which is in zone 1.
            ('replicate:3', [{'b', 'c', 'e'}, {'a', 'd', 'e'}]),
        ):
            [bricks] = _place(state, _request(kind, both)).sets
            self.assertIn({slot.node_id for slot in bricks}, expected)
        refusal = self.assertRaises(
            exceptions.NoSpace,
            _place,
            state,
            _request('replicate:3', both, 40),
        )
        self.assertIn('the largest that fits is', str(refusal))

    def test_a_tier_that_nothing_has(self) -> None:
        """That is a slip of the pen, not a lack of space."""
        error = self.assertRaises(
            exceptions.InvalidInput,
            _place,
            self.state,
            _request('replicate:2', 'zone:strict,row:prefer'),
        )
        self.assertEqual('spread', error.fields['field'])
        self.assertIn("'row'", str(error))


class ArbitersTestCase(base.TestCase):
    """Where the bricks without data go."""

    def test_small_devices_are_left_for_them(self) -> None:
        """The arbiter goes where data would not fit."""
        state = clusters.snapshot(
            [Disk('a', 1, 50), Disk('b', 2, 50), Disk('small', 3, 5)]
        )
        [bricks] = _place(state, _request('arbiter', 'strict', 40)).sets
        self.assertEqual('small', bricks[2].node_id)
        self.assertLess(bricks[2].size_bytes, 4 * GIB)
        self.assertEqual(bricks[0].size_bytes, bricks[1].size_bytes)

    def test_devices_that_are_kept_for_them(self) -> None:
        """Whatever room they have: data goes elsewhere."""
        state = clusters.tagged(
            clusters.snapshot(Disk(n, 1, 500) for n in 'abc'),
            b={'arbiter': 'required'},
        )
        [bricks] = _place(state, _request('arbiter', 'none')).sets
        self.assertEqual('b', bricks[2].node_id)
        refusal = self.assertRaises(
            exceptions.NoSpace, _place, state, _request('replicate:3', 'none')
        )
        self.assertIn('kept for arbiter bricks', str(refusal))

    def test_racks_that_only_arbiters_make_cross_zones(self) -> None:
        """The one for the arbiter is in another zone but in a rack of data."""
        state = clusters.tagged(
            clusters.snapshot(
                [Disk('a', 1, 50), Disk('b', 2, 50), Disk('c', 3, 50)]
            ),
            a={'rack': '1', 'arbiter': 'disabled'},
            b={'rack': '2', 'arbiter': 'disabled'},
            c={'rack': '1', 'arbiter': 'required'},
        )
        both = _request('arbiter', 'zone:strict,rack:strict')
        self.assertRaises(exceptions.NoSpace, _place, state, both)
        [bricks] = _place(state, _request('arbiter', 'strict')).sets
        self.assertEqual('c', bricks[2].node_id)

    def test_two_nodes_are_too_few(self) -> None:
        """An arbiter beside data would decide nothing."""
        state = clusters.snapshot(Disk(n, 1, 500) for n in 'ab')
        self.assertRaises(
            exceptions.NoSpace, _place, state, _request('arbiter', 'none')
        )


class UnequalSetsTestCase(base.TestCase):
    """Room that equal sets would strand."""

    def test_all_of_uneven_disks_is_used(self) -> None:
        """A share as large as the bound is taken."""
        state = clusters.snapshot(
            Disk(n, 1, size) for n, size in (('a', 100), ('b', 60), ('c', 60))
        )
        placement = _place(state, _request('replicate:2', 'none', 107))
        used = sum(slot.size_bytes for slot in placement.slots)
        self.assertGreater(used, 0.98 * 220 * GIB)
        self.assertGreater(
            len({bricks[0].size_bytes for bricks in placement.sets}), 1
        )
        self.assertGreaterEqual(placement.capacity_bytes, 107 * GIB)

    def test_slivers_do_not_stop_it(self) -> None:
        """Rows of some length are cut into too many sets, longer ones not."""
        state = clusters.snapshot(
            Disk(f'n{node}', 1, size)
            for node, sizes in enumerate(((40, 1), (13, 1), (8, 3), (20,)))
            for size in sizes
        )
        limits = allocator.Limits(volume_bricks=8)
        kind = dataclasses.replace(
            _request('replicate:2', 'none'), limits=limits
        )
        stats = allocator.pool_stats(allocator.Inventory(state), kind)
        largest = dataclasses.replace(
            kind, data_bytes=stats.largest_volume_bytes
        )
        self.assertLessEqual(len(_place(state, largest).sets), 4)
