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

"""Tests of words that mean a value of the model."""

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf import choices
from manila_gluster_heketi.conf import volumes
from tests import base


@ddt.ddt
class ChoicesTestCase(base.TestCase):
    """Options and extra specs have the same words."""

    @ddt.data(('distribute', 1), ('replica 2', 2), ('replica 3', 3))
    @ddt.unpack
    def test_durability(self, text: str, copies: int) -> None:
        """Each word means a number of copies."""
        found = choices.durability(text, 'x')
        self.assertEqual(model.Durability(copies), found)
        self.assertEqual(text, str(found))

    @ddt.data('replica 4', 'replica 1', 'replica3', '3', '', 'disperse 4 2')
    def test_unknown_durability(self, text: str) -> None:
        """The known ones are listed."""
        error = self.assertRaises(
            exceptions.InvalidInput, choices.durability, text, 'extra spec x'
        )
        self.assertEqual(
            {
                'field': 'extra spec x',
                'value': text,
                'reason': 'known are distribute, replica 2, replica 3',
            },
            error.fields,
        )

    @ddt.data(*model.ZoneSpread)
    def test_zone_spread(self, spread: model.ZoneSpread) -> None:
        """The words are the values."""
        self.assertIs(spread, choices.zone_spread(spread.value, 'x'))

    @ddt.data('', 'Strict', 'any')
    def test_unknown_zone_spread(self, text: str) -> None:
        """The known ones are listed."""
        error = self.assertRaises(
            exceptions.InvalidInput, choices.zone_spread, text, 'x'
        )
        self.assertEqual(
            'known are strict, prefer, none', error.fields['reason']
        )

    def test_each_choice_of_the_options_is_understood(self) -> None:
        """Nothing is offered that is refused."""
        opts = {opt.name: opt for opt in volumes.OPTS}
        for word in opts['gluster_heketi_durability'].type.choices:
            choices.durability(word, 'x')
        for word in opts['gluster_heketi_zone_spread'].type.choices:
            choices.zone_spread(word, 'x')
