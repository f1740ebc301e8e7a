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

"""Tests of an operator's own authority: what is taken, and what is not."""

import datetime
import os
from collections.abc import Callable
from typing import Any

import ddt
import fixtures
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import imported
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from tests import base
from tests.unit.tls import operators
from tests.unit.tls.operators import make

_DAY = datetime.timedelta(days=1)
_PASSPHRASE = b'correct horse'
_Signers = tuple[operators.Signer, ...]
_Make = Callable[[], _Signers]


def _below(root: dict[str, Any] | None = None, **changes: Any) -> _Make:
    """Say how an intermediate and its root differ from right ones."""

    def signers() -> _Signers:
        above = make(**(root or {}))
        return above.below(**changes), above

    return signers


def _replaced_root() -> _Signers:
    """The root was made anew under its old name."""
    return make().below(), make()


def _stranger() -> _Signers:
    root = make()
    return root.below(), root, make('stranger')


def _two_below_the_root() -> _Signers:
    root = make()
    upper = root.below('upper')
    return upper.below(), upper, root


def _weak_curve() -> _Signers:
    return (make(key=ec.generate_private_key(ec.SECP224R1())),)


def _weak(above: bool) -> _Make:
    def signers() -> _Signers:
        key = rsa.generate_private_key(65537, 1024)  # noqa: S505
        return _below({'key': key})() if above else _below(key=key)()

    return signers


_MAY_NOT_SIGN = {'usage': encoding.END_ENTITY_USAGE}
_FOR_SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_FOR_OTHERS = x509.NameConstraints([x509.DNSName('example.org')], None)

# The authority and those above it, and what is said of them.
BAD_CHAINS: dict[str, tuple[_Make, str]] = {
    'of nobody': (lambda: (make().below(),), 'is missing'),
    'of another root': (
        lambda: (make().below(), make('other')),
        "'CN=root,O=Operator', which issued 'CN=intermediate,O=Operator'",
    ),
    'of a root that was replaced': (_replaced_root, 'is missing'),
    'with a stranger': (_stranger, "'CN=stranger,O=Operator' did not issue"),
    'too long for GlusterFS': (_two_below_the_root, 'GlusterFS follows 1'),
    'of a client': (_below(ca=False), 'no certificate of an authority'),
    'without constraints': (
        _below(ca=None),
        'no certificate of an authority',
    ),
    'that may not sign': (_below(**_MAY_NOT_SIGN), 'keyCertSign'),
    'that does not say that it signs': (_below(usage=None), 'keyCertSign'),
    'of a root that may not sign': (
        _below(_MAY_NOT_SIGN),
        "'CN=root,O=Operator' may not sign",
    ),
    'of a root that allows none below it': (
        _below({'path_length': 0}),
        'allows 0 authorities below it, and there are 1',
    ),
    'with a weak key': (_weak(above=False), 'RSA with 1024 bits'),
    'of a root with a weak key': (
        _weak(above=True),
        "'CN=root,O=Operator': RSA with 1024 bits",
    ),
    'on a weak curve': (_weak_curve, 'curve secp224r1'),
    'signed with less than SHA-256': (
        _below(algorithm=hashes.SHA224()),
        'signed with sha224',
    ),
    'expired': (_below(end=-_DAY), 'it expired at'),
    'of a root that expired': (
        _below({'end': -_DAY}),
        "'CN=root,O=Operator' expired at",
    ),
    'not yet valid': (_below(start=_DAY), 'is not valid before'),
    'for servers alone': (
        _below(extensions=[(_FOR_SERVERS, False)]),
        'would refuse what it issues',
    ),
    'for other names': (
        _below(extensions=[(_FOR_OTHERS, True)]),
        'would refuse what it issues: permitted subtree violation',
    ),
}


