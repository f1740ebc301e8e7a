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

"""A process is killed in the midst of a change of real nodes.

After each death another process recovers at once, while what the dead one
sent may still run. Everything has to agree, and the same is asked for again.
All points are tried where the environment variable GLUSTER_HEKETI_CRASH is
"all", and some, by a seed, everywhere else.
"""

import collections
import os
import random
import time
from collections.abc import Iterable
from typing import ClassVar

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.lab import topology
from manila_gluster_heketi.service import Service
from tests.functional import deployment
from tests.lab import agreement
from tests.lab import changes
from tests.lab import deaths
from tests.lab import site
from tests.lab import twin
from tests.lab.bystander import Bystander

_EVERY = os.environ.get('GLUSTER_HEKETI_CRASH') == 'all'
_LOG = 'crash.log'
_TOO_LATE = ['it came too late']


@ddt.ddt
class CrashPointsTest(site.SiteCase):
    """The nodes of the lab, without Manila, which would recover as well."""

    DEFAULT_TIMEOUT = 8 * 3600 if _EVERY else 900

    bystander: ClassVar[Bystander | None] = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        deaths.prepare()

    @classmethod
    def tearDownClass(cls) -> None:
        """Leave a site as it was found."""
        if cls.bystander is not None:
            cls.bystander.remove()
            cls.bystander = None
            cls.site.start_manila()
        super().tearDownClass()

    def setUp(self) -> None:
        super().setUp()
        self._settle()

    def _settle(self) -> None:
        """Have a site with the bystander in it."""
        cls = type(self)
        cls.site = site.shared()
        if cls.bystander is None:
            cls.site.stop_manila()
            cls.bystander = Bystander(cls.site)

    def _settle_anew(self) -> None:
        """Begin with bare nodes, whatever has become of these."""
        cls = type(self)
        if cls.bystander is not None:
            cls.bystander.unmount()
            cls.bystander = None
        site.leave()
        self._settle()

    @ddt.data(*changes.shares())
    def test_share(self, chosen: changes.Round) -> None:
        """A share from its creation to its end."""
        self._try_round(chosen)

    def test_node(self) -> None:
        """A node without bricks, out of the cluster and in again."""
        assert self.bystander is not None
        document = topology.topology_document(self.site.lab)
        spare = next(
            node.address
            for node in self.site.lab.nodes
            if node.address not in self.bystander.hosts
        )
        self._try_round(changes.hardware(document, spare))

    # --- points -----------------------------------------------------------

    def _try_round(self, chosen: changes.Round) -> None:
        """Go round until a process has died at each of the points."""
        left = self._points(chosen)
        tried, failed = 0, {}
        while any(left.values()):
            for change in chosen.changes:
                if not left[change.name]:
                    change.act(self.site.service)
                    continue
                death = left[change.name].popleft()
                began = time.monotonic()
                problems = self._try(change, death)
                if problems == _TOO_LATE and death.is_at_moment:
                    left[change.name] = _sooner([death, *left[change.name]])
                    continue
                tried += 1
                print(
                    f'{change.name}, {death.name}: '
                    f'{time.monotonic() - began:.1f} s'
                )
                if problems:
                    failed[f'{change.name}, {death.name}'] = problems
                    self._settle_anew()
                    break
        print(
            f'{chosen.name}: {tried} points, {tried - len(failed)} converged'
        )
        self.assertEqual({}, failed)

    def _points(
        self, chosen: changes.Round
    ) -> dict[str, collections.deque[deaths.Death]]:
        """Choose where processes die, by the names of changes."""
        simulated = self.useFixture(twin.Twin(self.site.lab))
        found = {}
        for change in chosen.changes:
            commands = simulated.commands(change)
            points = [
                *(
                    deaths.Death(f'{when} {skip} {command}', when, skip)
                    for skip, command in enumerate(commands)
                    for when in When
                ),
                *_moments(change.seconds, len(commands)),
            ]
            if not _EVERY:
                seeded = random.Random(f'{chosen.name} {change.name}')
                points = seeded.sample(points, change.sampled)
            found[change.name] = collections.deque(points)
        return found

    def _try(self, change: changes.Change, death: deaths.Death) -> list[str]:
        """Die, recover, look, ask for the same again, look again."""
        assert self.bystander is not None
        service = self.site.service
        before, seen = deployment.record(service), self._look()
        if self._live(change.act, death):
            return _TOO_LATE
        self._live(Service.recover)
        now = self._look()
        problems = self._differences(now)
        if change.is_one and not change.is_done(service):
            after = deployment.record(service)
            if change.grows:
                before, after = map(deployment.without_growth, (before, after))
            if after != before:
                problems.append('the change is neither in force nor undone')
            if now != seen and not change.grows:
                problems.append(f'there was {seen}, there is {now}')
        if problems:
            return problems
        try:
            change.act(service)
        except exceptions.GlusterHeketiError as error:
            return [f'the same again: {error}']
        if not change.is_done(service):
            return ['the same again: it is not in force']
        return [
            *self._differences(self._look()),
            *self.bystander.complaints(),
        ]

    def _look(self) -> agreement.Footprints:
        return agreement.look(self.site.lab, self.site.service)

    def _differences(self, seen: agreement.Footprints) -> list[str]:
        return agreement.differences(self.site.lab, self.site.service, seen)

    def _live(
        self, task: deaths.Task, death: deaths.Death | None = None
    ) -> bool:
        log = self.site.directory / _LOG
        return deaths.live(self.site.service.settings, task, log, death)


def _moments(seconds: float, count: int) -> list[deaths.Death]:
    """Spread deaths over the time that a change takes."""
    return [
        deaths.after(seconds * (n + 0.5) / count) for n in range(count)
    ]


def _sooner(
    left: Iterable[deaths.Death],
) -> collections.deque[deaths.Death]:
    """Move all moments: the change takes less time than was thought."""
    return collections.deque(
        deaths.after(0.7 * each.seconds) if each.is_at_moment else each
        for each in left
    )
