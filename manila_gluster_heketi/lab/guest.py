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

"""A guest as a process: its command line, its start, when it is ready."""

import ipaddress
import os
import pathlib
import resource
import shutil
import subprocess
import time
from collections.abc import Collection

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import host
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.lab import power

READY_MARK = b'LAB-READY'
_PANIC_MARK = b'Kernel panic'

_READY_SECONDS = 120.0
_LAUNCH_SECONDS = 1.0
_POLL_SECONDS = 0.02
_OPEN_FILES = 65536
# Of the console of a guest that failed, so many bytes go into the error.
_TAIL_BYTES = 400


def prepare(lab: layout.Lab) -> None:
    """Write what the guests read from this host's tree when they start.

    :raises LabPackagesMissing: the kernel is not installed
    """
    kernel = host.find_kernel(lab.spec)
    tree = lab.directory / 'kernel' / 'lib' / 'modules'
    tree.mkdir(parents=True, exist_ok=True)
    link = tree / kernel.modules.name
    if not link.is_symlink():
        link.symlink_to(kernel.modules)
    mounts = '\n'.join(_mounts())
    (lab.directory / 'mounts').write_text(mounts + '\n')


def _mounts() -> list[str]:
    root = '/mnt/merged'
    overlay = 'lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work'
    return [
        '/dev/ubda /mnt ext4 noatime',
        f'overlay {root} overlay {overlay}',
        f'proc {root}/proc proc',
        f'sysfs {root}/sys sysfs',
        f'cgroup {root}/sys/fs/cgroup cgroup2',
        f'devtmpfs {root}/dev devtmpfs',
        f'devpts {root}/dev/pts devpts mode=620,ptmxmode=666,X-mount.mkdir',
        f'/mnt/root {root}/root none bind',
        f'/mnt/home {root}/home none bind',
        f'tmpfs {root}/run tmpfs mode=755',
        f'tmpfs {root}/tmp tmpfs',  # noqa: S108
    ]


def start(lab: layout.Lab, node: layout.LabNode) -> None:
    """Switch ``node`` on; does nothing when it is on.

    The guest belongs to nobody afterwards: it outlives the caller.

    :raises LabGuestFailed: the process could not be started
    """
    if power.process_ids(lab, node):
        return
    shutil.rmtree(power.run_directory(lab) / node.name, ignore_errors=True)
    with node.console.open('wb') as console:
        done = subprocess.run(
            network.entered(lab, _launcher(node) + _command_line(lab, node)),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={
                'PATH': '/usr/bin',
                'TMPDIR': str(host.memory_directory(lab)),
            },
            cwd='/',
        )
    if done.returncode:
        _fail(lab, node, 'it could not be started')


def _launcher(node: layout.LabNode) -> list[str]:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = (
        _OPEN_FILES
        if hard == resource.RLIM_INFINITY
        else min(_OPEN_FILES, hard)
    )
    return [
        'setsid',
        '--fork',
        # hostfs holds a file open here for each one that is open there.
        'prlimit',
        f'--nofile={files}:',
        '--',
        'taskset',
        '--cpu-list',
        str(_processor(node)),
        # User-Mode-Linux makes a process for each of the guest's, and a
        # killed kernel leaves them behind. As process 1 of a namespace it
        # takes them with it.
        'unshare',
        '--pid',
        '--fork',
        '--kill-child',
        '--',
    ]


def _processor(node: layout.LabNode) -> int:
    """Choose the processor of this host that has all of a guest.

    A guest's kernel and its processes are processes here that take turns, so
    two processors are of no use to it. They are a burden: to wake one process
    for each system call and page fault on the other processor makes a command
    of LVM take 2.5 times as long.
    """
    usable = sorted(os.sched_getaffinity(0))
    # In turn, also where labs and their networks are in a row.
    number = sum(ipaddress.IPv4Address(node.address).packed)
    return usable[number % len(usable)]


def _command_line(lab: layout.Lab, node: layout.LabNode) -> list[str]:
    kernel = host.find_kernel(lab.spec)
    length = lab.spec.network.prefixlen
    disks = [
        f'{pathlib.PurePath(device).name}={image}'
        for device, image in zip(node.devices, node.disk_images)
    ]
    return [
        str(kernel.binary),
        f'mem={lab.spec.memory_mib}M',
        'root=/dev/root',
        'rootfstype=hostfs',
        'rootflags=/',
        'ro',
        'quiet',
        f'init={lab.directory}/init',
        f'ubda={node.state_image}',
        *disks,
        f'vec0:transport=tap,ifname={node.tap},depth=128,gro=1,'
        f'mac={_mac_address(node)}',
        'con=null',
        'con0=null,fd:1',
        'raid=noautodetect',
        # LVM looks at each file in /dev, and these would be 512.
        'pty.legacy_count=0',
        'random.trust_bootloader=1',
        f'lab_directory={lab.directory}',
        f'lab_node={node.name}',
        f'lab_address={node.address}/{length}',
        *power.marks(lab, node),
    ]


def _mac_address(node: layout.LabNode) -> str:
    # A fixed one: with a new one at each start, the others' ARP entries
    # would point into the void for up to a minute.
    last = [int(part) for part in node.address.split('.')[1:]]
    return '02:67:68:' + ':'.join(f'{part:02x}' for part in last)


def wait_ready(lab: layout.Lab, nodes: Collection[layout.LabNode]) -> None:
    """Wait until glusterd runs on each of ``nodes``.

    :raises LabGuestFailed: a guest died or panicked, or was not ready in 120 s
    """
    began = time.monotonic()
    waiting = list(nodes)
    while waiting := [node for node in waiting if not is_ready(node)]:
        waited = time.monotonic() - began
        if waited > _READY_SECONDS:
            _fail(lab, waiting[0], f'not ready in {_READY_SECONDS:.0f} s')
        # While its launcher changes programs, a guest has no command line.
        if waited > _LAUNCH_SECONDS:
            _require_running(lab, waiting)
        time.sleep(_POLL_SECONDS)


def _require_running(
    lab: layout.Lab, nodes: Collection[layout.LabNode]
) -> None:
    for node in nodes:
        if not power.process_ids(lab, node) and not is_ready(node):
            _fail(lab, node, 'it ended while it started')
        # Its processes stay.
        if _said(node, _PANIC_MARK):
            _fail(lab, node, 'its kernel panicked')


def is_ready(node: layout.LabNode) -> bool:
    """Tell whether the last start of ``node`` got as far as glusterd."""
    return _said(node, READY_MARK)


def _said(node: layout.LabNode, mark: bytes) -> bool:
    try:
        return mark in node.console.read_bytes()
    except FileNotFoundError:
        return False


def _fail(lab: layout.Lab, node: layout.LabNode, reason: str) -> None:
    tail = node.console.read_bytes()[-_TAIL_BYTES:].decode(errors='replace')
    raise exceptions.LabGuestFailed(
        lab=lab.name,
        node=node.name,
        reason=reason,
        console=f'{node.console}: ...{tail.strip()}',
    )
