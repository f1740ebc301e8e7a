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

"""Commands as people would type them.

They do what the executor's batches do, but one by one: whoever pastes them
sees to it that nothing goes on after a failure.
"""

from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard
from manila_gluster_heketi.hostcmd.command import quote

_TESTS = {
    Condition.EXISTS: ('test -e {path}', '&&'),
    Condition.MISSING: ('test -e {path}', '||'),
    Condition.MOUNTED: ('mountpoint -q {path}', '&&'),
    Condition.NOT_MOUNTED: ('mountpoint -q {path}', '||'),
}


def line(command: Command) -> str:
    """Write a command for a POSIX shell; a secret is not shown."""
    text = quote(command.argv)
    if command.stdin and command.sensitive:
        text = f'{text}  # reads a secret that is not shown'
    elif command.stdin:
        text = f'printf %s {quote((command.stdin,))} | {text}'
    return f'{_guarded(command.guard)}{text}'


def _guarded(guard: Guard | None) -> str:
    if guard is None:
        return ''
    test, then = _TESTS[guard.condition]
    return f'{test.format(path=quote((guard.path,)))} {then} '
