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

"""Enrolment tokens: a right to one certificate, for one name on one share.

A token is text that a tenant gets as the access key of an access rule, so it
has at most 255 characters: a prefix, and in base64url

    identity 16, expiry 5, authority 32, length of the share's id 1, the
    share's id, the common name, seal 32

bytes. The authority is the SHA-256 of its certificate, by which a tenant knows
the endpoint. The seal is HMAC-SHA-256 over all before it, with a key that
whoever has the authority can derive: nobody else can make a token or change
one, and it is judged without a look into the store.
"""

import base64
import dataclasses
import datetime
import hashlib
import hmac

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls.ca import Authority

PREFIX = 'ghe1_'
# Manila's column share_access_map.access_key has as many.
LIMIT = 255

_ID_BYTES = 16
_EXPIRY_BYTES = 5
_DIGEST_BYTES = 32
_HEAD_BYTES = _ID_BYTES + _EXPIRY_BYTES + _DIGEST_BYTES + 1
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """What a token says.

    :ivar id: 32 lower-case hex digits
    :ivar expires_at: in whole seconds
    :ivar authority: fingerprint of its certificate, as :func:`digest` has it
    """

    id: str
    share_id: str
    common_name: str
    expires_at: datetime.datetime
    authority: bytes


def digest(certificate: x509.Certificate) -> bytes:
    """Give the SHA-256 of a certificate."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return hashlib.sha256(der).digest()


def write(authority: Authority, token: Token) -> str:
    """Write a token; the same one is the same text each time.

    :raises InvalidInput: the share's id is too long for a token
    """
    share = token.share_id.encode()
    body = b''.join(
        (
            bytes.fromhex(token.id),
            _seconds(token.expires_at).to_bytes(_EXPIRY_BYTES, 'big'),
            token.authority,
            bytes((min(len(share), 255),)),
            share,
            token.common_name.encode(),
        )
    )
    text = _text(body + _seal(authority, body))
    if len(text) > LIMIT:
        raise exceptions.InvalidInput(
            field='share',
            value=token.share_id,
            reason=f'a token of it would have {len(text)} characters, {LIMIT} '
            'are allowed',
        )
    return text


def read(authority: Authority, text: str) -> Token:
    """Read a token that the authority has sealed.

    :raises InvalidToken: it has not, or it is none
    """
    token, body, seal = _taken_apart(text)
    if not hmac.compare_digest(seal, _seal(authority, body)):
        raise exceptions.InvalidToken()
    return token


def peek(text: str) -> Token:
    """Read what a token says, as a tenant can: the seal is not checked.

    :raises InvalidToken: it is none
    """
    return _taken_apart(text)[0]


def _taken_apart(text: str) -> tuple[Token, bytes, bytes]:
    """Give the token, what is sealed, and the seal."""
    try:
        whole = _whole(text)
        body, seal = whole[:-_DIGEST_BYTES], whole[-_DIGEST_BYTES:]
        head, rest = body[:_HEAD_BYTES], body[_HEAD_BYTES:]
        end = head[_HEAD_BYTES - 1]
        seconds = int.from_bytes(
            head[_ID_BYTES : _ID_BYTES + _EXPIRY_BYTES], 'big'
        )
        token = Token(
            id=head[:_ID_BYTES].hex(),
            share_id=rest[:end].decode(),
            common_name=policy.check_common_name(rest[end:].decode()),
            expires_at=_EPOCH + datetime.timedelta(seconds=seconds),
            authority=head[_ID_BYTES + _EXPIRY_BYTES : _HEAD_BYTES - 1],
        )
    except (
        ValueError,
        IndexError,
        OverflowError,
        exceptions.InvalidCommonName,
    ):
        # Not chained: a traceback would show parts of it.
        raise exceptions.InvalidToken() from None
    return token, body, seal


def _whole(text: str) -> bytes:
    """Decode a token; there is one text of it and no other.

    :raises ValueError: it is none
    """
    if not text.startswith(PREFIX) or len(text) > LIMIT:
        raise ValueError('no token')
    coded = text.removeprefix(PREFIX)
    padding = '=' * (-len(coded) % 4)
    whole = base64.urlsafe_b64decode(coded + padding)
    # What is decoded is lenient about strange characters and spare bits.
    if _text(whole) != text:
        raise ValueError('no token')
    return whole


def _text(whole: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(whole).decode().rstrip('=')


def _seal(authority: Authority, body: bytes) -> bytes:
    return hmac.digest(authority.token_key, PREFIX.encode() + body, 'sha256')


def _seconds(moment: datetime.datetime) -> int:
    return int((moment - _EPOCH).total_seconds())
