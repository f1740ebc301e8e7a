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

"""``gluster-heketi rebalance``: bricks that should be elsewhere."""

import argparse
import sys
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.allocator import moves
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import hardware
from manila_gluster_heketi.cli import sizes_read
from manila_gluster_heketi.cli import sizes_shown
from manila_gluster_heketi.service.drain import Drain

# Devices and bricks of which it is said why they stay; many have one reason.
_SHOWN = 20

_N = TypeVar('_N', int, float)


class Plan(lister.Lister):
    """Show which bricks to move so that devices are evenly full.

    Nothing is moved, and nothing is reserved. With a drain option, only
    bricks of what is named move, and all of them as far as they can.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the cluster, the budget and what is to be empty."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'cluster',
            nargs='?',
            default='',
            help='its name; may be left out if there is only one',
        )
        _add_budget(parser)
        _add_drain(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """List one row for each move, in the order in which to make them."""
        budget, drain = _budget(parsed_args), _drain(parsed_args)
        service = configured.service_for(self.app)
        self._plan = service.plans.rebalance(
            parsed_args.cluster, budget, drain
        )
        is_table = parsed_args.formatter == 'table'
        shown = sizes_shown.for_formatter(parsed_args.formatter)
        return (
            ('Volume', 'Brick', 'Size', 'From', 'To', 'Gain', 'Why'),
            [
                (
                    move.volume.name,
                    move.brick.id,
                    shown(move.size_bytes),
                    move.source.name,
                    move.target.name,
                    f'{move.gain:.6f}' if is_table else move.gain,
                    move.why,
                )
                for move in self._plan.moves
            ],
        )

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        """Show the moves; people are told what comes of them, too."""
        status = super().produce_output(parsed_args, column_names, data)
        if parsed_args.formatter == 'table':
            for line in summary(self._plan):
                self.app.stderr.write(f'{line}\n')
        return int(status)


def _add_budget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--max-bytes',
        metavar='SIZE',
        help='move no more than this, such as 10TiB; a plain number is in '
        'bytes',
    )
    parser.add_argument(
        '--max-moves', metavar='N', help='move no more bricks than this'
    )
    parser.add_argument(
        '--min-gain',
        metavar='X',
        default='0',
        help='a move has to lower the objective by more than this; default: '
        '%(default)s',
    )
    parser.add_argument(
        '--tolerance',
        metavar='PERCENT',
        default=f'{moves.Budget().tolerance * 100:g}',
        help='how far above its fair level a device may stay; '
        'default: %(default)s',
    )


def _add_drain(parser: argparse.ArgumentParser) -> None:
    for option, metavar, what in (
        ('--drain-device', 'HOST:PATH', 'this device, such as n1:/dev/sdb'),
        ('--drain-node', 'HOST', 'all devices of this node'),
        ('--drain-zone', 'ZONE', 'all devices of the nodes in this zone'),
    ):
        parser.add_argument(
            option,
            metavar=metavar,
            nargs='+',
            action='extend',
            default=[],
            help=f'empty {what}; may be given several times',
        )


def _budget(parsed_args: argparse.Namespace) -> moves.Budget:
    given = parsed_args
    percent = _number(float, given.tolerance, '--tolerance', most=100)
    return moves.Budget(
        max_bytes=None
        if given.max_bytes is None
        else sizes_read.size_bytes(
            given.max_bytes, '--max-bytes', plain='B', least=0
        ),
        max_moves=None
        if given.max_moves is None
        else _number(int, given.max_moves, '--max-moves'),
        min_gain=_number(float, given.min_gain, '--min-gain'),
        tolerance=percent / 100,
    )


def _drain(parsed_args: argparse.Namespace) -> Drain:
    return Drain(
        devices=tuple(
            ':'.join(hardware.host_and_path(each))
            for each in parsed_args.drain_device
        ),
        nodes=tuple(parsed_args.drain_node),
        zones=tuple(
            _number(int, each, '--drain-zone')
            for each in parsed_args.drain_zone
        ),
    )


def _number(
    read: Callable[[str], _N],
    text: str,
    field: str,
    most: float = sys.float_info.max,
) -> _N:
    """Read a number of 0 or more.

    :raises InvalidInput: it is none
    """
    try:
        found = read(text)
    except ValueError as error:
        raise _invalid(field, text, 'it is not a number') from error
    if not 0 <= found <= most:
        limit = f'from 0 to {most:g}' if most <= 100 else 'of 0 or more'
        raise _invalid(field, text, f'it is not a number {limit}')
    return found


def _invalid(field: str, text: str, reason: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(field=field, value=text, reason=reason)


def summary(plan: moves.Plan) -> Iterator[str]:
    """Say in sentences what a plan comes to, and what stays as it is."""
    count = len(plan.moves)
    size = sizes_shown.for_people(plan.moved_bytes)
    yield (
        f'{count} move{"" if count == 1 else "s"} of {size} in all lower the '
        f'objective from {plan.objective_before:.4f} to '
        f'{plan.objective_after:.4f}, and the largest distance above a fair '
        f'level from {_points(plan.worst_before)} to '
        f'{_points(plan.worst_after)}.'
        if count
        else f'Nothing to move: the objective is {plan.objective_before:.4f}, '
        'the largest distance above a fair level '
        f'{_points(plan.worst_before)}.'
    )
    if plan.is_cut_short:
        yield 'More would move if the budget were larger.'
    yield from _first(
        [
            f'{each.device.name} stays {_points(each.distance)} above its '
            f'fair level: {each.reason}.'
            for each in plan.too_full
        ],
        'devices',
    )
    yield from _first(
        [
            f'Brick {stuck.brick.id} of {stuck.volume.name} stays on '
            f'{stuck.source.name}: {stuck.reason}.'
            for stuck in plan.stuck
        ],
        'bricks',
    )


def _first(lines: Sequence[str], what: str) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f'The same goes for {len(lines) - _SHOWN} {what} more.'


def _points(distance: float) -> str:
    return f'{max(0.0, distance) * 100:.1f} points'
