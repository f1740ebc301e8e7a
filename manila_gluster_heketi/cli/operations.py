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
import datetime
import textwrap
from collections.abc import Callable
from collections.abc import Iterable

from cliff import command
from cliff import lister
from cliff import show

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import StepRecord
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations.recovery import Recovered

_ERROR_WIDTH = 60
_LIMIT = 1000


class List(lister.Lister):
    """List the operations that are not closed, the oldest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask whether closed ones are wanted too."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--all', action='store_true', help='list the closed ones too'
        )
        parser.add_argument(
            '--limit',
            metavar='NUMBER',
            type=int,
            default=_LIMIT,
            help=f'list so many, the newest ones; default: {_LIMIT}',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """List one row for each operation."""
        limit = parsed_args.limit
        if limit < 1:
            raise exceptions.InvalidInput(
                field='--limit', value=limit, reason='it is less than 1'
            )
        service = configured.service_for(self.app)
        found = service.summaries(parsed_args.all, limit + 1)
        if len(found) > limit:
            self.app.stderr.write(
                f'gluster-heketi: there are more than these {limit}, which '
                'are the newest; --limit shows more\n'
            )
        told = _telling(parsed_args.formatter)
        return (
            ('Id', 'Kind', 'Subject', 'State', 'Held', 'Steps Done', 'Error'),
            [
                (
                    o.id,
                    str(o.kind),
                    o.subject,
                    str(o.state),
                    'yes' if o.held else '',
                    f'{o.steps_done}/{o.steps}',
                    told(o.error),
                )
                for o in found[-limit:]
            ],
        )


class Show(show.ShowOne):
    """Show one operation: how far it is, where, and what went wrong."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the operation."""
        return _with_id(super().get_parser(prog_name))

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Show it with its steps."""
        service = configured.service_for(self.app)
        operation = service.operation(parsed_args.operation)
        told = _telling(parsed_args.formatter)
        steps: object = [_step(each) for each in operation.steps]
        if parsed_args.formatter == 'table':
            steps = '\n'.join(_told_step(s, told) for s in operation.steps)
        return (
            (
                'Id',
                'Kind',
                'Subject',
                'State',
                'Held',
                'Resume',
                'Owner',
                'Lease Until',
                'Started',
                'Finished',
                'Last Command',
                'Error',
                'Steps',
            ),
            (
                operation.id,
                str(operation.kind),
                operation.subject,
                str(operation.state),
                operation.held,
                _resume(operation),
                operation.owner,
                _time(operation.lease_until),
                _time(operation.started_at),
                _time(operation.finished_at),
                told(operation.last_command),
                told(operation.error),
                steps,
            ),
        )


class Clean(lister.Lister):
    """Finish or undo now what crashes and dead hosts left open.

    What a live process works on is left alone, and so is what is held.
    """

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Recover, and list what became of each operation."""
        service = configured.service_for(self.app)
        return _outcomes(service.recover(), parsed_args.formatter)


class Resume(lister.Lister):
    """Finish or undo one operation now.

    "operation show" says which. One that is held is held no more.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the operation."""
        return _with_id(super().get_parser(prog_name))

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Try, and tell what became of it."""
        service = configured.service_for(self.app)
        outcome = service.resume(parsed_args.operation)
        return _outcomes([outcome], parsed_args.formatter)


class Accept(command.Command):
    """Take an operation that is held for done.

    For a store that was put back from a copy. What a creation, a resize or a
    change of access was to make must be there: Gluster has to have a volume
    with its id and its bricks. Hosts are left as they are.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the operation."""
        return _with_id(super().get_parser(prog_name))

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """End it on record."""
        service = configured.service_for(self.app)
        ended = service.accept(parsed_args.operation)
        self.app.stdout.write(f'{ended.error}\n')


class Abandon(command.Command):
    """Give up on a stuck operation whose host is lost for good, or a held one.

    What it holds on record is free then. What hosts may still have is
    printed, and kept in the history.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the operation, and whether this is meant."""
        parser = _with_id(super().get_parser(prog_name))
        parser.add_argument(
            '--leave-the-rest',
            action='store_true',
            help='needed: nothing is done on any host, whatever is there',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """End it on record."""
        if not parsed_args.leave_the_rest:
            raise exceptions.InvalidInput(
                field='--leave-the-rest',
                value='missing',
                reason='say that hosts may keep what they have',
            )
        service = configured.service_for(self.app)
        ended = service.abandon(parsed_args.operation)
        self.app.stdout.write(f'{ended.error}\n')


def _with_id(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument('operation', metavar='ID', help='see operation list')
    return parser


def _outcomes(
    recovered: Iterable[Recovered], formatter: str
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    told = _telling(formatter)
    return (
        ('Id', 'Kind', 'Outcome'),
        [
            (
                each.operation.id,
                str(each.operation.kind),
                told(each.error) or 'closed',
            )
            for each in recovered
        ],
    )


def _step(record: StepRecord) -> dict[str, object]:
    return {
        'index': record.index,
        'kind': record.kind,
        'host': record.host,
        'state': str(record.state),
        'error': record.error,
    }


def _told_step(record: StepRecord, told: Callable[[str], str]) -> str:
    line = f'{record.index}. {record.kind} {record.host}: {record.state}'
    return f'{line}\n{told(record.error)}' if record.error else line


def _resume(operation: Operation) -> str:
    if operation.finished_at is not None:
        return ''
    return 'finishes it' if kinds.goes_forward(operation) else 'undoes it'


def _time(moment: datetime.datetime | None) -> str:
    return moment.isoformat(timespec='seconds') if moment else ''


def _telling(formatter: str) -> Callable[[str], str]:
    """Choose how to tell errors: a table is for people and their screens."""
    if formatter != 'table':
        return str
    return lambda text: textwrap.fill(text, _ERROR_WIDTH)
