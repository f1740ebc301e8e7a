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

"""Tests of authorities whose key is encrypted, and of the type of the key."""

import os

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import rehearsal
from tests import base


def _passphrase() -> bytes:
    return b'correct horse'


@ddt.ddt
class PassphraseTestCase(base.TestCase):
    """One that was made with a passphrase, or without."""

    def setUp(self) -> None:
        """Choose a directory."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.logger = self.useFixture(fixtures.FakeLogger())

    def _key(self) -> str:
        with open(os.path.join(self.directory, 'ca.key')) as stream:
            return stream.read()

    def test_key_is_encrypted_from_the_start(self) -> None:
        """It never was on the disk in the clear."""
        made = ca.Authority.load_or_create(self.directory, _passphrase)
        self.assertTrue(keys.is_encrypted(self._key()))
        for read in (ca.Authority.load, ca.Authority.load_or_create):
            found = read(self.directory, _passphrase)
            self.assertEqual(made.fingerprint, found.fingerprint)
            issue.issue_client(found, 'alice')

    @ddt.data(
        (lambda: None, 'no passphrase is configured'),
        (lambda: b'wrong horse', 'does not open it'),
    )
    @ddt.unpack
    def test_key_can_not_be_opened(self, passphrase, reason: str) -> None:
        """Neither key nor passphrase is shown, and no other one is made."""
        ca.Authority.load_or_create(self.directory, _passphrase)
        key = self._key()
        for read in (ca.Authority.load, ca.Authority.load_or_create):
            error = self.assertRaises(
                exceptions.PassphraseError, read, self.directory, passphrase
            )
            self.assertIn(reason, str(error))
            self.assertIn(self.directory, str(error))
            for text in (str(error), self.logger.output):
                self.assertNotIn('horse', text)
                self.assertNotIn(key.splitlines()[1], text)
        self.assertEqual(key, self._key())

    def test_passphrase_for_a_key_that_needs_none(self) -> None:
        """The key is used; a warning tells that it lies open."""
        made = ca.Authority.load_or_create(self.directory)
        self.assertNotIn('passphrase', self.logger.output)
        found = ca.Authority.load(self.directory, _passphrase)
        self.assertEqual(made.fingerprint, found.fingerprint)
        self.assertIn('is not encrypted', self.logger.output)
        self.assertIn('gluster-heketi ca encrypt', self.logger.output)
        self.assertNotIn('horse', self.logger.output)

    def test_no_warning_without_reason(self) -> None:
        """All is as it should be."""
        ca.Authority.load_or_create(self.directory, _passphrase)
        ca.Authority.load(self.directory, _passphrase)
        self.assertNotIn('not encrypted', self.logger.output)

    def test_passphrase_that_can_not_be_had(self) -> None:
        """Nothing is made with none in its place."""

        def fail() -> bytes:
            raise exceptions.KeyManagerError(secret='x', reason='it is down')

        self.assertRaises(
            exceptions.KeyManagerError,
            ca.Authority.load_or_create,
            self.directory,
            fail,
        )
        self.assertEqual([], os.listdir(self.directory))

    @ddt.data(*keys.KeyType)
    def test_type_of_the_key(self, key_type) -> None:
        """A node and a client accept each other with either."""
        authority = ca.Authority.load_or_create(
            self.directory, key_type=key_type
        )
        self.assertEqual(
            key_type.value, keys.name_of(authority.certificate.public_key())
        )
        rehearsal.rehearse(authority)

    def test_type_of_a_key_that_is_there(self) -> None:
        """The option is for new ones."""
        made = ca.Authority.load_or_create(self.directory)
        found = ca.Authority.load_or_create(
            self.directory, key_type=keys.KeyType.RSA_3072
        )
        self.assertEqual(made.fingerprint, found.fingerprint)
