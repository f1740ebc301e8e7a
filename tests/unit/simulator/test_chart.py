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


"""Tests of the diagrams."""

import itertools
import json
import re
from xml.etree import ElementTree  # noqa: S405

import ddt

from manila_gluster_heketi.simulator import chart
from manila_gluster_heketi.simulator import play
from manila_gluster_heketi.simulator import plot
from manila_gluster_heketi.simulator import scenario
from tests import base
from tests.unit.simulator.test_scenario import SCENARIOS

_SVG = '{http://www.w3.org/2000/svg}'


def _texts(drawn: str) -> list[str]:
    root = ElementTree.fromstring(drawn)  # noqa: S314
    return [each.text or '' for each in root.iter(f'{_SVG}text')]


def _panel(*values: float, **more: object) -> chart.Panel:
    points = [chart.Point(x, y) for x, y in enumerate(values)]
    return chart.Panel('Title', 'time', {'mine': points}, **more)  # type: ignore[arg-type]


@ddt.ddt
class ChartTestCase(base.TestCase):
    """Axes have numbers, colours have names."""

    @ddt.data(
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 0.66, [0, 0.2, 0.4, 0.6, 0.8]),
        (0.8, 1, [0.8, 0.85, 0.9, 0.95, 1]),
        (0, 1234, [0, 500, 1000, 1500]),
        (3, 3, [3, 3.2, 3.4, 3.6, 3.8, 4]),
    )
    @ddt.unpack
    def test_steps_are_round_numbers(
        self, least: float, most: float, expected: list[float]
    ) -> None:
        """They begin no later and end no earlier than the values."""
        found = chart.steps(least, most)
        self.assertEqual(expected, [round(each, 6) for each in found][:6])
        self.assertLessEqual(found[0], least + 1e-9)
        self.assertGreaterEqual(found[-1], most - 1e-9)

    def test_what_a_reader_needs(self) -> None:
        """Title, names of axes, numbers on both, and the legend."""
        texts = _texts(chart.svg('All', [_panel(0.2, 0.9)]))
        for words in ('All', 'Title', 'time', 'mine', '0.8', '1'):
            self.assertIn(words, texts)

    def test_ticks_with_names(self) -> None:
        """Each line of a name is one of text."""
        texts = _texts(chart.svg('', [_panel(1, ticks=['1\ncreate'])]))
        self.assertIn('create', texts)

    @ddt.data((), (0, 0), (5,), (float(10**12), 1))
    def test_values_that_make_no_line(self, values: tuple[float, ...]) -> None:
        """Nothing, one value, all alike, far apart: still a picture."""
        for lines in (True, False):
            drawn = chart.svg('', [_panel(*values, lines=lines)])
            self.assertNotIn('nan', drawn)
            _texts(drawn)

    def test_words_are_no_markup(self) -> None:
        """A plugin may have any name."""
        drawn = chart.svg('<b>&', [_panel(1, 2)])
        self.assertIn('<b>&', _texts(drawn))

    def test_the_worst_is_marked(self) -> None:
        """By a line from the mean."""
        points = [chart.Point(0, 0.9, 0.8)]
        panel = chart.Panel('', '', {'a': points}, ['x'], lines=False)
        bare = chart.Panel(
            '', '', {'a': [chart.Point(0, 0.9)]}, ['x'], lines=False
        )
        self.assertIn('m-3 0h6', chart.svg('', [panel]))
        self.assertNotIn('m-3 0h6', chart.svg('', [bare]))


class PlotTestCase(base.TestCase):
    """Figures become panels."""

    def test_each_strategy_has_a_line(self) -> None:
        """Its points are the means of all seeds; the rounds have names."""
        text = (SCENARIOS / 'zone_loss.json').read_text()
        ticks = itertools.count()
        figures = [
            each
            for name in ('balanced', 'heketi_ring')
            for seed in (1, 2)
            for each in play.play(
                scenario.parse(text), name, seed, lambda: float(next(ticks))
            )
        ]
        drawn = plot.svg('zone_loss', figures)
        texts = _texts(drawn)
        self.assertIn('zone_loss: means of 2 seeds', texts)
        for words in ('balanced', 'heketi_ring', 'create', 'lose'):
            self.assertIn(words, texts)
        marks = re.findall('<circle', drawn)
        self.assertEqual(6 * 2 * 2, len(marks))
        self.assertLess(len(drawn), 100_000)

    def test_many_rounds(self) -> None:
        """They are numbered."""
        raw = json.loads((SCENARIOS / 'zone_loss.json').read_text())
        raw['rounds'] = [{'verb': 'delete', 'fraction': 0}] * 20
        figures = list(
            play.play(
                scenario.parse(json.dumps(raw)), 'balanced', 1, lambda: 0.0
            )
        )
        texts = _texts(plot.svg('', figures))
        self.assertIn('20', texts)
        self.assertNotIn('delete', texts)
