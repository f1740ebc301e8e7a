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

"""What an explanation says would help helps, and less does not."""

import collections
import dataclasses
import itertools
import json
import pickle
import random
from collections.abc import Iterator

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.sizes import GIB
from tests import base
from tests.benchmarks import refusals
from tests.unit.allocator import clusters
from tests.unit.allocator import drawn
from tests.unit.allocator.applied import EXTENT
from tests.unit.allocator.applied import applied
from tests.unit.allocator.applied import smaller
from tests.unit.allocator.clusters import Disk


class EveryRefusalTestCase(base.TestCase):
    """Each change is made, and the same asked again."""

    # An explanation may take a second where arbiters have to be tried.
    @hypothesis.settings(max_examples=50)
    @hypothesis.given(drawn.states(), drawn.requests())
    def test_each_change_is_enough_and_no_less(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """A device, an extent or a set less is refused."""
        explanation = drawn.explanation(state, request)
        if explanation is None:
            return
        self.assertTrue(explanation.changes)
        self.assertIn(explanation.remedy, str(explanation))
        json.dumps(explanation.as_data())
        case = state, request
        for change in explanation.changes:
            self.assertIsNotNone(
                drawn.placed(*applied(case, change)), str(change)
            )
            for less in smaller(change, request.durability.bricks_per_set):
                self.assertIsNone(
                    drawn.placed(*applied(case, less)), str(less)
                )

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        drawn.states(nodes=4),
        drawn.requests(
            kinds=('distribute', 'replicate:2', 'disperse:2+1'),
            tiers=('none', 'zone:strict'),
        ),
    )
    def test_no_fewer_domains_would_do(
        self, state: model.Snapshot, request: allocator.Request
    ) -> None:
        """Whichever of those that are there got a device, however large."""
        explanation = drawn.explanation(state, request)
        for change in explanation.changes if explanation else ():
            if not isinstance(change, allocator.AddDevices):
                continue
            for count in range(len(change.where)):
                for less in _other_places(state, change, count):
                    changed = applied((state, request), less)
                    self.assertIsNone(drawn.placed(*changed), repr(less))


def _other_places(
    state: model.Snapshot, change: allocator.AddDevices, count: int
) -> Iterator[allocator.AddDevices]:
    """Yield changes that add huge devices to so many domains.

    One whose devices may not be used is as good as not there.
    """
    names = {
        c.node.manage_host
        if change.label == 'node'
        else f'zone {c.node.zone}'
        for c in state.devices
        if c.node.state is c.device.state is model.EntryState.ONLINE
        and c.tags['arbiter'] != 'required'
        and (not change.tags or c.tags['disk'] == 'ssd')
    }
    for where in itertools.combinations(sorted(names), count):
        yield dataclasses.replace(
            change,
            room_bytes=sizes.TIB,
            where=tuple(allocator.DevicesIn(name, 1) for name in where),
        )


