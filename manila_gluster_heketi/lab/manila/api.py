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

"""The HTTP server in front of Manila's own WSGI application.

Manila's built-in server refuses to run without eventlet, and a real web
server would be one more process; the standard library's is enough for a lab.
Imported only after the concurrency was chosen (see ``process``).
"""

import http.client
import logging
import socketserver
import wsgiref.simple_server
from typing import Any

_LOG = logging.getLogger('manila.lab.access')


class _Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        _LOG.info(format, *args)


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    """Serves each request in a thread of its own."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def server_bind(self) -> None:
        # The base class asks DNS for the name of the address, which takes
        # seconds in a network namespace without a resolver.
        socketserver.TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = self.server_address[1]
        self.setup_environ()


def bind(address: str, port: int) -> Server:
    """Take the port, so that a clash shows before anything else starts.

    :raises OSError: the port is taken or the address is not ours
    """
    return Server((address, port), _Handler)


def answers(server: Server) -> bool:
    """Whether a real request through the whole pipeline succeeds."""
    host, port = server.server_address[:2]
    connection = http.client.HTTPConnection(str(host), port, timeout=30)
    try:
        connection.request(
            'GET',
            '/v2/services',
            headers={
                'X-Auth-Token': 'lab:lab',
                'X-Openstack-Manila-Api-Version': '2.60',
            },
        )
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()
