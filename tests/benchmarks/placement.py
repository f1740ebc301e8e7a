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


"""How good placements are, by strategy, in clusters of uneven disks.

Run it with ``python -m tests.benchmarks.placement [--seeds N] [--write DIR]``.

Nothing but the seed varies from run to run; all strategies are given the same
clusters and the same shares. With a directory, the tables and plots of the
documentation are written there.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from collections.abc import Sequence

from tests.benchmarks import _filling
from tests.benchmarks import _refusals
from tests.benchmarks import _scenes
from tests.benchmarks import _sharing
from tests.benchmarks import _single
from tests.benchmarks._scenes import BALANCED
from tests.benchmarks._scenes import Scene
from tests.benchmarks._table import Table

#: Layouts that are not left to chance need no more.
_FEW_SEEDS = 5


class _Goals:
    """What the default strategy does, and what is asked of it."""

    def __init__(self) -> None:
        self._rows: list[Sequence[str]] = []

    def at_least(self, name: str, goal: float, value: float) -> None:
        """Note a measure that should be large."""
        self._note(name, f'≥ {goal}', value, value >= goal)

    def at_most(self, name: str, goal: float, value: float) -> None:
        """Note a measure that should be small."""
        self._note(name, f'≤ {goal}', value, value <= goal)

    def table(self) -> Table:
        """Show all of them."""
        head = ('Measure', 'Goal', 'Measured', 'Met')
        return Table('goals', head, self._rows)

    def _note(self, name: str, goal: str, value: float, met: bool) -> None:
        self._rows.append((name, goal, f'{value:.4f}', 'yes' if met else 'no'))


def _filling_goals(goals: _Goals, runs: _filling.Runs) -> None:
    def filled(scene: Scene) -> list[float]:
        return [run[-1].fill for run in runs[scene, BALANCED]]

    def rms(scene: Scene) -> float:
        return statistics.mean(
            run[_scenes.HALF].rms for run in runs[scene, BALANCED]
        )

    def sets(scene: Scene) -> float:
        return statistics.mean(
            run[-1].sets_per_share for run in runs[scene, BALANCED]
        )

    five = filled(_scenes.FIVE)
    goals.at_least('filled, five zones, mean', 0.985, statistics.mean(five))
    goals.at_least('filled, five zones, worst', 0.975, min(five))
    goals.at_least(
        'filled, shares to 20 TiB, mean',
        0.975,
        statistics.mean(filled(_scenes.TAIL)),
    )
    goals.at_least(
        'filled, three zones, mean',
        0.99,
        statistics.mean(filled(_scenes.THREE)),
    )
    for scene in (_scenes.FIVE, _scenes.THREE):
        goals.at_most(f'distance at half, {scene.name}', 0.075, rms(scene))
    for scene in (_scenes.FIVE_SPLIT, _scenes.THREE_SPLIT):
        goals.at_most(f'distance at half, {scene.name}', 0.05, rms(scene))
        goals.at_most(f'sets of a share, {scene.name}', 1.3, sets(scene))


def measure(seeds: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Measure and print; yield names and contents of files to write."""
    runs = _filling.fill(seeds)
    single = _single.largest(seeds[:_FEW_SEEDS])
    sharing = _sharing.sharing(seeds)
    refusals = _refusals.refusals(seeds)
    goals = _Goals()
    _filling_goals(goals, runs)
    goals.at_least(
        'largest volume of the bound, worst layout',
        0.98,
        min(map(float, single.column(BALANCED.name))),
    )
    ours = sharing.where('Strategy', BALANCED.name)
    goals.at_most(
        'sets that share a zone needlessly',
        0,
        sum(map(int, ours.column('Needlessly'))),
    )
    ours = refusals.where('Strategy', BALANCED.name)
    goals.at_most(
        'refusals of what fitted, of all refusals',
        0.005,
        sum(map(int, ours.column('Fitted')))
        / sum(map(int, ours.column('Refusals'))),
    )
    tables = (_filling.filling(runs), single, sharing, refusals, goals.table())
    for table in tables:
        table.show()
        yield f'{table.name}.csv', table.text()
    yield 'filled.svg', _filling.filled_plot(runs)
    yield 'level.svg', _filling.level_plot(runs)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmarks.placement'
    )
    parser.add_argument('--seeds', type=int, default=20, metavar='N')
    parser.add_argument('--write', metavar='DIR')
    options = parser.parse_args()
    if options.write:
        os.makedirs(options.write, exist_ok=True)
    print(f'disks of 1, 2, 4 or 8 TiB; {options.seeds} seeds\n')
    start = time.monotonic()
    for name, text in measure(range(options.seeds)):
        if options.write:
            path = os.path.join(options.write, name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
    print(f'{time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    main()
