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

"""A simulated host: which program does what."""

import dataclasses
import re
import time
import uuid
from collections.abc import Callable
from collections.abc import Mapping

from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated import block
from manila_gluster_heketi.executor.simulated import filesystem
from manila_gluster_heketi.executor.simulated import volume_groups
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import failed
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard

_GLUSTERD_VOL = File(
    'volume management\n'
    '    type mgmt/glusterd\n'
    '    option ping-timeout 0\n'
    'end-volume\n',
    0o644,
)
_PING_TIMEOUT = re.compile(r'(?m)^[ \t]*option[ \t]+ping-timeout[ \t].*\n')
_BACKUP = f'{names.GLUSTERD_VOL}.before-gluster-heketi'

#: What a host that is fit to be a node has.
PROGRAMS = {
    'gluster': 'glusterfs 10.3',
    'lvm': '  LVM version:     2.03.16(2) (2022-05-18)',
    'mkfs.xfs': 'mkfs.xfs version 6.1.0',
    'thin_check': '0.9.0',
    'systemctl': 'systemd 252 (252.38-1~deb12u1)',
    'openssl': 'OpenSSL 3.0.19 27 Jan 2026',
}


@dataclasses.dataclass(frozen=True, slots=True)
class HostSpec:
    """How a simulated host begins.

    :ivar name: where "SSH" goes
    :ivar storage: what peers and clients connect to; ``name`` if ''
    :ivar devices: path -> bytes
    :ivar signatures: path -> what is on that device already: 'dos', 'ext4'
    """

    name: str
    storage: str = ''
    devices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    signatures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tls_directory: str = '/usr/lib/ssl'


class Host:
    """One host, without its glusterd's view of the cluster.

    :ivar programs: what is installed, and what it answers to --version
    :ivar busy_paths: tells whether a brick process works below a path
    :ivar clock_offset_seconds: how wrong its clock is
    """

    def __init__(self, spec: HostSpec) -> None:
        self.name = spec.name
        self.storage = spec.storage or spec.name
        self.uuid = str(uuid.uuid4())
        self.tls_directory = spec.tls_directory
        self.disks = block.Block(
            {
                path: block.Device(
                    path,
                    size,
                    [spec.signatures[path]] if path in spec.signatures else [],
                )
                for path, size in spec.devices.items()
            }
        )
        self.space = filesystem.Namespace(self.disks)
        self.space.root.files[names.GLUSTERD_VOL] = _GLUSTERD_VOL
        self.is_up = True
        self.has_network = True
        self.glusterd_runs = True
        self.programs = PROGRAMS
        self.clock_offset_seconds = 0.0
        self.busy_paths: Callable[[str], bool] = lambda path: False

    def power_off(self) -> None:
        """Cut the power: what is mounted or runs is gone."""
        self.is_up = False
        self.glusterd_runs = False
        self.space.unmount_all()

    def power_on(self) -> None:
        """Boot: fstab is mounted, glusterd starts."""
        self.is_up = True
        self.space.mount_fstab()
        self.glusterd_runs = True

    def passes(self, guard: Guard) -> bool:
        """Evaluate a guard."""
        if guard.condition is Condition.EXISTS:
            return self.space.exists(guard.path)
        if guard.condition is Condition.MISSING:
            return not self.space.exists(guard.path)
        mounted = guard.path in self.space.mounts
        return mounted == (guard.condition is Condition.MOUNTED)

    def run(self, command: Command) -> Outcome:
        """Run any program but gluster.

        :raises UnknownCommand: the simulation does not know it
        """
        argv = command.argv
        if argv[0] == 'umount':
            return self.space.umount(argv, busy=self.busy_paths(argv[-1]))
        program = self._programs().get(argv[0])
        if program is not None:
            return program(argv)
        if argv[0] == 'flock':
            if argv[1:4] != ('-w', '60', names.FSTAB_LOCK):
                raise UnknownCommand(argv)
            argv = argv[4:]
        if argv[:2] == ('sh', '-c'):
            return self._script(argv, command.stdin)
        raise UnknownCommand(argv)

    def _programs(self) -> dict[str, Callable[[tuple[str, ...]], Outcome]]:
        return {
            'date': self._date,
            'lsblk': self.disks.lsblk,
            'lvm': lambda argv: volume_groups.run(self.disks, argv),
            'mkdir': self.space.mkdir,
            'mkfs.xfs': self.space.mkfs,
            'mount': self.space.mount,
            'rm': self.space.rm,
            'rmdir': self.space.rmdir,
            'sync': lambda argv: DONE,
            'systemctl': self._systemctl,
            'wipefs': self.disks.wipefs,
            'xfs_growfs': self.space.grow,
        }

    def _script(self, argv: tuple[str, ...], stdin: str) -> Outcome:
        """Do what a script does, which goes by the name it is given."""
        name, arguments = argv[3], argv[4:]
        if name == 'fstab_add':
            return self.space.add_to_fstab(*arguments)
        if name == 'fstab_remove':
            return self.space.remove_from_fstab(*arguments)
        if name == 'write_file':
            path, umask = arguments
            return self.space.write(path, umask, stdin)
        if name == 'versions':
            return self._versions()
        if name == 'tls_directory':
            return Outcome(stdout=f'{self.tls_directory}/glusterfs.pem\n')
        if name == 'set_ping_timeout':
            return self._set_ping_timeout(arguments[1])
        if name == 'restore_ping_timeout':
            files = self.space.root.files
            files[names.GLUSTERD_VOL] = files.pop(_BACKUP)
            return DONE
        raise UnknownCommand(argv)

    def _versions(self) -> Outcome:
        return Outcome(
            stdout=''.join(
                f'== {name}\n'
                + self.programs.get(name, f'versions: 1: {name}: not found')
                + '\n'
                for name in PROGRAMS
            )
        )

    def _set_ping_timeout(self, seconds: str) -> Outcome:
        files = self.space.root.files
        old = files[names.GLUSTERD_VOL]
        line = f'    option ping-timeout {seconds}\n'
        if line in old.content:
            return DONE
        files.setdefault(_BACKUP, old)
        text = _PING_TIMEOUT.sub('', old.content)
        text = text.replace('end-volume', f'{line}end-volume')
        files[names.GLUSTERD_VOL] = File(text, old.mode)
        return DONE

    def _systemctl(self, argv: tuple[str, ...]) -> Outcome:
        if argv[1:] in (('start', 'glusterd'), ('restart', 'glusterd')):
            self.glusterd_runs = True
            return DONE
        if argv[1:] == ('is-active', '--quiet', 'glusterd'):
            return DONE if self.glusterd_runs else failed(3)
        raise UnknownCommand(argv)

    def _date(self, argv: tuple[str, ...]) -> Outcome:
        if argv[1:] != ('+%s.%N',):
            raise UnknownCommand(argv)
        now = time.time() + self.clock_offset_seconds
        return Outcome(stdout=f'{now:.9f}\n')