@ddt.ddt
class ImportedTestCase(base.TestCase):
    """Files that an operator gives us."""

    def setUp(self) -> None:
        """Make a root and an intermediate."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.root = make()
        self.own = self.root.below(path_length=0)

    def _read(
        self, files: operators.Files, passphrase: bytes | None = None
    ) -> keystore.Pair:
        return imported.read(
            files.certificate, files.key, files.chain, passphrase
        )

    def _write(self, *signers: operators.Signer, **more) -> operators.Files:
        return operators.write(self.directory, *signers, **more)

    def _refused(
        self, files: operators.Files, passphrase: bytes | None = None
    ) -> exceptions.InvalidInput:
        error = self.assertRaises(
            exceptions.InvalidInput, self._read, files, passphrase
        )
        self.assertNotIn('horse', str(error))
        return error

    def _assert_served(
        self, pair: keystore.Pair, passphrase: bytes | None = None
    ) -> None:
        authority = ca.Authority.of('here', pair, passphrase)
        self.assertEqual(self.own.certificate, authority.certificate)
        self.assertEqual((self.root.certificate,), authority.above)
        self.assertEqual(
            self.own.pem + self.root.pem, authority.trust_pem
        )

    def test_intermediate(self) -> None:
        """It is kept with its root."""
        self._assert_served(self._read(self._write(self.own, self.root)))

    def test_chain_in_the_file_of_the_certificate(self) -> None:
        """As most authorities hand it out."""
        files = self._write(self.own)
        with open(files.certificate, 'a', encoding='utf-8') as stream:
            stream.write('Aussteller: Zürich\n' + self.root.pem)
        self._assert_served(self._read(files))

    def test_chain_with_all_of_it(self) -> None:
        """What is there twice does no harm, in any order."""
        files = self._write(self.own, self.root, self.own, self.root)
        self._assert_served(self._read(files))

    def test_authority_that_signed_itself(self) -> None:
        """It has nobody above it."""
        pair = self._read(self._write(self.root))
        self.assertEqual((), ca.Authority.of('here', pair, None).above)

    def test_authority_with_rsa(self) -> None:
        """Below one with a curve."""
        self.own = self.root.below(key=rsa.generate_private_key(65537, 2048))
        self._assert_served(self._read(self._write(self.own, self.root)))

    def test_nothing_that_it_issues_outlives_the_root(self) -> None:
        """Nobody would accept it."""
        self.root = make(end=_DAY)
        self.own = self.root.below()
        pair = self._read(self._write(self.own, self.root))
        self.assertEqual(
            self.root.certificate.not_valid_after_utc,
            ca.Authority.of('here', pair, None).not_after,
        )

    @ddt.data(None, _PASSPHRASE)
    def test_key_is_encrypted_with_our_passphrase(self, theirs) -> None:
        """Whether it was before or not."""
        files = self._write(self.own, self.root, passphrase=theirs)
        pair = self._read(files, _PASSPHRASE)
        self.assertTrue(keys.is_encrypted(pair.key_pem))
        self._assert_served(pair, _PASSPHRASE)

    @ddt.data(
        (None, 'no passphrase is configured'),
        (b'wrong horse', 'does not open it'),
    )
    @ddt.unpack
    def test_key_with_another_passphrase(self, ours, reason) -> None:
        """Nobody can open it."""
        files = self._write(self.own, self.root, passphrase=_PASSPHRASE)
        error = self._refused(files, ours)
        self.assertEqual('--key', error.fields['field'])
        self.assertEqual(files.key, error.fields['value'])
        self.assertIn(reason, str(error))

    @ddt.data(*sorted(BAD_CHAINS))
    def test_authority(self, which: str) -> None:
        """One that nobody could verify, or that is not safe to rely on."""
        made, reason = BAD_CHAINS[which]
        issuing, *above = made()
        files = self._write(issuing, *above)
        error = self._refused(files)
        self.assertEqual('--certificate', error.fields['field'])
        self.assertEqual(files.certificate, error.fields['value'])
        self.assertIn(reason, error.fields['reason'])

    def test_key_of_another_certificate(self) -> None:
        """Both files are named."""
        files = self._write(self.own, self.root, key=self.root.key)
        error = self._refused(files)
        self.assertEqual('--key', error.fields['field'])
        self.assertIn(f'not the key of {files.certificate}', str(error))

    def test_key_of_another_kind(self) -> None:
        """GlusterFS would understand it, and we don't."""
        files = self._write(
            self.own, self.root, key=ed25519.Ed25519PrivateKey.generate()
        )
        self.assertIn('neither', str(self._refused(files)))

    @ddt.data(0o640, 0o604, 0o660)
    def test_key_that_others_may_read(self, mode: int) -> None:
        """Somebody may have it already."""
        files = self._write(self.own, self.root, mode=mode)
        error = self.assertRaises(exceptions.InsecureFile, self._read, files)
        self.assertEqual(files.key, error.fields['path'])

    @ddt.data('certificate', 'key', 'chain')
    def test_file_that_is_not_there(self, which: str) -> None:
        """It is named."""
        files = self._write(self.own, self.root)
        path = getattr(files, which)
        os.unlink(path)
        error = self.assertRaises(
            exceptions.GlusterHeketiError, self._read, files
        )
        self.assertIn(path, str(error))
        self.assertIn('No such file', str(error))

    @ddt.data('certificate', 'key', 'chain')
    def test_file_that_is_something_else(self, which: str) -> None:
        """It is named, and nothing of it is shown."""
        files = self._write(self.own, self.root)
        path = getattr(files, which)
        with open(path, 'w', encoding='ascii') as stream:
            stream.write('correct horse')
        error = self._refused(files)
        self.assertEqual(f'--{which}', error.fields['field'])
        self.assertEqual(path, error.fields['value'])
        self.assertIn('it is not a', error.fields['reason'])
