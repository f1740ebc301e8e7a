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

"""Tests of encrypting the key of an authority that is there."""

import os
from unittest import mock

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import encryption
from manila_gluster_heketi.tls import keys
from tests import base

_PASSPHRASE = b'correct horse'


@ddt.ddt
class EncryptionTestCase(base.TestCase):
    """A key that was made before there was a passphrase."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(self.directory, 'ca.key')
        self.before = ca.Authority.load_or_create(self.directory)
        self.plain = self._read()

    def _read(self) -> str:
        with open(self.path, encoding='ascii') as stream:
            return stream.read()

    def _load(self) -> ca.Authority:
        return ca.Authority.load(self.directory, lambda: _PASSPHRASE)

    def test_key_is_encrypted(self) -> None:
        """It is the same key, and opened by the passphrase alone."""
        self.assertTrue(encryption.encrypt(self.directory, _PASSPHRASE))
        self.assertTrue(keys.is_encrypted(self._read()))
        self.assertEqual(self.before.fingerprint, self._load().fingerprint)
        self.assertRaises(
            exceptions.PassphraseError, ca.Authority.load, self.directory
        )

    def test_file_is_for_its_owner_alone(self) -> None:
        """Whatever the umask, and nothing is left beside it."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        encryption.encrypt(self.directory, _PASSPHRASE)
        self.assertEqual(0o600, os.stat(self.path).st_mode & 0o777)
        self.assertEqual(
            ['.lock', 'ca.key', 'ca.pem'], sorted(os.listdir(self.directory))
        )

    def test_root_does_it_for_the_service(self) -> None:
        """The service can still read it."""
        if os.geteuid() != 0:
            self.skipTest('only root can give files away')
        os.chown(self.path, 4711, 815)
        encryption.encrypt(self.directory, _PASSPHRASE)
        status = os.stat(self.path)
        self.assertEqual((4711, 815), (status.st_uid, status.st_gid))
        self.assertEqual(0o600, status.st_mode & 0o777)

    def test_it_is_encrypted_already(self) -> None:
        """A second call changes nothing."""
        encryption.encrypt(self.directory, _PASSPHRASE)
        encrypted = self._read()
        self.assertFalse(encryption.encrypt(self.directory, _PASSPHRASE))
        self.assertEqual(encrypted, self._read())

    def test_it_is_encrypted_with_another_passphrase(self) -> None:
        """That is an error, and changes nothing."""
        encryption.encrypt(self.directory, _PASSPHRASE)
        encrypted = self._read()
        error = self.assertRaises(
            exceptions.PassphraseError,
            encryption.encrypt,
            self.directory,
            b'wrong horse',
        )
        self.assertNotIn('horse', str(error))
        self.assertEqual(encrypted, self._read())

    def test_no_passphrase(self) -> None:
        """There is nothing to encrypt with."""
        self.assertRaises(
            exceptions.PassphraseError,
            encryption.encrypt,
            self.directory,
            None,
        )
        self.assertEqual(self.plain, self._read())

    @ddt.data('write_new', 'os.rename')
    def test_disk_is_full(self, where: str) -> None:
        """The key stays as it was, and nothing is left beside it."""
        name = 'manila_gluster_heketi.tls.keystore.' + where
        full = OSError(28, 'No space left on device')
        with mock.patch(name, autospec=True, side_effect=full):
            error = self.assertRaises(
                exceptions.TlsError,
                encryption.encrypt,
                self.directory,
                _PASSPHRASE,
            )
        self.assertIn('No space left', str(error))
        self.assertEqual(self.plain, self._read())
        self.assertEqual(
            ['.lock', 'ca.key', 'ca.pem'], sorted(os.listdir(self.directory))
        )

    def test_what_a_crash_left(self) -> None:
        """It is in nobody's way."""
        with open(os.path.join(self.directory, '.ca.key.new'), 'w') as stream:
            stream.write('half')
        self.assertTrue(encryption.encrypt(self.directory, _PASSPHRASE))
        self.assertEqual(self.before.fingerprint, self._load().fingerprint)

    def test_it_is_on_the_disk_before_it_has_its_name(self) -> None:
        """A power cut leaves the one or the other, whole."""
        done: list[str] = []

        def record(name, real):
            def call(*args, **kwargs):
                done.append(name)
                return real(*args, **kwargs)

            return call

        for name in ('fsync', 'rename'):
            self.useFixture(
                fixtures.MonkeyPatch(
                    f'os.{name}', record(name, getattr(os, name))
                )
            )
        encryption.encrypt(self.directory, _PASSPHRASE)
        self.assertEqual(['fsync', 'rename', 'fsync'], done)

    def test_key_changes_meanwhile(self) -> None:
        """Somebody put a backup back; theirs stays."""
        other = self.useFixture(fixtures.TempDir()).path
        ca.Authority.load_or_create(other)
        real = keys.load

        def load(text: str, passphrase: bytes | None) -> keys.SigningKey:
            for name in set(os.listdir(other)) - {'.lock'}:
                os.replace(
                    os.path.join(other, name),
                    os.path.join(self.directory, name),
                )
            return real(text, passphrase)

        with mock.patch.object(keys, 'load', autospec=True, side_effect=load):
            error = self.assertRaises(
                exceptions.TlsError,
                encryption.encrypt,
                self.directory,
                _PASSPHRASE,
            )
        self.assertIn('changed meanwhile', str(error))
        self.assertFalse(keys.is_encrypted(self._read()))
        self.assertNotEqual(self.plain, self._read())

    def test_key_that_others_may_read(self) -> None:
        """Somebody may have it already."""
        os.chmod(self.path, 0o644)
        self.assertRaises(
            exceptions.InsecureFile,
            encryption.encrypt,
            self.directory,
            _PASSPHRASE,
        )
