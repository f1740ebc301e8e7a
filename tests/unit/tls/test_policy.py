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

"""Tests of what a certificate may say."""

import datetime
import fnmatch
from unittest import mock

import ddt
import hypothesis
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import strategies

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.tls import policy
from tests import base

NOW = datetime.datetime(2030, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
# Near-misses are likelier here than in any text.
_LIKELY = strategies.text('aZ09._@-,*?[]! \n\\', max_size=70)


@ddt.ddt
class CommonNameTestCase(base.TestCase):
    """A client's common name is one name for GlusterFS, or refused."""

    @ddt.data(
        'alice',
        'a',
        'alice@example.org',
        'web-1.example.org',
        '_x',
        '.',
        'gluster-heketi-nod',
        'x' * 64,
    )
    def test_plain_name_is_given_back(self, name: str) -> None:
        """Letters, digits and four signs, up to 64."""
        self.assertEqual(name, policy.check_common_name(name))

    @ddt.data(
        ('', 'it is empty'),
        ('x' * 65, 'it has 65 characters, 64 are allowed'),
        ('alice,bob', "character 6 is ','"),
        ('alice bob', "character 6 is ' '"),
        ('al*', "character 3 is '*'"),
        ('?lice', "character 1 is '?'"),
        ('[a-z]', "character 1 is '['"),
        ('a]', "character 2 is ']'"),
        ('!a', "character 1 is '!'"),
        ('a\\', "character 2 is '\\\\'"),
        ('alice\n', "character 6 is '\\n'"),
        ('a\0b', "character 2 is '\\x00'"),
        ('a\x7f', "character 2 is '\\x7f'"),
        ('jos\u00e9', "character 4 is '\\xe9'"),
        ('\u0430lice', "character 1 is '\\u0430'"),
        ('-alice', "it begins with '-'"),
        (
            names.node_common_name('0' * 32),
            "names with 'gluster-heketi-node-' are for nodes",
        ),
        (
            'gluster-heketi-node-',
            "names with 'gluster-heketi-node-' are for nodes",
        ),
    )
    @ddt.unpack
    def test_other_name_is_refused_with_the_reason(
        self, name: str, reason: str
    ) -> None:
        """Which character it is, and where."""
        error = self.assertRaises(
            exceptions.InvalidCommonName,
            policy.check_common_name,
            name,
            field='access_to',
        )
        self.assertEqual(
            {'field': 'access_to', 'value': name, 'reason': reason},
            error.fields,
        )

    @hypothesis.given(_LIKELY | strategies.text(max_size=70), _LIKELY)
    def test_accepted_name_matches_itself_alone(
        self, name: str, other: str
    ) -> None:
        """No accepted name is a pattern, or more than one name."""
        try:
            policy.check_common_name(name)
        except exceptions.InvalidCommonName:
            return
        self.assertFalse(set(name) & set('*?[]!,\\ \t\n'))
        self.assertTrue(fnmatch.fnmatchcase(name, name))
        self.assertEqual(name == other, fnmatch.fnmatchcase(other, name))


@ddt.ddt
class KeyTestCase(base.TestCase):
    """Weak keys are not certified."""

    @ddt.data(ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
    def test_known_curve_is_accepted(self, curve: ec.EllipticCurve) -> None:
        """The three curves of NIST."""
        key = ec.generate_private_key(curve).public_key()
        self.assertIs(key, policy.strong_key(key))

    @ddt.data(ec.SECP224R1(), ec.SECP256K1())
    def test_other_curve_is_refused(self, curve: ec.EllipticCurve) -> None:
        """The curve is named."""
        key = ec.generate_private_key(curve).public_key()
        error = self.assertRaises(policy.WeakKey, policy.strong_key, key)
        self.assertIn(curve.name, str(error))

    def test_rsa_needs_2048_bits(self) -> None:
        """1024 are too few."""
        key = rsa.generate_private_key(65537, 1024)  # noqa: S505
        weak = key.public_key()
        strong = rsa.generate_private_key(65537, 2048).public_key()
        self.assertIs(strong, policy.strong_key(strong))
        error = self.assertRaises(policy.WeakKey, policy.strong_key, weak)
        self.assertIn('1024', str(error))

    def test_other_kind_is_refused(self) -> None:
        """What GlusterFS' OpenSSL may not know is not certified."""
        key = ed25519.Ed25519PrivateKey.generate().public_key()
        self.assertRaises(policy.WeakKey, policy.strong_key, key)


@ddt.ddt
class ValidityTestCase(base.TestCase):
    """From when until when a certificate holds."""

    def setUp(self) -> None:
        """Stop the clock."""
        super().setUp()
        patcher = mock.patch.object(
            policy, 'now', autospec=True, return_value=NOW
        )
        patcher.start()
        self.addCleanup(patcher.stop)

    def test_begins_five_minutes_ago(self) -> None:
        """A host whose clock is behind accepts it."""
        start, end = policy.validity(90, NOW + datetime.timedelta(days=3650))
        self.assertEqual(datetime.timedelta(minutes=5), NOW - start)
        self.assertEqual(datetime.timedelta(days=90), end - NOW)

    @ddt.data(31, 10**12)
    def test_never_outlives_the_authority(self, days: int) -> None:
        """However much is asked for."""
        limit = NOW + datetime.timedelta(days=30)
        self.assertEqual(limit, policy.validity(days, limit)[1])

    @ddt.data(0, -1)
    def test_less_than_a_day_is_refused(self, days: int) -> None:
        """It would be of no use to anybody."""
        self.assertRaises(exceptions.InvalidInput, policy.validity, days, NOW)
