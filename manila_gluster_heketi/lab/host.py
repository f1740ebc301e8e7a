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

"""What the lab needs of the host, checked before anything is made."""

import dataclasses
import os
import pathlib
import shutil

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout

_PROGRAMS = {
    'glusterd': 'glusterfs-server',
    'ip': 'iproute2',
    'lvm': 'lvm2',
    'mkfs.ext4': 'e2fsprogs',
    'mkfs.xfs': 'xfsprogs',
    'modprobe': 'kmod',
    'nsenter': 'util-linux',
    'ssh': 'openssh-client',
    'sshd': 'openssh-server',
    'sudo': 'sudo',
    'taskset': 'util-linux',
    'thin_check': 'thin-provisioning-tools',
}
_SEARCH_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
_TUN = pathlib.Path('/dev/net/tun')
# Kernels, and where their modules are: the one that tools/lab-packages
# fetches, else Debian's.
_NEWER_KERNEL = (
    pathlib.Path('/var/cache/gluster-heketi-lab/uml/linux'),
    pathlib.Path('/var/cache/gluster-heketi-lab/uml/modules'),
)
_DEBIANS_KERNEL = (
    pathlib.Path('/usr/bin/linux.uml'),
    pathlib.Path('/usr/lib/uml/modules'),
)
# A processor with this has larger registers than Debian 12's User-Mode-Linux
# (6.1) has room for: no program would start in a guest.
_TOO_MUCH_FOR_DEBIAN = 'amx_tile'
# A guest's memory is a file there, so it must be a tmpfs with room.
_SHARED_MEMORY = pathlib.Path('/dev/shm')  # noqa: S108


@dataclasses.dataclass(frozen=True, slots=True)
class Kernel:
    """A User-Mode-Linux kernel.

    :ivar modules: directory of its modules, named as its release
    """

    binary: pathlib.Path
    modules: pathlib.Path


def require_root(lab: str) -> None:
    """Refuse to go on without root.

    :raises LabError: the caller is not root
    """
    if os.geteuid() != 0:
        raise exceptions.LabError(
            lab=lab,
            reason='namespaces and taps need root; run this command as root',
        )


def require_programs(lab: str) -> None:
    """Check that the programs of the guests and of the lab are there.

    :raises LabPackagesMissing: names the Debian packages
    :raises LabError: this host has no tun device
    """
    missing = [
        package
        for program, package in _PROGRAMS.items()
        if not shutil.which(program, path=_SEARCH_PATH)
    ]
    if missing:
        raise exceptions.LabPackagesMissing(
            lab=lab, missing=', '.join(missing)
        )
    if not _TUN.exists():
        raise exceptions.LabError(
            lab=lab,
            reason=f'{_TUN} is missing: load the module "tun" on this host',
        )


def find_kernel(spec: layout.LabSpec) -> Kernel:
    """Return the kernel that ``spec`` names, else the fastest one there is.

    :raises LabPackagesMissing: it is not there, or does not run here
    """
    if spec.kernel:
        kernels = [
            Kernel(pathlib.Path(spec.kernel), pathlib.Path(spec.modules))
        ]
    else:
        kernels = [
            Kernel(binary, release)
            for binary, modules in _kernels()
            for release in sorted(modules.glob('*'))
        ]
    for kernel in kernels:
        if kernel.binary.is_file() and kernel.modules.is_dir():
            return kernel
    raise exceptions.LabPackagesMissing(
        lab=spec.name, missing=f'user-mode-linux {spec.kernel}'.rstrip()
    )


def _kernels() -> list[tuple[pathlib.Path, pathlib.Path]]:
    flags = pathlib.Path('/proc/cpuinfo').read_text().split()
    if _TOO_MUCH_FOR_DEBIAN in flags:
        return [_NEWER_KERNEL]
    return [_NEWER_KERNEL, _DEBIANS_KERNEL]


def memory_directory(lab: layout.Lab) -> pathlib.Path:
    """Return a directory that can hold the memory of all guests.

    Containers often have a ``/dev/shm`` of 64 MiB; a guest dies of SIGBUS
    when it is full.
    """
    wanted = lab.spec.node_count * lab.spec.memory_mib << 20
    if _SHARED_MEMORY.is_dir():
        room = os.statvfs(_SHARED_MEMORY)
        if room.f_bavail * room.f_frsize > wanted:
            return _SHARED_MEMORY
    return lab.directory
