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

"""Tests of the certificate authority."""

import datetime
import os
import pickle
import threading
from unittest import mock

import ddt
import fixtures
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from tests import base


@ddt.ddt
class AuthorityTestCase(base.TestCase):
    """It is made at first use, and refused when it is not sound."""

    def setUp(self) -> None:
        """Choose a directory that is not there yet."""
        super().setUp()
        temporary = self.useFixture(fixtures.TempDir()).path
        self.directory = os.path.join(temporary, 'state', 'ca')

    def _write(self, name: str, content: bytes) -> None:
        with open(os.path.join(self.directory, name), 'wb') as stream:
            stream.write(content)

    def _at(self, moment: datetime.datetime) -> None:
        patcher = mock.patch.object(
            policy, 'now', autospec=True, return_value=moment
        )
        patcher.start()
        self.addCleanup(patcher.stop)

    def _refused(self, kind: type[Exception] = exceptions.TlsError) -> str:
        error = self.assertRaises(kind, ca.Authority.load, self.directory)
        return str(error)

    def test_certificate_is_one_of_an_authority(self) -> None:
        """Its extensions say what it may sign."""
        certificate = ca.Authority.load_or_create(self.directory).certificate
        extensions = {each.oid: each for each in certificate.extensions}
        oids = x509.oid.ExtensionOID
        constraints = extensions[oids.BASIC_CONSTRAINTS]
        self.assertTrue(constraints.critical)
        self.assertEqual(
            x509.BasicConstraints(ca=True, path_length=0), constraints.value
        )
        usage = extensions[oids.KEY_USAGE]
        self.assertTrue(usage.critical)
        self.assertTrue(usage.value.key_cert_sign and usage.value.crl_sign)
        self.assertFalse(usage.value.digital_signature)
        self.assertEqual(
            extensions[oids.SUBJECT_KEY_IDENTIFIER].value.key_identifier,
            extensions[oids.AUTHORITY_KEY_IDENTIFIER].value.key_identifier,
        )
        self.assertIsInstance(certificate.public_key().curve, ec.SECP256R1)
        certificate.verify_directly_issued_by(certificate)

    def test_certificate_holds_ten_years(self) -> None:
        """From five minutes ago."""
        before = policy.now()
        certificate = ca.Authority.load_or_create(self.directory).certificate
        self.assertAlmostEqual(
            3650 * 86400,
            (certificate.not_valid_after_utc - before).total_seconds(),
            delta=30,
        )
        self.assertAlmostEqual(
            300,
            (before - certificate.not_valid_before_utc).total_seconds(),
            delta=30,
        )

    def test_it_stays_the_same(self) -> None:
        """A second process trusts what the first one issued."""
        first = ca.Authority.load_or_create(self.directory)
        again = ca.Authority.load_or_create(self.directory)
        self.assertEqual(first.fingerprint, again.fingerprint)
        self.assertEqual(
            first.fingerprint, ca.Authority.load(self.directory).fingerprint
        )

    def test_fingerprint_is_what_openssl_prints(self) -> None:
        """So that an operator can compare it."""
        authority = ca.Authority.load_or_create(self.directory)
        self.assertRegex(
            authority.fingerprint, r'\A[0-9A-F]{2}(:[0-9A-F]{2}){31}\Z'
        )

    def test_two_authorities_have_different_names(self) -> None:
        """OpenSSL finds an issuer by name."""
        subjects = {
            ca.Authority.load_or_create(
                f'{self.directory}{number}'
            ).certificate.subject
            for number in range(2)
        }
        self.assertEqual(2, len(subjects))

    def test_threads_create_one(self) -> None:
        """Whoever comes first."""
        barrier = threading.Barrier(2)
        found = []

        def run() -> None:
            barrier.wait()
            found.append(ca.Authority.load_or_create(self.directory))

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first, second = found
        self.assertEqual(first.fingerprint, second.fingerprint)

    def test_loading_creates_nothing(self) -> None:
        """An error says that there is none."""
        self.assertIn('there is none', self._refused())

    def test_key_that_others_may_read_is_refused(self) -> None:
        """As its group may."""
        ca.Authority.load_or_create(self.directory)
        os.chmod(os.path.join(self.directory, 'ca.key'), 0o640)
        self.assertIn('0640', self._refused(exceptions.InsecureFile))

    def test_expired_authority_is_refused(self) -> None:
        """When it is read, and when it signs."""
        authority = ca.Authority.load_or_create(self.directory)
        end = authority.certificate.not_valid_after_utc
        self._at(end)
        self.assertIn(f'it expired at {end:%Y-%m-%d}', self._refused())
        self.assertRaises(
            exceptions.TlsError, issue.issue_client, authority, 'alice'
        )
        self.assertRaises(
            exceptions.TlsError,
            ca.Authority.load_or_create,
            self.directory,
        )

    def test_clock_before_its_time(self) -> None:
        """The message tells of the clock."""
        authority = ca.Authority.load_or_create(self.directory)
        self._at(
            authority.certificate.not_valid_before_utc
            - datetime.timedelta(seconds=1)
        )
        self.assertIn('clock', self._refused())

    def test_key_of_another_certificate(self) -> None:
        """Half of it was exchanged."""
        ca.Authority.load_or_create(self.directory)
        self._write('ca.key', _pem(ec.generate_private_key(ec.SECP256R1())))
        self.assertIn('not the key of', self._refused())

    def test_certificate_of_no_authority(self) -> None:
        """A client's certificate can't sign others."""
        authority = ca.Authority.load_or_create(self.directory)
        bundle = issue.issue_client(authority, 'alice')
        self._write('ca.pem', bundle.certificate_pem.encode())
        self._write('ca.key', bundle.key_pem.encode())
        self.assertIn('no certificate of an authority', self._refused())

    @ddt.data(
        ('ca.pem', b'x', 'ca.pem: it is not a certificate'),
        ('ca.pem', b'\xff', 'ca.pem: it can not be read'),
        ('ca.key', b'unspeakable', 'ca.key: it is not a private key'),
        (
            'ca.key',
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b'unspeakable'),
            ),
            'it is encrypted, and no passphrase is configured',
        ),
        (
            'ca.key',
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            'neither an elliptic curve key nor an RSA key',
        ),
    )
    @ddt.unpack
    def test_spoilt_file(self, name: str, content: bytes, text: str) -> None:
        """The message names the file, not what is in it."""
        ca.Authority.load_or_create(self.directory)
        self._write(name, content)
        message = self._refused()
        self.assertIn(text, message)
        self.assertNotIn('unspeakable', message)

    def test_authority_of_the_operator(self) -> None:
        """One with RSA and without identifiers serves too."""
        key = rsa.generate_private_key(65537, 2048)
        self._install(key)
        authority = ca.Authority.load_or_create(self.directory)
        bundle = issue.issue_client(authority, 'alice')
        x509.load_pem_x509_certificate(
            bundle.certificate_pem.encode()
        ).verify_directly_issued_by(authority.certificate)

    def test_weak_authority_of_the_operator(self) -> None:
        """Strong certificates of a weak authority would be a pretence."""
        weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
        self._install(weak)
        self.assertIn('1024', self._refused())

    def _install(self, key: rsa.RSAPrivateKey) -> None:
        subject = x509.Name.from_rfc4514_string('CN=operator')
        now = policy.now()
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .sign(key, hashes.SHA256())
        )
        os.makedirs(self.directory)
        self._write(
            'ca.pem', certificate.public_bytes(serialization.Encoding.PEM)
        )
        self._write('ca.key', _pem(key))
        os.chmod(os.path.join(self.directory, 'ca.key'), 0o600)

    def test_key_is_neither_in_repr_nor_log(self) -> None:
        """Nor can it be sent to another process by mistake."""
        logger = self.useFixture(fixtures.FakeLogger())
        authority = ca.Authority.load_or_create(self.directory)
        with open(os.path.join(self.directory, 'ca.key')) as stream:
            secret = stream.read().splitlines()[1]
        self.assertIn(authority.fingerprint, logger.output)
        for text in (repr(authority), str(authority), logger.output):
            self.assertNotIn(secret, text)
            self.assertNotIn('PRIVATE', text)
            self.assertNotIn('PrivateKey', text)
        self.assertRaises(TypeError, pickle.dumps, authority)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
