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

"""Tests of the endpoint's certificate, and of requests that tenants make."""

import ipaddress

import ddt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.oid import NameOID

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading
from tests import base
from tests.unit.tls import authorities


@ddt.ddt
class EndpointCertificateTestCase(base.TestCase):
    """It is for one host, and good for nothing else."""

    def certificate(self, host: str) -> x509.Certificate:
        """Issue one."""
        bundle = issue.issue_endpoint(authorities.authority(), host, 7)
        [found] = reading.certificates(bundle.certificate_pem)
        self.assertEqual(issue.Kind.ENDPOINT, bundle.record.kind)
        return found

    @ddt.data(
        ('enrol.example.org', x509.DNSName('enrol.example.org')),
        ('10.0.0.1', x509.IPAddress(ipaddress.ip_address('10.0.0.1'))),
        ('fd00::1', x509.IPAddress(ipaddress.ip_address('fd00::1'))),
    )
    @ddt.unpack
    def test_its_host(self, host: str, name: x509.GeneralName) -> None:
        """By name or address, and no other one."""
        found = self.certificate(host).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        self.assertEqual([name], list(found.value))

    def test_it_opens_no_share(self) -> None:
        """Its name can't be in an access list, whatever the host is called."""
        name = reading.name_of(self.certificate('alice'))
        self.assertNotEqual('alice', name)
        self.assertRaises(
            exceptions.InvalidCommonName, policy.check_common_name, name
        )
        self.assertFalse(name.startswith(policy.RESERVED_PREFIX))

    def test_it_is_a_server(self) -> None:
        """A client's certificate is none, so no tenant can pose as it."""
        server = self.certificate('h').extensions.get_extension_for_class(
            x509.ExtendedKeyUsage
        )
        self.assertEqual([ExtendedKeyUsageOID.SERVER_AUTH], list(server.value))


class RequestTestCase(base.TestCase):
    """What tenants make, and whose name is in it."""

    def setUp(self) -> None:
        """Make a key."""
        super().setUp()
        self.key = keys.make(keys.KeyType.EC_P256)

    def named(self, *names: str) -> str:
        """Make a request with any number of names."""
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, n) for n in names]
        made = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name(subject))
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def test_what_tenants_make(self) -> None:
        """It is one that is certified."""
        text = csr.make(self.key, 'alice')
        self.assertEqual('alice', csr.requested_name(text))
        self.assertEqual(self.key.public_key(), csr.requested_key(text))

    def test_how_many_names(self) -> None:
        """None, or one."""
        self.assertEqual('', csr.requested_name(self.named()))
        self.assertEqual('bob', csr.requested_name(self.named('bob')))
        for text in (self.named('alice', 'bob'), 'x', ''):
            self.assertRaises(
                exceptions.InvalidInput, csr.requested_name, text
            )
