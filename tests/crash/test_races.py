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
"""Four processes change all at once what one store holds, and some die.

They share hosts and a store, and nothing else: on a database server each is on
a machine of its own. A file of SQLite has its users on one machine; there
those who die are noticed at once.
"""

import collections
import dataclasses
import itertools
import json
import pathlib
import random
import time
from collections.abc import Iterator
from typing import Any

import fixtures
from testtools import content

from manila_gluster_heketi import model
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.operations import load_topology
from manila_gluster_heketi.sizes import GIB
from tests.crash import agreement
from tests.crash import far_hosts
from tests.crash import forked
from tests.crash import racer
from tests.functional import databases
from tests.functional import deployment

_PROCESSES = 4
_CHANGES = 200
# There two processes are on each node, and clash at the commit.
_CHANGES_ON_PAIR = 60
_KILL_SECONDS = 3.0
# Nobody is killed who has not asked for so many changes.
_LIFE = 5
_LEASE_SECONDS = 3.0
_NODES = 6
_DISK_BYTES = 40 * GIB
_SHARES = 3
# Long enough for others to come in between.
_LATENCY = cluster.Latency(
    {'ssh': 0.003, 'lvm': 0.002, 'mkfs.xfs': 0.005, 'gluster volume': 0.01}
)


def _subject(operation: model.Operation) -> str:
    if operation.kind in load_topology.KINDS:
        return 'topology'
    return operation.subject


