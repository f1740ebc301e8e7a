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

"""The fewest bytes that are enough, compared with trying all."""

import itertools

import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi.allocator import cover
from tests import base


class CoverTestCase(base.TestCase):
    """The fewest bytes that are enough."""

    @hypothesis.given(
        st.lists(st.integers(1, 5000), max_size=8), st.integers(0, 20000)
    )
    def test_hardly_more_than_the_least(
        self, sizes: list[int], needed: int
    ) -> None:
        """Compared with trying all."""
        sizes.sort(reverse=True)
        chosen = cover.cheapest_cover(sizes, needed)
        held = sum(sizes[index] for index in chosen)
        if sum(sizes) < needed:
            self.assertEqual(sum(sizes), held)
            return
        least = min(
            total
            for count in range(len(sizes) + 1)
            for each in itertools.combinations(sizes, count)
            if (total := sum(each)) >= needed
        )
        self.assertGreaterEqual(held, needed)
        if needed <= 1000:
            self.assertEqual(least, held)

    def test_a_little_of_large_bricks(self) -> None:
        """It takes no more memory than any other question."""
        sizes = [2**50, 2**40, 5, 3]
        for needed, expected in (
            (1, [3]),
            (4, [2]),
            (7, [2, 3]),
            (9, [1]),
            (2**40, [1]),
            (2**40 + 1, [1, 2, 3]),
            (2**40 + 9, [0]),
        ):
            self.assertEqual(expected, cover.cheapest_cover(sizes, needed))
