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

"""What is on a block device, before it is taken."""

import dataclasses
import json
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd.command import Command

_LSBLK = 'lsblk --json'
_WIPEFS = 'wipefs --json'


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceProbe:
    """A block device as its host sees it.

    :ivar kind: lsblk's type: disk, part, lvm, rom...
    :ivar mount_points: of the device and of all on top of it
    :ivar holders: devices on top of it: partitions, logical volumes
    :ivar signatures: what is on it, as wipefs says: dos, gpt, xfs,
        LVM2_member...
    """

    path: str
    kind: str
    size_bytes: int
    read_only: bool
    mount_points: tuple[str, ...]
    holders: tuple[str, ...]
    signatures: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing on it or on top of it is known."""
        return not (self.mount_points or self.holders or self.signatures)


def probe(device: str) -> tuple[Command, Command]:
    """Ask what a device is, and what is on it.

    lsblk knows size and users from the kernel, but contents only from udev;
    wipefs reads the device itself.
    """
    return (
        Command(
            (
                'lsblk',
                '--json',
                '--bytes',
                '--paths',
                '--output',
                'NAME,TYPE,SIZE,RO,MOUNTPOINT',
                device,
            ),
            reads_only=True,
        ),
        Command(('wipefs', '--json', '--no-act', device), reads_only=True),
    )


def wipe(device: str) -> Command:
    """Destroy the signatures on a device, and so all that is on it.

    Refused by the kernel while something on it is in use; a volume group
    that is not active is not in use. A second run finds nothing to do.
    """
    return Command(('wipefs', '--all', '--quiet', device))


def parse_probe(host: str, lsblk: str, wipefs: str) -> DeviceProbe:
    """Read the answers to :func:`probe`.

    :raises OutputNotUnderstood: not what lsblk and wipefs 2.38 say
    """
    try:
        [device] = json.loads(lsblk)['blockdevices']
        tree = list(_tree(device))
        top = DeviceProbe(
            path=str(device['name']),
            kind=str(device['type']),
            size_bytes=int(device['size']),
            # Before util-linux 2.33 all values were strings.
            read_only=device['ro'] in (True, '1'),
            # What is on a thin pool is on its data and on its metadata.
            mount_points=tuple(
                dict.fromkeys(
                    str(each['mountpoint'])
                    for each in tree
                    if each['mountpoint']
                )
            ),
            holders=tuple(
                dict.fromkeys(str(each['name']) for each in tree[1:])
            ),
            signatures=(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown(host, _LSBLK, lsblk, error) from error
    try:
        # wipefs says nothing at all about an empty device in some releases.
        found = json.loads(wipefs)['signatures'] if wipefs.strip() else []
        signatures = tuple(str(each['type']) for each in found)
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown(host, _WIPEFS, wipefs, error) from error
    return dataclasses.replace(top, signatures=signatures)


def _tree(device: dict[str, Any]) -> list[dict[str, Any]]:
    found = [device]
    for child in device.get('children', ()):
        found += _tree(child)
    return found


def _unknown(
    host: str, command: str, output: str, error: Exception
) -> exceptions.OutputNotUnderstood:
    return exceptions.OutputNotUnderstood(
        host=host,
        command=command,
        output=output[-500:],
        reason=f'{type(error).__name__}: {error}',
    )
