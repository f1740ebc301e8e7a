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

"""What there is room for, on the command line."""

import json
import os

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.sizes import GIB
from tests.functional.cli import commands


class CapacityTestCase(commands.CommandTestCase):
    """Three nodes in three zones, and one volume."""

    def setUp(self) -> None:
        """Create the volume."""
        super().setUp()
        self.d.load()
        self.volume = self.d.create()


@ddt.ddt
class ShowTestCase(CapacityTestCase):
    """capacity show."""

    def test_bytes_for_programs(self) -> None:
        """A row for each cluster, with names that stay."""
        [row] = self.json_of('capacity', 'show')
        self.assertEqual(
            [
                'Cluster',
                'Total',
                'Free',
                'Largest',
                'Raw Total',
                'Raw Used',
                'Raw Free',
                'Stranded',
                'Where',
                'Allocated',
                'Volumes',
                'Off Level',
                'Worst',
                'Worst Device',
            ],
            list(row),
        )
        bricks = self.d.bricks(self.volume)
        self.assertEqual('c1', row['Cluster'])
        self.assertEqual(sum(b.size_bytes for b in bricks), row['Raw Used'])
        self.assertEqual(row['Raw Total'], row['Raw Used'] + row['Raw Free'])
        self.assertEqual((2 * GIB, 1), (row['Allocated'], row['Volumes']))
        self.assertEqual((0, []), (row['Stranded'], row['Where']))
        self.assertEqual((0, 0), (row['Off Level'], row['Worst']))
        # Three copies: a third of the raw space, less the overhead.
        self.assertGreater(row['Total'], row['Raw Total'] / 3 * 0.95)
        self.assertLess(row['Total'], row['Raw Total'] / 3)

    def test_units_for_people(self) -> None:
        """A table has no long numbers."""
        status, out, _ = self.run_command('capacity', 'show')
        self.assertEqual(0, status)
        self.assertIn('2.00 GiB', out)
        self.assertIn('0.0 %', out)
        self.assertNotRegex(out, r'\d{6}')

    def test_freed_space_is_back(self) -> None:
        """Once the volume is deleted."""
        [before] = self.json_of('capacity', 'show')
        self.d.create('share-2', 3)
        [between] = self.json_of('capacity', 'show')
        self.assertLess(between['Free'], before['Free'] - 3 * GIB)
        self.assertEqual(2, between['Volumes'])
        self.d.service.delete_volume('share-2')
        self.assertEqual([before], self.json_of('capacity', 'show'))

    def test_another_kind(self) -> None:
        """The options go before the configuration, and that before ours."""
        [three] = self.json_of('capacity', 'show')
        [one] = self.json_of('capacity', 'show', '--durability', 'distribute')
        self.assertGreater(one['Total'], 2.9 * three['Total'])
        self.configure('gluster_heketi_durability = replicate:2')
        [two] = self.json_of('capacity', 'show')
        self.assertLess(three['Total'] * 1.4, two['Total'])
        self.assertEqual(
            [three],
            self.json_of('capacity', 'show', '--durability', 'replicate:3'),
        )

    def test_default_tags(self) -> None:
        """They rule devices out; an option takes them away."""
        self.configure('gluster_heketi_device_tags = disk = ssd')
        [row] = self.json_of('capacity', 'show')
        for figure in ('Total', 'Free', 'Largest', 'Raw Total'):
            self.assertEqual(0, row[figure])
        [row] = self.json_of('capacity', 'show', '--tags', '')
        self.assertGreater(row['Free'], 0)

    def test_where_it_is_stranded(self) -> None:
        """Two of three nodes are in one zone."""
        d = self.d
        document = d.document()
        document['clusters'][0]['nodes'][2]['node']['zone'] = 1
        d.load(document)
        words = ('--durability', 'replicate:2', '--spread', 'zone:strict')
        [row] = self.json_of('capacity', 'show', *words)
        self.assertEqual(
            [{'domain': 'zone 1', 'bytes': row['Stranded']}], row['Where']
        )
        # All that is free in zone 1 but for what the node in zone 2 has.
        free = {r['Node']: r['Free'] for r in self.json_of('topology', 'show')}
        self.assertEqual(
            free['gl1'] + free['gl3'] - free['gl2'], row['Stranded']
        )
        _, table, _ = self.run_command('capacity', 'show', *words)
        self.assertRegex(table, r'zone 1: \d+\.\d\d GiB')

    def test_one_cluster_alone(self) -> None:
        """By its name, whatever the configuration says."""
        self.assertEqual(
            self.json_of('capacity', 'show'),
            self.json_of('capacity', 'show', '--cluster', 'c1'),
        )
        self.configure('gluster_heketi_cluster = c9')
        self.assertEqual([], self.json_of('capacity', 'show'))
        self.assertEqual(
            1, len(self.json_of('capacity', 'show', '--cluster', 'c1'))
        )
        err = self.refused(
            ExitCode.FAILED, 'capacity', 'show', '--cluster', 'nosuch'
        )
        self.assertIn("'nosuch'", err)

    @ddt.data(
        ('--durability', 'replicate:9'),
        ('--durability', 'disperse:5+5'),
        ('--spread', 'zone:perhaps'),
        ('--tags', 'disk ='),
        ('--average-file-size', '1'),
        ('--average-file-size', '2GiB'),
    )
    @ddt.unpack
    def test_a_value_of_no_use(self, option: str, value: str) -> None:
        """Option and value are named."""
        err = self.refused(
            ExitCode.BAD_INPUT, 'capacity', 'show', option, value
        )
        self.assertIn(option, err)
        self.assertIn(repr(value), err)

    def test_a_tier_of_which_nothing_is_known(self) -> None:
        """Zeros would look like a full cluster."""
        for words in (('show',), ('fit', '--size', '1'), ('map',)):
            err = self.refused(
                ExitCode.BAD_INPUT,
                'capacity',
                *words,
                '--spread',
                'room:strict',
            )
            self.assertIn("'room'", err)

    def test_an_empty_store(self) -> None:
        """There is nothing to show, which is no error."""
        other = self.d.write('empty.conf', '')
        directory = self.useFixture(fixtures.TempDir()).path
        with open(other, 'w', encoding='utf-8') as file:
            file.write(
                f'[gluster_heketi]\ngluster_heketi_state_path = {directory}\n'
                'gluster_heketi_store_connection = '
                f'sqlite:///{directory}/store.sqlite\n'
            )
        self.config = other
        for words in (('show',), ('fit', '--size', '1'), ('map',)):
            self.assertEqual([], self.json_of('capacity', *words))


