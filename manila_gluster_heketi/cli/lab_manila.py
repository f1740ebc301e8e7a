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

"""``gluster-heketi lab manila``: a real Manila in the lab's network."""

import argparse
import pathlib
import shlex
import sys
from typing import Any

from cliff import command
from cliff import show

from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab.manila import configuration
from manila_gluster_heketi.lab.manila import control

_DRIVER = 'manila_gluster_heketi.driver.GlusterHeketiShareDriver'
_LAB = layout.LabSpec().name


def _add_manila_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--name',
        metavar='NAME',
        default=_LAB,
        help=f'the lab that it belongs to; default: {_LAB}',
    )
    parser.add_argument(
        '--directory',
        metavar='DIR',
        type=pathlib.Path,
        help="Manila's own directory; default: the lab's, with -manila added",
    )


def _directory(parsed: argparse.Namespace) -> pathlib.Path:
    # Not in the lab's directory: that may be purged while Manila still runs.
    lab = layout.default_directory(parsed.name)
    return parsed.directory or lab.with_name(f'{lab.name}-manila')


class _ManilaCommand(command.Command):
    """A command on the Manila of one lab."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_manila_options(parser)
        return parser

    def say(self, text: str) -> None:
        """Write a line for the user."""
        self.app.stdout.write(text + '\n')
        self.app.stdout.flush()


class Up(_ManilaCommand):
    """Start API, scheduler and share back end of Manila in one process."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add what to configure."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--host-network',
            action='store_true',
            help="stay in this host's network; no lab is needed",
        )
        parser.add_argument(
            '--port', type=int, default=8786, help='of the API; default: 8786'
        )
        parser.add_argument(
            '--python',
            metavar='FILE',
            type=pathlib.Path,
            default=pathlib.Path(sys.executable),
            help='interpreter that has Manila and this package, as '
            'tools/manila-venv makes one; default: the one that runs this',
        )
        parser.add_argument(
            '--backend',
            metavar='NAME',
            default='gluster',
            help='back end, and its section of manila.conf; default: gluster',
        )
        parser.add_argument(
            '--option',
            metavar='NAME=VALUE',
            type=_option,
            action='append',
            default=[],
            help='an option of the back end; may be given several times',
        )
        parser.add_argument(
            '--default-share-type',
            metavar='NAME',
            default='gluster',
            help='it has to be created by you; default: gluster',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Start it and wait until it answers."""
        control.up(_wanted(parsed_args), report=self.say)


class Down(_ManilaCommand):
    """Stop Manila."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add whether to keep its records."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--purge',
            action='store_true',
            help='remove its directory too: database, logs, configuration',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Stop it and wait until it is gone."""
        control.down(
            _directory(parsed_args), parsed_args.purge, report=self.say
        )


class Env(_ManilaCommand):
    """Print what "openstack share" needs in its environment, for eval."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write shell commands to standard output."""
        variables = control.environment(_directory(parsed_args))
        for name, value in variables.items():
            self.say(f'export {name}={shlex.quote(value)}')


class Status(show.ShowOne):
    """Show how Manila is, and how to reach it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add which one."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_manila_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return names and values."""
        manila = control.status(_directory(parsed_args))
        row = {
            'State': 'up' if manila.process else 'not running',
            'Version': manila.version,
            'Process': manila.process.pid if manila.process else None,
            'Endpoint': manila.endpoint,
            'Network namespace': manila.namespace,
            'Configuration': str(manila.configuration),
            'Log': str(manila.log),
        }
        return tuple(row), tuple(row.values())


def _wanted(parsed: argparse.Namespace) -> configuration.ManilaSpec:
    namespace = None
    if not parsed.host_network:
        namespace = layout.Lab.load(parsed.name).namespace
    options = {
        'share_driver': _DRIVER,
        'share_backend_name': parsed.backend,
        'driver_handles_share_servers': 'False',
    }
    return configuration.ManilaSpec(
        directory=_directory(parsed),
        python=parsed.python,
        port=parsed.port,
        namespace=namespace,
        backend_name=parsed.backend,
        backend_options=options | dict(parsed.option),
        default_share_type=parsed.default_share_type,
    )


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition('=')
    if not equals:
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=VALUE')
    return name, value
