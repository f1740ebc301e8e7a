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

"""Tests of tokens: nobody but the authority can make or change one."""

import base64
import dataclasses
import datetime
import os
import string

import ddt
import fixtures
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import tokens
from tests import base
from tests.unit.tls import authorities

SHARE = '10000000-0000-4000-8000-000000000001'
NOON = datetime.datetime(2031, 5, 4, 12, 0, 0, 0, datetime.timezone.utc)


def token(**changes: object) -> tokens.Token:
    """Make a token of alice."""
    made = tokens.Token(
        id='0123456789abcdef' * 2,
        share_id=SHARE,
        common_name='alice',
        expires_at=NOON,
        authority=tokens.digest(authorities.authority().certificate),
    )
    return dataclasses.replace(made, **changes)


@ddt.ddt
class TokenTestCase(base.TestCase):
    """A token of alice, as text."""

    def setUp(self) -> None:
        """Write it."""
        super().setUp()
        self.authority = authorities.authority()
        self.text = tokens.write(self.authority, token())

    def refused(self, text: str) -> None:
        """See that it is none, and that the error gives nothing away."""
        error = self.assertRaises(
            exceptions.InvalidToken, tokens.read, self.authority, text
        )
        self.assertIsNone(error.__cause__)
        self.assertEqual({}, error.fields)

    def test_it_says_what_was_written(self) -> None:
        """To the authority, and to the tenant."""
        self.assertEqual(token(), tokens.read(self.authority, self.text))
        self.assertEqual(token(), tokens.peek(self.text))

    def test_it_is_the_same_text_each_time(self) -> None:
        """So it can be given again from what is on record."""
        self.assertEqual(self.text, tokens.write(self.authority, token()))

    def test_the_longest_name_fits_into_manilas_column(self) -> None:
        """With 64 characters, for a share of Manila."""
        text = tokens.write(self.authority, token(common_name='x' * 64))
        self.assertEqual(253, len(text))
        self.assertLessEqual(len(text), 255)
        self.assertEqual(
            'x' * 64, tokens.read(self.authority, text).common_name
        )

    def test_a_share_whose_id_is_too_long(self) -> None:
        """It is not cut: a token for another share would be worse."""
        for length in (60, 256, 300):
            self.assertRaises(
                exceptions.InvalidInput,
                tokens.write,
                self.authority,
                token(share_id='s' * length, common_name='x' * 64),
            )

    def test_each_byte_counts(self) -> None:
        """Whatever bit of it is another, it is refused."""
        coded = self.text.removeprefix(tokens.PREFIX)
        whole = base64.urlsafe_b64decode(coded + '=' * (-len(coded) % 4))
        for position in range(len(whole)):
            for bit in range(8):
                changed = bytearray(whole)
                changed[position] ^= 1 << bit
                text = base64.urlsafe_b64encode(changed).decode().rstrip('=')
                self.refused(tokens.PREFIX + text)

    def test_each_character_counts(self) -> None:
        """Spare bits at the end too: it has one text."""
        alphabet = string.ascii_letters + string.digits + '-_+/= \n\0é'
        for position, character in enumerate(self.text):
            for other in alphabet:
                if other != character:
                    self.refused(
                        self.text[:position]
                        + other
                        + self.text[position + 1 :]
                    )

    def test_a_part_of_it_or_more_than_it(self) -> None:
        """Cut anywhere, or with something behind or before it."""
        for end in range(len(self.text)):
            self.refused(self.text[:end])
            self.refused(self.text[end + 1 :])
        for more in ('A', '=', ' ', '\n', 'AAAA'):
            self.refused(self.text + more)
            self.refused(more + self.text)

    def test_what_it_says_can_not_be_divided_otherwise(self) -> None:
        """A name that ends what a share begins is another token."""
        one = tokens.write(
            self.authority, token(share_id='ab', common_name='c')
        )
        other = tokens.write(
            self.authority, token(share_id='a', common_name='bc')
        )
        self.assertNotEqual(one[-43:], other[-43:])

    @ddt.data('', 'ghe1_', 'ghe1_AAAA', 'Bearer x', 'ghe1_' + 'A' * 249)
    def test_something_else(self, text: str) -> None:
        """Refused by whoever reads it."""
        self.refused(text)
        self.assertRaises(exceptions.InvalidToken, tokens.peek, text)

    def test_of_another_authority(self) -> None:
        """Even if it claims to be of ours."""
        other = authorities.authority('other')
        self.refused(tokens.write(other, token()))

    def test_a_name_that_no_client_has(self) -> None:
        """Nobody takes it for one, sealed or not."""
        for name in ('*', 'a,b', 'gluster-heketi-node-1', ''):
            self.refused(tokens.write(self.authority, token(common_name=name)))

    def test_a_time_beyond_the_calendar(self) -> None:
        """It is none; nothing overflows."""
        raw = b'\1' * 16 + b'\xff' * 5 + b'\2' * 32 + b'\1sx' + b'\0' * 32
        text = base64.urlsafe_b64encode(raw).decode().rstrip('=')
        self.assertRaises(
            exceptions.InvalidToken, tokens.peek, tokens.PREFIX + text
        )


@ddt.ddt
class AnyTextTestCase(base.TestCase):
    """Whatever strangers send."""

    @settings(max_examples=200, deadline=None)
    @given(
        strategies.text()
        | strategies.binary().map(
            lambda raw: (
                tokens.PREFIX
                + base64.urlsafe_b64encode(raw).decode().rstrip('=')
            )
        )
    )
    def test_it_is_refused(self, text: str) -> None:
        """With this one error and no other."""
        self.assertRaises(
            exceptions.InvalidToken,
            tokens.read,
            authorities.authority(),
            text,
        )


@ddt.ddt
class KeyTestCase(base.TestCase):
    """The key that seals is part of the authority."""

    @ddt.data(*keys.KeyType)
    def test_it_comes_with_the_authority(self, kind: keys.KeyType) -> None:
        """Another host that has the same files reads the token."""
        directory = self.useFixture(fixtures.TempDir()).path
        here = ca.Authority.load_or_create(directory, key_type=kind)
        there = ca.Authority.load(directory)
        text = tokens.write(here, token())
        self.assertEqual(token(), tokens.read(there, text))
        self.assertEqual(32, len(here.token_key))

    def test_an_encrypted_authority_has_the_same(self) -> None:
        """What counts is the key, not how it is written."""
        directory = self.useFixture(fixtures.TempDir()).path
        plain = ca.Authority.load_or_create(directory)
        path = os.path.join(directory, 'ca.key')
        with open(path, encoding='ascii') as file:
            key = keys.load(file.read(), None)
        with open(path, 'w', encoding='ascii') as file:
            file.write(keys.pem(key, b'secret'))
        closed = ca.Authority.load(directory, lambda: b'secret')
        self.assertEqual(plain.token_key, closed.token_key)

    def test_it_is_pinned(self) -> None:
        """Tokens that tenants have by now must be read by later releases."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tls.ca.Authority.token_key', b'k' * 32
            )
        )
        self.assertEqual(
            PINNED,
            tokens.write(
                authorities.authority('pinned'), token(authority=b'a' * 32)
            ),
        )


PINNED = (
    'ghe1_ASNFZ4mrze8BI0VniavN7wBzX91AYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh'
    'YWEkMTAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxYWxpY2WRKC7HXA7RoaKI5'
    '6XlqqysnbynHj30rV1MLUAmwI0_Gw'
)
