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

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import spread
from manila_gluster_heketi.conf import choices
from manila_gluster_heketi.conf import volumes
from tests import base


class ChoicesTestCase(base.TestCase):
    """Options and extra specs have the same words."""

    def test_durability(self) -> None:
        """As the model reads it."""
        self.assertEqual(
            durability.disperse(4, 2), choices.durability('disperse:4+2', 'x')
        )

    def test_unknown_durability(self) -> None:
        """The known ones are listed."""
        error = self.assertRaises(
            exceptions.InvalidInput,
            choices.durability,
            'replica 3',
            'extra spec x',
        )
        self.assertEqual(
            {
                'field': 'extra spec x',
                'value': 'replica 3',
                'reason': f'known are {durability.KNOWN}',
            },
            error.fields,
        )

    def test_spread(self) -> None:
        """As the model reads it."""
        self.assertEqual(
            spread.zones(spread.Mode.STRICT), choices.spread('strict', 'x')
        )

    def test_unknown_spread(self) -> None:
        """What is wrong with it is told."""
        error = self.assertRaises(
            exceptions.InvalidInput, choices.spread, 'zone:any', 'x'
        )
        self.assertEqual('zone:any', error.fields['value'])
        self.assertEqual(
            "'any' is not one of strict, prefer, none", error.fields['reason']
        )

    def test_device_tags(self) -> None:
        """As they are kept: one text for one meaning."""
        self.assertEqual(
            'disk = ssd', choices.device_tags('(disk="ssd")', 'x')
        )

    def test_device_tags_that_can_not_be_read(self) -> None:
        """The place is told."""
        error = self.assertRaises(
            exceptions.InvalidInput, choices.device_tags, 'disk = ', 'x'
        )
        self.assertEqual(
            {
                'field': 'x',
                'value': 'disk = ',
                'reason': "at character 8: expected a value after '='",
            },
            error.fields,
        )

    def test_defaults_of_the_options_are_the_models(self) -> None:
        """A value that is made by hand is that of an empty section."""
        defaults = {opt.name: opt.default for opt in volumes.OPTS}
        self.assertEqual(
            durability.Durability(),
            choices.durability(defaults['gluster_heketi_durability'], 'x'),
        )
        self.assertEqual(
            spread.Spread(),
            choices.spread(defaults['gluster_heketi_spread'], 'x'),
        )
