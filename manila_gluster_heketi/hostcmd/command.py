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

"""A host command is a value: compared, logged, quoted in one place."""

import dataclasses
import enum
import shlex


class Condition(enum.Enum):
    """What a guard looks at, without starting a process."""

    EXISTS = 'exists'
    MISSING = 'missing'
    MOUNTED = 'mounted'
    NOT_MOUNTED = 'not-mounted'


@dataclasses.dataclass(frozen=True, slots=True)
class Guard:
    """The command is skipped unless ``condition`` holds for ``path``."""

    condition: Condition
    path: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerance:
    """A failure that means "already so": exit status and words on stderr.

    Plain words, because the host itself compares them: what comes next in a
    batch must not run after any other failure.

    :ivar text: a part of standard error; '' is a part of any
    """

    status: int
    text: str

    def covers(self, status: int, stderr: str) -> bool:
        """Tell whether this failure is the expected one."""
        return status == self.status and self.text in stderr


@dataclasses.dataclass(frozen=True, slots=True)
class Fence:
    """Keeps what was sent for an operation before from running any more.

    :ivar operation: its id
    :ivar epoch: a host runs nothing of an epoch once it has seen a later one
    """

    operation: str
    epoch: int


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """One program call on a host.

    :ivar argv: program and arguments, unquoted
    :ivar stdin: text for standard input
    :ivar timeout_seconds: after which its host is taken for hung; counted
        from the end of the command before it
    :ivar sensitive: ``stdin`` is a secret and never logged
    :ivar reads_only: changes nothing, so it may be repeated freely
    :ivar fence: for whom it runs; of no account to what it does
    """

    argv: tuple[str, ...]
    stdin: str = dataclasses.field(default='', repr=False)
    timeout_seconds: int = 120
    sensitive: bool = False
    reads_only: bool = False
    guard: Guard | None = None
    tolerated: tuple[Tolerance, ...] = ()
    fence: Fence | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    @property
    def program(self) -> str:
        """The program alone, for messages and metrics."""
        return self.argv[0]

    def __str__(self) -> str:
        # A script's name follows its text and tells people enough.
        return quote(
            tuple('<script>' if '\n' in word else word for word in self.argv)
        )


def quote(argv: tuple[str, ...]) -> str:
    """Quote an argv list for a POSIX shell; the one place that does."""
    return shlex.join(argv)
