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

"""What the old authority says of the new one, and where that is kept."""

import dataclasses
import os
import tempfile
from unittest import mock

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import rehearsal
from manila_gluster_heketi.tls import succession
from manila_gluster_heketi.tls import successor_files
from tests import base
from tests.unit.tls import operators

_CLUSTER = '0123456789abcdef0123456789abcdef'


def _authority(*signers: operators.Signer) -> ca.Authority:
    """Make an authority of an operator's, with those above it."""
    first, *above = signers
    pem = ''.join(each.pem for each in (first, *above))
    return ca.Authority.of(
        'there', keystore.Pair(pem, keys.pem(first.key)), None
    )


def _ours() -> ca.Authority:
    pair = ca.make(keys.KeyType.EC_P256, None)
    return ca.Authority.of('here', pair, None)


def _after(old: ca.Authority) -> ca.Authority:
    pair = succession.make(old, keys.KeyType.EC_P256, None)
    return ca.Authority.of('here', pair, None)


class LinkTestCase(base.TestCase):
    """A certificate of the new authority that the old one signed."""

    def test_one_of_ours_after_one_of_ours(self) -> None:
        """Same name, another key; who knows the old one accepts a node."""
        old = _ours()
        new = _after(old)
        self.assertEqual(old.certificate.subject, new.certificate.subject)
        self.assertNotEqual(old.fingerprint, new.fingerprint)
        link = succession.link(old, new)
        linked = dataclasses.replace(new, link=link, beside=old.chain)
        client = issue.issue_client(old, 'alice')
        rehearsal.meet(issue.issue_node(linked, _CLUSTER), client)
        alone = dataclasses.replace(linked, link=None)
        self.assertRaises(
            rehearsal.Refused,
            rehearsal.meet,
            issue.issue_node(alone, _CLUSTER),
            client,
        )

    def test_it_does_not_outlive_the_old_one(self) -> None:
        """It would not be accepted any more."""
        old = _authority(operators.make())
        link = succession.link(old, _ours())
        self.assertEqual(old.not_after, link.not_valid_after_utc)

    def test_an_operators_after_one_of_ours(self) -> None:
        """Ours allows no other authority below it."""
        root = operators.make()
        new = _authority(root.below(), root)
        self.assertIsNone(succession.link(_ours(), new))

    def test_one_of_ours_after_an_intermediate(self) -> None:
        """There would be two certificates below the root."""
        root = operators.make()
        old = _authority(root.below(), root)
        new = _after(old)
        self.assertNotEqual(old.certificate.subject, new.certificate.subject)
        self.assertIsNone(succession.link(old, new))

    def test_one_of_ours_after_a_root(self) -> None:
        """That allows it."""
        old = _authority(operators.make(path_length=0))
        new = _after(old)
        self.assertIsNotNone(succession.link(old, new))

    def test_bundles(self) -> None:
        """Nodes and clients get the link; only clients both authorities."""
        old = _ours()
        new = _after(old)
        authority = dataclasses.replace(
            new,
            link=succession.link(old, new),
            beside=old.chain,
            nodes_trust_beside=False,
        )
        node = issue.issue_node(authority, _CLUSTER)
        client = issue.issue_client(authority, 'alice')
        both = encoding.pem(new.certificate) + encoding.pem(old.certificate)
        self.assertEqual(encoding.pem(new.certificate), node.ca_pem)
        self.assertEqual(both, client.ca_pem)
        for each in (node, client):
            self.assertEqual(2, each.certificate_pem.count('BEGIN'))
            self.assertEqual(new.fingerprint, each.record.issuer)


class SuccessorFilesTestCase(base.TestCase):
    """The new one beside the old one, until it is in its place."""

    def setUp(self) -> None:
        """Keep both."""
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.old = ca.make(keys.KeyType.EC_P256, None)
        self.new = ca.make(keys.KeyType.EC_P256, None)
        keystore.create(self.directory, self.old)
        successor_files.create(self.directory, self.new)

    def test_there_is_one_already(self) -> None:
        """It stays."""
        self.assertRaises(
            exceptions.AuthorityExists,
            successor_files.create,
            self.directory,
            self.old,
        )
        self.assertEqual(self.new, successor_files.read(self.directory))
        self.assertEqual(self.old, keystore.read(self.directory))

    def test_promote(self) -> None:
        """The old one is gone; once more is nothing."""
        for _ in range(2):
            successor_files.promote(self.directory)
            self.assertEqual(self.new, keystore.read(self.directory))
            self.assertIsNone(successor_files.read(self.directory))
        self.assertFalse(os.path.exists(f'{self.directory}/next'))

    def test_promotion_is_cut_off(self) -> None:
        """At each system call that changes a name; it is done to its end."""
        for name in ('rename', 'unlink'):
            for calls in range(3):
                with self.subTest(name=name, calls=calls):
                    self._cut_off(name, calls)

    def _cut_off(self, name: str, calls: int) -> None:
        left = [calls]
        real = getattr(os, name)

        def cut(*args: str) -> None:
            if args[0].endswith(('.new', 'next/ca.key', 'next/ca.pem')):
                if not left[0] and os.path.exists(args[0]):
                    raise KeyboardInterrupt
                left[0] -= 1
            real(*args)

        successor_files.discard(self.directory)
        successor_files.create(self.directory, self.new)
        with mock.patch.object(os, name, cut):
            try:
                successor_files.promote(self.directory)
            except KeyboardInterrupt:
                # Whoever looks for it finds it in one of the two.
                found = [successor_files.read(self.directory)]
                if found == [None]:
                    found = [keystore.read(self.directory)]
                self.assertEqual([self.new], found)
        successor_files.promote(self.directory)
        self.assertEqual(self.new, keystore.read(self.directory))
        self.assertIsNone(successor_files.read(self.directory))

    def test_discard(self) -> None:
        """The old one stays; once more is nothing."""
        for _ in range(2):
            successor_files.discard(self.directory)
            self.assertIsNone(successor_files.read(self.directory))
            self.assertEqual(self.old, keystore.read(self.directory))

    def test_a_key_that_others_may_read(self) -> None:
        """It is not used."""
        os.chmod(f'{self.directory}/next/ca.key', 0o644)
        self.assertRaises(
            exceptions.InsecureFile, successor_files.read, self.directory
        )
