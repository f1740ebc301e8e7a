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

"""What a certificate may say: names, keys and how long it holds."""

import datetime
import string

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names

AUTHORITY_LIFE = datetime.timedelta(days=3650)
NODE_DAYS = 365
CLIENT_DAYS = 90

# A host whose clock is behind must accept a certificate issued just now.
BACK_DATING = datetime.timedelta(minutes=5)

# ub-common-name, RFC 5280 appendix A.1.
NAME_LIMIT = 64
# GlusterFS divides auth.ssl-allow at commas and takes each entry for an
# fnmatch(3) pattern, so only characters without a meaning there are let in.
_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + '._@-')
RESERVED_PREFIX = names.node_common_name('')

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_RSA_BITS = 2048

CertifiableKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class WeakKey(ValueError):
    """A public key that we don't certify."""


def now() -> datetime.datetime:
    """Say what time it is, in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def check_common_name(value: str, field: str = 'common_name') -> str:
    """Give back a client's common name if it is one name for GlusterFS.

    :param field: what the value is called where the caller got it
    :raises InvalidCommonName: it is empty, too long, has a character that
        auth.ssl-allow gives a meaning, or could be taken for a node's name
    """
    check_characters(value, field)
    if value.startswith('-'):
        raise _invalid(field, value, "it begins with '-'")
    if value.startswith(RESERVED_PREFIX):
        raise _invalid(
            field, value, f'names with {RESERVED_PREFIX!r} are for nodes'
        )
    return value


def node_name(cluster_id: str) -> str:
    """Give the common name of a cluster's nodes if it is one name.

    :raises InvalidCommonName: the identity of the cluster is not plain
    """
    check_characters(cluster_id, 'cluster')
    name = names.node_common_name(cluster_id)
    check_characters(name, 'cluster')
    return name


def check_characters(value: str, field: str) -> None:
    """Check that a name matches nothing but itself.

    :raises InvalidCommonName: with the first bad character and its position,
        counted from 1
    """
    if not value:
        raise _invalid(field, value, 'it is empty')
    for position, character in enumerate(value, 1):
        if character not in _NAME_CHARACTERS:
            raise _invalid(
                field,
                value,
                f'character {position} is {character!a}',
            )
    if len(value) > NAME_LIMIT:
        raise _invalid(
            field,
            value,
            f'it has {len(value)} characters, {NAME_LIMIT} are allowed',
        )


def strong_key(key: PublicKeyTypes) -> CertifiableKey:
    """Give back a key if it is one that we certify.

    :raises WeakKey: with the reason
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, _CURVES):
            return key
        raise WeakKey(f'curve {key.curve.name} is not P-256, P-384 or P-521')
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size >= _RSA_BITS:
            return key
        raise WeakKey(f'RSA with {key.key_size} bits, {_RSA_BITS} are needed')
    raise WeakKey('neither an elliptic curve key nor an RSA key')


def validity(
    days: int, not_after: datetime.datetime
) -> tuple[datetime.datetime, datetime.datetime]:
    """Choose from when until when a certificate holds.

    :param days: asked for, counted from now
    :param not_after: when its authority ends; nothing holds longer
    :raises InvalidInput: less than one day was asked for
    """
    if days < 1:
        raise exceptions.InvalidInput(
            field='days', value=days, reason='it is less than one day'
        )
    start = now()
    # The bound keeps an absurd number from overflowing the calendar.
    wanted = start + datetime.timedelta(days=min(days, 100 * 366))
    return start - BACK_DATING, min(wanted, not_after)


def _invalid(
    field: str, value: str, reason: str
) -> exceptions.InvalidCommonName:
    return exceptions.InvalidCommonName(
        field=field, value=value, reason=reason
    )
