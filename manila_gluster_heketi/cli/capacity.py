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

"""``gluster-heketi capacity``: what there is room for."""

import argparse
import textwrap
from collections.abc import Sequence

from cliff import lister

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import capacity_options
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import sizes_read
from manila_gluster_heketi.cli import sizes_shown
from manila_gluster_heketi.service import ClusterFit
from manila_gluster_heketi.service import Report

Table = tuple[tuple[str, ...], list[tuple[object, ...]]]

# A volume takes up to some milliseconds where each of 1,000 nodes is a
# domain of its own.
_AT_MOST = 1000
_MOST_AT_MOST = 10**9
# What a table has room for.
_DOMAINS = 5
_WORDS_WIDTH = 60


class Show(lister.Lister):
    """Show what each cluster can hold, and how level it is.

    Total, free and largest are of the data of shares, the others of the
    storage itself. Total and free are bounds that no placement can surpass.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the kind of volumes."""
        parser = super().get_parser(prog_name)
        capacity_options.add_to(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """List one row for each cluster."""
        service = configured.service_for(self.app)
        kind = capacity_options.kind(parsed_args, service.capacity.kind())
        reports = service.capacity.reports(kind, parsed_args.cluster)
        return (
            (
                'Cluster',
                'Total',
                'Free',
                'Largest',
                'Raw Total',
                'Raw Used',
                'Raw Free',
                'Stranded',
                'Where',
                'Allocated',
                'Volumes',
                'Off Level',
                'Worst',
                'Worst Device',
            ),
            [_shown(each, parsed_args.formatter) for each in reports],
        )


class Fit(lister.Lister):
    """Count how many more volumes of a size fit into each cluster.

    They are placed one after the other, as shares would be, until one is
    refused; nothing is created or reserved.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the size and the kind of volumes."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--size',
            required=True,
            help='of a share, such as 100GiB; a plain number is in GiB',
        )
        parser.add_argument(
            '--at-most',
            metavar='N',
            default=str(_AT_MOST),
            help=f'stop at so many; default: {_AT_MOST}',
        )
        capacity_options.add_to(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """List one row for each cluster."""
        size_bytes = sizes_read.size_bytes(parsed_args.size, '--size')
        at_most = _number(parsed_args.at_most, '--at-most')
        service = configured.service_for(self.app)
        kind = capacity_options.kind(parsed_args, service.capacity.kind())
        fits = service.capacity.fits(
            kind, size_bytes, at_most, parsed_args.cluster
        )
        shown = sizes_shown.for_formatter(parsed_args.formatter)
        return (
            (
                'Cluster',
                'Size',
                'Fits',
                'Complete',
                'Counted',
                'Bound',
                'Stopped By',
            ),
            [
                (
                    each.cluster.name,
                    shown(size_bytes),
                    each.fit.volumes,
                    each.fit.explanation is not None,
                    each.fit.counted,
                    each.fit.bound,
                    _stopped_by(each, parsed_args.formatter),
                )
                for each in fits
            ],
        )


def _shown(report: Report, formatter: str) -> tuple[object, ...]:
    pool, capacity, level = report.pool, report.pool.capacity, report.level
    shown = sizes_shown.for_formatter(formatter)
    parts = sizes_shown.parts_for_formatter(formatter)
    return (
        pool.cluster.name,
        shown(capacity.total_data_bytes),
        shown(capacity.free_data_bytes),
        shown(capacity.largest_volume_bytes),
        shown(capacity.raw_total_bytes),
        shown(capacity.raw_used_bytes),
        shown(capacity.raw_free_bytes),
        shown(capacity.raw_stranded_bytes),
        _where(capacity.stranded, formatter),
        shown(pool.allocated_bytes),
        pool.volumes,
        parts(level.rms),
        parts(level.worst),
        _worst_device(report),
    )


def _where(
    stranded: Sequence[allocator.Stranded], formatter: str
) -> str | list[dict[str, object]]:
    """Say where room is stranded; all of it where no person reads it."""
    if formatter != 'table':
        return [
            {'domain': each.domain, 'bytes': each.raw_bytes}
            for each in stranded
        ]
    lines = [
        f'{each.domain}: {sizes_shown.for_people(each.raw_bytes)}'
        for each in stranded[:_DOMAINS]
    ]
    if len(stranded) > _DOMAINS:
        lines.append(f'and {len(stranded) - _DOMAINS} more')
    return '\n'.join(lines)


def _worst_device(report: Report) -> str:
    for each in report.devices:
        if each.device.id == report.level.worst_id:
            return f'{each.node.manage_host}:{each.device.path}'
    return ''


def _stopped_by(found: ClusterFit, formatter: str) -> str:
    if found.fit.explanation is None:
        return '--at-most'
    words = str(found.fit.explanation)
    if formatter == 'table':
        return textwrap.fill(words, _WORDS_WIDTH)
    return words


def _number(text: str, field: str) -> int:
    if not (
        text.isascii()
        and text.isdecimal()
        and len(text) <= len(str(_MOST_AT_MOST))
        and 1 <= int(text) <= _MOST_AT_MOST
    ):
        raise exceptions.InvalidInput(
            field=field,
            value=text,
            reason=f'it is not a whole number from 1 to {_MOST_AT_MOST}',
        )
    return int(text)
