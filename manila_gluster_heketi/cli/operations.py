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

"""``gluster-heketi operation``: changes that are under way or waiting."""

import argparse
import textwrap
from collections.abc import Callable

from cliff import lister

from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.model import StepState

_ERROR_WIDTH = 60


class List(lister.Lister):
    """List the operations that are not closed."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask whether closed ones are wanted too."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--all', action='store_true', help='list the closed ones too'
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each operation."""
        service = configured.service_for(self.app)
        told = _telling(parsed_args.formatter)
        return (
            ('Id', 'Kind', 'Subject', 'State', 'Steps Done', 'Error'),
            [
                (
                    o.id,
                    str(o.kind),
                    o.subject,
                    str(o.state),
                    f'{sum(s.state is StepState.DONE for s in o.steps)}'
                    f'/{len(o.steps)}',
                    told(o.error),
                )
                for o in service.operations(parsed_args.all)
            ],
        )


class Recover(lister.Lister):
    """Finish or undo now what a crash or a dead host left open."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Recover, and list what became of each operation."""
        service = configured.service_for(self.app)
        told = _telling(parsed_args.formatter)
        return (
            ('Id', 'Kind', 'Outcome'),
            [
                (
                    r.operation.id,
                    str(r.operation.kind),
                    told(r.error) or 'closed',
                )
                for r in service.recover()
            ],
        )


def _telling(formatter: str) -> Callable[[str], str]:
    """Choose how to tell errors: a table is for people and their screens."""
    if formatter != 'table':
        return str
    return lambda text: textwrap.fill(text, _ERROR_WIDTH)
