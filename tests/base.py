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

"""What the tests have in common, and what they may not do.

A test that starts a process or uses the network depends on the machine that
it runs on. Such tests must say so: a class attribute lifts the ban.
"""

import logging
import os
import sys
from typing import Any
from typing import ClassVar

import fixtures
import testtools
from oslotest import base
from sqlalchemy import exc as sa_exc

from tests import statements

#: Set while the lab is up and the tests run inside its network namespace.
LAB_VARIABLE = 'GLUSTER_HEKETI_LAB'

# Python raises these audit events wherever the call comes from, so that no
# library can start a process or connect behind a patched name.
_PROCESS_EVENTS = frozenset(
    (
        'os.exec',
        'os.fork',
        'os.forkpty',
        'os.posix_spawn',
        'os.spawn',
        'os.system',
        'pty.spawn',
        'subprocess.Popen',
    )
)
_SOCKET_EVENTS = frozenset(
    (
        'socket.bind',
        'socket.connect',
        'socket.getaddrinfo',
        'socket.gethostbyname',
        'socket.sendmsg',
        'socket.sendto',
    )
)

# These log each row, import or example: formatting that costs more than it
# could find.
_TALKATIVE = ('alembic', 'hypothesis', 'sqlalchemy', 'stevedore')


class Refused(AssertionError):
    """A test did what its class does not allow."""


class _Guard:
    """Refuses audit events for the running test.

    An audit hook cannot be taken away again, so there is one for the whole
    process, and each test sets what it refuses.
    """

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.seen: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        advice = self.refused.get(event)
        if advice is None:
            return
        message = f'{event}{args!r} in a test. {advice}'
        # Code under test may catch the exception, so the test fails at its
        # end as well.
        self.seen.append(message)
        raise Refused(message)


_guard = _Guard()


class RefusalFixture(fixtures.Fixture):
    """Refuse processes and sockets unless they are asked for."""

    def __init__(self, *, processes: bool, sockets: bool) -> None:
        self._processes = processes
        self._sockets = sockets

    def _setUp(self) -> None:
        refused = {}
        if not self._processes:
            advice = (
                'Use a simulated host, or set "allow_processes = True" on '
                'the test class if the process is what is tested.'
            )
            refused.update(dict.fromkeys(_PROCESS_EVENTS, advice))
        if not self._sockets:
            advice = (
                'Call the code without a network, or set "allow_sockets = '
                'True" on the test class if the network is what is tested.'
            )
            refused.update(dict.fromkeys(_SOCKET_EVENTS, advice))
        self.addCleanup(self._report)
        _guard.refused = refused

    def _report(self) -> None:
        _guard.refused = {}
        seen, _guard.seen = _guard.seen, []
        if seen:
            raise Refused('\n'.join(seen))


class TestCase(base.BaseTestCase):
    """The base of all tests."""

    #: Whether tests of the class may start processes.
    allow_processes: ClassVar[bool] = False
    #: Whether tests of the class may connect, listen or resolve names.
    allow_sockets: ClassVar[bool] = False

    DEFAULT_TIMEOUT = 120

    def setUp(self) -> None:
        """Set the bans, warnings and logging of one test."""
        super().setUp()
        # At DEBUG, so that each record is formatted whether it is shown or
        # not: a wrong argument is an error here, not in someone's service.
        self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        for name in _TALKATIVE:
            self.useFixture(_LogLevel(name, logging.WARNING))
        self.useFixture(
            fixtures.WarningsFilter(
                [{'action': 'error', 'category': sa_exc.SAWarning}]
            )
        )
        self.useFixture(statements.SharedStatements())
        self.useFixture(
            RefusalFixture(
                processes=self.allow_processes, sockets=self.allow_sockets
            )
        )


class LabTestCase(TestCase):
    """The base of tests that need the lab; skipped where there is none."""

    allow_processes = True
    allow_sockets = True

    DEFAULT_TIMEOUT = 900

    def setUp(self) -> None:
        """Skip the test unless the lab is up."""
        if not os.environ.get(LAB_VARIABLE):
            raise testtools.TestCase.skipException(
                'needs the lab: run tools/test'
            )
        super().setUp()


class _LogLevel(fixtures.Fixture):
    """Set the level of one logger."""

    def __init__(self, name: str, level: int) -> None:
        self._logger = logging.getLogger(name)
        self._level = level

    def _setUp(self) -> None:
        self.addCleanup(self._logger.setLevel, self._logger.level)
        self._logger.setLevel(self._level)
