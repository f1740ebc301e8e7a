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

"""A program that writes in a mounted share until it is told to end."""

import dataclasses
import subprocess
from typing import Any

from manila_gluster_heketi.lab import client

# Each block goes down to the bricks. It says how many there are, the longest
# time that one took, and what is in the file then.
_PROGRAM = """
import hashlib, os, select, sys, time
longest, count, digest = 0, 0, hashlib.sha256()
with open(sys.argv[1], 'wb', buffering=0) as file:
    while not select.select([sys.stdin], [], [], float(sys.argv[2]))[0]:
        block = os.urandom(1 << 16)
        begun = time.monotonic()
        file.write(block)
        os.fsync(file.fileno())
        longest = max(longest, time.monotonic() - begun)
        digest.update(block)
        count += 1
print(count, longest, digest.hexdigest())
"""
_SECONDS = 90


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written.

    :ivar longest: seconds that one block took
    :ivar digest: SHA-256 of the file
    """

    blocks: int
    longest: float
    digest: str


class Writer:
    """Writes blocks of 64 KiB into one file.

    :param pause: seconds between two blocks
    """

    def __init__(
        self, mounted: client.Client, file: str = 'work', pause: float = 0
    ) -> None:
        self.file = file
        self._process: subprocess.Popen[Any] = mounted.start(
            ['python3', '-c', _PROGRAM, file, str(pause)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        """End it, unless it has ended."""
        self._process.kill()

    def finish(self) -> Written:
        """Let it end.

        :raises AssertionError: it could not write, or read what it wrote
        """
        said, complaint = self._process.communicate('', timeout=_SECONDS)
        if self._process.returncode:
            raise AssertionError(complaint)
        blocks, longest, digest = said.split()
        return Written(int(blocks), float(longest), digest)