@ddt.ddt
class FitTestCase(CapacityTestCase):
    """capacity fit."""

    @ddt.data('replicate:3', 'distribute', 'arbiter')
    def test_what_is_counted_can_be_created(self, durability: str) -> None:
        """And the next share is refused, in the same words."""
        [row] = self.json_of(
            'capacity', 'fit', '--size', '4GiB', '--durability', durability
        )
        self.assertEqual((4 * GIB, True), (row['Size'], row['Complete']))
        self.assertLess(2, row['Fits'])
        self.assertLessEqual(row['Fits'], row['Bound'])
        for number in range(row['Fits']):
            self.d.create(f'more-{number}', 4, durability)
        refusal = self.assertRaises(
            exceptions.NoSpace, self.d.create, 'one-more', 4, durability
        )
        self.assertEqual(
            str(refusal.fields['explanation']), row['Stopped By']
        )
        [row] = self.json_of(
            'capacity', 'fit', '--size', '4', '--durability', durability
        )
        self.assertEqual(0, row['Fits'])

    def test_nothing_is_reserved(self) -> None:
        """Nor is any host touched."""
        before = self.d.world()
        self.json_of('capacity', 'fit', '--size', '1')
        self.assertEqual(before, self.d.world())

    def test_told_to_stop(self) -> None:
        """It says that there may be more."""
        [row] = self.json_of(
            'capacity', 'fit', '--size', '1GiB', '--at-most', '3'
        )
        self.assertEqual(
            (3, False, '--at-most'),
            (row['Fits'], row['Complete'], row['Stopped By']),
        )
        self.assertGreater(row['Counted'], 3)

    def test_headroom_counts(self) -> None:
        """Shares get it, so fewer of them fit."""
        [without] = self.json_of('capacity', 'fit', '--size', '2')
        self.configure('gluster_heketi_headroom_percent = 100')
        [beside] = self.json_of('capacity', 'fit', '--size', '2')
        self.assertLessEqual(beside['Fits'], without['Fits'] // 2 + 1)
        self.assertLess(0, beside['Fits'])

    def test_for_people(self) -> None:
        """The explanation is cut into lines."""
        status, out, err = self.run_command('capacity', 'fit', '--size', '2')
        self.assertEqual((0, ''), (status, err))
        self.assertLess(max(map(len, out.splitlines())), 140)
        self.assertIn('the largest that', out)

    @ddt.data('0', '-1', '-1GiB', '8EiB', str(2**63), 'many', '1Gb', '')
    def test_sizes_that_are_none(self, size: str) -> None:
        """The value is named."""
        err = self.refused(
            ExitCode.BAD_INPUT, 'capacity', 'fit', f'--size={size}'
        )
        self.assertIn('--size', err)
        self.assertIn(repr(size), err)

    @ddt.data('0', '-5', 'all', '1.5', '9' * 30)
    def test_limits_that_are_none(self, limit: str) -> None:
        """The value is named."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            *('capacity', 'fit', '--size', '1', f'--at-most={limit}'),
        )
        self.assertIn(repr(limit), err)


class MapTestCase(CapacityTestCase):
    """capacity map."""

    def test_a_picture(self) -> None:
        """It names everything, without escapes where there is no terminal."""
        status, out, err = self.run_command('capacity', 'map')
        self.assertEqual((0, ''), (status, err))
        for word in ('cluster c1', 'zone 3', *self.d.hosts, '/dev/vdb', '█'):
            self.assertIn(word, out)
        self.assertNotIn('\x1b', out)

    def test_bytes_for_programs(self) -> None:
        """A row for each device."""
        rows = self.json_of('capacity', 'map')
        self.assertEqual(self.d.hosts, [row['Node'] for row in rows])
        for row, shown in zip(
            rows, self.json_of('topology', 'show'), strict=True
        ):
            self.assertEqual(shown['Total'], row['Total'])
            self.assertEqual(shown['Used'], row['Used'])
            self.assertAlmostEqual(
                row['Used'] / row['Total'], row['Fill'], places=4
            )
            self.assertAlmostEqual(row['Fill'], row['Fair Level'], places=4)
            self.assertEqual(
                ('online', 'online'), (row['Node State'], row['Device State'])
            )

    def test_what_is_offline(self) -> None:
        """It has no fair level, and a word says why."""
        self.d.service.hardware.set_node_state(
            'gl2', model.EntryState.OFFLINE
        )
        away = self.json_of('capacity', 'map')[1]
        self.assertEqual(
            ('gl2', 'offline', 'online', None),
            tuple(
                away[key]
                for key in ('Node', 'Node State', 'Device State', 'Fair Level')
            ),
        )
        _, out, _ = self.run_command('capacity', 'map')
        self.assertIn('1 device, 1 offline', out)

    def test_a_page(self) -> None:
        """One file; nothing is printed."""
        path = os.path.join(self.d.directory, 'map.html')
        self.assertEqual(
            (0, '', ''), self.run_command('capacity', 'map', '--html', path)
        )
        with open(path, encoding='utf-8') as file:
            page = file.read()
        self.assertTrue(page.startswith('<!DOCTYPE html>'))
        for host in self.d.hosts:
            self.assertIn(host, page)
        self.assertNotIn('<script', page)
        self.assertNotRegex(page, r'(src|href)="(?!#|data:,)')
        self.assertNotRegex(page, r'url\((?!#)|@import')

    def test_a_page_and_rows(self) -> None:
        """Both at once."""
        path = os.path.join(self.d.directory, 'map.html')
        status, out, _ = self.run_command(
            'capacity', 'map', '--html', path, '-f', 'json'
        )
        self.assertEqual((0, 3), (status, len(json.loads(out))))
        self.assertTrue(os.path.exists(path))

    def test_a_page_that_can_not_be_written(self) -> None:
        """The path is named."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            *('capacity', 'map', '--html', '/nonexistent/map.html'),
        )
        self.assertIn('/nonexistent/map.html', err)
