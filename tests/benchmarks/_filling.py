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


"""What is stored before a share is refused, and how level devices are."""

import collections
import statistics
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi.simulator import chart
from manila_gluster_heketi.simulator import play
from tests.benchmarks import _scenes
from tests.benchmarks._scenes import CONTENDERS
from tests.benchmarks._scenes import SCENES
from tests.benchmarks._scenes import Contender
from tests.benchmarks._scenes import Scene
from tests.benchmarks._table import Table

Runs = Mapping[tuple[Scene, Contender], Sequence[Sequence[play.Figures]]]


def fill(seeds: Iterable[int]) -> Runs:
    """Fill every scene with every strategy."""
    return {
        (scene, contender): [
            list(_scenes.run(scene, contender, seed)) for seed in seeds
        ]
        for scene in SCENES
        for contender in CONTENDERS
    }


def filling(runs: Runs) -> Table:
    """Compare what was stored, and how level devices were meanwhile."""
    rows = []
    for (scene, contender), each in runs.items():
        filled = [run[-1].fill for run in each]
        half = [run[_scenes.HALF] for run in each]
        rows.append(
            (
                scene.name,
                contender.name,
                f'{statistics.mean(filled):.4f}',
                f'{min(filled):.4f}',
                f'{statistics.mean(f.rms for f in half):.4f}',
                f'{max(f.rms for f in half):.4f}',
                f'{statistics.mean(f.most_used for f in half):.3f}',
                f'{statistics.mean(f.sets_per_share for f in half):.2f}',
                f'{statistics.mean(r[-1].sets_per_share for r in each):.2f}',
            )
        )
    return Table(
        'filling',
        (
            'Cluster',
            'Strategy',
            'Filled, mean',
            'Filled, worst',
            'Distance, mean',
            'Distance, worst',
            'Fullest',
            'Sets at half',
            'Sets at the end',
        ),
        rows,
    )


def filled_plot(runs: Runs) -> str:
    """Draw what was stored at the first refusal: mean and worst."""
    names = {scene: place for place, scene in enumerate(SCENES)}
    series: dict[str, list[chart.Point]] = collections.defaultdict(list)
    for (scene, contender), each in runs.items():
        filled = [run[-1].fill for run in each]
        series[contender.name].append(
            chart.Point(names[scene], statistics.mean(filled), min(filled))
        )
    ticks = [scene.name.replace(', ', '\n') for scene in SCENES]
    panel = chart.Panel(
        'Of the bound: mean of all seeds, down to the worst',
        '',
        series,
        ticks,
        lines=False,
        least=0.7,
    )
    title = 'What is stored before a share is refused'
    return chart.svg(title, [panel], wide=640)


def level_plot(runs: Runs) -> str:
    """Draw how far devices are from their fair level on the way."""
    return chart.svg(
        'Distance of devices from their fair level (root mean square)',
        [
            chart.Panel(
                scene.name,
                'filled, of the bound',
                {
                    contender.name: _on_the_way(each)
                    for (where, contender), each in runs.items()
                    if where is scene
                },
                goal=0.05 if scene.brick_share < 1 else 0.075,
            )
            for scene in SCENES
            if scene.cap_tib == 2
        ],
    )


def _on_the_way(runs: Sequence[Sequence[play.Figures]]) -> list[chart.Point]:
    """Take means at each step that all runs got to."""
    return [
        chart.Point(step, statistics.mean(figures.rms for figures in at))
        for step, at in zip(_scenes.STEPS, zip(*runs))
        if not any(figures.refusals for figures in at)
    ]
