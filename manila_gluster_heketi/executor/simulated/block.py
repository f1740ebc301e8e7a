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

"""Block devices of a simulated host, and what LVM keeps on them."""

import dataclasses
import json
import uuid
from typing import Any

from manila_gluster_heketi.executor.simulated import outcome
from manila_gluster_heketi.executor.simulated.files import FileSystem
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import failed

#: Below this LVM takes no device ("devices/pv_min_size" of lvm.conf).
PV_MIN_BYTES = 2 * 1024 * 1024


def lvm_uuid() -> str:
    """Make an identity in LVM's form."""
    digits = uuid.uuid4().hex
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return '-'.join(digits[a:b] for a, b in zip(cuts, cuts[1:], strict=False))


@dataclasses.dataclass(slots=True)
class Device:
    """A block device.

    :ivar signatures: what wipefs finds on it: 'dos', 'ext4', 'LVM2_member'
    """

    path: str
    size_bytes: int
    signatures: list[str] = dataclasses.field(default_factory=list)
    read_only: bool = False


@dataclasses.dataclass(slots=True)
class LogicalVolume:
    """A thin volume or a thin pool.

    :ivar pool: name of the pool it is in, '' for a pool
    :ivar filesystem: None until mkfs
    :ivar metadata_bytes: of a pool
    :ivar is_full: of a pool: thin volumes can write to no new block
    """

    vg: str
    name: str
    size_bytes: int
    pool: str
    tags: tuple[str, ...]
    metadata_bytes: int = 0
    is_full: bool = False
    filesystem: FileSystem | None = None
    mount_path: str = ''
    uuid: str = dataclasses.field(default_factory=lvm_uuid)

    @property
    def path(self) -> str:
        """The device that programs name."""
        return f'/dev/{self.vg}/{self.name}'

    @property
    def mapper_path(self) -> str:
        """The device as the kernel shows it."""
        vg, name = (each.replace('-', '--') for each in (self.vg, self.name))
        return f'/dev/mapper/{vg}-{name}'


@dataclasses.dataclass(slots=True)
class VolumeGroup:
    """A volume group on one device."""

    name: str
    device: Device
    extent_bytes: int
    size_bytes: int
    tags: tuple[str, ...]
    pv_uuid: str = dataclasses.field(default_factory=lvm_uuid)
    volumes: dict[str, LogicalVolume] = dataclasses.field(default_factory=dict)

    @property
    def free_bytes(self) -> int:
        """What no pool took; each has a spare for its metadata."""
        return self.size_bytes - sum(
            each.size_bytes + 2 * each.metadata_bytes
            for each in self.volumes.values()
            if not each.pool
        )


class Block:
    """The devices of a host."""

    def __init__(self, devices: dict[str, Device]) -> None:
        self.devices = devices
        self.groups: dict[str, VolumeGroup] = {}

    def exists(self, path: str) -> bool:
        """Tell whether there is such a device, or directory of devices."""
        if path in self.devices or self.volume_at(path):
            return True
        group = self.groups.get(path.removeprefix('/dev/'))
        return group is not None and bool(group.volumes)

    def volume_at(self, path: str) -> LogicalVolume | None:
        """Find a logical volume by its path."""
        parts = path.split('/')
        if len(parts) == 4 and parts[:2] == ['', 'dev']:
            group = self.groups.get(parts[2])
            return group.volumes.get(parts[3]) if group else None
        return None

    def pool_of(self, volume: LogicalVolume) -> LogicalVolume:
        """Find the pool that a thin volume is in."""
        return self.groups[volume.vg].volumes[volume.pool]

    def group_on(self, device: Device) -> VolumeGroup | None:
        """Find the volume group on a device."""
        for group in self.groups.values():
            if group.device is device:
                return group
        return None

    def drop(self, group: VolumeGroup) -> None:
        """Forget a volume group."""
        del self.groups[group.name]

    def lsblk(self, argv: tuple[str, ...]) -> Outcome:
        """List a block device and what is on top of it."""
        words = outcome.words_of(
            argv,
            flags=('--json', '--bytes', '--paths'),
            separate=('--output',),
        )
        [path] = words.operands
        device = self.devices.get(path)
        if device is None:
            return Outcome(
                32,
                json.dumps({'blockdevices': []}),
                f'lsblk: {path}: not a block device\n',
            )
        entry: dict[str, Any] = {
            'name': path,
            'type': 'disk',
            'size': device.size_bytes,
            'ro': device.read_only,
            'mountpoint': None,
        }
        group = self.group_on(device)
        if group is not None and group.volumes:
            entry['children'] = [
                {
                    'name': each.mapper_path,
                    'type': 'lvm',
                    'size': each.size_bytes,
                    'ro': False,
                    'mountpoint': each.mount_path or None,
                }
                for each in group.volumes.values()
            ]
        return Outcome(stdout=json.dumps({'blockdevices': [entry]}))

    def wipefs(self, argv: tuple[str, ...]) -> Outcome:
        """Show signatures, or wipe them."""
        words = outcome.words_of(
            argv, flags=('--json', '--no-act', '--all', '--quiet')
        )
        [path] = words.operands
        device = self.devices.get(path)
        prefix = f'wipefs: error: {path}: probing initialization failed: '
        if device is None:
            return failed(1, f'{prefix}No such file or directory')
        if '--no-act' in words.options:
            found = [{'device': path, 'type': t} for t in device.signatures]
            return Outcome(stdout=json.dumps({'signatures': found}))
        group = self.group_on(device)
        if group is not None:
            if group.volumes:
                return failed(1, f'{prefix}Device or resource busy')
            self.drop(group)
        device.signatures.clear()
        return DONE
