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

"""Tests of getting certificates to nodes, and of real handshakes."""

import ssl

import ddt
import fixtures

from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from tests import base
from tests.unit.tls import authorities

CLUSTER = '0123456789abcdef' * 2


def _server_context(bundle: issue.Bundle, directory: str) -> ssl.SSLContext:
    """Ask for a certificate of the client, as a brick does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=bundle.ca_pem)
    key, certificate, _ = issue.write_bundle(bundle, directory)
    context.load_cert_chain(certificate, key)
    return context


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """Carry bytes from one end to the other until both are satisfied."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    while waiting:
        for end in tuple(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    return ends[0].version() or ''


class DeployTestCase(base.TestCase):
    """The commands that give a node its certificate."""

    def test_key_goes_first_and_is_never_logged(self) -> None:
        """Then the certificate, then the authority."""
        bundle = issue.issue_node(authorities.authority(), CLUSTER)
        commands = distribute.deploy_commands(bundle, '/etc/ssl')
        self.assertEqual(
            [bundle.key_pem, bundle.certificate_pem, bundle.ca_pem],
            [command.stdin for command in commands],
        )
        self.assertEqual(
            [True, False, False], [each.sensitive for each in commands]
        )
        for command, name, umask in zip(
            commands,
            ('glusterfs.key', 'glusterfs.pem', 'glusterfs.ca'),
            ('0177', '0133', '0133'),
            strict=True,
        ):
            self.assertEqual((f'/etc/ssl/{name}', umask), command.argv[-2:])
            self.assertNotIn('PRIVATE', f'{command!r} {command}')


@ddt.ddt
class HandshakeTestCase(base.TestCase):
    """OpenSSL accepts what it should, and nothing else."""

    def _server(self, bundle: issue.Bundle) -> ssl.SSLContext:
        return _server_context(
            bundle, self.useFixture(fixtures.TempDir()).path
        )

    def _client(
        self, bundle: issue.Bundle, ca_pem: str = ''
    ) -> ssl.SSLContext:
        context = distribute.client_context(ca_pem or bundle.ca_pem, bundle)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    @ddt.data(
        (ssl.TLSVersion.TLSv1_2, 'TLSv1.2'),
        (ssl.TLSVersion.TLSv1_3, 'TLSv1.3'),
    )
    @ddt.unpack
    def test_client_and_node_of_one_authority(
        self, version: ssl.TLSVersion, name: str
    ) -> None:
        """In strict mode, with both versions of TLS."""
        ours = authorities.authority()
        client = self._client(issue.issue_client(ours, 'alice'))
        client.maximum_version = version
        server = self._server(issue.issue_node(ours, CLUSTER))
        self.assertEqual(name, _shake_hands(client, server))

    def test_node_as_client_of_another_node(self) -> None:
        """As self-heal is."""
        ours = authorities.authority()
        client = self._client(issue.issue_node(ours, CLUSTER))
        server = self._server(issue.issue_node(ours, CLUSTER))
        self.assertTrue(_shake_hands(client, server))

    def test_client_posing_as_a_node(self) -> None:
        """The key of a tenant serves no bricks."""
        ours = authorities.authority()
        client = self._client(issue.issue_client(ours, 'alice'))
        server = self._server(issue.issue_client(ours, 'mallory'))
        error = self.assertRaises(
            ssl.SSLCertVerificationError, _shake_hands, client, server
        )
        self.assertIn('purpose', str(error))

    def test_client_of_another_authority(self) -> None:
        """Refused, whatever its name."""
        ours = authorities.authority()
        server = self._server(issue.issue_node(ours, CLUSTER))
        stranger = issue.issue_client(authorities.authority('other'), 'alice')
        client = self._client(stranger, ours.certificate_pem)
        self.assertRaises(ssl.SSLError, _shake_hands, client, server)

    def test_node_of_another_authority(self) -> None:
        """A client is not lured away."""
        client = self._client(
            issue.issue_client(authorities.authority(), 'alice')
        )
        server = self._server(
            issue.issue_node(authorities.authority('other'), CLUSTER)
        )
        self.assertRaises(
            ssl.SSLCertVerificationError, _shake_hands, client, server
        )

    def test_server_with_an_old_version_of_tls(self) -> None:
        """It is not spoken to."""
        ours = authorities.authority()
        client = self._client(issue.issue_client(ours, 'alice'))
        self.assertEqual(ssl.TLSVersion.TLSv1_2, client.minimum_version)
