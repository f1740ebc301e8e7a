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

"""What an all-in-one Manila is made of: its wish, its files, manila.conf."""

import dataclasses
import importlib.resources
import os
import pathlib
import re
from collections.abc import Mapping

from manila_gluster_heketi import exceptions

#: Pools are called ``aio@<backend>#<pool>`` in Manila.
HOST = 'aio'
# The dialect that sqlite.py brings; that module needs Manila to be imported.
_DATABASE_SCHEME = 'sqlite+onewriter'


@dataclasses.dataclass(frozen=True)
class ManilaSpec:
    """An all-in-one Manila as wanted.

    :param directory: holds all its files, and nothing else
    :param python: interpreter that has ``manila`` and this package
    :param backend_name: name of the stanza in manila.conf
    :param backend_options: the whole stanza, ``share_driver`` included;
        values are taken literally
    :param default_share_type: its name; whoever wants it creates it
    :param port: of the API
    :param address: of the API, in the network namespace if there is one
    :param namespace: name of the network namespace that API and driver live
        in; None for the caller's
    :param python_path: directories to import from first, as for a driver
        that is not installed
    :param ready_seconds: how long starting may take, the driver's set-up
        included
    :param debug: log all that the driver does
    :raises InvalidInput: a field can't be used
    """

    directory: pathlib.Path
    python: pathlib.Path
    backend_name: str
    backend_options: Mapping[str, str]
    default_share_type: str = 'gluster'
    port: int = 8786
    address: str = '127.0.0.1'
    namespace: str | None = None
    python_path: tuple[pathlib.Path, ...] = ()
    ready_seconds: float = 120.0
    debug: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r'[A-Za-z0-9][\w.-]*', self.backend_name):
            raise exceptions.InvalidInput(
                field='backend name',
                value=self.backend_name,
                reason='use letters, digits, dots, dashes and underscores',
            )
        if not 0 < self.port < 65536:
            raise exceptions.InvalidInput(
                field='port', value=self.port, reason='not a TCP port'
            )
        if 'share_driver' not in self.backend_options:
            raise exceptions.InvalidInput(
                field='backend options',
                value=sorted(self.backend_options),
                reason='share_driver is missing',
            )
        for name, value in self.backend_options.items():
            if '\n' in value or not re.fullmatch(r'\w+', name):
                raise exceptions.InvalidInput(
                    field=f'backend option {name}',
                    value=value,
                    reason='a name is one word and a value one line',
                )


@dataclasses.dataclass(frozen=True)
class Files:
    """Where the files of an all-in-one Manila are."""

    directory: pathlib.Path

    @property
    def configuration(self) -> pathlib.Path:
        return self.directory / 'manila.conf'

    @property
    def paste(self) -> pathlib.Path:
        return self.directory / 'api-paste.ini'

    @property
    def log(self) -> pathlib.Path:
        """What Manila and the driver log."""
        return self.directory / 'manila.log'

    @property
    def console(self) -> pathlib.Path:
        """What the process prints: the stages of starting, and its end."""
        return self.directory / 'console.log'

    @property
    def ready(self) -> pathlib.Path:
        """Written by the process when all services answer."""
        return self.directory / 'ready'

    @property
    def record(self) -> pathlib.Path:
        """Which process was started, and how to reach it."""
        return self.directory / 'process.json'

    def failed(self, reason: str) -> exceptions.LabManilaFailed:
        """Make the error that says so, and where to look."""
        return exceptions.LabManilaFailed(
            directory=self.directory, reason=reason, log=self.log
        )


def render(spec: ManilaSpec) -> str:
    """manila.conf for this spec."""
    directory = spec.directory
    stanzas: dict[str, dict[str, str]] = {
        'DEFAULT': {
            'log_file': str(Files(directory).log),
            'debug': str(spec.debug),
            'state_path': str(directory),
            'host': HOST,
            'my_ip': spec.address,
            # Works within one process only, and needs no broker.
            'transport_url': 'fake:/',
            'auth_strategy': 'noauthv2',
            'api_paste_config': str(Files(directory).paste),
            # Without this the API refuses the protocol.
            'enabled_share_protocols': 'GLUSTERFS',
            'enabled_share_backends': spec.backend_name,
            'default_share_type': spec.default_share_type,
            'periodic_interval': '5',
            'periodic_fuzzy_delay': '0',
            'report_interval': '5',
        },
        'database': {
            'connection': f'{_DATABASE_SCHEME}:///{directory}/manila.sqlite',
        },
        'oslo_concurrency': {'lock_path': str(directory / 'locks')},
        'coordination': {'backend_url': f'file://{directory}/coordination'},
        spec.backend_name: dict(spec.backend_options),
    }
    return '\n'.join(
        f'[{name}]\n' + ''.join(f'{k} = {_literal(v)}\n' for k, v in o.items())
        for name, o in stanzas.items()
    )


def write(spec: ManilaSpec) -> None:
    """Create the directory with all that the process reads.

    :raises OSError: it can't be written
    """
    files = Files(spec.directory)
    spec.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    paste = importlib.resources.files(__package__) / files.paste.name
    write_whole(files.paste, paste.read_text())
    write_whole(files.configuration, render(spec))


def write_whole(path: pathlib.Path, text: str) -> None:
    """Write a file so that no reader ever sees a part of it."""
    new = path.with_name(path.name + '.new')
    new.write_text(text)
    os.replace(new, path)


def _literal(value: str) -> str:
    # oslo.config would take $name for the value of another option.
    return value.replace('$', '$$')
