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

"""A server that behaves like a brick, and clients that bring other files."""

import contextlib
import dataclasses
import socket
import ssl
import threading

import fixtures

from manila_gluster_heketi.tls import issue


class Brick(fixtures.Fixture):
    """Serves one connection: asks for a certificate, then waits."""

    def __init__(self, bundle: issue.Bundle, trusted: str) -> None:
        self._bundle = bundle
        self._trusted = trusted

    def _setUp(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self._trusted)
        directory = self.useFixture(fixtures.TempDir()).path
        key, certificate, _ = issue.write_bundle(self._bundle, directory)
        context.load_cert_chain(certificate, key)
        self.adapt(context)
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        self.port = listener.getsockname()[1]
        thread = threading.Thread(target=self._serve, args=(listener, context))
        thread.start()
        self.addCleanup(thread.join)

    @staticmethod
    def adapt(context: ssl.SSLContext) -> None:
        """Change how the brick speaks."""

    def _serve(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        plain, _ = listener.accept()
        plain.settimeout(30)
        # A refused handshake is what some tests are about.
        with (
            plain,
            contextlib.suppress(OSError),
            context.wrap_socket(plain, server_side=True) as sealed,
        ):
            self.speak(sealed)

    @staticmethod
    def speak(sealed: ssl.SSLSocket) -> None:
        """Wait until the client has gone."""
        sealed.recv(1)


def trusting(bundle: issue.Bundle, authorities: str) -> issue.Bundle:
    """Give a bundle another trust file."""
    return dataclasses.replace(bundle, ca_pem=authorities)
