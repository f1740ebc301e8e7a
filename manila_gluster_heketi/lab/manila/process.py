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

"""Entry point of the one process that is all of Manila.

Nothing but the standard library's leaves may be imported before
:func:`_choose_concurrency`: under eventlet, what is imported earlier keeps
the blocking primitives, and one blocking ``select`` stops every service.
"""

import argparse
import importlib.metadata
import os
import sys
import warnings

# Pool figures reach the scheduler through a periodic task that has no option
# for its pace, only oslo.service's default of 60 s. A demo is over by then.
_PACE_SECONDS = 5.0


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    options = _parse(argv)
    try:
        version = importlib.metadata.version('manila')
    except importlib.metadata.PackageNotFoundError:
        print(f'{sys.executable} has no package manila', file=sys.stderr)
        return os.EX_CONFIG
    if options.version:
        print(version)
        return os.EX_OK
    # Manila's releases deprecate what older ones stand on; not news here.
    warnings.simplefilter('ignore')
    concurrency = _choose_concurrency()
    _say(f'Manila {version} with {concurrency}')

    from manila_gluster_heketi.lab.manila import api

    try:
        server = api.bind(options.address, options.port)
    except OSError as error:
        print(
            f'cannot listen on {options.address}:{options.port}: '
            f'{error.strerror}',
            file=sys.stderr,
        )
        return os.EX_UNAVAILABLE
    # Only now, because it takes a second to import Manila.
    import oslo_service.periodic_task

    oslo_service.periodic_task.DEFAULT_INTERVAL = _PACE_SECONDS
    from manila_gluster_heketi.lab.manila import services

    services.run(server, options.config_file, options.ready_file, _say)
    return os.EX_OK


def _say(stage: str) -> None:
    print(f'* {stage}', flush=True)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='all-in-one-manila')
    parser.add_argument('--version', action='store_true')
    parser.add_argument('--config-file')
    parser.add_argument('--ready-file')
    parser.add_argument('--address', default='127.0.0.1')
    parser.add_argument('--port', type=int, default=8786)
    return parser.parse_args(argv)


def _choose_concurrency() -> str:
    """Do what this release's own commands do first; say what came out."""
    try:
        from manila import monkey_patch
    except ImportError:
        # Manila 20 and 21 know nothing but eventlet.
        import eventlet

        eventlet.monkey_patch()
        return 'eventlet'
    # Later ones have a default each, which the environment variable
    # OS_MANILA_DISABLE_EVENTLET_PATCHING overrides.
    monkey_patch.patch()
    return 'eventlet' if monkey_patch.is_patched() else 'threads'


if __name__ == '__main__':
    sys.exit(main())
