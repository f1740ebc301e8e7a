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

"""``gluster-heketi lab``: the virtual Gluster cluster."""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import time
from typing import Any

from cliff import command
from cliff import lister

from manila_gluster_heketi.lab import client
from manila_gluster_heketi.lab import host
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import nodes
from manila_gluster_heketi.lab import topology

_DEFAULT = layout.LabSpec()
_MIB = 1 << 20


def _add_lab_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--name',
        metavar='NAME',
        help=f'the lab to work on; default: {_DEFAULT.name}',
    )
    parser.add_argument(
        '--directory',
        metavar='DIR',
        type=pathlib.Path,
        help="the lab's state directory; default: the environment variable "
        f'{layout.DIRECTORY_VARIABLE}, else {layout.LABS_DIRECTORY}/NAME',
    )


def _state_directory(parsed: argparse.Namespace) -> pathlib.Path:
    if parsed.directory:
        return pathlib.Path(parsed.directory).absolute()
    return layout.default_directory(parsed.name or _DEFAULT.name)


def _load(parsed: argparse.Namespace) -> layout.Lab:
    return layout.Lab.load(_state_directory(parsed), name=parsed.name)


class _LabCommand(command.Command):
    """A command on one lab."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_lab_options(parser)
        self.add_arguments(parser)
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of this command alone."""

    def say(self, text: str) -> None:
        """Write a line for the user."""
        self.app.stdout.write(text + '\n')


class Up(_LabCommand):
    """Make a lab if it is missing, and switch all its nodes on.

    A lab that exists keeps the size that it was made with.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        spec = _DEFAULT
        parser.add_argument(
            '--subnet',
            metavar='NETWORK',
            help=f'IPv4 network of the lab; default: {spec.subnet}',
        )
        parser.add_argument(
            '--nodes',
            metavar='N',
            type=int,
            dest='node_count',
            help=f'number of nodes; default: {spec.node_count}',
        )
        parser.add_argument(
            '--zones',
            metavar='Z,Z,...',
            type=_zones,
            help='zones, given to the nodes in turn; default: 1,2,3',
        )
        parser.add_argument(
            '--disks',
            metavar='N',
            type=int,
            dest='disks_per_node',
            help=f'disks of each node; default: {spec.disks_per_node}',
        )
        parser.add_argument(
            '--disk-size',
            metavar='GIB',
            type=_gib,
            dest='disk_bytes',
            help='size of each disk in GiB; default: 4',
        )
        parser.add_argument(
            '--memory',
            metavar='MIB',
            type=int,
            dest='memory_mib',
            help=f'memory of each node in MiB; default: {spec.memory_mib}',
        )
        parser.add_argument(
            '--no-idle-hooks',
            action='store_false',
            default=None,
            dest='idle_hooks',
            help="without Gluster's hooks for programs that the nodes don't "
            'have, such as Samba: volumes take less of the processor',
        )
        parser.add_argument(
            '--uml',
            metavar='FILE',
            dest='kernel',
            help='User-Mode-Linux binary; with --modules',
        )
        parser.add_argument(
            '--modules', metavar='DIR', help="directory of its modules"
        )

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Bring the lab up and tell how long it took."""
        directory = _state_directory(parsed_args)
        spec = _wanted(parsed_args, directory)
        self.say(f'lab {spec.name}: starting {spec.node_count} nodes')
        began = time.monotonic()
        lab = nodes.up(spec, directory)
        seconds = time.monotonic() - began
        release = host.find_kernel(spec).modules.name
        self.say(f'lab {lab.name}: ready in {seconds:.1f} s, Linux {release}')
        for node in lab.nodes:
            self.say(f'  {node.name}  {node.address}  zone {node.zone}')


class Down(_LabCommand):
    """Switch all nodes of a lab off and remove its network."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--purge',
            action='store_true',
            help='remove the disks too, with all that is on them',
        )

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Bring the lab down."""
        lab = _load(parsed_args)
        nodes.down(lab, purge=parsed_args.purge)
        self.say(f'lab {lab.name}: {"gone" if parsed_args.purge else "down"}')


class Status(lister.Lister):
    """Show how the nodes of a lab are."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_lab_options(parser)
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return a row for each node."""
        columns = (
            'Node',
            'Address',
            'Zone',
            'State',
            'Link',
            'Process',
            'Memory MiB',
            'Devices',
        )
        rows = [_row(each) for each in nodes.status(_load(parsed_args))]
        return columns, rows


