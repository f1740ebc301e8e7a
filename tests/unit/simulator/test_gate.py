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


"""Gates: a change that makes placement worse is found here.

Each bound is one that Heketi's ring misses on the same clusters and shares,
so that none of them is met by whatever places at all.
"""

import dataclasses
import functools
import itertools
import statistics

import ddt

from manila_gluster_heketi.simulator import play
from manila_gluster_heketi.simulator import scenario as scenarios
from tests import base
from tests.unit.simulator.test_scenario import SCENARIOS

_SEEDS = range(3)


def _small(name: str) -> scenarios.Scenario:
    """Read a scenario and take half of its nodes away."""
    whole = scenarios.parse((SCENARIOS / f'{name}.json').read_text())
    return dataclasses.replace(
        whole,
        cluster=tuple(
            dataclasses.replace(each, nodes=-(-each.nodes // 2))
            for each in whole.cluster
        ),
    )


@functools.cache
def _runs(name: str, strategy: str) -> list[list[play.Figures]]:
    scenario = _small(name)
    ticks = itertools.count()
    return [
        list(play.play(scenario, strategy, seed, lambda: float(next(ticks))))
        for seed in _SEEDS
    ]


def _mean(name: str, strategy: str, number: int, metric: str) -> float:
    """Take the mean of a figure after a round, counted from 1."""
    return statistics.mean(
        getattr(figures[number - 1], metric)
        for figures in _runs(name, strategy)
    )


@ddt.ddt
class PlacementGateTestCase(base.TestCase):
    """Bounds are wider than what is measured; the ring is far outside."""

    @ddt.data(
        # 0.056 and 0.324; 0.064 and 0.316
        ('five_zones', 2, 'rms', 0.075),
        ('three_zones', 1, 'rms', 0.075),
        # 0.67 and 1.00
        ('five_zones', 2, 'most_used', 0.8),
        # What is filled to 80 % again and again: 0.047 and 0.250
        ('churn_80', 7, 'rms', 0.1),
        # 0.018 and 0.153
        ('growth', 5, 'to_move', 0.05),
        # 0.048 and 0.187
        ('one_giant_node', 1, 'rms', 0.1),
        # 0.059 and 0.202
        ('zone_loss', 2, 'rms', 0.1),
        # 0.010 and 0.361
        ('prefer_zones', 1, 'sharing', 0.02),
        # Of three runs: 0 and 3
        ('five_zones', 3, 'false_refusals', 0.1),
    )
    @ddt.unpack
    def test_no_more_than(
        self, name: str, number: int, metric: str, bound: float
    ) -> None:
        """Unlevel devices, needless refusals, sets that share a zone."""
        balanced = _mean(name, 'balanced', number, metric)
        self.assertLessEqual(balanced, bound)
        ring = _mean(name, 'heketi_ring', number, metric)
        self.assertGreater(ring, bound)

    @ddt.data(
        # 0.992 and 0.923; 0.996 and 0.911; 0.981 and 0.928
        ('five_zones', 3, 'fill', 0.98),
        ('heavy_tail', 1, 'fill', 0.97),
        ('one_giant_node', 2, 'fill', 0.95),
        # New devices fill faster than their part of the room: 1.29 and 1.06
        ('growth', 5, 'on_new', 1.2),
    )
    @ddt.unpack
    def test_no_less_than(
        self, name: str, number: int, metric: str, bound: float
    ) -> None:
        """What is stored before a share is refused; use of new devices."""
        balanced = _mean(name, 'balanced', number, metric)
        self.assertGreaterEqual(balanced, bound)
        ring = _mean(name, 'heketi_ring', number, metric)
        self.assertLess(ring, bound)

    def test_packed_keeps_its_promise(self) -> None:
        """It fills at least as much, on devices that are full or empty."""
        packed = _mean('five_zones', 'packed', 3, 'fill')
        self.assertGreaterEqual(packed, 0.99)
        self.assertGreater(_mean('five_zones', 'packed', 2, 'rms'), 0.4)
