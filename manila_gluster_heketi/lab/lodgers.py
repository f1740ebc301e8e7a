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

"""What runs on this host in the lab's network, beside the guests."""

import os
import pathlib
import signal
import subprocess
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.lab import power

_TERM_SECONDS = 5.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02
_MOUNTS = pathlib.Path('/proc/self/mounts')


def end(lab: layout.Lab) -> None:
    """End what runs in the lab's network: ssh, GlusterFS mounts, services.

    :raises LabError: a process does not end
    """
    mine = _mount_points(network.process_ids(lab))
    _end_processes(lab, spared=_ancestors())
    # glusterfs undoes its mount when it is asked to end, unless it hangs.
    for mount_point in mine & _gluster_mounts():
        subprocess.run(['umount', '--lazy', mount_point], check=False)


def _end_processes(lab: layout.Lab, spared: set[int]) -> None:
    began = time.monotonic()
    while pids := set(network.process_ids(lab)) - spared:
        waited = time.monotonic() - began
        if waited > _TERM_SECONDS + _KILL_SECONDS:
            raise exceptions.LabError(
                lab=lab.name, reason=f'processes {pids} do not end'
            )
        patient = waited < _TERM_SECONDS
        for pid in pids:
            power.kill(pid, signal.SIGTERM if patient else signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _ancestors() -> set[int]:
    """Return this process and all above it: they may be in the network too."""
    pid, found = os.getpid(), set()
    while pid:
        found.add(pid)
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        pid = int(status.partition('\nPPid:')[2].split()[0])
    return found


def _mount_points(pids: list[int]) -> set[str]:
    """Return the last word of each command line; a client's mount point."""
    words = set()
    for pid in pids:
        try:
            line = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
        except OSError:  # It ended meanwhile.
            continue
        words.add(os.fsdecode(line.rstrip(b'\0').rpartition(b'\0')[2]))
    return words


def _gluster_mounts() -> set[str]:
    """Read the list of mounts; looking at a mount itself could hang."""
    fields = [line.split() for line in _MOUNTS.read_text().splitlines()]
    return {
        field[1].encode().decode('unicode_escape')
        for field in fields
        if field[2] == 'fuse.glusterfs'
    }
