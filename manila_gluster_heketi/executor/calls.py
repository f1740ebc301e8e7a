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

"""A program that is called, and given up when it gets no further."""

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable
from collections.abc import Sequence

# How often a program that is silent is looked at. One that takes less time
# than that is not looked at at all.
_LOOK_SECONDS = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """What a call brought back.

    :ivar status: exit status, negative for a signal; None if it was given up
    """

    status: int | None
    stdout: str
    stderr: str


@dataclasses.dataclass(frozen=True, slots=True)
class Patience:
    """How long a program is waited for.

    :ivar reached: counts in its output so far how far it has come
    :ivar limit_seconds: from there to where it comes next
    """

    reached: Callable[[str], int]
    limit_seconds: Callable[[int], float]


def within(seconds: float) -> Patience:
    """Wait so long for all of it."""
    return Patience(lambda stdout: 0, lambda reached: seconds)


def call(argv: Sequence[str], stdin: str, patience: Patience) -> Ended:
    """Call a program; end it when it stays at one place for too long."""
    # A pipe would not be filled any further by communicate() after its first
    # time-out (Python 3.11). This is memory, for what is secret in it.
    with open(os.memfd_create('stdin'), 'w+b') as source:
        source.write(stdin.encode())
        source.seek(0)
        with subprocess.Popen(
            argv,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                return _watch(process, patience)
            except BaseException:
                process.kill()
                raise


def _watch(process: 'subprocess.Popen[bytes]', patience: Patience) -> Ended:
    reached = 0
    since = time.monotonic()
    while True:
        left = since + patience.limit_seconds(reached) - time.monotonic()
        try:
            stdout, stderr = process.communicate(
                timeout=max(0, min(left, _LOOK_SECONDS))
            )
        except subprocess.TimeoutExpired as late:
            said = _text(late.stdout)
            now = patience.reached(said)
            if now > reached:
                reached, since = now, time.monotonic()
            elif left <= _LOOK_SECONDS:
                process.kill()
                return Ended(None, said, _text(late.stderr))
        else:
            return Ended(process.returncode, _text(stdout), _text(stderr))


def _text(raw: bytes | None) -> str:
    return (raw or b'').decode('utf-8', 'replace')
