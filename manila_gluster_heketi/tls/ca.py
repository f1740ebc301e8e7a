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

"""The certificate authority of a store: self-signed, made at first use."""

import dataclasses
import functools

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import policy

LOG = log.getLogger(__name__)

_SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclasses.dataclass(frozen=True, eq=False)
class Authority:
    """Signs certificates; safe for threads.

    :ivar path: the directory that it was read from
    """

    path: str
    certificate: x509.Certificate
    _key: _SigningKey = dataclasses.field(repr=False)

    @classmethod
    def load(cls, directory: str) -> 'Authority':
        """Read the authority of a directory.

        :raises InsecureFile: the key is missing, or others may read it
        :raises TlsError: there is none, it is spoilt or has expired
        """
        return cls._of(directory, keystore.read(directory))

    @classmethod
    def load_or_create(cls, directory: str) -> 'Authority':
        """Read the authority of a directory; make one if there is none.

        :raises InsecureFile: the key is missing, or others may read it
        :raises TlsError: it is spoilt, has expired or can't be written
        """
        pair, made = keystore.read_or_create(directory, _make)
        authority = cls._of(directory, pair)
        if made:
            LOG.info(
                'made a certificate authority in %s, SHA-256 fingerprint %s',
                directory,
                authority.fingerprint,
            )
        return authority

    @classmethod
    def _of(cls, directory: str, pair: keystore.Pair) -> 'Authority':
        authority = cls(
            directory,
            _certificate(directory, pair),
            _private_key(directory, pair),
        )
        authority._check_pair()
        authority.check_time()
        return authority

    @functools.cached_property
    def certificate_pem(self) -> str:
        """The certificate, as clients and nodes get it."""
        return encoding.pem(self.certificate)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as ``openssl x509`` writes it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(':').upper()

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign a certificate that says all but who issued it."""
        return (
            builder.issuer_name(self.certificate.subject)
            .add_extension(self._authority_key_identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def check_time(self) -> None:
        """Check that certificates of this authority are accepted now.

        :raises TlsError: it has expired, or its time has not come yet
        """
        now = policy.now()
        if now >= self.certificate.not_valid_after_utc:
            end = self.certificate.not_valid_after_utc
            raise self._error(f'it expired at {end:%Y-%m-%d %H:%M:%S} UTC')
        if now < self.certificate.not_valid_before_utc:
            start = self.certificate.not_valid_before_utc
            raise self._error(
                f'it is not valid before {start:%Y-%m-%d %H:%M:%S} UTC; '
                'check the clock of this host'
            )

    @functools.cached_property
    def _authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        try:
            own = self.certificate.extensions.get_extension_for_class(
                x509.SubjectKeyIdentifier
            ).value
        except x509.ExtensionNotFound:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(
                self._key.public_key()
            )
        identifier = x509.AuthorityKeyIdentifier
        return identifier.from_issuer_subject_key_identifier(own)

    def _check_pair(self) -> None:
        if self.certificate.public_key() != self._key.public_key():
            raise self._error(
                f'{keystore.KEY} is not the key of {keystore.CERTIFICATE}'
            )
        try:
            policy.strong_key(self._key.public_key())
        except policy.WeakKey as weak:
            raise self._error(f'{keystore.KEY}: {weak}') from weak
        try:
            constraints = self.certificate.extensions.get_extension_for_class(
                x509.BasicConstraints
            ).value
        except (x509.ExtensionNotFound, ValueError):
            constraints = x509.BasicConstraints(ca=False, path_length=None)
        if not constraints.ca:
            raise self._error(
                f'{keystore.CERTIFICATE} is no certificate of an authority'
            )

    def _error(self, reason: str) -> exceptions.TlsError:
        return exceptions.TlsError(path=self.path, reason=reason)


def _make() -> keystore.Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    # OpenSSL looks an issuer up by its name, so two authorities in one list
    # of trusted ones must not have the same.
    subject = encoding.common_name(f'gluster-heketi-ca-{model.new_id()}')
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    start = policy.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - policy.BACK_DATING)
        .not_valid_after(start + policy.AUTHORITY_LIFE)
        .add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        .add_extension(encoding.AUTHORITY_USAGE, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                identifier
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return keystore.Pair(encoding.pem(certificate), encoding.key_pem(key))


def _certificate(path: str, pair: keystore.Pair) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pair.certificate_pem.encode())
    except ValueError as error:
        raise exceptions.TlsError(
            path=path, reason=f'{keystore.CERTIFICATE} is not a certificate'
        ) from error


def _private_key(path: str, pair: keystore.Pair) -> _SigningKey:
    try:
        key = serialization.load_pem_private_key(pair.key_pem.encode(), None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # Not chained: no part of the key shall reach a traceback.
        raise exceptions.TlsError(
            path=path,
            reason=f'{keystore.KEY} is not a private key without passphrase',
        ) from None
    if not isinstance(key, _SigningKey):
        raise exceptions.TlsError(
            path=path,
            reason=f'{keystore.KEY} is neither an elliptic curve key nor an '
            'RSA key',
        )
    return key
