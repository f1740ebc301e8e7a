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

"""Tests of the page of the capacity map, as text."""

import collections
import datetime
from html import parser

from manila_gluster_heketi.cli import capacity_page
from manila_gluster_heketi.service import Report
from tests import base
from tests.unit.allocator import clusters
from tests.unit.allocator.clusters import Disk
from tests.unit.cli import reports

_MADE = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
_HOSTILE = '</style></title><script>alert(1)</script>"\'&<b>'


class _Reader(parser.HTMLParser):
    """Counts elements and gathers texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: collections.Counter[str] = collections.Counter()
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags[tag] += 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class PageTestCase(base.TestCase):
    """What a browser would be given."""

    def read(self, *shown: Report, version: str = '1.2.3') -> _Reader:
        """Make a page and parse it."""
        reader = _Reader()
        reader.feed(capacity_page.page(shown, reports.KIND, _MADE, version))
        reader.close()
        return reader

    def test_no_clusters(self) -> None:
        """The page says so."""
        self.assertIn('No clusters', self.read().texts)

    def test_a_cluster_without_devices(self) -> None:
        """It has figures, and no zones."""
        page = self.read(reports.report(clusters.snapshot([])))
        self.assertIn('Cluster c1', page.texts)
        self.assertEqual(0, page.tags['details'])

    def test_when_and_by_what_it_was_made(self) -> None:
        """In UTC."""
        page = self.read(reports.report(reports.filled(1)))
        self.assertIn('2026-01-02 03:04:05 UTC', page.texts)
        self.assertIn(' by gluster-heketi 1.2.3. ', ''.join(page.texts))

    def test_names_are_no_markup(self) -> None:
        """Each text and attribute is escaped."""
        usual = reports.tagged(reports.filled(2), {'a': 'b'}, {'c': 'd'})
        hostile = reports.at_path(
            reports.renamed(
                reports.tagged(
                    reports.filled(2, name=_HOSTILE),
                    {'a': _HOSTILE},
                    {'c': _HOSTILE},
                ),
                _HOSTILE,
            ),
            _HOSTILE,
        )
        page = self.read(reports.report(hostile), version=_HOSTILE)
        self.assertEqual(self.read(reports.report(usual)).tags, page.tags)
        self.assertIn(f'a={_HOSTILE}', page.texts)

    def test_where_room_is_stranded(self) -> None:
        """The zone or node is named, with how much it is."""
        page = self.read(
            reports.report(
                clusters.snapshot([Disk('a', 1, 300), Disk('b', 2, 100)])
            )
        )
        self.assertIn('in a.example', page.texts)
        self.assertIn('0 % of 300.00 GiB, 200.00 GiB stranded', page.texts)
