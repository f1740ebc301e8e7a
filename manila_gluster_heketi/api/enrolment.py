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

"""The endpoint for enrolment, as a WSGI application (PEP 3333).

``GET /v1/authority`` gives the certificate of the authority, in PEM.
``POST /v1/enrolments`` takes a JSON object with "token", "csr" and, if the
client cares, "share"; its answer is one with "certificate", "authorities",
"common_name", "share", "not_after", "serial", "volume", "servers" and
"secure_access": whether mounting needs a file. Errors are ``{"error": {"code":
..., "message": ...}}``.
"""

import json
import urllib.parse
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.api.limits import FailureLimit
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.service.enrolment import Enrolled

LOG = log.getLogger(__name__)

# A request with the largest RSA key has 4 KiB.
BODY_LIMIT = 16 * 1024
_READ_BYTES = 4 * BODY_LIMIT

_REASONS = {
    200: 'OK',
    400: 'Bad Request',
    403: 'Forbidden',
    404: 'Not Found',
    405: 'Method Not Allowed',
    409: 'Conflict',
    413: 'Content Too Large',
    429: 'Too Many Requests',
    503: 'Service Unavailable',
}
_JSON = 'application/json'
_PEM = 'application/x-pem-file'

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class _Unknown(Exception):
    """A request that is refused before anybody looks into it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.error = exceptions.BadRequest(reason=reason)


class Application:
    """Answers requests; safe for threads.

    :param service: of which only enrolment is used, and where volumes are
    """

    def __init__(
        self, service: Service, limit: FailureLimit | None = None
    ) -> None:
        self._service = service
        self._limit = limit or FailureLimit()
        url = service.settings.enrolment.url
        self._prefix = urllib.parse.urlsplit(url).path

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        address = str(environ.get('REMOTE_ADDR', ''))
        status, kind, body = self._answer(environ, address)
        content = body.encode()
        start_response(
            f'{status} {_REASONS.get(status, "Error")}',
            [
                ('Content-Type', kind),
                ('Content-Length', str(len(content))),
                ('Cache-Control', 'no-store'),
                ('Connection', 'close'),
            ],
        )
        return [content]

    def _answer(self, environ: Environ, address: str) -> tuple[int, str, str]:
        try:
            # Before anything is said: what is not read when a connection is
            # closed takes the answer with it.
            sent = _read(environ)
            self._limit.check(address)
            kind, body = self._routed(environ, sent)
        except _Unknown as unknown:
            return self._refusal(address, unknown.status, unknown.error)
        except exceptions.GlusterHeketiError as error:
            return self._refusal(address, error.http_status, error)
        except Exception:
            LOG.exception('a request of %s was not answered', address)
            return 503, _JSON, _failure(exceptions.GlusterHeketiError.code)
        return 200, kind, body

    def _refusal(
        self,
        address: str,
        status: int,
        error: exceptions.GlusterHeketiError,
    ) -> tuple[int, str, str]:
        if status >= 500:
            # What is wrong with us is nobody's business.
            LOG.error('a request of %s failed: %s', address, error)
            return 503, _JSON, _failure(error.code)
        LOG.warning('a request of %s was refused: %s', address, error.what)
        if not isinstance(error, exceptions.TooManyRequests):
            self._limit.failed(address)
        return status, _JSON, _error(error.code, str(error))

    def _routed(self, environ: Environ, sent: bytes) -> tuple[str, str]:
        path = environ.get('PATH_INFO', '').removeprefix(self._prefix)
        routes = {
            '/v1/authority': ('GET', self._authority),
            '/v1/enrolments': ('POST', self._enrol),
        }
        if path not in routes:
            raise _Unknown(404, 'there is nothing of this name')
        method, handler = routes[path]
        if environ.get('REQUEST_METHOD') != method:
            raise _Unknown(405, f'it must be {method}')
        return handler(environ, sent)

    def _authority(self, environ: Environ, sent: bytes) -> tuple[str, str]:
        return _PEM, self._service.enrolment.authority_pem()

    def _enrol(self, environ: Environ, sent: bytes) -> tuple[str, str]:
        token, csr_pem, share = _wanted(sent)
        enrolled = self._service.enrolment.redeem(
            token, csr_pem, share_id=share
        )
        record = enrolled.bundle.record
        LOG.info(
            'certificate %s of %s for share %s was issued to %s',
            record.serial,
            record.common_name,
            record.share_id,
            environ.get('REMOTE_ADDR', ''),
        )
        return _JSON, json.dumps(self._told(enrolled))

    def _told(self, enrolled: Enrolled) -> dict[str, Any]:
        bundle, volume = enrolled.bundle, enrolled.volume
        return {
            'certificate': bundle.certificate_pem,
            'authorities': bundle.ca_pem,
            'common_name': bundle.record.common_name,
            'share': bundle.record.share_id,
            'serial': bundle.record.serial,
            'not_after': bundle.record.not_after.isoformat(),
            'volume': volume.name,
            'servers': list(self._service.export_hosts(volume)),
            'secure_access': enrolled.secure_access,
        }


def _read(environ: Environ) -> bytes:
    """Read the body of a request, or enough of it."""
    text = environ.get('CONTENT_LENGTH') or '0'
    if not text.isdecimal():
        raise _Unknown(400, 'its length is none')
    length = int(text)
    body: bytes = environ['wsgi.input'].read(min(length, _READ_BYTES))
    if length > BODY_LIMIT:
        raise _Unknown(413, f'its body has more than {BODY_LIMIT} bytes')
    return body


def _wanted(body: bytes) -> tuple[str, str, str]:
    """Read token, request and share; nothing of them gets into an error."""
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError):
        raise _Unknown(400, 'its body is no JSON') from None
    if not isinstance(wanted, dict):
        raise _Unknown(400, 'its body is no JSON object')
    found = [wanted.get(name) for name in ('token', 'csr')]
    texts = [each for each in found if isinstance(each, str)]
    share = wanted.get('share', '')
    if len(texts) < len(found) or not isinstance(share, str):
        raise _Unknown(400, 'it has no token, or no csr')
    return texts[0], texts[1], share


def _error(code: str, message: str) -> str:
    return json.dumps({'error': {'code': code, 'message': message}})


def _failure(code: str) -> str:
    return _error(
        code,
        f'[{code}] the endpoint failed; its log says why. Try again later.',
    )
