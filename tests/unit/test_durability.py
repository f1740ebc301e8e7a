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

"""Tests of how brick sets keep data."""

import ddt
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import durability
from tests import base

_REPLICATED = st.integers(1, 3).map(durability.replicate)
_DISPERSED = (
    st.tuples(st.integers(2, 16), st.integers(1, 15))
    .filter(lambda pair: pair[0] > pair[1])
    .map(lambda pair: durability.disperse(*pair))
)
_ALL = st.one_of(_REPLICATED, _DISPERSED, st.just(durability.ARBITER))


@ddt.ddt
class DurabilityTestCase(base.TestCase):
    """Kinds as people write them."""

    @ddt.data(
        ('distribute', 1, 1, 0),
        ('replicate:2', 2, 2, 1),
        ('replicate:3', 3, 3, 2),
        ('arbiter', 3, 2, 1),
        ('disperse:2+1', 3, 3, 1),
        ('disperse:4+2', 6, 6, 2),
        ('disperse:16+4', 20, 20, 4),
    )
    @ddt.unpack
    def test_bricks(
        self, text: str, bricks: int, with_data: int, redundancy: int
    ) -> None:
        """How many a set has, hold data, and may fail."""
        found = durability.parse(text)
        self.assertEqual(text, str(found))
        self.assertEqual(
            (bricks, with_data, redundancy),
            (found.bricks_per_set, found.data_bricks, found.redundancy),
        )
        self.assertEqual(text == 'arbiter', found.has_arbiter)

    @ddt.data(
        '',
        'replica 3',
        'replicate',
        'replicate:2+1',
        'arbiter:2',
        'distribute:1',
        'disperse',
        'disperse:4',
        'disperse:4+',
        'Replicate:3',
        'replicate:3 x',
    )
    def test_no_durability(self, text: str) -> None:
        """The known ones are listed."""
        error = self.assertRaises(ValueError, durability.parse, text)
        self.assertEqual(f'known are {durability.KNOWN}', str(error))

    @ddt.data(
        ('replicate:4', '1 to 3 copies'),
        ('replicate:0', '1 to 3 copies'),
        ('disperse:2+2', 'less than the parts'),
        ('disperse:4+0', 'at least 1'),
        ('disperse:17+1', 'at most 16'),
    )
    @ddt.unpack
    def test_what_gluster_can_not_do(self, text: str, reason: str) -> None:
        """It is told what it can."""
        error = self.assertRaises(ValueError, durability.parse, text)
        self.assertIn(reason, str(error))

    def test_one_copy_has_one_name(self) -> None:
        """Two would be two kinds in each report."""
        self.assertEqual('distribute', str(durability.parse('replicate:1')))

    @ddt.data(
        ('distribute', 1000),
        ('replicate:3', 1000),
        ('arbiter', 1000),
        ('disperse:3+1', 334),
    )
    @ddt.unpack
    def test_part_of_a_brick(self, text: str, part: int) -> None:
        """An erasure code cuts data; the last part may be filled up."""
        self.assertEqual(part, durability.parse(text).part_bytes(1000))

    @hypothesis.given(_ALL)
    def test_text_is_read_back(self, kind: durability.Durability) -> None:
        """Stores and journals have it as text."""
        self.assertEqual(kind, durability.parse(str(kind)))

    @hypothesis.given(_ALL, st.integers(0, 2**60))
    def test_parts_hold_all_data(
        self, kind: durability.Durability, data_bytes: int
    ) -> None:
        """Nothing is rounded away."""
        self.assertGreaterEqual(
            kind.part_bytes(data_bytes) * kind.parts, data_bytes
        )
