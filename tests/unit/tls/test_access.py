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

"""Tests of the value of auth.ssl-allow."""

import ddt
import hypothesis
from hypothesis import strategies

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.tls import access
from tests import base

CLUSTER = '0123456789abcdef' * 2
NODE = f'gluster-heketi-node-{CLUSTER}'
_NAMES = strategies.text('abcxyz0189._@', min_size=1, max_size=12)


def _fill(length: int) -> list[str]:
    """Make names with which "auth.ssl-allow=..." has a length in bytes."""
    left = length - len(f'auth.ssl-allow={NODE}')
    count, rest = divmod(left, 50)
    clients = [f'{index:049d}' for index in range(count)]
    if rest:
        clients[-1] += 'x' * min(rest, 15)
        rest -= min(rest, 15)
    while rest > 0:
        count -= 1
        clients[count - 1] += 'x' * min(rest, 15)
        rest -= 15
    return clients


@ddt.ddt
class AllowValueTestCase(base.TestCase):
    """The list is never empty, never open and never too long."""

    def test_nobody_means_the_nodes_alone(self) -> None:
        """An unset option would admit everybody."""
        self.assertEqual(NODE, access.allow_value(CLUSTER, ()))

    def test_names_are_sorted_and_unique(self) -> None:
        """The same set gives the same value."""
        self.assertEqual(
            f'{NODE},alice,bob',
            access.allow_value(CLUSTER, ['bob', 'alice', 'bob']),
        )

    @ddt.data('*', 'al*', 'alice,bob', '', NODE)
    def test_pattern_in_the_set_is_refused(self, name: str) -> None:
        """Even if it got past the check at the entrance."""
        self.assertRaises(
            exceptions.InvalidCommonName,
            access.allow_value,
            CLUSTER,
            ['alice', name],
        )

    def test_pattern_as_cluster_is_refused(self) -> None:
        """The nodes' name is one name too."""
        self.assertRaises(
            exceptions.InvalidCommonName, access.allow_value, '*', ()
        )

    def test_list_at_the_limit_is_written(self) -> None:
        """4,000 bytes with the option's own name."""
        value = access.allow_value(CLUSTER, _fill(names.SSL_ALLOW_LIMIT))
        self.assertEqual(4000, len(f'auth.ssl-allow={value}'))

    def test_one_byte_more_is_refused(self) -> None:
        """The glusterd process would crash some bytes further."""
        clients = _fill(names.SSL_ALLOW_LIMIT + 1)
        error = self.assertRaises(
            exceptions.AccessListFull,
            access.allow_value,
            CLUSTER,
            clients,
            volume='share-1',
        )
        self.assertEqual(
            {
                'field': 'the access list',
                'value': f'{len(clients)} names',
                'volume': 'share-1',
                'length': 4001,
                'limit': 4000,
            },
            error.fields,
        )

    @hypothesis.given(strategies.sets(_NAMES, max_size=20))
    def test_list_holds_the_nodes_and_each_client(
        self, clients: set[str]
    ) -> None:
        """No more and no less."""
        first, *others = access.allow_value(CLUSTER, clients).split(',')
        self.assertEqual(NODE, first)
        self.assertEqual(sorted(clients), others)

    def test_names_that_a_list_has_no_room_for(self) -> None:
        """Those that come first get it; a short one may fit after a long."""
        kept = _fill(names.SSL_ALLOW_LIMIT - 10)

        refused = access.crowded_out(
            CLUSTER, kept, ['a' * 20, 'fits', kept[0], 'b', 'cccc', 'd']
        )
        self.assertEqual(['a' * 20, 'cccc'], list(refused))
        self.assertIn('4000', refused['cccc'])
        access.allow_value(CLUSTER, [*kept, 'fits', 'b', 'd'])

    def test_a_list_with_room_for_all(self) -> None:
        """Nobody is refused."""
        self.assertEqual({}, access.crowded_out(CLUSTER, ['a'], ['b', 'c']))
