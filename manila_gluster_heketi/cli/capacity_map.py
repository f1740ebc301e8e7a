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

"""``gluster-heketi capacity map``: what is where, and how full it is."""

import argparse
import datetime
import importlib.metadata
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from cliff import lister

from manila_gluster_heketi import model
from manila_gluster_heketi.cli import capacity_options
from manila_gluster_heketi.cli import capacity_page
from manila_gluster_heketi.cli import capacity_terminal
from manila_gluster_heketi.cli import capacity_tree as tree
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import written
from manila_gluster_heketi.service import Report

_COLUMNS = (
    'Cluster',
    'Zone',
    'Node',
    'Node State',
    'Device',
    'Device State',
    'Tags',
    'Total',
    'Used',
    'Fill',
    'Fair Level',
)


class Map(lister.Lister):
    """Draw zones, nodes and devices with how full they are.

    Beside each device stands how many percent points it is from its fair
    level. Other formats than the table list one row for each device.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reports: Sequence[Report] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the cluster and the file."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--html',
            metavar='FILE',
            help='write one page for a browser, which needs nothing else, '
            'and draw nothing here',
        )
        capacity_options.add_to(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[tuple[object, ...]]]:
        """Look at the devices, and write the page."""
        service = configured.service_for(self.app)
        kind = capacity_options.kind(parsed_args, service.capacity.kind())
        self._reports = service.capacity.reports(kind, parsed_args.cluster)
        if parsed_args.html:
            page = capacity_page.page(
                self._reports,
                kind,
                datetime.datetime.now(datetime.timezone.utc),
                importlib.metadata.version('manila-gluster-heketi'),
            )
            written.whole(parsed_args.html, page, '--html')
        return _COLUMNS, _rows(self._reports)

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        """Draw the map where others print a table."""
        if parsed_args.formatter != 'table':
            return super().produce_output(parsed_args, column_names, data)
        if not parsed_args.html:
            capacity_terminal.draw(self._reports, self.app.stdout)
        return 0


def _rows(reports: Sequence[Report]) -> Iterator[tuple[object, ...]]:
    for report in reports:
        for zone in tree.zones_of(report):
            for node in zone.nodes:
                for bar in node.bars:
                    yield (
                        report.pool.cluster.name,
                        zone.number,
                        node.host,
                        _state(node.online),
                        bar.path,
                        _state(bar.online),
                        ' '.join((*node.tags, *bar.tags)),
                        bar.fill.total_bytes,
                        bar.fill.used_bytes,
                        round(bar.fill.use, 4),
                        None if bar.fair is None else round(bar.fair, 4),
                    )


def _state(online: bool) -> str:
    state = model.EntryState.ONLINE if online else model.EntryState.OFFLINE
    return str(state)
