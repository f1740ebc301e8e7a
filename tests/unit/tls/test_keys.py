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

"""Tests of keys of authorities: made, encrypted and opened."""

import ddt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519

from manila_gluster_heketi.conf import tls as options
from manila_gluster_heketi.tls import keys
from tests import base

_PASSPHRASE = b'correct horse'


@ddt.ddt
class KeysTestCase(base.TestCase):
    """A key in PEM, with and without a passphrase."""

    def setUp(self) -> None:
        """Make a key."""
        super().setUp()
        self.key = keys.make(keys.KeyType.EC_P256)

    @ddt.data(*keys.KeyType)
    def test_key_is_of_the_type_that_was_asked_for(self, key_type) -> None:
        """Its name is the option's value."""
        key = keys.make(key_type)
        self.assertEqual(key_type.value, keys.name_of(key.public_key()))

    def test_types_are_those_of_the_option(self) -> None:
        """Said twice, since options may not import certificates."""
        (option,) = [
            opt
            for opt in options.OPTS
            if opt.name == 'gluster_heketi_ca_key_type'
        ]
        self.assertEqual(
            [each.value for each in keys.KeyType], list(option.type.choices)
        )

    @ddt.data(None, _PASSPHRASE)
    def test_key_that_is_not_encrypted(self, passphrase) -> None:
        """It needs no passphrase, and one does no harm."""
        text = keys.pem(self.key)
        self.assertFalse(keys.is_encrypted(text))
        self._assert_same(keys.load(text, passphrase))

    def test_key_that_is_encrypted(self) -> None:
        """It is PKCS #8, and opened by its passphrase."""
        text = keys.pem(self.key, _PASSPHRASE)
        self.assertTrue(keys.is_encrypted(text))
        self.assertTrue(
            text.startswith('-----BEGIN ENCRYPTED PRIVATE KEY-----')
        )
        self._assert_same(keys.load(text, _PASSPHRASE))

    def test_key_in_the_older_form(self) -> None:
        """As operators still have them from old commands."""
        text = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.BestAvailableEncryption(_PASSPHRASE),
        ).decode()
        self.assertTrue(keys.is_encrypted(text))
        self._assert_same(keys.load(text, _PASSPHRASE))

    @ddt.data(
        (None, 'no passphrase is configured'),
        (b'wrong horse', 'does not open it'),
    )
    @ddt.unpack
    def test_key_stays_closed(self, passphrase, reason: str) -> None:
        """Neither passphrase nor key is in the text, or behind it."""
        text = keys.pem(self.key, _PASSPHRASE)
        error = self.assertRaises(keys.Closed, keys.load, text, passphrase)
        self.assertIn(reason, str(error))
        self.assertNotIn('horse', str(error))
        self.assertNotIn(text.splitlines()[1], str(error))
        self.assertTrue(error.__cause__ is None)
        self.assertTrue(error.__suppress_context__ or not error.__context__)

    def test_encrypted_key_that_is_damaged(self) -> None:
        """Nobody can tell that from a wrong passphrase."""
        lines = keys.pem(self.key, _PASSPHRASE).splitlines()
        text = '\n'.join([lines[0], *lines[2:]])
        error = self.assertRaises(keys.Closed, keys.load, text, _PASSPHRASE)
        self.assertIn('or it is damaged', str(error))

    def test_key_that_signs_no_certificates(self) -> None:
        """Not those of GlusterFS at least."""
        text = ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        error = self.assertRaises(
            keys.Unusable, keys.load, text.decode(), None
        )
        self.assertIn('neither', str(error))

    def _assert_same(self, found: keys.SigningKey) -> None:
        self.assertIsInstance(found, ec.EllipticCurvePrivateKey)
        self.assertEqual(self.key.public_key(), found.public_key())
