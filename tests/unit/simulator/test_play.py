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

"""Tests of what becomes of simulated clusters."""

import itertools
import json
from collections.abc import Callable

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import strategies
from manila_gluster_heketi.simulator import play
from manila_gluster_heketi.simulator import scenario as scenarios
from manila_gluster_heketi.simulator.world import World
from tests import base
from tests.unit.simulator.test_scenario import SCENARIOS


def _clock() -> Callable[[], float]:
    ticks = itertools.count()
    return lambda: float(next(ticks))


def _play(
    scenario: scenarios.Scenario, name: str = 'balanced', seed: int = 1
) -> list[play.Figures]:
    return list(play.play(scenario, name, seed, _clock()))


def _read(name: str) -> scenarios.Scenario:
    return scenarios.parse((SCENARIOS / f'{name}.json').read_text())


def _world(scenario: scenarios.Scenario, name: str) -> World:
    """Play a scenario and give back what became of the cluster."""
    world = World(scenario, strategies.named(name), 1)
    for _ in play.rounds(world, scenario.rounds, name, _clock()):
        pass
    return world


def _hardware(world: World) -> list[tuple[str, int]]:
    return [
        (each.device.id, each.device.total_bytes)
        for each in world.snapshot().devices
    ]


@ddt.ddt
class PlayTestCase(base.TestCase):
    """Rounds are played as written."""

    @ddt.data(*strategies.known())
    def test_same_seed_same_figures(self, name: str) -> None:
        """No chance but that of the seed."""
        scenario = _read('zone_loss')
        self.assertEqual(_play(scenario, name), _play(scenario, name))

    def test_all_strategies_see_the_same(self) -> None:
        """Hardware and shares do not depend on who places them.

        Shares are created, deleted by lot, and extended by lot.
        """
        churn = _read('churn_80')
        worlds = [_world(churn, name) for name in ('balanced', 'straw2')]
        self.assertEqual(*map(_hardware, worlds))
        self.assertEqual(
            *(
                {s.name: s.data_bytes for s in world.shares.values()}
                for world in worlds
            )
        )

    def test_earlier_refusals_change_nothing_that_comes_after(self) -> None:
        """One strategy fills the cluster further than the other."""
        raw = json.loads((SCENARIOS / 'five_zones.json').read_text())
        create = raw['rounds'][-1]
        added = {**raw['cluster'][0], 'verb': 'add', 'zone': 6}
        delete = {'verb': 'delete', 'fraction': 0.5}
        raw['rounds'] = [create, delete, added, {**create, 'count': 5}]
        scenario = scenarios.parse(json.dumps(raw))
        worlds = [_world(scenario, name) for name in ('packed', 'straw2')]
        self.assertNotEqual(*(len(world.shares) for world in worlds))
        self.assertEqual(*map(_hardware, worlds))
        self.assertEqual(
            *(
                [world.shares[f'4-{n}'].data_bytes for n in range(5)]
                for world in worlds
            )
        )

    @ddt.data(*strategies.known())
    def test_strict_zones_are_never_shared(self, name: str) -> None:
        """No strategy breaks the constraint, not even after a loss."""
        for figures in _play(_read('zone_loss'), name):
            self.assertEqual(0, figures.sharing)

    def test_unknown_strategy(self) -> None:
        """The error names those that there are."""
        error = self.assertRaises(
            exceptions.InvalidInput, _play, _read('zone_loss'), 'best'
        )
        self.assertIn('heketi_ring', str(error))

    def test_losing_what_is_not_there(self) -> None:
        """That is an error, not a round without effect."""
        raw = json.loads((SCENARIOS / 'zone_loss.json').read_text())
        raw['rounds'] = [{'verb': 'lose', 'node': 'z9n9'}]
        scenario = scenarios.parse(json.dumps(raw))
        self.assertRaises(exceptions.InvalidInput, _play, scenario)

    def test_losing_one_of_three_zones(self) -> None:
        """With strict zones no brick has another place to go."""
        raw = json.loads((SCENARIOS / 'three_zones.json').read_text())
        raw['rounds'][1:] = [{'verb': 'lose', 'zone': 1}]
        last = _play(scenarios.parse(json.dumps(raw)))[-1]
        self.assertEqual(0, last.replaced)

    def test_churn_and_growth(self) -> None:
        """What is deleted makes room; what is added is used."""
        for name in ('churn_80', 'growth'):
            for figures in _play(_read(name)):
                self.assertEqual(0, figures.false_refusals)
