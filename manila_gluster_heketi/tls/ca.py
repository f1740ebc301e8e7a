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

"""The certificate authority of a store: made at first use, or imported."""

import dataclasses
import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf import hkdf
from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.tls import chain as chains
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import passphrases
from manila_gluster_heketi.tls import places
from manila_gluster_heketi.tls import policy

LOG = log.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Authority:
    """Signs certificates; safe for threads.

    :ivar path: where it was read from
    :ivar above: the certificates above its own, the root last; () if it is
        the root
    :ivar link: its certificate by the authority before it: what it signs is
        accepted by those who know only that one
    :ivar beside: another authority that clients trust as well, and those
        above it, while one takes the place of the other
    :ivar nodes_trust_beside: nodes do too
    :ivar successor: the other one, if it is the next to sign
    :ivar is_rotating: nodes are to be brought to what all this says
    """

    path: str
    certificate: x509.Certificate
    _key: keys.SigningKey = dataclasses.field(repr=False)
    above: tuple[x509.Certificate, ...] = ()
    link: x509.Certificate | None = None
    beside: tuple[x509.Certificate, ...] = ()
    nodes_trust_beside: bool = True
    successor: 'Authority | None' = None
    is_rotating: bool = False

    @classmethod
    def load(
        cls,
        place: places.Place | str,
        passphrase: passphrases.Source = passphrases.none,
    ) -> 'Authority':
        """Read the authority that is kept somewhere.

        :param place: a directory, unless it says more
        :raises InsecureFile: the key is missing, or others may read it
        :raises PassphraseError: the key can't be opened
        :raises TlsError: there is none, it is spoilt or has expired
        """
        place = _place(place)
        return cls.of(place.name, place.read(), passphrase())

    @classmethod
    def load_or_create(
        cls,
        place: places.Place | str,
        passphrase: passphrases.Source = passphrases.none,
        key_type: keys.KeyType = keys.KeyType.EC_P256,
    ) -> 'Authority':
        """Read the authority that is kept somewhere, or make one.

        Only where there is none is one made.

        :param place: a directory, unless it says more
        :param passphrase: if it gives one, the key of a new one is encrypted
        :param key_type: of a new one
        :raises InsecureFile: the key is missing, or others may read it
        :raises PassphraseError: the key can't be opened
        :raises TlsError: it is spoilt, has expired or can't be written
        """
        place = _place(place)
        secret = passphrase()
        pair, made = place.read_or_create(lambda: make(key_type, secret))
        authority = cls.of(place.name, pair, secret)
        if made:
            LOG.info(
                'made a certificate authority in %s, SHA-256 fingerprint %s',
                place.name,
                authority.fingerprint,
            )
        return authority

    @classmethod
    def of(
        cls, path: str, pair: keystore.Pair, passphrase: bytes | None
    ) -> 'Authority':
        """Make one of what is kept of it; nothing is taken on trust.

        :param path: what errors call the place
        :raises PassphraseError: the key can't be opened
        :raises TlsError: it is spoilt or has expired
        """
        certificate, *above = _chain(path, pair)
        key = _private_key(path, pair, passphrase)
        if certificate.public_key() != key.public_key():
            raise exceptions.TlsError(
                path=path,
                reason=f'{keystore.KEY} is not the key of '
                f'{keystore.CERTIFICATE}',
            )
        authority = cls(path, certificate, key, tuple(above))
        authority.check_time()
        return authority

    @functools.cached_property
    def certificate_pem(self) -> str:
        """Its own certificate."""
        return encoding.pem(self.certificate)

    @functools.cached_property
    def trust_pem(self) -> str:
        """What clients verify with: all up to the root.

        OpenSSL accepts nothing without a self-signed certificate at the end.
        """
        return ''.join(map(encoding.pem, (*self.chain, *self.beside)))

    @functools.cached_property
    def node_trust(self) -> tuple[x509.Certificate, ...]:
        """What nodes verify with: all up to the root."""
        if self.nodes_trust_beside:
            return (*self.chain, *self.beside)
        return self.chain

    @property
    def node_trust_pem(self) -> str:
        """The same as a file has it."""
        return ''.join(map(encoding.pem, self.node_trust))

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Its own certificate, and those above it up to the root."""
        return (self.certificate, *self.above)

    @property
    def known(self) -> tuple[x509.Certificate, ...]:
        """Authorities of which nodes may have certificates now."""
        return (self.certificate, *self.beside[:1])

    @property
    def alone(self) -> 'Authority':
        """The same one, with nothing that another one vouches for."""
        return dataclasses.replace(self, link=None)

    def presented_pem(self, certificate: x509.Certificate) -> str:
        """Write what the owner of a certificate presents, that first."""
        link = () if self.link is None else (self.link,)
        return ''.join(map(encoding.pem, (certificate, *link)))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as ``openssl x509`` writes it."""
        return fingerprint(self.certificate)

    @functools.cached_property
    def not_after(self) -> datetime.datetime:
        """When the first of it and those above it expires."""
        return min(each.not_valid_after_utc for each in self.chain)

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign a certificate that says all but who issued it."""
        return (
            builder.issuer_name(self.certificate.subject)
            .add_extension(self._authority_key_identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @functools.cached_property
    def token_key(self) -> bytes:
        """Key that enrolment tokens are sealed with: 32 bytes.

        Derived from the private key, so that all who have the authority have
        this as well. RFC 5869; what goes in is the secret number alone,
        because a library may write the rest of a key in another way.
        """
        derivation = hkdf.HKDF(
            hashes.SHA256(),
            length=32,
            salt=self.certificate.fingerprint(hashes.SHA256()),
            info=b'gluster-heketi enrolment token',
        )
        return derivation.derive(keys.secret_number(self._key))

    def check_time(self) -> None:
        """Check that certificates of this authority are accepted now.

        :raises TlsError: it has expired, or its time has not come yet
        """
        try:
            chains.check_time(self.chain, policy.now())
        except chains.Unfit as unfit:
            raise exceptions.TlsError(
                path=self.path, reason=str(unfit)
            ) from unfit

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


def fingerprint(certificate: x509.Certificate) -> str:
    """Give the SHA-256 of a certificate as ``openssl x509`` writes it."""
    return certificate.fingerprint(hashes.SHA256()).hex(':').upper()


def _place(place: places.Place | str) -> places.Place:
    return places.Directory(place) if isinstance(place, str) else place


def make(
    key_type: keys.KeyType,
    passphrase: bytes | None,
    subject: x509.Name | None = None,
) -> keystore.Pair:
    """Make an authority that signed itself.

    :param passphrase: its key is encrypted with it, unless it is None
    :param subject: its name; None for one that no other authority has
    """
    key = keys.make(key_type)
    if subject is None:
        # OpenSSL looks an issuer up by its name, so authorities that have
        # nothing to do with each other must not have the same.
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
    return keystore.Pair(encoding.pem(certificate), keys.pem(key, passphrase))


def _chain(path: str, pair: keystore.Pair) -> tuple[x509.Certificate, ...]:
    try:
        first, *others = chains.read(pair.certificate_pem)
        return chains.up_to_the_root(first, others)
    except chains.Unfit as unfit:
        raise exceptions.TlsError(
            path=path, reason=f'{keystore.CERTIFICATE}: {unfit}'
        ) from unfit


def _private_key(
    path: str, pair: keystore.Pair, passphrase: bytes | None
) -> keys.SigningKey:
    try:
        key = keys.load(pair.key_pem, passphrase)
    except keys.Closed as closed:
        raise exceptions.PassphraseError(
            path=path, reason=str(closed)
        ) from closed
    except keys.Unusable as unusable:
        raise exceptions.TlsError(
            path=path, reason=f'{keystore.KEY}: {unusable}'
        ) from unusable
    if passphrase is not None and not keys.is_encrypted(pair.key_pem):
        LOG.warning(
            'a passphrase is configured, but the key of the certificate '
            'authority in %s is not encrypted; "gluster-heketi ca encrypt" '
            'encrypts it',
            path,
        )
    return key
