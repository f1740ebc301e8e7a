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

"""Tests of expressions over tags."""

import ddt
import hypothesis
from hypothesis import strategies as st

from manila_gluster_heketi import tags
from tests import base

# Few of each, so that expressions and tags meet; some need quotes.
_NAMES = st.sampled_from(['disk', 'rack', 'in', 'a b', ''])
_WORDS = st.one_of(
    st.sampled_from(['', 'ssd', 'b-2', 'or', "it's", '"', '(x)', 'a/b:1']),
    st.text().filter(str.isprintable),
)
_VALUES = st.lists(_WORDS, min_size=1, max_size=3).map(tuple)
_COMPARISONS = st.one_of(
    st.builds(tags.OneOf, _NAMES, _VALUES),
    st.builds(tags.NoneOf, _NAMES, _VALUES),
)


def _larger(
    parts: st.SearchStrategy[tags.Expression],
) -> st.SearchStrategy[tags.Expression]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(tags.Not, parts),
        st.builds(tags.Every, several),
        st.builds(tags.Either, several),
    )


_EXPRESSIONS = st.recursive(_COMPARISONS, _larger, max_leaves=8)
_TAGS = st.dictionaries(_NAMES, _WORDS)
_SSD = {'disk': 'ssd', 'rack': 'a', 'owner': 'team 7'}


@ddt.ddt
class TagsTestCase(base.TestCase):
    """Expressions as people write them."""

    @ddt.data(
        '',
        'disk=ssd',
        'disk = "ssd"',
        "owner = 'team 7'",
        'disk != hdd',
        'disk in (hdd, ssd)',
        'disk not in (hdd, nvme)',
        "room = ''",
        'room != cellar',
        'not room != \'\'',
        'disk = ssd and rack = a',
        'disk = hdd or rack = a',
        'disk = hdd and rack = b or owner = "team 7"',
        'owner = "team 7" or disk = hdd and rack = b',
        'not disk = hdd and rack = a',
        'not (disk = ssd and rack = b)',
    )
    def test_device_matches(self, text: str) -> None:
        """A missing tag equals ''; "and" binds closer than "or"."""
        self.assertTrue(tags.parse(text).matches(_SSD))

    @ddt.data(
        'disk=hdd',
        'disk=SSD',
        'disk != ssd',
        'disk in (hdd, nvme)',
        'disk not in (hdd, ssd)',
        "room != ''",
        'disk = ssd and rack = b',
        'disk = hdd and (rack = b or owner = "team 7")',
        'not disk = ssd or rack = b',
        'not (disk = ssd or rack = b)',
    )
    def test_device_does_not_match(self, text: str) -> None:
        """Values are compared as they are."""
        self.assertFalse(tags.parse(text).matches(_SSD))

    @ddt.data(
        ('a', 2, "expected '=', '!=', 'in' or 'not in' after 'a'"),
        ('disk = ', 8, "expected a value after '='"),
        ('disk = and', 8, "expected a value after '='"),
        ('disk == ssd', 7, "expected a value after '='"),
        ('disk in ssd', 9, "expected '(' after 'in'"),
        ('disk in ()', 10, "expected a value after '('"),
        ('disk in (a b)', 12, "expected ')' after 'a'"),
        ('disk not ssd', 10, "expected 'in' after 'not'"),
        ('(disk = ssd', 12, "expected ')' after 'ssd'"),
        ('disk = ssd)', 11, "expected 'and', 'or' or the end after 'ssd'"),
        ('disk = a b', 10, "expected 'and', 'or' or the end after 'a'"),
        ('disk = a AND x = b', 10, "expected 'and', 'or' or the end"),
        ('or', 1, 'expected the name of a tag'),
        ('not', 4, "expected the name of a tag after 'not'"),
        ("disk = 'ssd", 8, "the quote ' does not end"),
        ('disk = $x', 8, "'$' is not expected"),
        ('disk\t= x', 5, "'\\t' is not expected"),
        ("disk = 'a\nb'", 8, 'printable characters only'),
        ('not ' * 21 + 'disk = ssd', 81, 'nested too deeply'),
        ('(' * 21, 21, 'nested too deeply'),
    )
    @ddt.unpack
    def test_text_that_is_none(
        self, text: str, position: int, reason: str
    ) -> None:
        """What was expected is said, and where."""
        error = self.assertRaises(ValueError, tags.parse, text)
        self.assertIn(f'at character {position}: ', str(error))
        self.assertIn(reason, str(error))

    def test_as_short_as_it_can_be(self) -> None:
        """Who reads it in a list has little room."""
        self.assertEqual(
            "a = b or c != 'it\'\'s' and not (d = e or f not in (g, h))",
            str(
                tags.parse(
                    '((a in (b))) or (c not in ("it\'s") and '
                    "(not (d='e' or f not in (g,h))))"
                )
            ),
        )

    @hypothesis.given(_EXPRESSIONS)
    def test_text_is_read_back(self, expression: tags.Expression) -> None:
        """Stores have it as text."""
        self.assertEqual(expression, tags.parse(str(expression)))

    @hypothesis.given(_EXPRESSIONS, _TAGS)
    def test_opposite(
        self, expression: tags.Expression, device: dict[str, str]
    ) -> None:
        """Either an expression matches, or it does not."""
        self.assertNotEqual(
            expression.matches(device), tags.Not(expression).matches(device)
        )

    @hypothesis.given(
        st.one_of(
            st.text(),
            st.lists(
                st.sampled_from(
                    ['a', '=', '!=', '(', ')', ',', 'in', 'not', 'and', 'or']
                )
            ).map(' '.join),
        )
    )
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """Nothing but a ValueError with a position comes of it."""
        try:
            found = tags.parse(text)
        except ValueError as error:
            self.assertRegex(str(error), r'^at character [1-9]\d*: ')
        else:
            self.assertEqual(found, tags.parse(str(found)))


@ddt.ddt
class ArbiterUseTestCase(base.TestCase):
    """What a device is good for."""

    @ddt.data(*tags.ArbiterUse)
    def test_tag(self, use: tags.ArbiterUse) -> None:
        """As Heketi's tag says."""
        self.assertIs(use, tags.arbiter_use({'arbiter': use.value}))

    def test_no_tag(self) -> None:
        """All bricks are welcome."""
        self.assertIs(tags.ArbiterUse.SUPPORTED, tags.arbiter_use({'a': 'b'}))

    def test_unknown_tag(self) -> None:
        """Topologies are checked, so that it can't come from there."""
        self.assertRaises(ValueError, tags.arbiter_use, {'arbiter': 'yes'})
