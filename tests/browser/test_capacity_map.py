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

"""The capacity map as a browser renders it."""

import datetime
import os
from typing import Any

import ddt
import fixtures
import testtools

from manila_gluster_heketi import model
from manila_gluster_heketi.cli import capacity_page
from manila_gluster_heketi.cli import capacity_tree
from manila_gluster_heketi.cli.sizes_shown import for_people
from manila_gluster_heketi.service import Report
from tests import base
from tests.browser import chromium
from tests.unit.cli import reports

_MADE = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
_HOSTILE = '</style></title><script>alert(1)</script>"\'&<b>'

_OPEN_ALL = """
for (const each of document.querySelectorAll('details')) each.open = true;
"""
_BARS = """
[...document.querySelectorAll('.device')].map(row => {
    const width = part => {
        const found = row.querySelector(part);
        return found ? found.getBoundingClientRect().width : null;
    };
    const track = row.querySelector('.track').getBoundingClientRect();
    const fair = row.querySelector('.fair');
    return {
        path: row.querySelector('.path').textContent,
        use: row.querySelector('.use').textContent,
        points: row.querySelector('.points').textContent,
        standing: row.querySelector('.bar').classList[1],
        title: row.querySelector('title').textContent,
        filled: width('.fill') / track.width,
        width: track.width,
        height: track.height,
        fair: fair
            ? (fair.getBoundingClientRect().left + 1 - track.left)
                / track.width
            : null,
    };
})
"""
# The ratio of WCAG 2 between two colours that are no transparent ones.
_CONTRASTS = """
(() => {
    const light = colour => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(part => {
            const value = part / 255;
            return value <= 0.03928
                ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const behind = each => {
        const colour = getComputedStyle(each).backgroundColor;
        return /, 0\\)$/.test(colour) ? behind(each.parentElement) : colour;
    };
    return [...document.querySelectorAll('body *')]
        .filter(each => [...each.childNodes].some(
            node => node.nodeType === 3 && node.data.trim()))
        .filter(each => !each.closest('svg'))
        .map(each => {
            const [one, other] = [
                light(getComputedStyle(each).color), light(behind(each))
            ].sort((a, b) => b - a);
            return [(one + 0.05) / (other + 0.05), each.className];
        });
})()
"""


class PageTestCase(base.TestCase):
    """A page that is open in a browser."""

    allow_processes = True

    DEFAULT_TIMEOUT = 300

    def setUp(self) -> None:
        """Start the browser."""
        if not chromium.found():
            raise testtools.TestCase.skipException(
                'needs Chromium: run tools/test'
            )
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.browser = self.useFixture(chromium.Chromium())
        self.browser.resize(1280)

    def show(self, *shown: Report, version: str = '1.2.3') -> None:
        """Open the page of some clusters."""
        path = os.path.join(self.directory, 'map.html')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(
                capacity_page.page(shown, reports.KIND, _MADE, version)
            )
        self.browser.open(path)

    def text(self, selector: str) -> list[str]:
        """Give the texts of elements as they are shown."""
        found = self.browser.evaluate(
            f'[...document.querySelectorAll({selector!r})]'
            '.map(each => each.innerText)'
        )
        assert isinstance(found, list)
        return found

    def bars(self) -> list[dict[str, Any]]:
        """Measure the bars of all devices."""
        found = self.browser.evaluate(_OPEN_ALL + _BARS)
        assert isinstance(found, list)
        return found


