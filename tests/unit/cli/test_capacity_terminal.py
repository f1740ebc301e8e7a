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

"""Tests of the capacity map on a terminal."""

import io
import re

import ddt
import fixtures

from manila_gluster_heketi.cli import capacity_terminal
from manila_gluster_heketi.cli import capacity_tree
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import Disk
from tests.unit.cli import reports

_ESCAPES = re.compile(r'\x1b\[([0-9;]*)m')
_COLOUR = re.compile(r'(^|;)(3[0-8]|9[0-7])(;|$)')


class _Ascii(io.StringIO):
    """A terminal of the kind that has no drawing characters."""

    encoding = 'ascii'

    def write(self, text: str) -> int:
        text.encode('ascii')
        return super().write(text)


@ddt.ddt
class TerminalTestCase(base.TestCase):
    """Lines that can be read wherever they are shown."""

    def setUp(self) -> None:
        """Know how wide the terminal is, and that it has no colours."""
        super().setUp()
        self.environment(COLUMNS='80')
        for name in ('FORCE_COLOR', 'NO_COLOR', 'TTY_COMPATIBLE'):
            self.useFixture(fixtures.EnvironmentVariable(name))

    def environment(self, **variables: str) -> None:
        """Set variables that the library looks at."""
        for name, value in variables.items():
            self.useFixture(fixtures.EnvironmentVariable(name, value))

    def draw(
        self, *disks: Disk, file: io.StringIO | None = None
    ) -> list[str]:
        """Draw a cluster; give the lines."""
        drawn = file or io.StringIO()
        snapshot = clusters.snapshot(disks)
        capacity_terminal.draw([reports.report(snapshot)], drawn)
        return drawn.getvalue().splitlines()

    def test_bars_and_figures(self) -> None:
        """A line for each zone, node and device; full is full."""
        lines = self.draw(
            Disk('a', 1, 100), Disk('b', 2, 100, used=50), Disk('b', 2, 100)
        )
        by_name = {line.split()[0]: line for line in lines if line.strip()}
        self.assertRegex(
            by_name['b.example'], r'█+.*░+ +25 % of 200.00 GiB'
        )
        [empty, half, _] = [line for line in lines if '/dev/sd' in line]
        self.assertNotIn('█', empty)
        self.assertRegex(half, '/dev/sd0 .*50 % of 100.00 GiB')
        filled = half.count('█')
        self.assertAlmostEqual(filled, half.count('░'), delta=2)
        self.assertEqual(1, half.count('┃'))
        self.assertEqual(
            ['zone 1', 'zone 2'],
            [line[:6] for line in lines if line.startswith('zone')],
        )

    def test_the_mark_is_at_the_fair_level(self) -> None:
        """And the points beside it say the same."""
        report = reports.report(
            clusters.snapshot(
                [Disk('a', 1, 100, used=80), Disk('b', 2, 100, used=40)]
            )
        )
        [[a], [b]] = [
            [bar for node in zone.nodes for bar in node.bars]
            for zone in capacity_tree.zones_of(report)
        ]
        self.assertEqual((0.6, 0.6), (a.fair, b.fair))
        self.assertEqual(('+20', '-20'), (a.points, b.points))
        lines = self.draw(
            Disk('a', 1, 100, used=80), Disk('b', 2, 100, used=40)
        )
        for line in (each for each in lines if '/dev' in each):
            bar = re.search('[█▏▎▍▌▋▊▉░┃]+', line)
            assert bar is not None
            at = bar[0].index('┃')
            self.assertAlmostEqual(0.6, at / len(bar[0]), delta=0.1)

    def test_offline(self) -> None:
        """A word says so, and there is no mark."""
        lines = self.draw(Disk('a', 1, 100, online=False), Disk('b', 2, 100))
        [device] = [line for line in lines if 'offline' in line][-1:]
        self.assertIn('/dev/sd0', device)
        self.assertNotIn('┃', device)
        self.assertIn('1 device, 1 offline', '\n'.join(lines))

    @ddt.data(30, 60, 80, 200)
    def test_width(self, width) -> None:
        """Nothing is longer than a line, and wide ones are used."""
        self.environment(COLUMNS=str(width))
        lines = self.draw(
            Disk('a' * 300, 1, 100, used=50), Disk('b', 2, 10**6)
        )
        self.assertLessEqual(max(map(len, lines)), width)
        self.assertGreater(max(map(len, lines)), width * 0.7)

    def test_long_paths_differ_at_their_ends(self) -> None:
        """So their beginnings are cut."""
        path = '/dev/disk/by-id/' + 'x' * 60 + '-serial-7'
        snapshot = reports.at_path(clusters.snapshot([Disk('a', 1, 1)]), path)
        drawn = io.StringIO()
        capacity_terminal.draw([reports.report(snapshot)], drawn)
        self.assertIn('…', drawn.getvalue())
        self.assertIn('-serial-7 ', drawn.getvalue())

    def test_no_terminal(self) -> None:
        """Neither colours nor other escapes."""
        self.assertNotIn('\x1b', '\n'.join(self.draw(Disk('a', 1, 100))))

    def test_colours_and_none(self) -> None:
        """NO_COLOR is obeyed even on a terminal."""
        self.environment(FORCE_COLOR='1', TERM='xterm-256color')
        drawn = '\n'.join(self.draw(Disk('a', 1, 100)))
        self.assertTrue(_colours(drawn))
        self.environment(NO_COLOR='1')
        drawn = '\n'.join(self.draw(Disk('a', 1, 100)))
        self.assertFalse(_colours(drawn))

    def test_ascii(self) -> None:
        """Other characters would be an error there."""
        lines = self.draw(
            Disk('a' * 300, 1, 100, used=50), Disk('b', 2, 100), file=_Ascii()
        )
        self.assertIn('...', '\n'.join(lines))
        self.assertRegex('\n'.join(lines), r'#+\|?#*\.+')

    def test_markup_is_not_obeyed(self) -> None:
        """A tag in brackets is shown as it is."""
        snapshot = reports.tagged(
            clusters.snapshot([Disk('a', 1, 100)]), {'x': '[red]'}, {}
        )
        drawn = io.StringIO()
        capacity_terminal.draw([reports.report(snapshot)], drawn)
        self.assertIn('x=[red]', drawn.getvalue())

    def test_no_clusters(self) -> None:
        """Nothing to draw is no error."""
        drawn = io.StringIO()
        capacity_terminal.draw([], drawn)
        self.assertNotIn('cluster', drawn.getvalue())


def _colours(drawn: str) -> list[str]:
    return [
        code for code in _ESCAPES.findall(drawn) if _COLOUR.search(code)
    ]
