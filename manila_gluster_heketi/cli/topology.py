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

"""``gluster-heketi topology``: what storage there is."""

import argparse
import json
import sys

from cliff import command
from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import sizes_shown


class Load(lister.Lister):
    """Add the nodes and devices of a topology file that are not there yet.

    Nothing is ever removed. If anything in the file, or any new host or
    device, is not fit, nothing is changed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the file."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file', help="a topology in Heketi's JSON format; - for stdin"
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Load it and list what was done."""
        text = _read(parsed_args.file)
        service = configured.service_for(self.app)
        report = service.load_topology(text, parsed_args.file)
        for warning in report.warnings:
            self.app.stderr.write(f'gluster-heketi: {warning}\n')
        return (
            ('Action', 'Cluster', 'Host', 'Subject', 'Detail'),
            [
                (e.action, e.cluster, e.host, e.subject, e.detail)
                for e in report.entries
            ],
        )


class Show(lister.Lister):
    """List clusters, nodes and devices with their room."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """List one row for each device."""
        service = configured.service_for(self.app)
        shown = sizes_shown.for_formatter(parsed_args.formatter)
        rows: list[tuple[object, ...]] = []
        for snapshot in service.clusters():
            ordered = sorted(
                snapshot.devices,
                key=lambda d: (d.node.zone, d.node.manage_host, d.device.path),
            )
            rows += [
                (
                    snapshot.cluster.name,
                    each.node.zone,
                    each.node.manage_host,
                    str(each.node.state),
                    each.device.path,
                    str(each.device.state),
                    shown(each.device.total_bytes),
                    shown(each.used_bytes),
                    shown(each.free_bytes),
                )
                for each in ordered
            ]
        return (
            (
                'Cluster',
                'Zone',
                'Node',
                'Node State',
                'Device',
                'Device State',
                'Total',
                'Used',
                'Free',
            ),
            rows,
        )


class Export(command.Command):
    """Print what there is as a topology file."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the document."""
        service = configured.service_for(self.app)
        document = service.topology_document()
        self.app.stdout.write(json.dumps(document, indent=2) + '\n')


def _read(path: str) -> str:
    if path == '-':
        return sys.stdin.read()
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise exceptions.InvalidInput(
            field='file', value=path, reason=str(error)
        ) from error
