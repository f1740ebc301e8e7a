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

"""The endpoint on loopback, over TLS as it is; and impostors."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.api import server
from manila_gluster_heketi.api.enrolment import Application
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.tenant import endpoint
from manila_gluster_heketi.tls import issue
from tests.functional.enrolment import bench

HOST = '127.0.0.1'


def until(what: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; an error means that it is not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except exceptions.EnrolmentFailed:
            pass
        if time.monotonic() > end:
            raise AssertionError(f'not so after {seconds:g} s')
        time.sleep(0.05)


class Served(fixtures.Fixture):
    """An application behind TLS.

    :ivar url: of it
    """

    def __init__(
        self,
        application: Callable[..., Any],
        issued: Callable[[], issue.Bundle],
        signer: Callable[[], str],
    ) -> None:
        self.server = server.Server((HOST, 0), application, issued, signer)
        # Or else it waits for threads that wait for connections.
        self.server.shutdown_timeout = 1

    def _setUp(self) -> None:
        self.server.prepare()
        thread = threading.Thread(target=self.server.serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.stop)
        self.port = self.server.bind_addr[1]
        self.url = f'https://{HOST}:{self.port}'


class Recorder:
    """An application that keeps what it is sent.

    :param authority_pem: what it claims to be of
    """

    def __init__(self, authority_pem: str) -> None:
        self._authority = authority_pem
        self.seen: list[tuple[str, bytes]] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        """Answer as the endpoint would, at first."""
        length = int(environ.get('CONTENT_LENGTH') or 0)
        body = environ['wsgi.input'].read(length)
        self.seen.append((environ['PATH_INFO'], body))
        start_response('200 OK', [('Connection', 'close')])
        return [self._authority.encode()]


class ServedTestCase(bench.EnrolmentTestCase):
    """The endpoint serves, for a share that lets alice in."""

    allow_sockets = True
    # Files are put where they belong by programs, as on nodes.
    allow_processes = True

    def setUp(self) -> None:
        """Serve."""
        super().setUp()
        self.served = self.serve(self.d.service)
        self.directory = self.useFixture(fixtures.TempDir()).path

    def url(self) -> str:
        """Choose the host of the endpoint; its port is chosen later."""
        return f'https://{HOST}'

    def serve(self, service: Service) -> Served:
        """Serve the endpoint."""
        made: Served = self.useFixture(
            Served(
                Application(service),
                lambda: service.enrolment.endpoint_certificate(HOST),
                service.enrolment.authority_pem,
            )
        )
        return made

    def endpoint(self, url: str = '') -> endpoint.Endpoint:
        """Talk to it as a tenant does, but without pauses."""
        return endpoint.Endpoint(url or self.served.url, pause=0)

    def post(self, body: Any, path: str = '/v1/enrolments') -> Any:
        """Send something; give status and answer."""
        return self.ask('POST', path, json.dumps(body))

    def ask(self, method: str, path: str, body: str = '') -> Any:
        """Ask; give status and answer, read as JSON if it is."""
        there = self.endpoint()
        context = ssl.create_default_context(
            cadata=self.enrolment.authority_pem()
        )
        status, text = there._ask(context, method, path, body)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def connect(self, source: str = HOST) -> socket.socket:
        """Connect, and say nothing.

        :param source: the address to come from
        """
        made = socket.create_connection(
            (HOST, self.served.port), 10, (source, 0)
        )
        self.addCleanup(made.close)
        return made
