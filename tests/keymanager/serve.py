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

"""Serves Keystone or Barbican; a program of the environment that has them.

    serve.py NAME DESCRIPTOR

The socket is listened at already, so nobody else can get its port, and whoever
connects meanwhile waits.
"""

import pathlib
import socket
import sys
from collections.abc import Callable
from typing import Any
from wsgiref import simple_server


def _keystone() -> Any:
    from keystone.server import wsgi

    return wsgi.initialize_public_application()


def _barbican() -> Any:
    from paste import deploy

    # As it comes, with Keystone's middleware before it.
    pipeline = pathlib.Path(sys.prefix, 'etc/barbican/barbican-api-paste.ini')
    return deploy.loadapp(f'config:{pipeline}')


_APPLICATIONS: dict[str, Callable[[], Any]] = {
    'keystone': _keystone,
    'barbican': _barbican,
}


def main(name: str, descriptor: int) -> None:
    """Serve one of them until the process is ended."""
    listening = socket.socket(fileno=descriptor)
    server = simple_server.WSGIServer(
        listening.getsockname(),
        simple_server.WSGIRequestHandler,
        bind_and_activate=False,
    )
    server.socket.close()
    server.socket = listening
    server.server_name, server.server_port = listening.getsockname()
    server.setup_environ()
    server.set_app(_APPLICATIONS[name]())
    server.serve_forever()


if __name__ == '__main__':
    # Keystone takes what is left there for options of its own.
    arguments, sys.argv[1:] = sys.argv[1:], []
    main(arguments[0], int(arguments[1]))
