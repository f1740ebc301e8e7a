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

"""Sizes that nothing can have are refused by name, at once."""

import dataclasses
import itertools

import ddt

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import GIB

# No size at all, and more than what is counted in 64 bits.
_IMPOSSIBLE = (0, -1, -(2**63), 2**63, 2**70, 10**400)
# As large as they may be asked for, and larger than all there is.
_TOO_LARGE = (2**50, 2**62, 2**63 - 1)
_KINDS = ('distribute', 'replicate:3', 'arbiter', 'disperse:2+1')


def _each(values: tuple[int, ...]) -> list[tuple[int, str]]:
    return list(itertools.product(values, _KINDS))


@ddt.ddt
class BadSizesTestCase(base.TestCase):
    """Whatever asks for room says what is wrong with the size."""

    def setUp(self) -> None:
        """Make a cluster with room for each kind of volume."""
        super().setUp()
        self.state = clusters.grid(3, 2, 2)

    def _request(self, size: int, kind: str) -> allocator.Request:
        return allocator.Request(
            size, durability.parse(kind), spread.parse('strict')
        )

    def _is_refused(self, field: str, call, *args, **kwargs) -> None:
        error = self.assertRaises(
            exceptions.InvalidInput, call, *args, **kwargs
        )
        self.assertEqual(field, error.fields['field'])

    @ddt.data(*_each(_IMPOSSIBLE))
    @ddt.unpack
    def test_place(self, size: int, kind: str) -> None:
        """Sets for a volume."""
        inventory = allocator.Inventory(self.state)
        self._is_refused(
            'size', allocator.place, inventory, self._request(size, kind)
        )

    @ddt.data(*_each(_TOO_LARGE))
    @ddt.unpack
    def test_place_more_than_there_is(self, size: int, kind: str) -> None:
        """That is a lack of space; what fits is said."""
        error = self.assertRaises(
            exceptions.NoSpace,
            allocator.place,
            allocator.Inventory(self.state),
            self._request(size, kind),
        )
        self.assertGreater(error.fields['explanation'].largest_bytes, GIB)

    @ddt.data(*_IMPOSSIBLE)
    def test_place_anywhere(self, size: int) -> None:
        """A new volume."""
        spec = dataclasses.replace(clusters.spec(1), size_bytes=size)
        self._is_refused('size', clusters.place_anywhere, [self.state], spec)

    @ddt.data(-1, -(2**70), 2**63, 2**70)
    def test_headroom(self, headroom: int) -> None:
        """It can't be made up for by the size."""
        spec = dataclasses.replace(
            clusters.spec(1), headroom_bytes=headroom, size_bytes=2**62
        )
        self._is_refused(
            'headroom', clusters.place_anywhere, [self.state], spec
        )

    def test_size_and_headroom_together(self) -> None:
        """Each can be counted, their sum can't."""
        spec = dataclasses.replace(
            clusters.spec(1), size_bytes=2**62, headroom_bytes=2**62
        )
        self._is_refused('size', clusters.place_anywhere, [self.state], spec)

    @ddt.data(*_IMPOSSIBLE)
    def test_average_file(self, size: int) -> None:
        """An arbiter of that can't be sized."""
        spec = dataclasses.replace(
            clusters.spec(1),
            durability=durability.ARBITER,
            average_file_bytes=size,
        )
        self._is_refused(
            'average_file_size', clusters.place_anywhere, [self.state], spec
        )

    @ddt.data(*_IMPOSSIBLE)
    def test_extend(self, size: int) -> None:
        """A volume that is there."""
        placed = clusters.place(self.state, clusters.spec(10))
        self._is_refused(
            'size',
            clusters.extend,
            clusters.filled(self.state, placed.slots),
            clusters.volume(placed),
            clusters.bricks(placed),
            size,
        )

    @ddt.data(*_TOO_LARGE)
    def test_extend_to_more_than_there_is(self, size: int) -> None:
        """That is a lack of space; what fits is said."""
        placed = clusters.place(self.state, clusters.spec(10))
        error = self.assertRaises(
            exceptions.NoSpace,
            clusters.extend,
            clusters.filled(self.state, placed.slots),
            clusters.volume(placed),
            clusters.bricks(placed),
            size,
        )
        self.assertGreater(error.fields['explanation'].largest_bytes, GIB)

    def test_bricks_that_may_not_be_large_enough(self) -> None:
        """A limit below the smallest brick leaves nothing to place."""
        limits = allocator.Limits(brick_max_bytes=sizes.MIB)
        self.assertRaises(
            exceptions.NoSpace,
            clusters.place,
            self.state,
            clusters.spec(1),
            limits=limits,
        )
