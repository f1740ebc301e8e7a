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

"""Talking to the endpoint for enrolment, known by what is in a token.

Nothing that is secret is sent before the endpoint has shown that it is the
token's: first its authority is asked for, whose fingerprint the token has, and
then a connection is made that accepts this authority and the URL's host alone.
"""

import contextlib
import dataclasses
import hmac
import http.client
import json
import re
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import tokens

_ANSWER_BYTES = 64 * 1024
_SECONDS = 30
_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
_SAID_CHARACTERS = 1000
_TOO_MANY = 429
# They become words of a command that root is told to run.
_SERVER = re.compile(r'[A-Za-z0-9][A-Za-z0-9.:-]*')
_VOLUME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9._-]*')


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a tenant gets.

    :ivar authorities_pem: what nodes' certificates are verified with
    :ivar servers: to mount from, the first one preferred
    :ivar secure_access: they speak nothing but TLS
    """

    certificate_pem: str
    authorities_pem: str
    volume: str
    servers: tuple[str, ...]
    secure_access: bool


class Endpoint:
    """The endpoint at a URL that was checked.

    :param pause: seconds between attempts
    """

    def __init__(self, url: str, pause: float = _PAUSE_SECONDS) -> None:
        self.url = url
        self._parts = urllib.parse.urlsplit(url)
        self._pause = pause

    def authority(self, digest: bytes) -> x509.Certificate:
        """Ask for the certificate of the authority that a token names.

        :param digest: its SHA-256
        :raises EnrolmentFailed: there is no answer, or it is another one
        """
        # Whoever answers is found out by what the answer is.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        status, text = self._ask(context, 'GET', '/v1/authority')
        if status != 200:
            raise self._refusal(status, text)
        found = reading.certificates(text)
        if len(found) != 1 or not hmac.compare_digest(
            tokens.digest(found[0]), digest
        ):
            raise self.failed(
                'its authority is not the one of the token; the token was '
                'not sent'
            )
        return found[0]

    def enrol(
        self, authority: x509.Certificate, token: str, csr_pem: str, share: str
    ) -> Answer:
        """Send a token and a request; it is sent again if nothing comes back.

        :param authority: what the endpoint's certificate must be of
        :param share: '' for whichever the token is for
        :raises EnrolmentRefused: the endpoint said no
        :raises EnrolmentFailed: it said nothing that can be used
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # It may be one that others have signed, who are not to be trusted.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=encoding.pem(authority))
        body = json.dumps({'token': token, 'csr': csr_pem, 'share': share})
        for left in reversed(range(_ATTEMPTS)):
            try:
                status, text = self._ask(
                    context, 'POST', '/v1/enrolments', body
                )
            except exceptions.EnrolmentFailed:
                if not left:
                    raise
            else:
                if status == 200:
                    return self._answer(text)
                if status < 500 or not left:
                    raise self._refusal(status, text)
            time.sleep(self._pause)
        raise AssertionError('the last attempt returns or raises')

    def failed(self, reason: str) -> exceptions.EnrolmentFailed:
        """Make the error for what went wrong."""
        return exceptions.EnrolmentFailed(url=self.url, reason=reason)

    def _ask(
        self, context: ssl.SSLContext, method: str, path: str, body: str = ''
    ) -> tuple[int, str]:
        connection = http.client.HTTPSConnection(
            self._parts.hostname or '',
            self._parts.port,
            timeout=_SECONDS,
            context=context,
        )
        with contextlib.closing(connection), self._errors():
            connection.request(
                method,
                self._parts.path + path,
                body or None,
                {'Content-Type': 'application/json'} if body else {},
            )
            answer = connection.getresponse()
            content = answer.read(_ANSWER_BYTES + 1)
            if len(content) > _ANSWER_BYTES:
                raise self.failed('its answer is too long')
            return answer.status, content.decode()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise self.failed(
                f'its certificate is not good: {error.verify_message}; the '
                'token was not sent'
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self.failed(f'no answer: {error or type(error)}') from error

    def _answer(self, text: str) -> Answer:
        told = _object(text)
        texts = [told.get(k) for k in ('certificate', 'authorities', 'volume')]
        servers = told.get('servers')
        if not (
            all(isinstance(each, str) for each in texts)
            and _VOLUME.fullmatch(str(texts[2]))
            and isinstance(servers, list)
            and servers
            and all(_SERVER.fullmatch(str(each)) for each in servers)
        ):
            raise self.failed('its answer is none that we know')
        certificate, authorities, volume = map(str, texts)
        return Answer(
            certificate,
            authorities,
            volume,
            tuple(map(str, servers)),
            # Endpoints of older releases don't say.
            told.get('secure_access') is True,
        )

    def _refusal(
        self, status: int, text: str
    ) -> exceptions.GlusterHeketiError:
        error = _object(text).get('error')
        said = error.get('message') if isinstance(error, dict) else None
        if not isinstance(said, str):
            return self.failed(f'it answers with status {status}')
        shown = ''.join(c for c in said if c.isprintable())[:_SAID_CHARACTERS]
        if status >= 500 or status == _TOO_MANY:
            return self.failed(f'it said: {shown}')
        return exceptions.EnrolmentRefused(url=self.url, said=shown)


def _object(text: str) -> dict[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
