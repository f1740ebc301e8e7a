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

"""``gluster-heketi plan``: what would be done, with nothing touched."""

import argparse
import uuid
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from cliff import lister
from cliff.formatters import base

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.cli import capacity_options
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import sizes_read
from manila_gluster_heketi.cli import sizes_shown
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.hostcmd import pasted
from manila_gluster_heketi.operations.create_volume import Plan
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.service import wishes

# Formats that can hold more than a table.
_TREES = ('json', 'yaml')

#: Options that are wishes, by the names that these have in the configuration.
_OPTIONS = {
    'average_file_size': '--average-file-size',
    'device_tags': '--tags',
    'durability': '--durability',
    'headroom_percent': '--headroom',
    'spread': '--spread',
}


class Create(lister.Lister):
    """Show where the bricks of a share's volume would be placed.

    Nothing is reserved, and no host is touched. Exit status 3 tells that
    there is no room; what is in the way, and what would help, is shown.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the size, and for what differs from the configuration."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'size', help='of the share, such as 100GiB; a plain number is GiB'
        )
        parser.add_argument(
            '--share-id',
            metavar='ID',
            help='of the share instance; default: one that nobody has',
        )
        parser.add_argument(
            '--name',
            default='',
            help="of the volume; default: the configuration's prefix and the "
            "share's id",
        )
        _add_wishes(parser)
        parser.add_argument(
            '--cluster', metavar='NAME', help='in this cluster alone'
        )
        parser.add_argument(
            '--commands',
            action='store_true',
            help='show what would run on each host; in json and yaml too',
        )
        parser.add_argument(
            '--explain',
            action='store_true',
            help='show why each device, and what was passed over',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; a refusal is an answer that has a form of its own."""
        try:
            return super().run(parsed_args)
        except exceptions.NoSpace as refusal:
            explanation = refusal.fields['explanation']
            if not isinstance(explanation, allocator.Explanation):
                raise
            self._refuse(parsed_args, refusal, explanation)
            return int(ExitCode.NO_SPACE)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """List one row for each brick."""
        if parsed_args.commands and parsed_args.formatter not in (
            'table',
            *_TREES,
        ):
            raise exceptions.InvalidInput(
                field='--commands',
                value=parsed_args.formatter,
                reason='rows have no place for them; take table, json or yaml',
            )
        size_bytes = sizes_read.size_bytes(parsed_args.size, 'size')
        service = configured.service_for(self.app)
        self._plan = service.plans.create_volume(
            _spec(parsed_args, size_bytes, service)
        )
        columns: tuple[str, ...] = (
            'Set',
            'Brick',
            'Zone',
            'Node',
            'Device',
            'Size',
        )
        if parsed_args.explain:
            columns += ('Before', 'After', 'Fair', 'Reason', 'Passed Over')
        return columns, _rows(self._plan, parsed_args)

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        """Show the placement, and the commands if they were asked for."""
        if not parsed_args.commands:
            return super().produce_output(parsed_args, column_names, data)
        if parsed_args.formatter in _TREES:
            placement = [
                dict(zip(column_names, row, strict=True)) for row in data
            ]
            commands = [
                {'Host': host, 'Command': line}
                for host, line in _lines(self._plan)
            ]
            self._emit(
                parsed_args,
                {'Placement': placement, 'Commands': commands},
            )
            return 0
        status = super().produce_output(parsed_args, column_names, data)
        shown = ''
        for host, line in _lines(self._plan):
            if host != shown:
                self.app.stdout.write(f'\n# on {host}, as root:\n')
                shown = host
            self.app.stdout.write(f'{line}\n')
        return int(status)

    def _refuse(
        self,
        parsed_args: argparse.Namespace,
        refusal: exceptions.NoSpace,
        explanation: allocator.Explanation,
    ) -> None:
        wanted = refusal.fields['wanted']
        if parsed_args.formatter in _TREES:
            self._emit(
                parsed_args,
                {
                    'Code': refusal.code,
                    'Wanted': wanted,
                    'Explanation': explanation.as_data(),
                },
            )
        self.app.stderr.write(f'[{refusal.code}] no placement for {wanted}\n')
        for line in explanation.lines():
            self.app.stderr.write(f'{line}\n')

    def _emit(
        self, parsed_args: argparse.Namespace, document: dict[str, Any]
    ) -> None:
        # Those of trees show single things as well as lists.
        assert isinstance(self.formatter, base.SingleFormatter)
        self.formatter.emit_one(
            tuple(document),
            tuple(document.values()),
            self.app.stdout,
            parsed_args,
        )


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    capacity_options.add_kind(parser)
    parser.add_argument(
        '--headroom',
        metavar='PERCENT',
        help="space beyond the share's size that bricks get",
    )
    parser.add_argument(
        '--average-file-size',
        metavar='KIB',
        help='what files hold on average, which sizes arbiters',
    )


def _spec(
    given: argparse.Namespace, size_bytes: int, service: Service
) -> model.VolumeSpec:
    texts = {
        'average_file_size': given.average_file_size,
        'device_tags': given.tags,
        'durability': given.durability,
        'headroom_percent': given.headroom,
        'spread': given.spread,
    }
    return wishes.volume_spec(
        service.settings,
        share_id=given.share_id or str(uuid.uuid4()),
        size_bytes=size_bytes,
        wishes={k: text for k, text in texts.items() if text is not None},
        called=_OPTIONS.__getitem__,
        name=given.name,
        cluster_id=_cluster_id(given.cluster, service),
    )


def _cluster_id(given: str | None, service: Service) -> str:
    name = given or service.settings.cluster
    if not name:
        return ''
    try:
        return service.cluster_named(name).id
    except exceptions.NotFound as error:
        if given is None:
            raise
        raise exceptions.InvalidInput(
            field='--cluster', value=given, reason='there is none of this name'
        ) from error


def _rows(
    plan: Plan, parsed_args: argparse.Namespace
) -> list[tuple[object, ...]]:
    shown = sizes_shown.for_formatter(parsed_args.formatter)
    rows = []
    for choice in plan.choices:
        row: tuple[object, ...] = (
            choice.set_index + 1,
            choice.position + 1,
            choice.taken.zone,
            choice.taken.host,
            choice.taken.path,
            shown(choice.size_bytes),
        )
        if parsed_args.explain:
            row += _reason(choice, parsed_args.formatter)
        rows.append(row)
    return rows


def _reason(choice: allocator.Choice, formatter: str) -> tuple[object, ...]:
    part = sizes_shown.parts_for_formatter(formatter)
    passed = [each for each in (choice.beside, choice.elsewhere) if each]
    return (
        part(choice.taken.before),
        part(choice.taken.after),
        part(choice.taken.level),
        choice.reason,
        [_passed_over(each) for each in passed]
        if formatter in _TREES
        else '\n'.join(map(str, passed)),
    )


def _passed_over(prospect: allocator.Prospect) -> dict[str, object]:
    part = sizes_shown.parts_for_formatter('json')
    return {
        'Node': prospect.host,
        'Device': prospect.path,
        'Domain': prospect.domain,
        'Before': part(prospect.before),
        'After': part(prospect.after),
        'Fair': part(prospect.level),
    }


def _lines(plan: Plan) -> list[tuple[str, str]]:
    """List hosts and commands, in the order in which they would run."""
    return [
        (step.host, pasted.line(command))
        for step in plan.steps
        for command in step.commands
    ]
