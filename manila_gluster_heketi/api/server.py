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

"""TLS and threads for the endpoint, by cheroot.

A handshake is done by the thread that reads the request, not by the one that
accepts connections: who connects and says nothing keeps nobody else waiting.
"""

import datetime
import io
import logging
import socket
import ssl
import tempfile
import time
import weakref
from collections.abc import Callable
from typing import Any

from cheroot import errors
from cheroot import makefile
from cheroot import ssl as adapters
from cheroot import wsgi
from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls.issue import Bundle

LOG = log.getLogger(__name__)

_THREADS = 16
_QUEUE = 128
# Files that this process may open are more; threads for one address are fewer
# than there are, so that nobody has all of them.
_AT_ONCE = 256
_AT_ONCE_FROM_ONE = 8
_SILENCE_SECONDS = 10
# For all of a request, which is small: who sends a byte now and then must not
# keep a thread.
_REQUEST_SECONDS = 20
_STOP_SECONDS = 5
_HEADER_BYTES = 8 * 1024
# If a new certificate can't be had, how long the old one is used before the
# next attempt.
_PAUSE = datetime.timedelta(minutes=5)


class Stream(ssl.SSLSocket):
    """A connection that ends when its time is over, whatever it is doing."""

    deadline: float | None = None
    address = ''

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read; the first time after the handshake, which is done now."""
        if self.deadline is None:
            self.deadline = time.monotonic() + _REQUEST_SECONDS
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise errors.FatalSSLAlert('it took too long')
        self.settimeout(min(left, _SILENCE_SECONDS))
        try:
            return super().recv_into(*args, **kwargs)
        except OSError as error:
            # Strangers scan ports and go away; there is nobody to tell of it.
            raise errors.FatalSSLAlert(*error.args) from error


class Adapter(adapters.Adapter):
    """Gives connections a certificate that is renewed in time.

    :param issued: makes a key and a certificate
    :param signer: the certificate of who signs now, in PEM: once it is
        another one, tenants believe no certificate of the one before
    """

    def __init__(
        self, issued: Callable[[], Bundle], signer: Callable[[], str]
    ) -> None:
        self._issued = issued
        self._signer = signer
        self._made: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._signed_by = signer()
        self.context, self._renew_at = self._fresh()

    def bind(self, sock: socket.socket) -> socket.socket:
        """Leave the listening socket as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        """Prepare a connection; nothing is said on it yet.

        :raises FatalSSLAlert: there are too many; it is closed
        """
        self._renew()
        try:
            address = sock.getpeername()[0]
            self._check(address)
            sealed = self.context.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False
            )
        except OSError as error:
            sock.close()
            raise errors.FatalSSLAlert(*error.args) from error
        assert isinstance(sealed, Stream)
        sealed.address = address
        self._made.add(sealed)
        return sealed, self.get_environ()

    def _check(self, address: str) -> None:
        """See that there is room for a connection.

        :raises ConnectionRefusedError: there is none
        """
        # Those that are closed may be there for a while.
        standing = [s for s in self._made if s.fileno() >= 0]
        same = sum(each.address == address for each in standing)
        if len(standing) >= _AT_ONCE or same >= _AT_ONCE_FROM_ONE:
            raise ConnectionRefusedError(
                f'there are {len(standing)} connections, {same} from {address}'
            )

    def get_environ(self) -> dict[str, str]:
        """Say what is so for all requests."""
        return {'wsgi.url_scheme': 'https', 'HTTPS': 'on'}

    def makefile(
        self,
        sock: socket.socket,
        mode: str = 'r',
        bufsize: int = io.DEFAULT_BUFFER_SIZE,
    ) -> Any:
        """Read from and write to a connection."""
        return makefile.MakeFile(sock, mode, bufsize)

    def _renew(self) -> None:
        """Take a new certificate if it is time; or else the old one stays."""
        try:
            signer = self._signer()
            if signer != self._signed_by or policy.now() >= self._renew_at:
                self.context, self._renew_at = self._fresh()
                self._signed_by = signer
        except exceptions.GlusterHeketiError as error:
            LOG.error('the endpoint keeps its certificate: %s', error)
            self._renew_at = policy.now() + _PAUSE

    def _fresh(self) -> tuple[ssl.SSLContext, datetime.datetime]:
        bundle = self._issued()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = Stream
        # Python's ssl reads keys from files alone.
        with tempfile.TemporaryDirectory() as directory:
            key, certificate, _ = issue.write_bundle(bundle, directory)
            context.load_cert_chain(certificate, key)
        now, end = policy.now(), bundle.record.not_after
        return context, now + (end - now) * 2 / 3


class Server(wsgi.Server):
    """Serves an application over TLS.

    :param address: where to listen, and the port
    :param issued: makes a key and a certificate for the endpoint
    :param signer: see :class:`Adapter`
    """

    def __init__(
        self,
        address: tuple[str, int],
        application: Callable[..., Any],
        issued: Callable[[], Bundle],
        signer: Callable[[], str],
    ) -> None:
        super().__init__(
            address,
            application,
            numthreads=_THREADS,
            request_queue_size=_QUEUE,
            timeout=_SILENCE_SECONDS,
            shutdown_timeout=_STOP_SECONDS,
            # Strangers need not know what serves them.
            server_name='gluster-heketi',
        )
        self.ssl_adapter = Adapter(issued, signer)
        self.max_request_header_size = _HEADER_BYTES

    def error_log(
        self, msg: str = '', level: int = logging.INFO, traceback: bool = False
    ) -> None:
        """Put what cheroot says into our log."""
        LOG.log(level, '%s', msg, exc_info=traceback)
