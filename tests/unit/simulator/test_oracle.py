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


"""Tests of the word of the simulator on what would have fitted.

It judges strategies, so it is compared with trying everything.
"""

import dataclasses
import itertools

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import strategies
from manila_gluster_heketi.allocator.strategies import checked
from manila_gluster_heketi.simulator import scenario as scenarios
from manila_gluster_heketi.simulator.world import World
from manila_gluster_heketi.sizes import GIB
from tests import base
from tests.benchmarks import _oracle
from tests.unit.allocator import clusters

_MOST_SETS = 4

#: The node and zone of a device, and its free room in GiB.
Rooms = list[tuple[int, float]]


def _can_place(
    rooms: dict[str, tuple[int, int]], copies: int, sets: int, brick: int
) -> bool:
    """Try every way to place equal sets, each brick in a zone of its own."""
    if not sets:
        return True
    fitting = [name for name, (_, free) in rooms.items() if free >= brick]
    for chosen in itertools.combinations(fitting, copies):
        if len({rooms[name][0] for name in chosen}) < copies:
            continue
        left = dict(rooms)
        for name in chosen:
            zone, free = rooms[name]
            left[name] = zone, free - brick
        if _can_place(left, copies, sets - 1, brick):
            return True
    return False


def _possible(state: model.Snapshot, copies: int, data_bytes: int) -> bool:
    free = {
        each.device.id: (each.node.zone, each.free_bytes)
        for each in state.devices
    }
    return any(
        _can_place(free, copies, sets, brick)
        for sets in range(1, _MOST_SETS + 1)
        for brick in [
            sizes.brick_bytes_for(-(-data_bytes // sets), 4 * sizes.MIB)
        ]
    )


def _world(rooms: Rooms, copies: int) -> World:
    """Make a world of these devices, a node and zone for each number."""
    text = (
        '{"cluster": [{"nodes": 1, "disk_tib": [1]}], '
        f'"durability": "replicate:{copies}", '
        f'"volume_bricks": {_MOST_SETS * copies}, '
        '"rounds": [{"verb": "delete", "fraction": 0}]}'
    )
    world = World(scenarios.parse(text), strategies.BALANCED, 0)
    snapshot: model.Snapshot = clusters.snapshot(
        clusters.Disk(f'n{zone}', zone, free) for zone, free in rooms
    )
    world.have(snapshot.devices)
    return world


# Zones with free GiB, copies, and the GiB that are asked for.
_given_rooms = hypothesis.given(
    st.lists(
        st.tuples(st.integers(1, 4), st.floats(0.3, 8)),
        min_size=1,
        max_size=6,
    ),
    st.integers(2, 3),
    st.floats(0.1, 20),
)


class OracleTestCase(base.TestCase):
    """What it says fits does, and what fits it knows of."""

    @hypothesis.settings(max_examples=200)
    @_given_rooms
    def test_against_trying_everything(
        self, rooms: Rooms, copies: int, gib: float
    ) -> None:
        """Equal sets that are possible are never called impossible."""
        world = _world(rooms, copies)
        data_bytes = int(gib * GIB)
        if _possible(world.snapshot(), copies, data_bytes):
            self.assertTrue(world.fits(data_bytes))

    @hypothesis.settings(max_examples=200)
    @_given_rooms
    def test_what_it_says_fits_can_be_placed(
        self, rooms: Rooms, copies: int, gib: float
    ) -> None:
        """And the places meet all constraints."""
        world = _world(rooms, copies)
        data_bytes = int(gib * GIB)
        if not world.fits(data_bytes):
            return
        request = dataclasses.replace(world.request, data_bytes=data_bytes)
        ground = world._inventory.ground(request)
        found = search.find(ground, request)
        self.assertNotEqual([], found)
        self.assertEqual([], list(checked.faults(found, ground, request)))

    @hypothesis.given(
        st.lists(st.tuples(st.integers(1, 4), st.floats(0.3, 8)), max_size=6),
        st.integers(2, 3),
        st.floats(0.1, 20),
    )
    def test_the_one_of_the_benchmark(
        self, rooms: Rooms, copies: int, gib: float
    ) -> None:
        """It is the same as trying everything, and never beyond the bound."""
        data_bytes = int(gib * GIB)
        limits = allocator.Limits(volume_bricks=_MOST_SETS * copies)
        devices = clusters.snapshot(
            clusters.Disk(f'n{zone}', zone, free) for zone, free in rooms
        )
        free = _oracle.rooms(devices)
        fits = _oracle.fits_apart(free, copies, data_bytes, limits)
        self.assertEqual(_possible(devices, copies, data_bytes), fits)
        if fits:
            self.assertTrue(
                _oracle.within_bound(free, copies, data_bytes, limits)
            )

    def test_full_and_empty(self) -> None:
        """Both answers are given."""
        world = _world([(1, 5), (2, 5), (3, 5)], 3)
        self.assertTrue(world.fits(4 * GIB))
        self.assertFalse(world.fits(5 * GIB))