@ddt.ddt
class MapTestCase(PageTestCase):
    """What is drawn is what is there."""

    @ddt.data(1, 4, 60)
    def test_each_device_has_a_bar_as_long_as_it_is_full(self, nodes) -> None:
        """And a mark at its fair level, unless it is offline."""
        report = reports.report(reports.filled(nodes))
        self.show(report)
        expected = [
            bar
            for zone in capacity_tree.zones_of(report)
            for node in zone.nodes
            for bar in node.bars
        ]
        found = self.bars()
        self.assertEqual(2 * nodes, len(found))
        for bar, drawn in zip(expected, found, strict=True):
            self.assertGreater(drawn['width'], 40)
            self.assertGreater(drawn['height'], 8)
            pixel = 1 / drawn['width']
            self.assertLess(abs(drawn['filled'] - bar.fill.use), pixel)
            self.assertEqual(bar.path, drawn['path'])
            self.assertEqual(bar.fill.percent, drawn['use'])
            self.assertEqual(bar.standing.value, drawn['standing'])
            self.assertIn(for_people(bar.fill.total_bytes), drawn['title'])
            if bar.fair is None:
                self.assertIsNone(drawn['fair'])
                self.assertEqual('offline', drawn['points'])
            else:
                self.assertLess(abs(drawn['fair'] - bar.fair), 2 * pixel)
                self.assertEqual(bar.points, drawn['points'])

    def test_zones_are_as_long_as_they_are_large(self) -> None:
        """To one scale, so that what has no match is seen."""
        report = reports.report(reports.filled(7))
        self.show(report)
        lengths = self.browser.evaluate(
            "[...document.querySelectorAll('.zones .bar')].map(each => "
            "['track', 'fill'].map(part => each.querySelector('.' + part)"
            '.getBoundingClientRect().width))'
        )
        zones = capacity_tree.zones_of(report)
        scale = max(length for length, _ in lengths) / max(
            zone.fill.total_bytes for zone in zones
        )
        for zone, (track, fill) in zip(zones, lengths, strict=True):
            self.assertLess(abs(track - zone.fill.total_bytes * scale), 1)
            self.assertLess(abs(fill - zone.fill.used_bytes * scale), 1)
        self.assertEqual(
            [
                [zone.fill.percent, for_people(zone.fill.total_bytes)]
                for zone in zones
            ],
            [row.split('\t')[-3:-1] for row in self.text('tbody tr')],
        )

    def test_totals_and_origin(self) -> None:
        """The page says what it is about, when and by what it was made."""
        report = reports.report(reports.filled(4))
        self.show(report, reports.report(reports.filled(1, name='small')))
        [header] = self.text('header p')
        self.assertIn('2026-01-02 03:04:05 UTC', header)
        self.assertIn('by gluster-heketi 1.2.3', header)
        self.assertIn('replicate:2', header)
        self.assertEqual(['Cluster c1', 'Cluster small'], self.text('main h2'))
        figures = self.text('.figures')[0]
        capacity = report.pool.capacity
        for each in (
            capacity.total_data_bytes,
            capacity.free_data_bytes,
            capacity.largest_volume_bytes,
            capacity.raw_total_bytes,
            report.pool.allocated_bytes,
        ):
            self.assertIn(for_people(each), figures)

    def test_states_and_tags_are_words(self) -> None:
        """They are not told by colour alone."""
        snapshot = reports.tagged(
            reports.filled(3), {'disk': 'ssd'}, {'rack': 'r1'}
        )
        away = snapshot.devices[0].node.id
        snapshot = model.Snapshot(
            snapshot.cluster,
            tuple(
                reports.switched_off(each) if each.node.id == away else each
                for each in snapshot.devices
            ),
        )
        self.show(reports.report(snapshot))
        self.assertEqual(['offline'], self.text('.state'))
        self.assertEqual(6, self.text('.device .tag').count('disk=ssd'))
        self.assertEqual(3, self.text('.node p .tag').count('rack=r1'))
        self.assertGreaterEqual(self.text('.points').count('offline'), 2)
        # Patterns that have no ground would be empty bars.
        for name in ('above', 'below', 'offline', 'stranded'):
            ground = f'document.querySelector("pattern#{name} rect")'
            self.assertGreater(
                self.browser.evaluate(f'{ground}.getBBox().width'), 1
            )


