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

"""Tests of how the bricks of a set are kept apart."""

import ddt
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import spread
from manila_gluster_heketi.spread import Mode
from tests import base

_LABELS = st.from_regex(r'[a-m][a-z0-9_.-]{0,10}', fullmatch=True)
_SPREADS = st.lists(
    st.builds(spread.Tier, _LABELS, st.sampled_from(Mode)),
    min_size=1,
    max_size=4,
    unique_by=lambda tier: tier.label,
).map(lambda tiers: spread.Spread(tuple(tiers)))


@ddt.ddt
class SpreadTestCase(base.TestCase):
    """Tiers as people write them."""

    def test_tiers_keep_their_order(self) -> None:
        """The first weighs most."""
        found = spread.parse('zone:strict, rack:prefer,row:prefer,room:none')
        self.assertEqual(
            'zone:strict,rack:prefer,row:prefer,room:none', str(found)
        )
        self.assertEqual(('rack', 'row'), found.labels(Mode.PREFER))
        self.assertEqual(('zone',), found.labels(Mode.STRICT))

    @ddt.data(*Mode)
    def test_mode_alone(self, mode: Mode) -> None:
        """It is that of zones."""
        found = spread.parse(mode.value)
        self.assertEqual(spread.zones(mode), found)
        self.assertIs(mode, found.mode(spread.ZONE))

    def test_tier_that_is_not_mentioned(self) -> None:
        """It does not matter, not even the zone."""
        self.assertIs(Mode.NONE, spread.parse('rack:strict').mode(spread.ZONE))

    def test_without_a_word(self) -> None:
        """Zones are preferred."""
        self.assertEqual(spread.zones(Mode.PREFER), spread.Spread())

    @ddt.data(
        ('', "'' is not one of strict, prefer, none"),
        ('Strict', "'Strict' is not one of"),
        ('zone:loose', "'loose' is not one of"),
        ('zone:strict,rack', "'rack' is no tier"),
        ('zone:strict,', "'' is no tier"),
        (':strict', "'' can not be the name"),
        ('my rack:strict', "'my rack' can not be the name"),
        ('zone:strict,zone:none', 'zone is given twice'),
        ('a:none,b:none,c:none,d:none,e:none', 'at most 4'),
        ('node:prefer', 'never on one node'),
    )
    @ddt.unpack
    def test_no_spread(self, text: str, reason: str) -> None:
        """What is wrong is said."""
        error = self.assertRaises(ValueError, spread.parse, text)
        self.assertIn(reason, str(error))

    @hypothesis.given(_SPREADS)
    def test_text_is_read_back(self, wanted: spread.Spread) -> None:
        """Stores have it as text."""
        self.assertEqual(wanted, spread.parse(str(wanted)))

    def test_longest_text_fits_the_store(self) -> None:
        """Databases refuse longer ones."""
        tiers = [f'{letter * 63}:prefer' for letter in 'abcd']
        text = str(spread.parse(','.join(tiers)))
        self.assertLessEqual(len(text), 512)
