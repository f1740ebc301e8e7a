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

"""Private keys: made, written and opened."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import policy

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_RSA_EXPONENT = 65537
# How PEM tells: the label of PKCS #8 (RFC 7468, section 11), and the header
# of the older form (RFC 1421, section 4.6.1.1).
_ENCRYPTED = ('BEGIN ENCRYPTED PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED')


class KeyType(model.Text):
    """What key is made. In configurations: never rename.

    Both are as strong, 128 bits (NIST SP 800-57 part 1); the second takes a
    thousand times as long to make, for those whose rules know no curves.
    """

    EC_P256 = 'ec-p256'
    RSA_3072 = 'rsa-3072'


class Unusable(ValueError):
    """A private key that can't be used; the text shows nothing of it."""


class Closed(Unusable):
    """A private key that the passphrase, or the lack of one, keeps closed."""


def make(key_type: KeyType) -> SigningKey:
    """Make a key."""
    if key_type is KeyType.RSA_3072:
        return rsa.generate_private_key(_RSA_EXPONENT, 3072)
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: SigningKey, passphrase: bytes | None = None) -> str:
    """Write a key in PEM, as PKCS #8; encrypted if there is a passphrase."""
    protection: serialization.KeySerializationEncryption
    protection = serialization.NoEncryption()
    if passphrase is not None:
        protection = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        protection,
    ).decode()


def is_encrypted(text: str) -> bool:
    """Say whether a key in PEM needs a passphrase."""
    return any(sign in text for sign in _ENCRYPTED)


def load(text: str, passphrase: bytes | None) -> SigningKey:
    """Read a key in PEM; one that is not encrypted needs no passphrase.

    :raises Closed: it is encrypted, and not with this passphrase
    :raises Unusable: it is no key that can sign certificates
    """
    encrypted = is_encrypted(text)
    if encrypted and passphrase is None:
        raise Closed('it is encrypted, and no passphrase is configured')
    try:
        key = serialization.load_pem_private_key(
            text.encode(), passphrase if encrypted else None
        )
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # Not chained: no part of the key shall reach a traceback.
        if encrypted:
            raise Closed(
                'the passphrase does not open it, or it is damaged'
            ) from None
        raise Unusable('it is not a private key') from None
    if not isinstance(key, SigningKey):
        raise Unusable('it is neither an elliptic curve key nor an RSA key')
    return key


def secret_number(key: SigningKey) -> bytes:
    """Give the number that is the secret of a key, most significant first."""
    numbers = key.private_numbers()
    if isinstance(numbers, ec.EllipticCurvePrivateNumbers):
        number = numbers.private_value
    else:
        number = numbers.d
    return number.to_bytes((key.key_size + 7) // 8, 'big')


def name_of(key: policy.CertifiableKey) -> str:
    """Name a key as its type is called in configurations."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f'ec-p{key.key_size}'
    return f'rsa-{key.key_size}'