@ddt.ddt
class BehaviourTestCase(PageTestCase):
    """It stays readable and harmless whatever is in it."""

    @ddt.data(320, 768, 1280, 2560)
    def test_nothing_sticks_out(self, width) -> None:
        """Whatever the window, however long the names are."""
        snapshot = reports.tagged(
            reports.renamed(reports.filled(30), 'x' * 200),
            {'disk': 'ssd' * 40},
            {'rack': 'r' * 100},
        )
        self.browser.resize(width)
        self.show(reports.report(snapshot))
        self.bars()
        self.assertEqual(
            width,
            self.browser.evaluate('document.documentElement.scrollWidth'),
        )
        cut = self.browser.evaluate(
            "[...document.querySelectorAll('.use, .points')].filter("
            'each => each.scrollWidth > each.clientWidth).length'
        )
        self.assertEqual(0, cut)

    def test_nothing_is_fetched_or_complained_about(self) -> None:
        """Neither by the page nor about it."""
        self.show(reports.report(reports.filled(4)))
        self.bars()
        [own] = self.browser.requests
        self.assertTrue(own.endswith('/map.html'), own)
        self.assertEqual([], self.browser.complaints)

    def test_a_name_can_not_become_markup(self) -> None:
        """It is shown as it is."""
        snapshot = reports.tagged(
            reports.renamed(reports.filled(3, name=_HOSTILE), _HOSTILE),
            {'disk': _HOSTILE},
            {'rack': _HOSTILE},
        )
        self.show(reports.report(snapshot), version=_HOSTILE)
        self.assertEqual([], self.browser.complaints)
        self.assertEqual(
            0,
            self.browser.evaluate(
                "document.querySelectorAll('script, b, iframe, img').length"
            ),
        )
        self.assertIn(f'{_HOSTILE}-node-1', self.text('.host'))
        self.assertEqual([f'Cluster {_HOSTILE}'], self.text('main h2'))
        self.assertIn(f'disk={_HOSTILE}', self.text('.device .tag'))

    @ddt.data('light', 'dark')
    def test_text_can_be_read(self, scheme) -> None:
        """In both colour schemes, with WCAG's contrast for small text."""
        self.browser.prefer(scheme)
        self.show(reports.report(reports.filled(13, zones=1)))
        self.browser.evaluate(_OPEN_ALL)
        contrasts = self.browser.evaluate(_CONTRASTS)
        self.assertGreater(len(contrasts), 100)
        self.assertGreaterEqual(min(contrasts)[0], 4.5, min(contrasts))
        ground = self.browser.evaluate(
            'getComputedStyle(document.body).backgroundColor'
        )
        self.assertEqual(scheme == 'light', ground == 'rgb(255, 255, 255)')

    def test_pictures_are_described(self) -> None:
        """For those who hear the page."""
        self.show(reports.report(reports.filled(60)))
        self.assertEqual(
            0,
            self.browser.evaluate(
                "[...document.querySelectorAll('svg[role=img]')].filter("
                "each => !each.querySelector(':scope > title')).length"
            ),
        )
        language = self.browser.evaluate('document.documentElement.lang')
        self.assertEqual('en', language)

    def test_a_thousand_nodes(self) -> None:
        """Zones are closed at first, and all of it is there."""
        self.show(reports.report(reports.filled(1000, disks=10, zones=10)))
        self.assertEqual(
            0,
            self.browser.evaluate(
                "document.querySelectorAll('details[open]').length"
            ),
        )
        self.assertEqual(
            1000,
            self.browser.evaluate(
                "[...document.querySelectorAll('.strip g')].filter(each => "
                'each.getBoundingClientRect().width > 2).length'
            ),
        )
        height = self.browser.evaluate(
            'document.documentElement.scrollHeight'
        )
        self.assertLess(height, 3000)
        self.assertEqual(10_000, len(self.bars()))
        self.assertEqual([], self.browser.complaints)
