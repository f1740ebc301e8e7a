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
import math
import time
import uuid
from collections.abc import Callable
from collections.abc import Mapping

from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated import block
from manila_gluster_heketi.executor.simulated import filesystem
from manila_gluster_heketi.executor.simulated import scripts
from manila_gluster_heketi.executor.simulated import tls_files
from manila_gluster_heketi.executor.simulated import volume_groups
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.network import Clock
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import failed
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Fence
from manila_gluster_heketi.hostcmd.command import Guard

_GLUSTERD_VOL = File(
    'volume management\n'
    '    type mgmt/glusterd\n'
    '    option ping-timeout 0\n'
    'end-volume\n',
    0o644,
)

#: What a host that is fit to be a node has.
PROGRAMS = {
    'gluster': 'glusterfs 10.3',
    'lvm': '  LVM version:     2.03.16(2) (2022-05-18)',
    'mkfs.xfs': 'mkfs.xfs version 6.1.0',
    'thin_check': '0.9.0',
    'systemctl': 'systemd 252 (252.38-1~deb12u1)',
    'openssl': 'OpenSSL 3.0.19 27 Jan 2026',
}


_TLS_SCRIPTS: Mapping[str, Callable[..., Outcome]] = {
    'keep_files': tls_files.keep,
    'restore_files': tls_files.restore,
    'discard_files': tls_files.discard,
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


class _Normally:
    """Something about a host that is as it should be, or is not.

    Who asks whether all is well asks of a thousand hosts.
    """

    def __init__(self, value: bool) -> None:
        self._value = value

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, host: 'Host', owner: type) -> bool:
        return self._value is (self._name not in host.troubles)

    def __set__(self, host: 'Host', value: bool) -> None:
        if value is self._value:
            host.troubles.discard(self._name)
        else:
            host.troubles.add(self._name)


