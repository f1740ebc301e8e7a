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

"""Scheduler, share back ends and API of Manila, started in this process.

Calls what Manila's own commands call, in their order. Imported only after
the concurrency was chosen (see ``process``).
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from manila import rpc
from manila import service
from manila import version
from manila.common import config
from oslo_config import cfg
from oslo_log import log
from oslo_service import wsgi

from manila_gluster_heketi.lab.manila import api
from manila_gluster_heketi.lab.manila import sqlite

_LOG = log.getLogger('manila.lab')
# Periodic and RPC threads that linger must not hold up the end for longer.
_STOP_SECONDS = 5


def run(
    server: api.Server,
    config_file: str,
    ready_file: str,
    say: Callable[[str], None],
) -> None:
    """Run all services until SIGTERM or SIGINT; does not return then.

    :param server: bound, not yet serving
    :param ready_file: written with our pid when everything answers
    :param say: told each stage as it is reached
    """
    _configure(config_file)
    sqlite.create_schema()
    say('database is ready')
    # Until all have started a signal simply ends the process: the retries of
    # a driver that can't start go on for ever and would not see a flag.
    started = _start_services(say)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.set_app(wsgi.Loader(cfg.CONF).load_app('osapi_share'))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if not api.answers(server):
        raise RuntimeError('the API refuses to list its services')
    say('API answers')
    _write_whole(ready_file, f'{os.getpid()}\n')
    # A bare wait() would not let signal handlers run under eventlet.
    while not stop.wait(0.5):
        pass
    _stop(server, started)


def _configure(config_file: str) -> None:
    log.register_options(cfg.CONF)
    cfg.CONF(
        ['--config-file', config_file],
        project='manila',
        version=version.version_string(),
    )
    config.verify_share_protocols()
    config.set_lib_defaults()
    log.setup(cfg.CONF, 'manila')
    sqlite.register()
    rpc.init(cfg.CONF)


def _start_services(say: Callable[[str], None]) -> list[Any]:
    # Share back ends come first: their drivers are then set up without the
    # lock coordinator, as in manila-share, where it starts only afterwards.
    started = [_start_share(backend) for backend in _backends()]
    say(f'share back ends started: {", ".join(_backends())}')
    scheduler = service.Service.create(binary='manila-scheduler')
    scheduler.start()
    started.append(scheduler)
    # It has asked the back ends for their pools. A share created before they
    # have answered would find no host.
    known = scheduler.manager.driver.host_manager.service_states
    while not {_host(backend) for backend in _backends()} <= set(known):
        time.sleep(0.1)
    say('scheduler started')
    return started


def _start_share(backend: str) -> Any:
    share = service.Service.create(
        host=_host(backend),
        service_name=backend,
        binary='manila-share',
        coordination=True,
    )
    # Returns when the driver's set-up has succeeded.
    share.start()
    return share


def _backends() -> list[str]:
    return list(cfg.CONF.enabled_share_backends)


def _host(backend: str) -> str:
    return f'{cfg.CONF.host}@{backend}'


def _stop(server: api.Server, started: list[Any]) -> None:
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.alarm(_STOP_SECONDS)
    server.server_close()
    for each in reversed(started):
        try:
            each.stop()
        except Exception:
            _LOG.exception('a service did not stop')
    # Threads of Manila's pools are no daemons; nothing waits for them here.
    os._exit(0)


def _write_whole(path: str, text: str) -> None:
    with open(path + '.new', 'w') as stream:
        stream.write(text)
    os.replace(path + '.new', path)
