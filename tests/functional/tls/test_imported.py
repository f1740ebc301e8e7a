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

"""Handshakes with certificates of an operator's own intermediate authority."""

import os
import subprocess
import time

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import imported
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import passphrases
from tests import base
from tests.functional.tls import bricks
from tests.unit.tls import operators

CLUSTER = '0123456789abcdef' * 2


class OwnAuthorityTestCase(base.TestCase):
    """A root of the operator's, and two intermediates below it."""

    allow_processes = True
    allow_sockets = True

    def setUp(self) -> None:
        """Import the first one."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.root = operators.make()
        self.ours = self._import(self.root.below('ours', path_length=0))

    def _import(
        self, own: operators.Signer, root: operators.Signer | None = None
    ) -> ca.Authority:
        where = self.useFixture(fixtures.TempDir()).path
        files = operators.write(where, own, root or self.root)
        pair = imported.read(files.certificate, files.key, files.chain, None)
        keystore.create(os.path.join(where, 'ca'), pair)
        return ca.Authority.load(os.path.join(where, 'ca'))


class HandshakeTestCase(OwnAuthorityTestCase):
    """A brick and a client, each with what it gets from us and no more."""

    def setUp(self) -> None:
        """Issue a certificate for each."""
        super().setUp()
        self.node = issue.issue_node(self.ours, CLUSTER)
        self.alice = issue.issue_client(self.ours, 'alice')

    def _meet(
        self, node: issue.Bundle, client: issue.Bundle, settle: float = 30
    ) -> distribute.HandshakeResult:
        brick = self.useFixture(bricks.Brick(node, node.ca_pem))
        return distribute.verify_handshake(
            '127.0.0.1',
            brick.port,
            client.ca_pem,
            client,
            CLUSTER,
            settle=settle,
        )

    def _refused(self, node: issue.Bundle, client: issue.Bundle) -> str:
        error = self.assertRaises(
            exceptions.HostError, self._meet, node, client
        )
        return error.fields['reason']

    def test_node_and_client_accept_each_other(self) -> None:
        """Their trust files have all that is needed, up to the root."""
        found = self._meet(self.node, self.alice, settle=0.1)
        self.assertEqual(self.node.record.serial, found.serial)

    def test_client_of_another_authority(self) -> None:
        """The brick refuses it."""
        directory = self.useFixture(fixtures.TempDir()).path
        other = ca.Authority.load_or_create(directory)
        stranger = issue.issue_client(other, 'alice')
        # It would accept the brick: it is the brick that refuses.
        stranger = bricks.trusting(stranger, self.alice.ca_pem)
        self.assertIn('alert', self._refused(self.node, stranger).lower())

    def test_node_of_another_authority(self) -> None:
        """The client refuses it, even one with names like ours."""
        root = operators.make()
        other = self._import(root.below('ours', path_length=0), root)
        node = issue.issue_node(other, CLUSTER)
        self.assertIn(
            'certificate verify failed', self._refused(node, self.alice)
        )

    def test_intermediate_alone_is_not_enough(self) -> None:
        """That is why the trust file has the root too."""
        alice = bricks.trusting(self.alice, self.ours.certificate_pem)
        self.assertIn(
            'unable to get issuer certificate', self._refused(self.node, alice)
        )

    def test_sibling_below_the_same_root(self) -> None:
        """It is accepted: OpenSSL lets it show the way. So we warn of it."""
        sibling = self._import(self.root.below('sibling', path_length=0))
        self._meet(self.node, issue.issue_client(sibling, 'bob'), settle=0.1)


@ddt.ddt
class OpensslTestCase(OwnAuthorityTestCase):
    """The command line of OpenSSL, as operators and GlusterFS use it."""

    def _openssl(self, *words: str, **files: str) -> str:
        for name, text in files.items():
            path = os.path.join(self.directory, name)
            with open(path, 'w', encoding='ascii') as stream:
                stream.write(text)
        done = subprocess.run(
            ['openssl', *words],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    @ddt.data('issue_node', 'issue_client')
    def test_depth_that_glusterfs_follows(self, kind: str) -> None:
        """One certificate between a peer's and the root, as strict as can."""
        name = CLUSTER if kind == 'issue_node' else 'alice'
        bundle = getattr(issue, kind)(self.ours, name)
        words = ('verify', '-x509_strict', '-CAfile', 'trust')
        files = {'trust': bundle.ca_pem, 'own': bundle.certificate_pem}
        said = self._openssl(*words, '-verify_depth', '1', 'own', **files)
        self.assertEqual('own: OK\n', said)

    def test_key_that_we_encrypted(self) -> None:
        """It can be opened without us, with the same file."""
        path = os.path.join(self.directory, 'passphrase')
        keystore.write_new(path, 'correct horse\n', 0o600)
        where = os.path.join(self.directory, 'ca')
        ca.Authority.load_or_create(
            where, lambda: passphrases.from_file(path)
        )
        words = ('pkey', '-in', 'ca/ca.key', '-pubout', '-passin')
        certified = self._openssl(
            'x509', '-in', 'ca/ca.pem', '-pubkey', '-noout'
        )
        self.assertEqual(
            certified, self._openssl(*words, 'file:passphrase')
        )
        self.assertNotEqual(certified, self._openssl(*words, 'pass:wrong'))

    def test_longer_chain_than_glusterfs_follows(self) -> None:
        """That is why one is refused."""
        upper = self.root.below('upper')
        own = upper.below('own', path_length=0)
        authority = ca.Authority('x', own.certificate, own.key)
        bundle = issue.issue_client(authority, 'alice')
        trust = own.pem + upper.pem + self.root.pem
        words = ('verify', '-CAfile', 'trust', '-verify_depth')
        files = {'trust': trust, 'own': bundle.certificate_pem}
        self.assertIn('OK', self._openssl(*words, '2', 'own', **files))
        self.assertIn(
            'certificate chain too long',
            self._openssl(*words, '1', 'own', **files),
        )

    @ddt.data(('sha256', ''), ('sha1', 'signed with sha1'))
    @ddt.unpack
    def test_authority_made_with_openssl(self, how: str, reason: str) -> None:
        """As the manual has it; with a hash that is broken it is refused."""
        key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
        extensions = 'basicConstraints=critical,CA:TRUE\n' + (
            'keyUsage=critical,keyCertSign,cRLSign\n'
        )
        self._openssl(
            'req', '-x509', *key, '-noenc', '-keyout', 'root.key',
            '-out', 'root.pem', '-subj', '/CN=root', '-days', '9',
        )  # fmt: skip
        self._openssl(
            'req', *key, '-noenc', '-keyout', 'own.key', '-out', 'own.csr',
            '-subj', '/CN=own',
        )  # fmt: skip
        self._openssl(
            'x509', '-req', '-in', 'own.csr', '-CA', 'root.pem', '-CAkey',
            'root.key', '-CAcreateserial', '-out', 'own.pem', '-days', '9',
            f'-{how}', '-extfile', 'extensions', extensions=extensions,
        )  # fmt: skip
        # What OpenSSL dates now is not before now to the second.
        time.sleep(1)
        own, key_file, root = (
            os.path.join(self.directory, name)
            for name in ('own.pem', 'own.key', 'root.pem')
        )
        if not reason:
            pair = imported.read(own, key_file, root, None)
            ca.Authority.of('here', pair, None)
            return
        error = self.assertRaises(
            exceptions.InvalidInput, imported.read, own, key_file, root, None
        )
        self.assertIn(reason, str(error))
