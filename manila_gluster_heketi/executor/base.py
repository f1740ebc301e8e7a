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

"""How commands reach hosts: the protocol, and what comes back."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import command
from manila_gluster_heketi.hostcmd import failures


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What one command did.

    :ivar status: exit status; 0 also if the guard skipped it
    :ivar seconds: wall time on the host
    """

    command: command.Command
    status: int
    stdout: str
    stderr: str
    seconds: float
    skipped: bool = False


class Executor(Protocol):
    """Runs batches of commands as root on hosts; safe for many threads."""

    def run_batch(
        self, host: str, batch: Sequence[command.Command]
    ) -> tuple[Result, ...]:
        """Run commands one after another in one round trip.

        The first failure that the command does not tolerate ends the batch.

        :raises CommandFailed: with the failing command's status and stderr
        :raises HostUnreachable: nothing was started
        :raises ConnectionLost: the fate of the running command is unknown
        :raises CommandTimedOut: the command may still be running
        """


def failure(
    host: str, results: Sequence[Result]
) -> exceptions.CommandFailed:
    """Turn results, the last of which failed, into the error to raise.

    The error's field ``completed`` counts the commands that succeeded before,
    so that a caller may go on from there.
    """
    failed = results[-1]
    said = (failed.stderr.strip() or failed.stdout.strip())[-2000:]
    return failures.kind_of(said)(
        host=host,
        command=str(failed.command),
        status=failed.status,
        stderr=said,
        completed=len(results) - 1,
    )


def is_fatal(result: Result) -> bool:
    """Tell whether a result must end its batch with an error."""
    return result.status != 0 and not any(
        tolerance.covers(result.status, result.stderr)
        for tolerance in result.command.tolerated
    )
