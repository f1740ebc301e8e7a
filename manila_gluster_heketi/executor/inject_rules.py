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

"""Which faults are injected, and where: rules, as values and as JSON.

A rule picks commands by host, program, words and text, lets some of them
pass, and says what goes wrong with the others.
"""

import dataclasses
import enum
import fnmatch
import json
import re
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import quote
from manila_gluster_heketi.model import Text


class Act(Text):
    """What goes wrong.

    FAIL   the command ends with ``status`` and ``stderr``
    DELAY  it takes ``seconds`` longer
    HANG   nothing moves until it is released, or after ``seconds`` the caller
           gives up: CommandTimedOut
    LOSE   the connection breaks: ConnectionLost
    KILL   the process of the caller dies, as of SIGKILL
    """

    FAIL = 'fail'
    DELAY = 'delay'
    HANG = 'hang'
    LOSE = 'lose'
    KILL = 'kill'


class When(Text):
    """When it goes wrong: BEFORE the command takes effect, or AFTER."""

    BEFORE = 'before'
    AFTER = 'after'


class Rest(Text):
    """What becomes of the rest of a batch whose caller no longer listens.

    A host can't know that nobody listens until it writes something, and then
    perhaps not for minutes; so all three happen.

    NEVER  it is not run
    NOW    the host runs it at once, up to its first failure
    LATER  the host runs it when told to: see ``Injector.run_late``
    """

    NEVER = 'never'
    NOW = 'now'
    LATER = 'later'


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """A fault, and the commands that it befalls.

    :ivar act: what goes wrong
    :ivar host: pattern of host names, as of a shell
    :ivar program: '' for any
    :ivar words: these are arguments of the command, in this order
    :ivar text: regular expression found in the quoted command
    :ivar position: of the command in its batch, from 1; 0 for any
    :ivar skip: so many commands that match are let pass first
    :ivar times: how often it goes wrong; 0 for ever
    :ivar chance: that it goes wrong, between 0 and 1
    :ivar gate: a file on this machine without which nothing goes wrong
    :ivar seconds: of DELAY; of HANG, None for "until it is released"
    :ivar rest: with HANG, LOSE and KILL: what becomes of what comes next;
        with BEFORE the command itself is part of that
    """

    act: Act
    when: When = When.BEFORE
    host: str = '*'
    program: str = ''
    words: tuple[str, ...] = ()
    text: str = ''
    position: int = 0
    skip: int = 0
    times: int = 1
    chance: float = 1.0
    gate: str = ''
    status: int = 1
    stderr: str = 'injected'
    seconds: float | None = None
    rest: Rest = Rest.NEVER

    def matches(self, host: str, command: Command, position: int) -> bool:
        """Tell whether it is about this command of a batch.

        :param position: of the command in its batch, from 1
        """
        arguments = iter(command.argv)
        return (
            self.position in (0, position)
            and self.program in ('', command.program)
            and fnmatch.fnmatchcase(host, self.host)
            and all(word in arguments for word in self.words)
            and bool(re.search(self.text, quote(command.argv)))
        )


_KINDS: dict[str, type[enum.Enum]] = {'act': Act, 'when': When, 'rest': Rest}
_FIELDS = {each.name: each for each in dataclasses.fields(Rule)}


def read(document: str) -> tuple[Rule, ...]:
    """Read rules from JSON: a list of objects with the fields of a rule.

    :raises InvalidInput: the document, or a rule in it, is not one
    """
    try:
        found = json.loads(document)
    except ValueError as error:
        raise _invalid('document', document[:80], str(error)) from error
    if not isinstance(found, list):
        raise _invalid('document', document[:80], 'not a list of rules')
    return tuple(_rule(f'rule {n}', each) for n, each in enumerate(found, 1))


def _rule(where: str, fields: object) -> Rule:
    if not isinstance(fields, dict) or 'act' not in fields:
        raise _invalid(where, fields, 'not an object with "act"')
    rule = Rule(
        **{
            name: _value(f'{where}, {name}', name, value)
            for name, value in fields.items()
        }
    )
    try:
        re.compile(rule.text)
    except re.error as error:
        raise _invalid(f'{where}, text', rule.text, str(error)) from error
    if not 0 <= rule.chance <= 1:
        raise _invalid(f'{where}, chance', rule.chance, 'not within 0 and 1')
    return rule


def _value(where: str, name: str, value: Any) -> Any:
    """Turn a value of JSON into the one that a rule has."""
    if name not in _FIELDS:
        raise _invalid(where, value, 'rules have ' + ', '.join(_FIELDS))
    if name in _KINDS:
        members = [member.value for member in _KINDS[name]]
        if value not in members:
            raise _invalid(where, value, 'not one of ' + ', '.join(members))
        return _KINDS[name](value)
    if name == 'words':
        if isinstance(value, list) and all(isinstance(w, str) for w in value):
            return tuple(value)
        raise _invalid(where, value, 'not a list of strings')
    wanted = (
        (int, float)
        if name in ('chance', 'seconds')
        else (type(_FIELDS[name].default))
    )
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise _invalid(where, value, 'not of the right type')
    return value


def _invalid(
    field: str, value: object, reason: str
) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(field=field, value=value, reason=reason)
