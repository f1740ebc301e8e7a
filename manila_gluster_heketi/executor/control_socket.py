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

"""Whether somebody serves an SSH control socket."""

import contextlib
import errno
import os
import socket


def is_served(path: str) -> bool:
    """Tell whether a connection can be shared; remove a socket that is dead.

    The file outlives a master that was killed, and a power cut. ssh
    (OpenSSH 9.2) logs in beside it for each session then, and a new master
    does not take its place.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        found = probe.connect_ex(path)
    if found == errno.ECONNREFUSED:
        # Another process may have put a new one there just now. Its master
        # serves what it has and ends; the next session logs in again.
        remove(path)
    # A master that has much to do lets others wait, but is there.
    return found in (0, errno.EAGAIN)


def remove(path: str) -> None:
    """Remove a socket, whoever serves it; none there is fine."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
