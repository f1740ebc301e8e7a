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

"""Hosts that finish a command after it was given up.

A process that is killed, or that waits no longer, leaves a script behind that
may go on: what it does comes after what recovery does.

Of four changes all points are tried. Of the others some are, by a seed, and
all where the environment variable GLUSTER_HEKETI_CRASH is "all".
"""

import dataclasses
import logging
import os
import random

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from tests import base
from tests.crash import change
from tests.crash import changes
from tests.crash import every_change
from tests.crash import stage

_EVERY = os.environ.get('GLUSTER_HEKETI_CRASH') == 'all'
_SAMPLE = 6


@dataclasses.dataclass(frozen=True)
class _Way:
    """How a change is given up.

    :ivar act: how the process ends, or that it waits no longer
    :ivar is_late: the host goes on when all is recovered, not before
    """

    name: str
    act: Act
    is_late: bool


_SEEN = _Way('it is seen', Act.KILL, is_late=False)
_KILLED = _Way('killed', Act.KILL, is_late=True)
_TIMED_OUT = _Way('timed out', Act.HANG, is_late=True)


def _try(on: stage.Stage, way: _Way, at: int) -> list[str]:
    """Give a change up before a command that its host runs nevertheless."""
    on.set_back()
    try:
        on.act(Rule(way.act, skip=at, seconds=0, rest=Rest.LATER))
    except (Killed, exceptions.GlusterHeketiError):
        pass
    injector = on.injector
    if not way.is_late:
        injector.run_late()
    problems = on.recover()
    injector.run_late()
    problems += on.problems(done=False)
    return [f'{way.name}, command {at}: {each}' for each in problems]


class Late(stage.Staged):
    """All points of one change; the class that uses it names it."""

    def test_before_recovery(self) -> None:
        """That is seen, and taken back."""
        self.assertEqual([], self._try_all(_SEEN))

    def test_after_a_killed_process_was_recovered(self) -> None:
        """The host sees that it is too late, and does nothing."""
        self.assertEqual([], self._try_all(_KILLED))

    def test_after_a_time_out_was_undone(self) -> None:
        """The same, for a process that lives on."""
        self.assertEqual([], self._try_all(_TIMED_OUT))

    def _try_all(self, way: _Way) -> list[str]:
        commands, _ = self.stage.count()
        return [
            problem
            for at in range(commands)
            for problem in _try(self.stage, way, at)
        ]


class CreateTestCase(Late, base.TestCase):
    """A volume."""

    change = changes.CREATE_REPLICA_3


class AccessTestCase(Late, base.TestCase):
    """Other clients: those that were to be shut out may be in again."""

    change = changes.ACCESS


class ExtendTestCase(Late, base.TestCase):
    """A larger volume."""

    change = changes.EXTEND_BY_SETS


class RenewCertificateTestCase(Late, base.TestCase):
    """A new certificate for a node that serves."""

    change = changes.RENEW_CERTIFICATE


@ddt.ddt
class OtherTestCase(base.TestCase):
    """The other changes: some points, by a seed, or all of them."""

    TIMEOUT_SCALING_FACTOR = 60 if _EVERY else 5

    def setUp(self) -> None:
        """Log little: thousands of points would fill the memory."""
        super().setUp()
        self.useFixture(fixtures.FakeLogger(level=logging.ERROR))

    @ddt.named_data(
        *(
            [each.name.replace(' ', '_'), each]
            for each in every_change.ALL
            if each not in [of.change for of in Late.__subclasses__()]
        )
    )
    def test_in_each_way(self, of: change.Change) -> None:
        """It is seen and taken back, or does nothing any more."""
        on = self.useFixture(stage.Stage(of))
        commands, _ = on.count()
        points = [
            (way, at)
            for way in (_SEEN, _KILLED, _TIMED_OUT)
            for at in range(commands)
        ]
        if not _EVERY:
            seeded = random.Random(of.name)
            points = seeded.sample(points, min(_SAMPLE, len(points)))
        failed = [each for point in points for each in _try(on, *point)]
        print(f'{of.name}, late: {len(points)} points')
        self.assertEqual([], failed)