class RefusedGrowthTestCase(base.TestCase):
    """What would help a volume that is there."""

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        drawn.states(),
        drawn.requests(tiers=('none', 'zone:strict', 'rack:prefer')),
        st.floats(1, 45),  # More may be beyond all limits: see below.
        st.integers(0, 6),
    )
    def test_each_change_is_enough_and_no_less(
        self,
        state: model.Snapshot,
        request: allocator.Request,
        more_gib: float,
        lost: int,
    ) -> None:
        """Bricks may also grow where they are."""
        small = dataclasses.replace(request, data_bytes=GIB)
        placement = drawn.placed(state, small)
        if placement is None:
            return
        state = _without(clusters.filled(state, placement.slots), f'n{lost}')
        wanted = placement.capacity_bytes + int(more_gib * GIB)

        def extended(
            state: model.Snapshot, request: allocator.Request
        ) -> allocator.Explanation | None:
            return _growth_refused(state, request, placement, wanted)

        explanation = extended(state, request)
        if explanation is None:
            return
        self.assertEqual(
            'grow-in-place', explanation.refusals[0].constraint
        )
        self.assertTrue(explanation.changes)
        for change in explanation.changes:
            self.assertNotIsInstance(
                change, allocator.RelaxTiers | allocator.DropTags
            )
            changed = applied((state, request), change)
            self.assertIsNone(extended(*changed), str(change))
            for less in smaller(change, request.durability.bricks_per_set):
                changed = applied((state, request), less)
                self.assertIsNotNone(extended(*changed), str(less))

    def test_node_whose_bricks_could_grow(self) -> None:
        """It comes back, though no new set would fit there."""
        state = clusters.snapshot(Disk(n, 1, 30) for n in 'abc')
        request = drawn.request('replicate:3', 'none', 10)
        placement = drawn.placed(state, request)
        assert placement is not None
        state = _without(clusters.filled(state, placement.slots), 'b')
        explanation = _growth_refused(state, request, placement, 25 * GIB)
        assert explanation is not None
        self.assertEqual(
            allocator.BringBack(nodes=('b.example',)), explanation.changes[0]
        )
        pickle.loads(pickle.dumps(explanation))  # noqa: S301


def _without(state: model.Snapshot, node: str) -> model.Snapshot:
    """Take a node offline."""
    offline = model.EntryState.OFFLINE
    return dataclasses.replace(
        state,
        devices=tuple(
            dataclasses.replace(
                c, node=dataclasses.replace(c.node, state=offline)
            )
            if c.node.id == node
            else c
            for c in state.devices
        ),
    )


def _growth_refused(
    state: model.Snapshot,
    request: allocator.Request,
    placement: allocator.Placement,
    wanted: int,
) -> allocator.Explanation | None:
    """Extend a volume; explain why not, None if it can be."""
    volume = dataclasses.replace(
        clusters.volume(placement),
        durability=request.durability,
        spread=request.spread,
        tags=request.tags,
    )
    try:
        allocator.extend(
            allocator.Inventory(state),
            volume,
            clusters.bricks(placement),
            wanted,
            limits=request.limits,
            excluded=request.excluded,
        )
    except exceptions.NoSpace as refusal:
        found: allocator.Explanation = refusal.fields['explanation']
        return found
    return None


class LargeClustersTestCase(base.TestCase):
    """Hundreds of devices that are nearly full."""

    def test_each_change_is_enough(self) -> None:
        """Though not all devices were looked at to find it."""
        kinds = collections.Counter()
        for seed, kind in enumerate(refusals.KINDS):
            chance = random.Random(seed)
            state = refusals.cluster(chance)
            inventory = allocator.Inventory(state)
            for _ in range(3):
                request = refusals.request(kind, inventory, chance)
                request = dataclasses.replace(
                    request,
                    data_bytes=int(
                        request.data_bytes * chance.uniform(1.1, 3)
                    ),
                )
                explanation = drawn.explanation(state, request)
                for change in explanation.changes if explanation else ():
                    kinds[change.kind] += 1
                    changed = applied((state, request), change)
                    self.assertIsNotNone(drawn.placed(*changed), str(change))
        self.assertGreater(kinds['add-devices'], 3)


