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

"""``gluster-heketi node`` and ``device``: one at a time."""

import argparse
import collections

from cliff import command
from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import sizes_shown
from manila_gluster_heketi.model import EntryState


class ListNodes(lister.Lister):
    """List the nodes, with what their devices hold."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """List one row for each node."""
        service = configured.service_for(self.app)
        shown = sizes_shown.for_formatter(parsed_args.formatter)
        names: dict[str, str] = {}
        devices = collections.defaultdict(list)
        for snapshot in service.clusters():
            names[snapshot.cluster.id] = snapshot.cluster.name
            for each in snapshot.devices:
                devices[each.node.id].append(each)
        rows = [
            (
                names.get(node.cluster_id, node.cluster_id),
                node.zone,
                node.manage_host,
                node.storage_host,
                str(node.state),
                ', '.join(f'{k}={v}' for k, v in sorted(node.tags.items())),
                len(devices[node.id]),
                shown(sum(c.device.total_bytes for c in devices[node.id])),
                shown(sum(c.used_bytes for c in devices[node.id])),
            )
            for node in service.nodes()
        ]
        return (
            (
                'Cluster',
                'Zone',
                'Node',
                'Storage',
                'State',
                'Tags',
                'Devices',
                'Total',
                'Used',
            ),
            sorted(rows),
        )


class SetNode(command.Command):
    """Say whether new bricks may be placed on a node.

    The bricks that are there stay and go on serving.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for node and state."""
        parser = super().get_parser(prog_name)
        parser.add_argument('host', help='the node, as SSH reaches it')
        _add_state(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Set the state."""
        configured.service_for(self.app).hardware.set_node_state(
            parsed_args.host, EntryState(parsed_args.state)
        )


class SetDevice(command.Command):
    """Say whether new bricks may be placed on a device.

    The bricks that are there stay and go on serving.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for device and state."""
        parser = super().get_parser(prog_name)
        _add_device(parser)
        _add_state(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Set the state."""
        host, path = host_and_path(parsed_args.device)
        configured.service_for(self.app).hardware.set_device_state(
            host, path, EntryState(parsed_args.state)
        )


class RemoveNode(command.Command):
    """Take a node without devices out of its cluster.

    It leaves the trusted pool, and what was changed on it is put back.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the node."""
        parser = super().get_parser(prog_name)
        parser.add_argument('host', help='the node, as SSH reaches it')
        _add_forget(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove it."""
        configured.service_for(self.app).hardware.remove_node(
            parsed_args.host, forget=parsed_args.forget
        )


class RemoveDevice(command.Command):
    """Take a device without bricks out of its cluster.

    Its thin pool, volume group and LVM label are removed.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the device."""
        parser = super().get_parser(prog_name)
        _add_device(parser)
        _add_forget(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Remove it."""
        host, path = host_and_path(parsed_args.device)
        configured.service_for(self.app).hardware.remove_device(
            host, path, forget=parsed_args.forget
        )


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--state',
        required=True,
        choices=[state.value for state in EntryState],
        help='"offline": no new bricks',
    )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'device', metavar='HOST:PATH', help='such as node1:/dev/sdb'
    )


def _add_forget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--forget',
        action='store_true',
        help='the host is lost for good: do nothing on it; the history of '
        'operations keeps what may be left there',
    )


def host_and_path(text: str) -> tuple[str, str]:
    """Divide the name of a device.

    :raises InvalidInput: it is not HOST:/PATH
    """
    # IPv6 addresses have colons too; a path begins with a slash.
    host, found, path = text.partition(':/')
    if not (host and found):
        raise exceptions.InvalidInput(
            field='device', value=text, reason='it is not HOST:/PATH'
        )
    return host, f'/{path}'
