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

"""Tags of nodes and devices, and expressions over them.

::

    disk = ssd and rack in (a, b) and not (owner = 'team 7' or fragile != '')

A tag that is not there equals ''. ``not`` binds closer than ``and``, that
closer than ``or``. A value, or a name, that is no bare word is quoted, by ' or
", and the quote itself is written twice in it.
"""

import dataclasses
import enum
import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Protocol

#: The tag that says whether a device takes arbiters; see :class:`ArbiterUse`.
ARBITER = 'arbiter'

_KEYWORDS = frozenset(('and', 'in', 'not', 'or'))
_WORD = re.compile(r'[\w.:/+@-]+')
_TOKEN = re.compile(
    rf'(?P<word>{_WORD.pattern})'
    r"|(?P<quoted>'([^']|'')*'|\"([^\"]|\"\")*\")"
    r'|(?P<sign>!=|[=(),])'
)
# Whoever nests deeper has lost their way, and Python's stack has an end.
_DEEPEST = 20


class ArbiterUse(str, enum.Enum):
    """What a device is good for: arbiters alone, all bricks, or data alone."""

    REQUIRED = 'required'
    SUPPORTED = 'supported'
    DISABLED = 'disabled'


def arbiter_use(tags: Mapping[str, str]) -> ArbiterUse:
    """Say what the tags of a device make it good for.

    :raises ValueError: the tag has another value
    """
    return ArbiterUse(tags.get(ARBITER, ArbiterUse.SUPPORTED.value))


class Expression(Protocol):
    """What the tags of a device must be like; its text parses back to it."""

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Tell whether tags are like that."""


@dataclasses.dataclass(frozen=True, slots=True)
class OneOf:
    """A tag has one of these values; with one alone it is written with =."""

    name: str
    values: tuple[str, ...]

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Compare the tag."""
        return tags.get(self.name, '') in self.values

    def __str__(self) -> str:
        return _comparison(self.name, '=', 'in', self.values)


@dataclasses.dataclass(frozen=True, slots=True)
class NoneOf:
    """A tag has none of these values."""

    name: str
    values: tuple[str, ...]

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Compare the tag."""
        return tags.get(self.name, '') not in self.values

    def __str__(self) -> str:
        return _comparison(self.name, '!=', 'not in', self.values)


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """What it has must not be so."""

    part: Expression

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Tell the opposite."""
        return not self.part.matches(tags)

    def __str__(self) -> str:
        return f'not {_enclosed(self.part, Every, Either)}'


@dataclasses.dataclass(frozen=True, slots=True)
class Every:
    """All parts must be so; without any, everything matches."""

    parts: tuple[Expression, ...]

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Ask each part."""
        return all(part.matches(tags) for part in self.parts)

    def __str__(self) -> str:
        return ' and '.join(
            _enclosed(part, Every, Either) for part in self.parts
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Either:
    """One part at least must be so."""

    parts: tuple[Expression, ...]

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Ask each part."""
        return any(part.matches(tags) for part in self.parts)

    def __str__(self) -> str:
        return ' or '.join(_enclosed(part, Either) for part in self.parts)


def parse(text: str) -> Expression:
    """Read an expression; an empty one matches everything.

    :raises ValueError: it can't be read; says at which character, from 1
    """
    parser = _Parser(_tokens(text), len(text) + 1)
    if parser.at_end:
        return Every(())
    return parser.whole()


@dataclasses.dataclass(frozen=True, slots=True)
class _Token:
    """A word, quoted word or sign.

    :ivar position: its first character, from 1
    :ivar value: what a word means; None for keywords and signs
    """

    position: int
    text: str
    value: str | None


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while at < len(text):
        if text[at] == ' ':
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            what = f'{text[at]!r} is not expected'
            if text[at] in '\'"':
                what = f'the quote {text[at]} does not end'
            raise _error(at + 1, what)
        word = match[0]
        value = None
        if match['quoted']:
            value = word[1:-1].replace(word[0] * 2, word[0])
            if not value.isprintable():
                raise _error(at + 1, 'a value has printable characters only')
        elif match['word'] and word not in _KEYWORDS:
            value = word
        found.append(_Token(at + 1, word, value))
        at = match.end()
    return found


class _Parser:
    """Goes through tokens once; a method for each rule of the grammar.

    ::

        either     = every {'or' every}
        every      = part {'and' part}
        part       = 'not' part | '(' either ')' | comparison
        comparison = name ('=' value | '!=' value | ['not'] 'in' values)
        values     = '(' value {',' value} ')'
    """

    def __init__(self, tokens: Sequence[_Token], end: int) -> None:
        self._tokens = [*tokens, _Token(end, '', None)]
        self._index = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        """Whether all tokens are read."""
        return self._index == len(self._tokens) - 1

    def whole(self) -> Expression:
        """Read one expression, and nothing after it."""
        expression = self._either()
        if not self.at_end:
            raise self._expected("'and', 'or' or the end")
        return expression

    def _either(self) -> Expression:
        return self._joined('or', self._every, Either)

    def _every(self) -> Expression:
        return self._joined('and', self._part, Every)

    def _joined(
        self,
        word: str,
        rule: Callable[[], Expression],
        kind: Callable[[tuple[Expression, ...]], Expression],
    ) -> Expression:
        parts = [rule()]
        while self._take(word):
            parts.append(rule())
        return kind(tuple(parts)) if parts[1:] else parts[0]

    def _part(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _error(self._next.position, 'this is nested too deeply')
        if self._take('not'):
            part: Expression = Not(self._part())
        elif self._take('('):
            part = self._either()
            self._must(')')
        else:
            part = self._compare()
        self._depth -= 1
        return part

    def _compare(self) -> Expression:
        name = self._word('the name of a tag')
        if self._take('='):
            return OneOf(name, (self._word('a value'),))
        if self._take('!='):
            return NoneOf(name, (self._word('a value'),))
        if self._take('in'):
            return OneOf(name, self._values())
        if self._take('not'):
            self._must('in')
            return NoneOf(name, self._values())
        raise self._expected("'=', '!=', 'in' or 'not in'")

    def _values(self) -> tuple[str, ...]:
        self._must('(')
        values = [self._word('a value')]
        while self._take(','):
            values.append(self._word('a value'))
        self._must(')')
        return tuple(values)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _take(self, text: str) -> bool:
        found = self._next.value is None and self._next.text == text
        self._index += found
        return found

    def _must(self, text: str) -> None:
        if not self._take(text):
            raise self._expected(repr(text))

    def _word(self, what: str) -> str:
        value = self._next.value
        if value is None:
            raise self._expected(what)
        self._index += 1
        return value

    def _expected(self, what: str) -> ValueError:
        reason = f'expected {what}'
        if self._index:
            reason += f' after {self._tokens[self._index - 1].text!r}'
        return _error(self._next.position, reason)


def _error(position: int, reason: str) -> ValueError:
    return ValueError(f'at character {position}: {reason}')


def _comparison(
    name: str, sign: str, word: str, values: Sequence[str]
) -> str:
    if len(values) == 1:
        return f'{_quoted(name)} {sign} {_quoted(values[0])}'
    return f'{_quoted(name)} {word} ({", ".join(map(_quoted, values))})'


def _quoted(word: str) -> str:
    if _WORD.fullmatch(word) and word not in _KEYWORDS:
        return word
    doubled = word.replace("'", "''")
    return f"'{doubled}'"


def _enclosed(part: Expression, *kinds: type[Expression]) -> str:
    return f'({part})' if isinstance(part, kinds) else str(part)
