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

"""What a lab consists of, and where its files are; no process is started.

A lab is a directory. Its ``lab.json`` holds the specification alone: nodes,
addresses and paths follow from it.
"""

import dataclasses
import ipaddress
import json
import os
import pathlib
import re
from typing import Any

from manila_gluster_heketi import exceptions

LABS_DIRECTORY = pathlib.Path('/var/lib/gluster-heketi-lab')
#: Environment variable that names a lab's state directory.
DIRECTORY_VARIABLE = 'GLUSTER_HEKETI_LAB_DIR'
GIB = 1 << 30

_FORMAT = 1
_NAME = re.compile(r'[a-z0-9][a-z0-9-]{0,30}')
# An XFS brick needs 300 MiB, and a thin pool some more.
_SMALLEST_DISK_BYTES = 512 << 20
# ubda is the guest's own state; the ubd driver knows ubda to ubdp.
_DISK_LETTERS = 'bcdefghijklmnop'
_FIRST_NODE_OFFSET = 11
_CONTROLLER_OFFSET = 1
# The management console is <directory>/uml/<node>/mconsole; a Unix
# path may have 107 bytes.
_LONGEST_DIRECTORY = 64


def default_directory(name: str) -> pathlib.Path:
    """Return the state directory of lab ``name`` when none was given."""
    chosen = os.environ.get(DIRECTORY_VARIABLE)
    return pathlib.Path(chosen) if chosen else LABS_DIRECTORY / name


def _refuse(field: str, value: object, reason: str) -> None:
    raise exceptions.InvalidInput(field=field, value=value, reason=reason)


@dataclasses.dataclass(frozen=True, slots=True)
class LabSpec:
    """What a lab is to be.

    :ivar name: names the namespace too; small letters, digits, dashes
    :ivar subnet: IPv4 network of the lab; ``.1`` is the controller, the nodes
        start at ``.11``
    :ivar zones: failure zones, given to the nodes in turn
    :ivar disk_bytes: size of each disk; the files are sparse
    :ivar memory_mib: memory of each guest in MiB; only what a guest touches
        is taken from the host
    :ivar idle_hooks: keep Gluster's hooks for programs that the nodes don't
        have, such as Samba; they take a third of the time of a processor that
        a volume takes from its creation to its end
    :ivar kernel: User-Mode-Linux binary; empty: the fastest one there is
    :ivar modules: directory of that kernel's modules, named as its release;
        given with ``kernel`` alone
    :raises InvalidInput: a field is out of its range
    """

    name: str = 'lab'
    subnet: str = '10.77.0.0/24'
    node_count: int = 4
    zones: tuple[int, ...] = (1, 2, 3)
    disks_per_node: int = 2
    disk_bytes: int = 4 * GIB
    memory_mib: int = 512
    idle_hooks: bool = True
    kernel: str = ''
    modules: str = ''

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            _refuse('name', self.name, 'use a-z, 0-9 and dashes, at most 31')
        if not 1 <= self.node_count <= 99:
            _refuse('node_count', self.node_count, 'use 1 to 99')
        if not self.zones or min(self.zones) < 1:
            _refuse('zones', self.zones, 'name one or more, from 1 up')
        if not 1 <= self.disks_per_node <= len(_DISK_LETTERS):
            _refuse('disks_per_node', self.disks_per_node, 'use 1 to 15')
        if self.disk_bytes < _SMALLEST_DISK_BYTES:
            _refuse('disk_bytes', self.disk_bytes, 'use 512 MiB or more')
        if self.memory_mib < 128:
            _refuse('memory_mib', self.memory_mib, 'use 128 or more')
        if bool(self.kernel) != bool(self.modules):
            _refuse('modules', self.modules, 'give it and kernel, or neither')
        self._check_subnet()

    def _check_subnet(self) -> None:
        try:
            network = ipaddress.IPv4Network(self.subnet)
        except ValueError as error:
            _refuse('subnet', self.subnet, str(error))
            return
        # The last address is the broadcast address.
        if network.num_addresses < _FIRST_NODE_OFFSET + self.node_count + 1:
            _refuse('subnet', self.subnet, 'too small for the nodes')

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The lab's network."""
        return ipaddress.IPv4Network(self.subnet)


@dataclasses.dataclass(frozen=True, slots=True)
class LabNode:
    """One storage node.

    :ivar devices: its empty disks, as the guest names them
    :ivar directory: its files: state disk, data disks, consoles
    :ivar tap: its network interface in the lab's namespace
    """

    name: str
    address: str
    zone: int
    devices: tuple[str, ...]
    directory: pathlib.Path
    tap: str

    @property
    def state_image(self) -> pathlib.Path:
        """Image of the disk that holds what the guest changed in its root."""
        return self.directory / 'state.img'

    @property
    def disk_images(self) -> tuple[pathlib.Path, ...]:
        """Images of :attr:`devices`, in their order."""
        return tuple(
            self.directory / f'{pathlib.PurePath(device).name}.img'
            for device in self.devices
        )

    @property
    def console(self) -> pathlib.Path:
        """What the guest wrote on its console since its last start."""
        return self.directory / 'console.log'


