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

"""A batch as one shell script, and its output taken apart again.

The script marks the end of each command on both standard output and standard
error with a random word, so that one round trip brings back every command's
own status, output and time, with no temporary files and no process beside
the commands themselves. It goes to the shell's standard input: nothing of it
shows in a process list. The shell reads all of it before it begins: half a
script, from a connection that broke, does nothing.
"""

import dataclasses
import secrets
import string
from collections.abc import Sequence

from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import fence
from manila_gluster_heketi.hostcmd import command

# Guards are evaluated by the shell itself: a fork costs more than they do.
_PROLOGUE = """\
export LC_ALL=C
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
is_mounted() {
while read -r _ at _; do [ "$at" = "$1" ] && return 0; done </proc/mounts
return 1
}
done_with() {
read -r up _ </proc/uptime
printf '\\n%s %s %s %s\\n' "$mark" "$1" "$2" "$up"
printf '\\n%s %s\\n' "$mark" "$1" >&2
}
"""

_STRICT = """\
{call}
rc=$?
"""
# The words decide whether a failure is tolerated, so the shell has to see
# them. The substitution's process becomes the command: still only one.
_TOLERANT = """\
{{ errors=$({call}
); rc=$?; }} 3>&1
[ -z "$errors" ] || printf '%s\\n' "$errors" >&2
"""

_GUARDS = {
    command.Condition.EXISTS: '[ -e {path} ]',
    command.Condition.MISSING: '[ ! -e {path} ]',
    command.Condition.MOUNTED: 'is_mounted {path}',
    command.Condition.NOT_MOUNTED: '! is_mounted {path}',
}


# What a shell takes as it is, in an assignment as well.
_MARKS = '=+%@:,' + string.ascii_letters + string.digits


@dataclasses.dataclass(frozen=True, slots=True)
class Transcript:
    """What a script's run brought back.

    :ivar begun: the script started; so the login and sudo worked
    :ivar refused: why the fence let nothing more run; '' if it did
    """

    begun: bool
    results: tuple[base.Result, ...]
    refused: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """A batch of commands and the random word that marks its output."""

    batch: tuple[command.Command, ...]
    mark: str
    fences: str = fence.DIRECTORY

    @classmethod
    def of(
        cls, batch: Sequence[command.Command], fences: str = fence.DIRECTORY
    ) -> 'Script':
        """Make a script with a mark that no command can guess.

        :param batch: commands behind one fence, or behind none
        :param fences: where the host keeps what it knows of fences
        """
        mark = f'{_unlike(batch)}{secrets.token_hex(12)}'
        return cls(tuple(batch), mark, fences)

    def reached(self, stdout: str) -> int:
        """Count the commands of a run that have ended, and its begin."""
        return len(_split(stdout, self.mark))

    def limit_seconds(self, reached: int) -> int:
        """Say how long the command that comes then may take.

        :param reached: see :meth:`reached`
        """
        position = min(max(0, reached - 1), len(self.batch) - 1)
        waits = self._fence is not None and reached <= 1
        patience = fence.PATIENCE if waits else 0
        return patience + self.batch[position].timeout_seconds

    @property
    def _fence(self) -> command.Fence | None:
        return self.batch[0].fence

    def text(self) -> str:
        """Write the script."""
        parts = ['{\n', _PROLOGUE, f'mark={self.mark}\ndone_with begin 0\n']
        if self._fence:
            parts.append(fence.prologue(self._fence, self.fences))
        for index, each in enumerate(self.batch):
            parts.append(self._stanza(index, each))
        return ''.join([*parts, '}\n'])

    def _stanza(self, index: int, each: command.Command) -> str:
        run = _TOLERANT if each.tolerated else _STRICT
        run = run.format(call=self._call(each))
        if each.guard is not None:
            test = _GUARDS[each.guard.condition].format(
                path=command.quote((each.guard.path,))
            )
            run = f'if {test}; then\n{run}else\nrc=skipped\nfi\n'
        passing = '|'.join(
            [
                '0:*',
                'skipped:*',
                *(
                    f'{t.status}:*{command.quote((t.text,))}*'
                    for t in each.tolerated
                ),
            ]
        )
        check = fence.CHECK if self._fence else ''
        return (
            f'{check}errors=\n{run}done_with {index} $rc\n'
            f'case $rc:$errors in {passing}) ;; *) exit 0 ;; esac\n'
        )

    def _call(self, each: command.Command) -> str:
        """Write the call itself, with what it reads, but for its end."""
        call = command.quote(each.argv)
        if each.tolerated:
            call += ' 2>&1 >&3 3>&-'
        if self._fence:
            call += fence.LET_GO
        if not each.stdin:
            return f'{call} </dev/null'
        end = '' if each.stdin.endswith('\n') else '\n'
        return f"{call} <<'{self.mark}'\n{each.stdin}{end}{self.mark}"

    def parse(self, stdout: str, stderr: str) -> Transcript:
        """Take the output of a run apart, as far as it came."""
        marks = _split(stdout, self.mark)
        if not marks:
            return Transcript(False, ())
        errors = _split(stderr, self.mark)
        results: list[base.Result] = []
        clock = float(marks[0][1][2])
        for position, (output, (index, status, up)) in enumerate(marks[1:], 1):
            if index == fence.WORD:
                return Transcript(True, tuple(results), status)
            error = errors[position][0] if position < len(errors) else ''
            results.append(
                base.Result(
                    command=self.batch[int(index)],
                    status=0 if status == 'skipped' else int(status),
                    stdout=output,
                    stderr=error,
                    seconds=round(float(up) - clock, 2),
                    skipped=status == 'skipped',
                )
            )
            clock = float(up)
        return Transcript(True, tuple(results))

    def without_marks(self, text: str) -> str:
        """Give back output as the commands wrote it."""
        lines = text.splitlines(keepends=True)
        return ''.join(each for each in lines if self.mark not in each)


def _unlike(batch: Sequence[command.Command]) -> str:
    """Return two equal characters with which no line of input begins.

    dash (0.5.12) loses bytes above 127 of a here-document's line that follow
    what the line has in common with the delimiter.
    """
    begun = {
        line[0] for each in batch for line in each.stdin.splitlines() if line
    }
    free = (each for each in _MARKS if each not in begun)
    return 2 * next(free, _MARKS[0])


def _split(text: str, mark: str) -> list[tuple[str, list[str]]]:
    """Cut at the marks: pairs of the text before one and its words.

    A half-written mark at the end, from a connection that broke, is no mark.
    """
    pieces = text.split(f'\n{mark} ')
    found = []
    before = pieces[0]
    for piece in pieces[1:]:
        words, newline, rest = piece.partition('\n')
        if not newline:
            break
        found.append((before, words.split()))
        before = rest
    return found
