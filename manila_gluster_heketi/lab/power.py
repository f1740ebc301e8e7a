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

"""Which processes a guest is, and how its power is cut.

There are no PID files: a guest's processes are found by the two words of
their command line that name its lab and node, so that nothing is believed
that was true before a crash of the host.
"""

import os
import pathlib
import signal
import socket
import struct
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout

SYNCED_MARK = b'LAB-SYNCED'

_PROC = pathlib.Path('/proc')
_POLL_SECONDS = 0.01
_DEATH_SECONDS = 20.0
_SYNC_SECONDS = 10.0
# User-Mode-Linux's management console, arch/um/drivers/mconsole.h: magic,
# version, length, then 512 bytes of text.
_MCONSOLE = struct.Struct('=III512s')
_MCONSOLE_MAGIC = 0xCAFEBABE
_MCONSOLE_VERSION = 2


def run_directory(lab: layout.Lab) -> pathlib.Path:
    """Return where the guests' management consoles are."""
    return lab.directory / 'uml'


def marks(lab: layout.Lab, node: layout.LabNode) -> tuple[str, str]:
    """Return the kernel options that tell a guest's processes apart."""
    return f'uml_dir={run_directory(lab)}/', f'umid={node.name}'


def process_ids(lab: layout.Lab, node: layout.LabNode) -> list[int]:
    """Return the guest's processes; empty when it is off."""
    wanted = {mark.encode() for mark in marks(lab, node)}
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / 'cmdline').read_bytes().split(b'\0')
        except OSError:  # It ended meanwhile.
            continue
        if wanted.issubset(words):
            found.append(int(entry.name))
    return found


def resident_bytes(pids: list[int]) -> int:
    """Return how much of this host's memory a guest takes, in bytes.

    Its processes share nearly all of it, so the largest one tells.
    """
    sizes = [0]
    for pid in pids:
        try:
            pages = (_PROC / str(pid) / 'statm').read_text().split()[1]
        except OSError:  # It ended meanwhile.
            continue
        sizes.append(int(pages) * os.sysconf('SC_PAGE_SIZE'))
    return max(sizes)


def cut(lab: layout.Lab, node: layout.LabNode) -> None:
    """Cut the guest's power; does nothing when it is off.

    What it had not written to its disks is lost, as with a real node.

    :raises LabGuestFailed: its processes do not die
    """
    deadline = time.monotonic() + _DEATH_SECONDS
    while pids := process_ids(lab, node):
        for pid in pids:
            kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise exceptions.LabGuestFailed(
                lab=lab.name,
                node=node.name,
                reason=f'processes {pids} do not die',
                console=node.console,
            )
        time.sleep(_POLL_SECONDS)


def kill(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def sync(lab: layout.Lab, node: layout.LabNode) -> bool:
    """Have the guest write all it has to its disks.

    This does not need the guest's network.

    :returns: whether the guest said that it has done so within 10 s
    """
    try:
        before = node.console.read_bytes().count(SYNCED_MARK)
        _press_ctrl_alt_del(run_directory(lab) / node.name / 'mconsole')
    except OSError:
        return False
    deadline = time.monotonic() + _SYNC_SECONDS
    while node.console.read_bytes().count(SYNCED_MARK) == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _press_ctrl_alt_del(console: pathlib.Path) -> None:
    command = b'cad'
    request = _MCONSOLE.pack(
        _MCONSOLE_MAGIC, _MCONSOLE_VERSION, len(command), command
    )
    # No answer is waited for: what counts is the guest's word on its console.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(_SYNC_SECONDS)
        channel.sendto(request, str(console))