class Ssh(_LabCommand):
    """Log in to a node, or run a command there."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--user',
            choices=('root', 'operator', 'nosudo'),
            default='root',
            help='operator may use sudo; default: root',
        )
        parser.add_argument('node', metavar='NODE')
        _add_command(parser, 'what to run; without it, a shell')

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Return the exit status of ssh."""
        login = nodes.ssh_argv(
            _load(parsed_args), parsed_args.node, parsed_args.user
        )
        words = [*login, *_command(parsed_args)]
        return subprocess.run(words, check=False).returncode


class Ns(_LabCommand):
    """Run a program of this host in the network of a lab."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        _add_command(parser, 'what to run; without it, a shell')

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Return the exit status of the program."""
        words = _command(parsed_args) or ['bash']
        return nodes.run_in_namespace(_load(parsed_args), words).returncode


class Client(_LabCommand):
    """Run a program of this host in a volume, as a tenant who mounted it."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--identity',
            metavar='DIR',
            type=pathlib.Path,
            help='where "cert issue" wrote the tenant\'s certificate; '
            'without it, the tenant has none',
        )
        parser.add_argument(
            '--secure-access',
            action='store_true',
            help='the tenant has the file for clusters with management '
            'encryption',
        )
        parser.add_argument('export', metavar='HOST:/VOLUME')
        _add_command(parser, 'what to run; without it, a shell')

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Mount, run, unmount; return the exit status of the program."""
        words = _command(parsed_args) or ['bash']
        with client.Client(
            _load(parsed_args),
            parsed_args.export,
            parsed_args.identity,
            secure_access=parsed_args.secure_access,
        ) as mounted:
            return int(mounted.start(words).wait())


class Kill(_LabCommand):
    """Cut the power of nodes."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--dirty',
            action='store_true',
            help='also lose what is not yet written to the disks',
        )
        parser.add_argument('nodes', metavar='NODE', nargs='+')

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Cut the power of one node after the other."""
        lab = _load(parsed_args)
        for name in parsed_args.nodes:
            nodes.kill(lab, name, dirty=parsed_args.dirty)
            self.say(f'lab {lab.name}: {name} is off')


class Start(_LabCommand):
    """Switch nodes on again, and wait until they are ready."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument('nodes', metavar='NODE', nargs='+')

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Start the nodes side by side."""
        lab = _load(parsed_args)
        nodes.start(lab, parsed_args.nodes)
        self.say(f'lab {lab.name}: {", ".join(parsed_args.nodes)} ready')


class Link(_LabCommand):
    """Cut or restore the network of a node."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument('state', choices=('up', 'down'))
        parser.add_argument('node', metavar='NODE')

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Set the link."""
        lab = _load(parsed_args)
        nodes.set_link(lab, parsed_args.node, parsed_args.state == 'up')


class Topology(_LabCommand):
    """Write the topology document of a lab, for "topology load"."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write JSON to standard output."""
        document = topology.topology_document(_load(parsed_args))
        self.say(json.dumps(document, indent=2))


def _wanted(
    parsed: argparse.Namespace, directory: pathlib.Path
) -> layout.LabSpec:
    present = layout.Lab(_DEFAULT, directory)
    base = _load(parsed).spec if present.exists else present.spec
    given = {
        field.name: getattr(parsed, field.name)
        for field in dataclasses.fields(layout.LabSpec)
        if getattr(parsed, field.name) is not None
    }
    return dataclasses.replace(base, **given)


def _row(status: nodes.NodeStatus) -> tuple[Any, ...]:
    state = 'starting' if status.running else 'off'
    return (
        status.node.name,
        status.node.address,
        status.node.zone,
        'ready' if status.ready else state,
        'up' if status.linked else 'down',
        status.process_id,
        status.resident_bytes // _MIB,
        ' '.join(status.node.devices),
    )


def _add_command(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        'words', metavar='COMMAND', nargs=argparse.REMAINDER, help=text
    )


def _command(parsed: argparse.Namespace) -> list[str]:
    words: list[str] = parsed.words
    return words[1:] if words[:1] == ['--'] else words


def _zones(text: str) -> tuple[int, ...]:
    return tuple(int(zone) for zone in text.split(','))


def _gib(text: str) -> int:
    return int(text) * layout.GIB