class Host:
    """One host, without its glusterd's view of the cluster.

    :ivar troubles: what is not as it should be with its glusterd; the next
        five tell it one by one
    :ivar is_hung: it accepts connections, and nothing moves on it
    :ivar serves_peers: it is on the storage network
    :ivar glusterd_is_wedged: it accepts requests and answers none
    :ivar serves_controller: SSH comes through to it
    :ivar glusterd_starts: how often it was started
    :ivar ping_timeout: of the glusterd that runs, in seconds; 0 for none
    :ivar secure_access: the glusterd that runs speaks nothing but TLS
    :ivar programs: what is installed, and what it answers to --version
    :ivar clock_offset_seconds: how wrong its clock is
    :ivar epochs: the newest of each operation that it has seen
    :ivar restarted_for: notes of why its glusterd was restarted
    :ivar stopped_daemons: by the names that Gluster has for them
    :ivar refused_daemons: what logs say of daemons that a brick refused
    """

    is_up = _Normally(True)
    is_hung = _Normally(False)
    serves_peers = _Normally(True)
    glusterd_runs = _Normally(True)
    glusterd_is_wedged = _Normally(False)

    def __init__(self, spec: HostSpec, clock: Clock) -> None:
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
        self.space = filesystem.Namespace(self.disks, clock)
        self.space.root.files[names.GLUSTERD_VOL] = _GLUSTERD_VOL
        self.troubles: set[str] = set()
        self.serves_controller = True
        self.glusterd_starts = 1
        self.ping_timeout = 0.0
        self.secure_access = False
        self.changed_at = -math.inf
        self.fell_silent = False
        self.programs = PROGRAMS
        self.clock_offset_seconds = 0.0
        self.epochs: dict[str, int] = {}
        self.restarted_for: set[str] = set()
        self.stopped_daemons: set[str] = set()
        self.refused_daemons: list[str] = []

    @property
    def answers_peers(self) -> bool:
        """Whether packets to its glusterd are answered."""
        return (
            self.is_up
            and not self.is_hung
            and self.serves_peers
            and self.glusterd_runs
        )

    def power_off(self) -> None:
        """Cut the power: what is mounted or runs is gone."""
        self.is_up = False
        self.is_hung = False
        self.glusterd_runs = False
        self.glusterd_is_wedged = False
        self.epochs = {}
        self.restarted_for = set()
        self.space.cut_power()

    def power_on(self) -> None:
        """Boot: fstab is mounted, glusterd starts."""
        self.is_up = True
        self.space.mount_fstab()
        self.start_glusterd()

    def start_glusterd(self) -> None:
        """Start glusterd, or start it anew."""
        self.glusterd_runs = True
        self.glusterd_is_wedged = False
        self.glusterd_starts += 1
        self.ping_timeout = scripts.ping_timeout(self.space)
        self.secure_access = names.SECURE_ACCESS in self.space.root.files

    def runs_hook(self, path: str) -> bool:
        """Tell whether glusterd finds a script that it may execute."""
        script = self.space.root.files.get(path)
        return script is not None and bool(script.mode & 0o111)

    def admits(self, fence: Fence | None) -> bool:
        """Tell whether a command is not too late, and remember its epoch."""
        if fence is None:
            return True
        newest = max(self.epochs.get(fence.operation, 0), fence.epoch)
        self.epochs[fence.operation] = newest
        return fence.epoch == newest

    def passes(self, guard: Guard) -> bool:
        """Evaluate a guard."""
        if guard.condition is Condition.EXISTS:
            return self.space.exists(guard.path)
        if guard.condition is Condition.MISSING:
            return not self.space.exists(guard.path)
        mounted = guard.path in self.space.mounts
        return mounted == (guard.condition is Condition.MOUNTED)

    def break_off(self, command: Command) -> None:
        """Leave what a command leaves that a power cut interrupts.

        LVM writes its records in one piece and at once, so that they may be
        there; what the others write is not on the disk yet.
        """
        argv = command.argv
        if argv[0] == 'mkfs.xfs':
            self.space.break_off_mkfs(argv[-1])
        elif argv[0] == 'lvm':
            self.run(command, busy=False)

    def run(self, command: Command, *, busy: bool) -> Outcome:
        """Run any program but gluster.

        :param busy: a brick process works below the path that is its last
            argument
        :raises UnknownCommand: the simulation does not know it
        """
        argv = command.argv
        if argv[0] == 'umount':
            return self.space.umount(argv, busy=busy)
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
            'cat': self.space.cat,
            'chmod': self.space.chmod,
            'date': self._date,
            'lsblk': self.disks.lsblk,
            'lvm': lambda argv: volume_groups.run(self.disks, argv),
            'mkdir': self.space.mkdir,
            'mkfs.xfs': self.space.mkfs,
            'mount': self.space.mount,
            'openssl': lambda argv: tls_files.openssl(self.space, argv),
            'rmdir': self.space.rmdir,
            'stat': lambda argv: tls_files.stat(self.space, argv),
            'sync': self.space.sync,
            'systemctl': self._systemctl,
            'true': lambda argv: DONE,
            'wipefs': self.disks.wipefs,
            'xfs_growfs': self.space.grow,
        }

    def _script(self, argv: tuple[str, ...], stdin: str) -> Outcome:
        """Do what a script does, which goes by the name it is given."""
        name, arguments = argv[3], argv[4:]
        if name == 'fstab_add':
            return scripts.add_to_fstab(self.space, *arguments)
        if name == 'fstab_remove':
            return scripts.remove_from_fstab(self.space, *arguments)
        if name == 'directories':
            return scripts.list_directories(self.space, *arguments)
        if name == 'geometries':
            return scripts.show_geometries(self.space, *arguments)
        if name == 'write_file':
            path, umask = arguments
            return scripts.write_file(self.space, path, umask, stdin)
        if name == 'remove_file':
            return scripts.remove_file(self.space, *arguments)
        if name in _TLS_SCRIPTS:
            return _TLS_SCRIPTS[name](self.space, *arguments)
        if name == 'refused_daemons':
            return Outcome(stdout='\n'.join((*self.refused_daemons, '')))
        if name == 'versions':
            return self._versions()
        if name == 'tls_directory':
            return Outcome(stdout=f'{self.tls_directory}/glusterfs.pem\n')
        if name == 'set_ping_timeout':
            return scripts.set_ping_timeout(self.space, arguments[1])
        if name == 'restore_ping_timeout':
            return scripts.restore_ping_timeout(self.space)
        if name == 'restart' and arguments == ('glusterd',):
            self.start_glusterd()
            return DONE
        if name == 'restart_once' and arguments[1] == 'glusterd':
            return self._restart_once(arguments[0])
        raise UnknownCommand(argv)

    def _restart_once(self, note: str) -> Outcome:
        if note not in self.restarted_for:
            self.start_glusterd()
            self.restarted_for.add(note)
        return DONE

    def _versions(self) -> Outcome:
        return Outcome(
            stdout=''.join(
                f'== {name}\n'
                + self.programs.get(name, f'versions: 1: {name}: not found')
                + '\n'
                for name in PROGRAMS
            )
        )

    def _systemctl(self, argv: tuple[str, ...]) -> Outcome:
        if argv[1:] == ('start', 'glusterd'):
            if not self.glusterd_runs:
                self.start_glusterd()
            return DONE
        if argv[1:] == ('is-active', '--quiet', 'glusterd'):
            return DONE if self.glusterd_runs else failed(3)
        raise UnknownCommand(argv)

    def _date(self, argv: tuple[str, ...]) -> Outcome:
        if argv[1:] != ('+%s.%N',):
            raise UnknownCommand(argv)
        now = time.time() + self.clock_offset_seconds
        return Outcome(stdout=f'{now:.9f}\n')
