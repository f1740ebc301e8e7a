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

"""Tests of requests by tenants that keep their keys to themselves."""

from collections.abc import Callable
from typing import Any

import ddt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import verification

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import issue
from tests import base
from tests.unit.tls import authorities

NODE = names.node_common_name('0123456789abcdef' * 2)

# Made by the test that needs one: RSA takes its time.
_KEYS: dict[str, Callable[[], Any]] = {
    'P-224': lambda: ec.generate_private_key(ec.SECP224R1()),
    'P-256': lambda: ec.generate_private_key(ec.SECP256R1()),
    'P-384': lambda: ec.generate_private_key(ec.SECP384R1()),
    'P-521': lambda: ec.generate_private_key(ec.SECP521R1()),
    'RSA 1024': lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505
    'RSA 2048': lambda: rsa.generate_private_key(65537, 2048),
    'Ed25519': ed25519.Ed25519PrivateKey.generate,
}


@ddt.ddt
class SignRequestTestCase(base.TestCase):
    """A client that keeps its key to itself."""

    def setUp(self) -> None:
        """Take an authority."""
        super().setUp()
        self.authority = authorities.authority()

    @ddt.data('P-256', 'P-384', 'P-521', 'RSA 2048')
    def test_strong_key_is_certified(self, kind: str) -> None:
        """Under the caller's name, and as no authority."""
        key = _KEYS[kind]()
        bundle = issue.sign_csr(
            self.authority, authorities.request(key), 'alice', 7
        )
        certificate = authorities.certificate(bundle)
        self.assertEqual(key.public_key(), certificate.public_key())
        self.assertEqual(
            x509.Name.from_rfc4514_string('CN=alice'), certificate.subject
        )
        self.assertFalse(
            certificate.extensions.get_extension_for_class(
                x509.BasicConstraints
            ).value.ca
        )
        self.assertEqual('', bundle.key_pem)
        verification.PolicyBuilder().store(
            authorities.store(bundle)
        ).build_client_verifier().verify(certificate, [])

    @ddt.data(
        ('P-224', 'secp224r1'), ('RSA 1024', '1024'), ('Ed25519', 'neither')
    )
    @ddt.unpack
    def test_weak_key_is_refused(self, kind: str, text: str) -> None:
        """The message says what it is."""
        key = _KEYS[kind]()
        error = self.assertRaises(
            exceptions.InvalidInput,
            issue.sign_csr,
            self.authority,
            authorities.request(key),
            'alice',
        )
        self.assertIn(text, error.fields['reason'])

    def test_request_signed_with_another_key_is_refused(self) -> None:
        """Whoever asks must have the key."""
        request = authorities.request(ec.generate_private_key(ec.SECP256R1()))
        spoilt = x509.load_pem_x509_csr(request.encode()).public_bytes(
            serialization.Encoding.DER
        )
        spoilt = spoilt.replace(b'mallory', b'charlie')
        pem = (
            x509.load_der_x509_csr(spoilt)
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )
        error = self.assertRaises(
            exceptions.InvalidInput,
            issue.sign_csr,
            self.authority,
            pem,
            'alice',
        )
        self.assertIn('not signed with its own key', str(error))

    @ddt.data('nothing', 'words', 'half of one', 'a certificate', 'Latin-1')
    def test_what_is_no_request(self, kind: str) -> None:
        """It is told by its length, and nothing is issued."""
        request = authorities.request(_KEYS['P-256']())
        text = {
            'nothing': '',
            'words': 'please',
            'half of one': request[: len(request) // 2],
            'a certificate': issue.issue_client(
                self.authority, 'alice'
            ).certificate_pem,
            'Latin-1': request.replace('M', '\xe4'),
        }[kind]
        error = self.assertRaises(
            exceptions.InvalidInput,
            issue.sign_csr,
            self.authority,
            text,
            'alice',
        )
        self.assertIn(f'{len(text)} characters', str(error))
        self.assertIn('none that we can read', str(error))

    @ddt.data(
        ('a\nb', 'character 2'),
        ('a\0', 'character 2'),
        ('\x7f', 'character 1'),
        ('a' * 65, '65 characters'),
        (NODE, 'are for nodes'),
    )
    @ddt.unpack
    def test_name_that_is_none(self, name: str, reason: str) -> None:
        """However good the request is."""
        error = self.assertRaises(
            exceptions.InvalidCommonName,
            issue.sign_csr,
            self.authority,
            authorities.request(_KEYS['P-256']()),
            name,
        )
        self.assertIn(reason, str(error))

    @ddt.data('a\nb', 'a' * 64, NODE)
    def test_name_in_the_request_counts_for_nothing(self, name: str) -> None:
        """It is the caller who decides."""
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(encoding.common_name(name))
            .sign(_KEYS['P-256'](), hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )
        bundle = issue.sign_csr(self.authority, request, 'alice')
        self.assertEqual(
            encoding.common_name('alice'),
            authorities.certificate(bundle).subject,
        )

    def test_a_key_given_by_mistake_is_not_shown(self) -> None:
        """Errors are logged."""
        key = issue.issue_client(self.authority, 'alice').key_pem
        error = self.assertRaises(
            exceptions.InvalidInput,
            issue.sign_csr,
            self.authority,
            key,
            'alice',
        )
        self.assertNotIn(key.splitlines()[1], str(error))
        self.assertNotIn('PRIVATE', str(error))
