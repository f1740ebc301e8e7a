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

"""The certificates above what we issue: ours, and those up to the root."""

import datetime
import functools
from collections.abc import Iterable
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from manila_gluster_heketi.tls import policy

# GlusterFS verifies with ssl.certificate-depth, which is 1 unless a volume
# sets it (DEFAULT_VERIFY_DEPTH in its socket.c); that many certificates may be
# between a peer's and the root (SSL_CTX_set_verify_depth(3)).
_INTERMEDIATES = 1
# What reading the parts of one may raise.
_SPOILT = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


class Unfit(ValueError):
    """Certificates that nobody could rely on; says which and why."""


def read(text: str) -> tuple[x509.Certificate, ...]:
    """Read one certificate or more in PEM.

    :raises Unfit: there is none, or one is spoilt
    """
    try:
        return tuple(x509.load_pem_x509_certificates(text.encode()))
    except ValueError:
        raise Unfit('it is not a certificate') from None


def up_to_the_root(
    first: x509.Certificate, others: Iterable[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Put an authority and those above it in order; each is checked.

    :param first: what issues the certificates of nodes and clients
    :param others: those above it in any order, and no others: all of them
        will be trusted
    :raises Unfit: one is missing or too many, or unfit for its place
    """
    chain = [first]
    _check(first, 0)
    left = [each for each in dict.fromkeys(others) if each != first]
    while not is_self_signed(chain[-1]):
        above = next((c for c in left if _issued(chain[-1], c)), None)
        if above is None:
            raise Unfit(
                f'the certificate of {chain[-1].issuer.rfc4514_string()!r}, '
                f'which issued {name(chain[-1])}, is missing: all up to a '
                'self-signed one are needed'
            )
        left.remove(above)
        _check(above, len(chain))
        chain.append(above)
    if left:
        raise Unfit(f'{name(left[0])} did not issue any of the others')
    if len(chain) - 1 > _INTERMEDIATES:
        raise Unfit(
            f'there are {len(chain) - 1} certificates below the root; '
            f'GlusterFS follows {_INTERMEDIATES}'
        )
    return tuple(chain)


def check_time(
    chain: Sequence[x509.Certificate], moment: datetime.datetime
) -> None:
    """Check that all of a chain hold at a moment.

    :raises Unfit: one has expired, or its time has not come yet
    """
    for each in chain:
        which = 'it' if each is chain[0] else name(each)
        end = each.not_valid_after_utc
        start = each.not_valid_before_utc
        if moment >= end:
            raise Unfit(f'{which} expired at {end:%Y-%m-%d %H:%M:%S} UTC')
        if moment < start:
            raise Unfit(
                f'{which} is not valid before {start:%Y-%m-%d %H:%M:%S} UTC; '
                'check the clock of this host'
            )


def name(certificate: x509.Certificate) -> str:
    """Name a certificate as errors do."""
    return repr(certificate.subject.rfc4514_string())


def says_that_it_signs(certificate: x509.Certificate) -> bool:
    """Say whether a certificate expressly allows to sign others."""
    usage = _extension(certificate, x509.KeyUsage)
    return usage is not None and usage.key_cert_sign


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Say whether it is a root."""
    return _issued(certificate, certificate)


@functools.lru_cache(maxsize=64)
def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check(certificate: x509.Certificate, below: int) -> None:
    """Check that a certificate may be one of an authority at its place.

    :param below: how many authorities are between it and what we issue
    """
    who = name(certificate)
    try:
        constraints = _extension(certificate, x509.BasicConstraints)
        usage = _extension(certificate, x509.KeyUsage)
        policy.strong_key(certificate.public_key())
        used = certificate.signature_hash_algorithm
    except policy.WeakKey as weak:
        raise Unfit(f'{who}: {weak}') from weak
    except _SPOILT:
        raise Unfit(f'{who} is spoilt') from None
    if constraints is None or not constraints.ca:
        raise Unfit(f'{who} is no certificate of an authority')
    if usage is not None and not usage.key_cert_sign:
        raise Unfit(f'{who} may not sign certificates (keyCertSign)')
    length = constraints.path_length
    if length is not None and length < below:
        raise Unfit(
            f'{who} allows {length} authorities below it, and there are '
            f'{below}'
        )
    # Nobody relies on what a root says of itself.
    if not isinstance(used, _HASHES) and not is_self_signed(certificate):
        how = used.name if used else 'none'
        raise Unfit(
            f'{who} is signed with {how}; SHA-256 or better is needed'
        )


def _extension(
    certificate: x509.Certificate, kind: type[x509.extensions.ExtensionTypeVar]
) -> x509.extensions.ExtensionTypeVar | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