@dataclasses.dataclass(frozen=True, slots=True)
class Lab:
    """A lab as it is on disk; it may be running or not."""

    spec: LabSpec
    directory: pathlib.Path

    @classmethod
    def load(cls, where: str | pathlib.Path, name: str | None = None) -> 'Lab':
        """Load a lab by its name, or by its state directory.

        :param where: a path with a slash is a directory, else it is a name
        :param name: what the lab in that directory must be called
        :raises LabError: there is no such lab, or its file is damaged
        """
        if isinstance(where, str) and '/' not in where:
            name, path = where, default_directory(where)
        else:
            path = pathlib.Path(where)
        lab = cls(_read_spec(path.absolute()), path.absolute())
        if name not in (None, lab.name):
            raise exceptions.LabError(
                lab=name, reason=f'{path} holds lab {lab.name}'
            )
        return lab

    @classmethod
    def plan(
        cls, spec: LabSpec, directory: str | pathlib.Path | None = None
    ) -> 'Lab':
        """Return the lab that ``spec`` would make; nothing is written."""
        path = (
            pathlib.Path(directory)
            if directory
            else default_directory(spec.name)
        ).absolute()
        if len(os.fsencode(path)) > _LONGEST_DIRECTORY:
            _refuse('directory', str(path), 'use at most 64 bytes')
        if re.search(r'[\s",]', str(path)):
            _refuse('directory', str(path), 'no blanks, quotes or commas')
        return cls(spec, path)

    def save(self) -> None:
        """Write ``lab.json``; a crash leaves the old file or the new one."""
        document = {
            'format': _FORMAT,
            'spec': dataclasses.asdict(self.spec),
        }
        fresh = self.spec_path.with_suffix('.new')
        fresh.write_text(json.dumps(document, indent=2) + '\n')
        fresh.replace(self.spec_path)

    @property
    def exists(self) -> bool:
        """Whether the lab's directory holds a lab."""
        return self.spec_path.exists()

    @property
    def spec_path(self) -> pathlib.Path:
        """The lab's file, ``lab.json``."""
        return _spec_path(self.directory)

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.spec.name

    @property
    def namespace(self) -> str:
        """Network namespace of the lab, as ``ip netns`` lists it."""
        return f'gluster-lab-{self.name}'

    @property
    def namespace_path(self) -> pathlib.Path:
        """File that stands for the namespace while it exists."""
        return pathlib.Path('/run/netns') / self.namespace

    @property
    def controller_address(self) -> str:
        """Address of this host in the lab's network."""
        return str(self.spec.network[_CONTROLLER_OFFSET])

    @property
    def nodes(self) -> tuple[LabNode, ...]:
        """The storage nodes, ``n1`` first."""
        return tuple(
            self._node(number) for number in range(self.spec.node_count)
        )

    def node(self, name: str) -> LabNode:
        """Return the node called ``name``.

        :raises InvalidInput: there is none
        """
        for node in self.nodes:
            if node.name == name:
                return node
        names = ', '.join(node.name for node in self.nodes)
        raise exceptions.InvalidInput(
            field='node', value=name, reason=f'the nodes are {names}'
        )

    def _node(self, number: int) -> LabNode:
        name = f'n{number + 1}'
        letters = _DISK_LETTERS[: self.spec.disks_per_node]
        return LabNode(
            name=name,
            address=str(self.spec.network[_FIRST_NODE_OFFSET + number]),
            zone=self.spec.zones[number % len(self.spec.zones)],
            devices=tuple(f'/dev/ubd{letter}' for letter in letters),
            directory=self.directory / name,
            tap=f'tap-{name}',
        )

    @property
    def ssh_config(self) -> pathlib.Path:
        """Client configuration: logs in to the nodes by name or address."""
        return self.directory / 'ssh_config'

    @property
    def known_hosts(self) -> pathlib.Path:
        """The nodes' host keys, by name and by address."""
        return self.directory / 'known_hosts'

    @property
    def identity_file(self) -> pathlib.Path:
        """Private key that root, operator and nosudo of each node admit."""
        return self.directory / 'id_ed25519'


def _spec_path(directory: pathlib.Path) -> pathlib.Path:
    return directory / 'lab.json'


def _read_spec(directory: pathlib.Path) -> LabSpec:
    path = _spec_path(directory)
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        fields = document['spec']
        if document['format'] != _FORMAT:
            raise ValueError(f'format {document["format"]} is not known')
        return LabSpec(**{**fields, 'zones': tuple(fields['zones'])})
    except FileNotFoundError:
        reason = f'there is none in {directory}; make it with "lab up"'
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f'{path} can not be used: {error}'
    raise exceptions.LabError(lab=directory.name, reason=reason)