@dataclasses.dataclass
class _Place:
    """Where one process after the other races.

    :ivar shares: those that only they change
    :ivar changes: that are to be asked for
    :ivar had: how many changes were left when the present one started
    """

    number: int
    log: pathlib.Path
    shares: tuple[str, ...]
    changes: int
    process: forked.Forked | None = None
    had: int = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What they wrote down."""
        if not self.log.exists():
            return []
        return [json.loads(each) for each in self.log.read_text().splitlines()]

    @property
    def left(self) -> int:
        """How many changes have not been asked for yet."""
        return self.changes - sum('asked' in each for each in self.lines)


class _Race(fixtures.Fixture):
    """All of them, on the hosts of a deployment."""

    def __init__(
        self,
        d: deployment.Deployment,
        database: databases.Database,
        changes: int,
    ) -> None:
        self._d = d
        self._engine = database.engine
        self._urls = database.urls
        self._changes = changes
        self._chance = random.Random(database.engine)
        self.killed = 0

    def _setUp(self) -> None:
        self.exchange = self.useFixture(far_hosts.Exchange(self._d.cluster))
        self.places = [
            _Place(
                number,
                pathlib.Path(self._d.directory, f'log-{number}'),
                tuple(f'own-{number}-{n}' for n in range(_SHARES)),
                self._changes,
            )
            for number in range(_PROCESSES)
        ]
        self.addCleanup(self._end)

    def _end(self) -> None:
        for place in self.places:
            if place.process is not None:
                place.process.kill()

    def _options(self, place: _Place) -> dict[str, Any]:
        settings = self._d.settings
        options = {
            'state_path': settings.state_path,
            'store_connection': self._urls[place.number % len(self._urls)],
            'ca_directory': settings.ca_directory,
            'hosts': self.exchange.path,
        }
        if self._engine != 'sqlite':
            options |= {
                'state_path': f'{settings.state_path}/{place.number}',
                'name': f'machine-{place.number}-{place.left}',
                'lease_seconds': _LEASE_SECONDS,
            }
        return options

    def start(self, place: _Place) -> None:
        """Start a process that makes the changes that are left."""
        place.had = place.left
        place.process = forked.Forked(
            place.log.with_suffix('.said'),
            racer.race,
            self._options(place),
            str(place.log),
            f'{self._engine} {place.number} {place.left}',
            place.left,
            place.shares,
            self._d.hosts,
        )

    def run(self) -> list[str]:
        """Let them race, and kill one now and then; say what went wrong."""
        for place in self.places:
            self.start(place)
        errors: list[str] = []
        next_kill = time.monotonic() + _KILL_SECONDS
        while running := [each for each in self.places if each.process]:
            time.sleep(0.1)
            for place in running:
                errors += self._ended(place)
            if time.monotonic() > next_kill:
                self._kill(self._chance.choice(running))
                next_kill += _KILL_SECONDS
        return errors

    def _kill(self, place: _Place) -> None:
        # On a busy machine it may be that it has hardly begun.
        if place.process is None or place.left > place.had - _LIFE:
            return
        place.process.kill()
        self.killed += 1
        self.start(place)

    @staticmethod
    def _ended(place: _Place) -> Iterator[str]:
        assert place.process is not None
        if place.process.exit_code is None:
            return
        if place.process.exit_code:
            yield f'process {place.number}: {place.process.said}'
        place.process = None


@databases.on_each_engine_and_galera
class RaceTestCase(deployment.DeployedTestCase):
    """At the end everything agrees.

    :cvar engine: of the database
    """

    engine: str
    allow_processes = True
    allow_sockets = True
    TIMEOUT_SCALING_FACTOR = 10

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        forked.prepare(racer.__name__)

    def setUp(self) -> None:
        """Have hosts, some of them in a cluster."""
        super().setUp()
        self.database = self.useFixture(
            databases.Database(self.engine, synced=True)
        )
        self.d = self.deploy(
            load=False,
            nodes=_NODES,
            disks=racer.DISKS,
            disk_bytes=_DISK_BYTES,
            store_connection=self.database.url,
        )
        self.d.load(self.d.document(*self.d.hosts[:4]))
        self.d.cluster.latency = _LATENCY

    def test_all_agrees_at_the_end(self) -> None:
        """Store, hosts and Gluster; and what was said to be done is done."""
        changes = _CHANGES
        if self.engine == databases.GALERA:
            changes = _CHANGES_ON_PAIR
        race = self.useFixture(_Race(self.d, self.database, changes))
        begun = time.monotonic()
        self.assertEqual([], race.run())
        seconds = time.monotonic() - begun
        self.d.cluster.latency = None
        self.assertEqual([], list(self._side_by_side(race.exchange.work)))
        self.d.expire_leases()
        failed = [e for e in self.d.service.recover() if e.error]
        self.assertEqual([], failed)
        self.assertEqual([], agreement.differences(self.d))
        self.assertEqual([], list(self._shared_bytes()))
        for place in race.places:
            self.assertEqual([], list(self._not_as_told(place)))
        self._check_it_was_a_race(race, seconds)

    def _side_by_side(self, work: list[far_hosts.Work]) -> Iterator[str]:
        """Name operations that hosts were at together, but may not be."""
        begun: dict[str, float] = {}
        ended: dict[str, float] = {}
        for each in work:
            key = each.operation
            begun[key] = min(each.begun, begun.get(key, each.begun))
            ended[key] = max(each.ended, ended.get(key, each.ended))
        of_one: dict[str, list[model.Operation]] = {}
        for operation in self.d.service.operations(every=True):
            if operation.id in begun:
                of_one.setdefault(_subject(operation), []).append(operation)
        for operations in of_one.values():
            operations.sort(key=lambda each: begun[each.id])
            for one, other in itertools.pairwise(operations):
                if ended[one.id] > begun[other.id]:
                    yield f'{one.kind} and {other.kind} of {one.subject}'

    def _shared_bytes(self) -> Iterator[str]:
        """Name what more than one brick is on."""
        places: collections.Counter[tuple[str, str]] = collections.Counter()
        hosts = {}
        for snapshot in self.d.service.clusters():
            for each in snapshot.devices:
                hosts[each.device.id] = each.node.manage_host
        for volume in self.d.service.volumes():
            for brick in self.d.bricks(volume):
                host = hosts[brick.device_id]
                found = self.d.cluster.host(host).disks.volume_at(
                    f'/dev/{brick.vg_name}/{brick.lv_name}'
                )
                places[host, found.uuid if found else brick.id] += 1
                places[host, brick.brick_path] += 1
        yield from (f'{key}: {n}' for key, n in places.items() if n > 1)

    def _not_as_told(self, place: _Place) -> Iterator[str]:
        """Name the shares of a process that are not what it last saw."""
        last: dict[str, dict[str, Any]] = {}
        for line in place.lines:
            if line['share'] in place.shares:
                last[line['share']] = line
        for share, line in last.items():
            state = racer.state_of(self.d.service, share)
            # Of what was under way when a process died nothing is known.
            if 'state' in line and line['state'] != state:
                yield f'{share}: {line["state"]} was told, it is {state}'

    def _check_it_was_a_race(self, race: _Race, seconds: float) -> None:
        """A race that nobody runs proves nothing."""
        asked: collections.Counter[str] = collections.Counter()
        codes: collections.Counter[str] = collections.Counter()
        for place in race.places:
            self.assertEqual(0, place.left)
            for line in place.lines:
                asked.update([line['asked']] if 'asked' in line else [])
                codes.update([line['code']] if 'code' in line else [])
        self.addDetail(
            'race',
            content.text_content(
                f'{self.engine}: {seconds:.0f} s, {race.killed} killed\n'
                f'{dict(asked)}\n{dict(codes)}\n'
            ),
        )
        self.assertGreater(race.killed, 1)
        self.assertGreater(codes[''], asked.total() // 3)
