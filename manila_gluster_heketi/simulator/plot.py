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

"""Shows the figures of a scenario's rounds as diagrams."""

import collections
import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType

from manila_gluster_heketi.simulator import chart
from manila_gluster_heketi.simulator.play import Figures

_METRICS: Mapping[str, str] = MappingProxyType(
    {
        'fill': 'Filled, of what could be stored at most',
        'rms': 'Distance of devices from their fair level (rms)',
        'most_used': 'Use of the fullest device',
        'to_move': 'To be moved for a level cluster',
        'sets_per_share': 'Brick sets for each share',
        'sharing': 'Sets with two bricks in a zone',
    }
)
#: More verbs than these have no room below the axis.
_MOST_NAMED = 8


def svg(title: str, figures: Sequence[Figures]) -> str:
    """Draw a panel for each metric, with a line for each strategy's mean."""
    verbs = {each.round: each.verb for each in figures}
    named = len(verbs) <= _MOST_NAMED
    ticks = [f'{number}\n{verb}' for number, verb in sorted(verbs.items())]
    panels = [
        chart.Panel(
            title=words,
            x_label='after round',
            series=_means(metric, figures, first=0 if named else 1),
            ticks=ticks if named else (),
        )
        for metric, words in _METRICS.items()
    ]
    seeds = len({each.seed for each in figures})
    of = 'one seed' if seeds == 1 else f'means of {seeds} seeds'
    return chart.svg(f'{title}: {of}', panels)


def _means(
    metric: str, figures: Sequence[Figures], first: int
) -> dict[str, Sequence[chart.Point]]:
    values: dict[str, dict[int, list[float]]] = collections.defaultdict(
        lambda: collections.defaultdict(list)
    )
    for each in figures:
        place = each.round - 1 + first
        values[each.strategy][place].append(getattr(each, metric))
    return {
        name: [
            chart.Point(place, statistics.mean(found))
            for place, found in sorted(by_round.items())
        ]
        for name, by_round in values.items()
    }
