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

"""What a simulated program leaves behind, and strict reading of argv."""

import dataclasses
from collections.abc import Collection
from collections.abc import Sequence


class UnknownCommand(AssertionError):
    """A command that the simulation does not know; teach it."""

    def __init__(self, argv: Sequence[str]) -> None:
        super().__init__(f'the simulated hosts do not know {list(argv)!r}')


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Exit status and output of a program."""

    status: int = 0
    stdout: str = ''
    stderr: str = ''


DONE = Outcome()


def failed(status: int, *lines: str) -> Outcome:
    """Make the outcome of a program that complains."""
    return Outcome(status, stderr=''.join(f'{line}\n' for line in lines))


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """A command line taken apart."""

    options: dict[str, tuple[str, ...]]
    operands: tuple[str, ...]

    def option(self, name: str) -> str:
        """Give the value of an option that has to be there."""
        return self.options[name][-1]


def words_of(
    argv: Sequence[str],
    *,
    flags: Collection[str] = (),
    valued: Collection[str] = (),
    separate: Collection[str] = (),
) -> Words:
    """Take options and operands apart.

    :param flags: options without a value
    :param valued: options with their value after "="
    :param separate: options with their value in the next word
    :raises UnknownCommand: there is an option in none of them
    """
    options: dict[str, tuple[str, ...]] = {}
    operands: list[str] = []
    left = list(argv[1:])
    while left:
        word = left.pop(0)
        name, _, value = word.partition('=')
        if word in separate:
            options[word] = (left.pop(0),)
        elif word in flags:
            options[word] = ('',)
        elif name in valued:
            options[name] = (*options.get(name, ()), value)
        elif word == '--':
            return Words(options, (*operands, *left))
        elif word.startswith('-'):
            raise UnknownCommand(argv)
        else:
            operands.append(word)
    return Words(options, tuple(operands))