class KindsOfChangesTestCase(base.TestCase):
    """Each of them once, by hand."""

    def _changes(
        self, state: model.Snapshot, request: allocator.Request
    ) -> tuple[allocator.Change, ...]:
        explanation = drawn.explanation(state, request)
        assert explanation is not None
        return explanation.changes

    def test_one_large_device_instead_of_several(self) -> None:
        """A node that is there already gets it."""
        state = clusters.snapshot(Disk(n, 1, 20) for n in 'abcd')
        [add] = self._changes(state, drawn.request('replicate:3', 'none', 28))
        assert isinstance(add, allocator.AddDevices)
        # 29 on each of three would be 87; 20 on each of four are 80.
        self.assertEqual(1, add.count)
        self.assertEqual('node', add.label)
        self.assertGreater(add.room_bytes, 6 * GIB)
        self.assertLess(add.room_bytes, 8 * GIB)
        disk = sizes.vg_bytes_of(add.size_bytes, EXTENT)
        self.assertGreaterEqual(
            sizes.pool_data_bytes(disk, EXTENT), add.room_bytes
        )

    def test_devices_are_no_larger_than_those_that_are_there(self) -> None:
        """Nobody sells disks of any size."""
        state = clusters.grid(3, 1, 3, total=100)
        [add] = self._changes(
            state, drawn.request('replicate:3', 'zone:strict', 1200)
        )
        assert isinstance(add, allocator.AddDevices)
        self.assertLess(add.room_bytes, 1300 * GIB)
        request = drawn.request(
            'replicate:3', 'zone:strict', 1200, brick_gib=90
        )
        add = self._changes(state, request)[0]
        assert isinstance(add, allocator.AddDevices)
        self.assertLessEqual(add.room_bytes, 100 * GIB)
        self.assertEqual(
            ['zone 1', 'zone 2', 'zone 3'], [w.domain for w in add.where]
        )
        self.assertIn(f'{add.where[0].count} in each of zone 1', str(add))

    def test_limit_on_bricks(self) -> None:
        """All the slivers together would be enough."""
        state = clusters.snapshot(
            Disk(n, 1, 5) for n in 'abc' for _ in range(10)
        )
        limit = self._changes(
            state, drawn.request('replicate:3', 'none', 30, bricks=12)
        )[-1]
        assert isinstance(limit, allocator.RaiseLimit)
        self.assertEqual(('volume_bricks', 12), (limit.name, limit.limit))
        self.assertEqual(21, limit.needed)
        self.assertEqual('allow 21 bricks in a volume, not 12', str(limit))

    def test_limit_on_their_size(self) -> None:
        """Large devices would take large bricks."""
        state = clusters.snapshot(Disk(n, 1, 100) for n in 'abc')
        request = drawn.request(
            'replicate:3', 'none', 40, bricks=3, brick_gib=10
        )
        changes = self._changes(state, request)
        size = sizes.brick_bytes_for(40 * GIB, EXTENT)
        self.assertIn(
            allocator.RaiseLimit('brick_max_bytes', 10 * GIB, size), changes
        )
        self.assertIn('allow bricks of 41', ' '.join(map(str, changes)))

    def test_neither_limits_nor_room(self) -> None:
        """Both have to be changed."""
        state = clusters.snapshot(Disk(n, 1, 20) for n in 'abc')
        request = drawn.request(
            'replicate:3', 'none', 40, bricks=6, brick_gib=10
        )
        [both] = self._changes(state, request)
        assert isinstance(both, allocator.Together)
        limit, add = both.changes
        assert isinstance(limit, allocator.RaiseLimit)
        self.assertEqual(15, limit.needed)
        self.assertIsInstance(add, allocator.AddDevices)
        self.assertIn(' and add ', str(both))

    def test_beyond_all_limits(self) -> None:
        """Nobody would raise them so far."""
        state = clusters.snapshot(Disk(n, 1, 20) for n in 'abc')
        explanation = drawn.explanation(
            state, drawn.request('replicate:3', 'none', 2**32)
        )
        assert explanation is not None
        self.assertEqual(
            ((), 'ask for less'), (explanation.changes, explanation.remedy)
        )
        self.assertIn('ask for less', list(explanation.lines()))

    def test_few_of_many_that_are_offline(self) -> None:
        """Those with most room, and no more than it takes."""
        state = clusters.snapshot(
            [
                Disk('a', 1, 20),
                *(Disk(n, 1, 12, node_online=False) for n in 'bcd'),
                Disk('e', 1, 30, online=False),
                Disk('e', 1, 5),
            ]
        )
        request = drawn.request('replicate:3', 'none', 10)
        back = self._changes(state, request)[0]
        self.assertEqual(
            allocator.BringBack(
                nodes=('b.example',), devices=('e.example:/dev/sd0',)
            ),
            back,
        )
        self.assertEqual('bring back b.example, e.example:/dev/sd0', str(back))

    def test_one_of_several_that_are_as_good(self) -> None:
        """The same, in whatever order the database gives them."""
        state = clusters.snapshot(
            [Disk('a', 1, 20)]
            + [Disk(n, 1, 12, node_online=False) for n in 'dbc']
        )
        request = drawn.request('replicate:2', 'none', 10)
        for devices in itertools.permutations(state.devices):
            rows = dataclasses.replace(state, devices=devices)
            self.assertEqual(
                allocator.BringBack(nodes=('b.example',)),
                self._changes(rows, request)[0],
            )

    def test_node_that_failed(self) -> None:
        """It may be tried again when it is well."""
        state = clusters.snapshot(Disk(n, 1, 20) for n in 'abc')
        request = dataclasses.replace(
            drawn.request('replicate:3', 'none', 10),
            excluded=frozenset('b'),
        )
        self.assertEqual(
            allocator.BringBack(nodes=('b.example',)),
            self._changes(state, request)[0],
        )

    def test_tags(self) -> None:
        """What is added has to have them; or they are not asked for."""
        state = clusters.snapshot(Disk(n, 1, 20) for n in 'abc')
        request = drawn.request('replicate:3', 'none', 10, tags='disk = ssd')
        add, drop = self._changes(state, request)
        assert isinstance(add, allocator.AddDevices)
        self.assertEqual((3, (1, 1, 1)), (add.count, add.elsewhere))
        self.assertIn('with tags as in disk = ssd', str(add))
        self.assertEqual(allocator.DropTags('disk = ssd'), drop)
        self.assertEqual('do without the tags disk = ssd', str(drop))

    def test_arbiter_that_is_missing(self) -> None:
        """A small device is enough, on a node of its own."""
        state = clusters.snapshot(Disk(n, 1, 200) for n in 'ab')
        [add] = self._changes(state, drawn.request('arbiter', 'none', 10))
        assert isinstance(add, allocator.AddDevices)
        self.assertLess(add.room_bytes, 2 * GIB)
        self.assertEqual(('a.example', 'b.example'), add.other_than)
        explanation = drawn.explanation(
            state, drawn.request('arbiter', 'none', 10)
        )
        self.assertIn(
            'the 3 bricks of a set must be in different nodes, and there '
            'are 2 alone',
            str(explanation),
        )

    def test_places_enough_but_not_together(self) -> None:
        """Zones and racks, each for itself, would do."""
        state = clusters.snapshot(
            [Disk('a', 1, 20), Disk('b', 2, 20), Disk('c', 1, 20)]
        )
        racks = {'a': 'x', 'b': 'x', 'c': 'y'}
        state = dataclasses.replace(
            state,
            devices=tuple(
                dataclasses.replace(
                    c,
                    node=dataclasses.replace(
                        c.node, tags={'rack': racks[c.node.id]}
                    ),
                )
                for c in state.devices
            ),
        )
        request = drawn.request(
            'replicate:2', 'zone:strict,rack:strict', 10
        )
        self.assertIsNotNone(drawn.placed(state, request))
        request = drawn.request(
            'replicate:3', 'zone:strict,rack:strict', 10
        )
        add, relax = self._changes(state, request)
        assert isinstance(add, allocator.AddDevices)
        self.assertEqual('zone and rack', add.label)
        self.assertEqual(
            ('rack x', 'rack y', 'zone 1', 'zone 2'), add.other_than
        )
        self.assertEqual(
            allocator.RelaxTiers(('zone', 'rack')), relax
        )
        self.assertEqual(
            'do without zone:strict and rack:strict', str(relax)
        )
