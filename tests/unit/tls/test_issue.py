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

"""Tests of certificates and of the files that they go into."""

import datetime
import os
import stat
from unittest import mock

import ddt
import fixtures
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from tests import base
from tests.unit.tls import authorities

CLUSTER = '0123456789abcdef' * 2
NODE = f'gluster-heketi-node-{CLUSTER}'


@ddt.ddt
class IssueTestCase(base.TestCase):
    """What certificates say, and who accepts them."""

    def setUp(self) -> None:
        """Take an authority."""
        super().setUp()
        self.authority = authorities.authority()

    def _names(self, certificate: x509.Certificate) -> object:
        return certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value

    def test_node_is_accepted_as_server_and_as_client(self) -> None:
        """By a verifier that knows the rules of RFC 5280."""
        bundle = issue.issue_node(self.authority, CLUSTER)
        builder = verification.PolicyBuilder().store(authorities.store(bundle))
        chain = builder.build_server_verifier(x509.DNSName(NODE)).verify(
            authorities.certificate(bundle), []
        )
        self.assertEqual(2, len(chain))
        builder.build_client_verifier().verify(
            authorities.certificate(bundle), []
        )

    @ddt.data('alice', 'alice@example.org', '_odd_.@', 'x' * 64)
    def test_client_is_accepted_as_client_alone(self, name: str) -> None:
        """It can't pose as a brick."""
        bundle = issue.issue_client(self.authority, name)
        builder = verification.PolicyBuilder().store(authorities.store(bundle))
        builder.build_client_verifier().verify(
            authorities.certificate(bundle), []
        )
        self.assertEqual(
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            list(
                authorities.certificate(bundle)
                .extensions.get_extension_for_class(x509.ExtendedKeyUsage)
                .value
            ),
        )
        self.assertRaises(
            verification.VerificationError,
            builder.build_server_verifier(x509.DNSName('alice')).verify,
            authorities.certificate(bundle),
            [],
        )

    def test_certificate_of_another_authority_is_not_accepted(self) -> None:
        """Though it has the same name in it."""
        bundle = issue.issue_client(self.authority, 'alice')
        other = issue.issue_client(authorities.authority('other'), 'alice')
        verifier = verification.PolicyBuilder().store(
            authorities.store(bundle)
        )
        self.assertRaises(
            verification.VerificationError,
            verifier.build_client_verifier().verify,
            authorities.certificate(other),
            [],
        )

    def test_node_has_the_name_of_its_cluster(self) -> None:
        """And a key of its own."""
        first = issue.issue_node(self.authority, CLUSTER)
        second = issue.issue_node(self.authority, CLUSTER, days=1)
        subject = x509.Name.from_rfc4514_string(f'CN={NODE}')
        self.assertEqual(subject, authorities.certificate(first).subject)
        self.assertEqual(subject, authorities.certificate(second).subject)
        self.assertNotEqual(first.key_pem, second.key_pem)
        self.assertEqual(CLUSTER, first.record.subject_id)
        self.assertEqual('node', first.record.kind)

    @ddt.data('', '*', 'x' * 64)
    def test_identity_of_the_cluster_is_checked(self, cluster: str) -> None:
        """No node gets a name that is a pattern, or that of all."""
        self.assertRaises(
            exceptions.InvalidCommonName,
            issue.issue_node,
            self.authority,
            cluster,
        )

    @ddt.data(
        ('web-1.example.org', x509.DNSName('web-1.example.org')),
        (
            'alice@x',
            x509.DirectoryName(x509.Name.from_rfc4514_string('CN=alice@x')),
        ),
        ('a_b', x509.DirectoryName(x509.Name.from_rfc4514_string('CN=a_b'))),
    )
    @ddt.unpack
    def test_alternative_name_is_the_common_name(
        self, name: str, expected: x509.GeneralName
    ) -> None:
        """In a form that is legal for it."""
        bundle = issue.issue_client(self.authority, name)
        self.assertEqual(
            x509.SubjectAlternativeName([expected]),
            self._names(authorities.certificate(bundle)),
        )

    def test_record_is_what_the_certificate_says(self) -> None:
        """The store has it without parsing."""
        bundle = issue.issue_client(self.authority, 'alice')
        certificate = authorities.certificate(bundle)
        record = bundle.record
        self.assertEqual(certificate.serial_number, int(record.serial, 16))
        self.assertEqual(certificate.not_valid_after_utc, record.not_after)
        self.assertEqual('alice', record.common_name)
        self.assertEqual('client', record.kind)
        self.assertIs(str, type(record.kind))
        self.assertEqual('', record.subject_id)

    def test_record_says_who_asked_and_when(self) -> None:
        """For which share as well; the certificate itself does not."""
        bundle = issue.issue_client(
            self.authority, 'alice', share_id='share-1', asked_by='manila'
        )
        record = bundle.record
        self.assertEqual(
            ('share-1', 'manila', None),
            (record.share_id, record.asked_by, record.revoked_at),
        )
        assert record.issued_at is not None
        age = datetime.datetime.now(datetime.timezone.utc) - record.issued_at
        self.assertLess(abs(age), datetime.timedelta(minutes=1))

    def test_rsa_key_that_we_make(self) -> None:
        """For those whose rules know no elliptic curves."""
        bundle = issue.issue_client(
            self.authority, 'alice', key_type=keys.KeyType.RSA_3072
        )
        key = serialization.load_pem_private_key(bundle.key_pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self.assertEqual(3072, key.key_size)
        self.assertEqual(65537, key.public_key().public_numbers().e)
        self.assertEqual(
            key.public_key(), authorities.certificate(bundle).public_key()
        )

    def test_serials_are_random_and_fit_rfc_5280(self) -> None:
        """At most 20 bytes, positive."""
        serials = {
            int(issue.issue_client(self.authority, 'a').record.serial, 16)
            for _ in range(50)
        }
        self.assertEqual(50, len(serials))
        self.assertGreater(max(serials), 2**150)
        self.assertLess(max(serials), 2**159)

    @ddt.data(
        (issue.issue_client, 'alice', 90), (issue.issue_node, CLUSTER, 365)
    )
    @ddt.unpack
    def test_default_duration(
        self, make: mock.Mock, name: str, days: int
    ) -> None:
        """Clients hold shorter than nodes."""
        certificate = authorities.certificate(make(self.authority, name))
        self.assertEqual(
            datetime.timedelta(days=days, minutes=5),
            certificate.not_valid_after_utc - certificate.not_valid_before_utc,
        )

    def test_certificate_never_outlives_the_authority(self) -> None:
        """However long was asked for."""
        bundle = issue.issue_client(self.authority, 'alice', days=10**9)
        self.assertEqual(
            self.authority.certificate.not_valid_after_utc,
            bundle.record.not_after,
        )

    @ddt.data('*', '', 'gluster-heketi-node-x')
    def test_bad_common_name(self, name: str) -> None:
        """Nothing is issued."""
        self.assertRaises(
            exceptions.InvalidCommonName,
            issue.issue_client,
            self.authority,
            name,
        )

    def test_key_is_in_no_text(self) -> None:
        """A bundle may be logged by mistake."""
        logger = self.useFixture(fixtures.FakeLogger())
        bundle = issue.issue_client(self.authority, 'alice')
        for text in (repr(bundle), str(bundle), logger.output):
            self.assertNotIn(bundle.key_pem.splitlines()[1], text)
            self.assertNotIn('PRIVATE', text)


class WriteBundleTestCase(base.TestCase):
    """The three files of GlusterFS."""

    def setUp(self) -> None:
        """Issue a certificate."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.bundle = issue.issue_client(authorities.authority(), 'alice')

    def _read(self, name: str) -> str:
        with open(os.path.join(self.directory, name)) as stream:
            return stream.read()

    def test_files_have_their_modes(self) -> None:
        """The key is for its owner alone."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        paths = issue.write_bundle(self.bundle, self.directory)
        modes = {
            os.path.basename(path): stat.S_IMODE(os.stat(path).st_mode)
            for path in paths
        }
        self.assertEqual(
            {
                'glusterfs.key': 0o600,
                'glusterfs.pem': 0o644,
                'glusterfs.ca': 0o644,
            },
            modes,
        )
        self.assertEqual(sorted(modes), sorted(os.listdir(self.directory)))
        self.assertEqual(self.bundle.key_pem, self._read('glusterfs.key'))
        self.assertEqual(
            self.bundle.certificate_pem, self._read('glusterfs.pem')
        )
        self.assertEqual(self.bundle.ca_pem, self._read('glusterfs.ca'))

    def test_existing_file_is_not_overwritten(self) -> None:
        """None of the three is touched."""
        path = os.path.join(self.directory, 'glusterfs.ca')
        keystore.write_new(path, 'old', 0o644)
        error = self.assertRaises(
            exceptions.InvalidInput,
            issue.write_bundle,
            self.bundle,
            self.directory,
        )
        self.assertIn('glusterfs.ca is there already', str(error))
        self.assertEqual(['glusterfs.ca'], os.listdir(self.directory))
        self.assertEqual('old', self._read('glusterfs.ca'))

    def test_existing_files_are_overwritten_if_asked(self) -> None:
        """All three."""
        issue.write_bundle(self.bundle, self.directory)
        new = issue.issue_client(authorities.authority(), 'alice')
        issue.write_bundle(new, self.directory, overwrite=True)
        self.assertEqual(new.key_pem, self._read('glusterfs.key'))
        self.assertEqual(3, len(os.listdir(self.directory)))

    def test_certificate_of_a_request_has_no_key_file(self) -> None:
        """The client has it."""
        key = ec.generate_private_key(ec.SECP256R1())
        bundle = issue.sign_csr(
            authorities.authority(), authorities.request(key), 'alice'
        )
        issue.write_bundle(bundle, self.directory)
        self.assertEqual(
            ['glusterfs.ca', 'glusterfs.pem'],
            sorted(os.listdir(self.directory)),
        )

    def test_full_disk_leaves_nothing(self) -> None:
        """Not even a temporary file."""
        full = OSError(28, 'No space left on device')
        with mock.patch.object(
            os, 'fsync', autospec=True, side_effect=[None, full]
        ):
            error = self.assertRaises(
                exceptions.InvalidInput,
                issue.write_bundle,
                self.bundle,
                self.directory,
            )
        self.assertIn('No space left on device', str(error))
        self.assertEqual([], os.listdir(self.directory))

    def test_no_such_directory(self) -> None:
        """It is not made: it may be a slip."""
        error = self.assertRaises(
            exceptions.InvalidInput,
            issue.write_bundle,
            self.bundle,
            os.path.join(self.directory, 'slip'),
        )
        self.assertIn('No such file or directory', str(error))
