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

"""The ``gluster-heketi`` command."""

import argparse
import importlib.metadata
import logging
import sys
from collections.abc import Sequence

from cliff import app
from cliff import command
from cliff import commandmanager

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli.exit_codes import ExitCode

LOG = logging.getLogger(__name__)

_NAMESPACE = 'gluster_heketi.cli'
# The client of Barbican tells where a secret is each time that it looks.
_TALKATIVE = ('stevedore', 'oslo_concurrency', 'alembic', 'barbicanclient')

# The most telling class first: an error gets the status of the first that it
# belongs to.
_STATUS: tuple[tuple[type[Exception], ExitCode], ...] = (
    (exceptions.OperationStuck, ExitCode.STUCK),
    (exceptions.RebuildRefused, ExitCode.FINDINGS),
    (exceptions.NoSpace, ExitCode.NO_SPACE),
    (exceptions.HostError, ExitCode.HOST),
    (exceptions.InvalidInput, ExitCode.BAD_INPUT),
    (exceptions.InvalidConfiguration, ExitCode.BAD_INPUT),
    (exceptions.GlusterHeketiError, ExitCode.FAILED),
)


class Shell(app.App):
    """Parses the global options and runs one command."""

    def __init__(self) -> None:
        super().__init__(
            description='Gluster volumes on demand, sealed with TLS.',
            version=importlib.metadata.version('manila-gluster-heketi'),
            command_manager=commandmanager.CommandManager(_NAMESPACE),
            deferred_help=True,
        )
        self.failure: BaseException | None = None

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, object] | None = None,
    ) -> argparse.ArgumentParser:
        """Add the options that say which configuration to read."""
        parser = super().build_option_parser(
            description, version, argparse_kwargs
        )
        parser.add_argument(
            '--config-file',
            metavar='FILE',
            help='an oslo.config file, such as manila.conf; '
            'default: /etc/manila-gluster-heketi/gluster-heketi.conf',
        )
        parser.add_argument(
            '--config-section',
            metavar='NAME',
            default='gluster_heketi',
            help='the section of that file, such as the backend section of '
            'manila.conf; default: gluster_heketi',
        )
        return parser

    def configure_logging(self) -> None:
        """Show what this project logs, and of these libraries warnings."""
        super().configure_logging()
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)

    def run_subcommand(self, argv: list[str]) -> int:
        """Run a command; the exit status tells the kind of an error."""
        status = super().run_subcommand(argv)
        return int(status_of(self.failure) if self.failure else status)

    def clean_up(
        self, cmd: command.Command, result: int, err: BaseException | None
    ) -> None:
        """Keep the error; cliff itself has told the user its text."""
        self.failure = err


def status_of(error: BaseException) -> ExitCode:
    """Choose the exit status that tells of an error."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return ExitCode.BUG


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the entry point."""
    return int(Shell().run(list(sys.argv[1:] if argv is None else argv)))
