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

"""``gluster-heketi plan volume create``: what it shows, and touches not."""

import json
import shlex
import sqlite3
from typing import Any

import ddt

from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.sizes import GIB
from tests.functional.cli import commands

PLAN = ('plan', 'volume', 'create')


class Untouchable:
    """Hosts that must not be spoken to."""

    def run_batch(self, host: str, batch: Any) -> Any:
        """Fail whoever calls."""
        raise AssertionError(f'{host} was told {batch}')


class PlanTestCase(commands.CommandTestCase):
    """On a cluster of three nodes with a disk each."""

    def setUp(self) -> None:
        """Make the cluster; then nothing may be touched any more."""
        super().setUp()
        self.d.load()
        self.d.executor = Untouchable()
        self.rows = self._rows()

    def _rows(self) -> dict[str, list[Any]]:
        """Read the store's file, whatever it has."""
        path = f'{self.d.directory}/store.sqlite'
        connection = sqlite3.connect(path)
        self.addCleanup(connection.close)
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        return {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608
            for (name,) in tables.fetchall()
        }

    def tearDown(self) -> None:
        """See that the store is as it was."""
        self.assertEqual(self.rows, self._rows())
        super().tearDown()

    def test_where_bricks_would_be(self) -> None:
        """A row for each brick, with bytes for programs."""
        rows = self.json_of(*PLAN, '10')
        self.assertEqual(
            [(1, 1), (1, 2), (1, 3)], [(r['Set'], r['Brick']) for r in rows]
        )
        self.assertEqual(
            {(host, self.d.zone(host), '/dev/vdb') for host in self.d.hosts},
            {(r['Node'], r['Zone'], r['Device']) for r in rows},
        )
        for row in rows:
            self.assertGreater(row['Size'], 10 * GIB)
        _, table, _ = self.run_command(*PLAN, '10')
        self.assertIn('10.32 GiB', table)
        self.assertNotIn('Reason', table)

    def test_why_there(self) -> None:
        """How full, how full it should be, and what was passed over."""
        rows = self.json_of(*PLAN, '2', '--explain', '--durability=arbiter')
        for row in rows:
            self.assertEqual(0, row['Before'])
            self.assertGreater(row['After'], 0)
            self.assertGreater(row['Fair'], 0)
            self.assertTrue(row['Reason'])
        rows = self.json_of(
            *PLAN, '2', '--explain', '--durability', 'replicate:2'
        )
        (passed,) = rows[0]['Passed Over']
        self.assertNotIn(passed['Node'], {row['Node'] for row in rows})
        _, table, _ = self.run_command(
            *PLAN, '2', '--explain', '--durability', 'replicate:2'
        )
        self.assertIn('with the brick, fair', table)

    def test_commands_for_programs(self) -> None:
        """One document with the placement, in order."""
        for form in ('json', 'yaml'):
            status, out, err = self.run_command(
                *PLAN, '2', '--commands', '-f', form
            )
            self.assertEqual(0, status, err)
            self.assertIn('Placement', out)
        shown = self.json_of(*PLAN, '2', '--commands', '--name', 'vol1')
        self.assertEqual(3, len(shown['Placement']))
        words = [shlex.split(each['Command']) for each in shown['Commands']]
        made = [w for w in words if w[:2] == ['lvm', 'lvcreate']]
        self.assertEqual(3, len(made))
        create = next(w for w in words if 'create' in w)
        self.assertEqual(
            ['gluster', '--mode=script', 'volume', 'create', 'vol1'],
            create[:5],
        )
        self.assertLess(words.index(made[-1]), words.index(create))

    def test_commands_for_people(self) -> None:
        """By host, to be pasted."""
        status, out, err = self.run_command(*PLAN, '2', '--commands')
        self.assertEqual(0, status, err)
        for host in self.d.hosts:
            self.assertIn(f'\n# on {host}, as root:\nlvm lvcreate ', out)
        self.assertIn('gluster --mode=script', out)

    def test_rows_have_no_place_for_commands(self) -> None:
        """Said, rather than mixed into them."""
        err = self.refused(
            ExitCode.BAD_INPUT, *PLAN, '2', '--commands', '-f', 'csv'
        )
        self.assertIn('--commands', err)

    def test_defaults_are_those_of_the_configuration(self) -> None:
        """As shares have them; options go before."""
        self.configure(
            'gluster_heketi_durability = replicate:2',
            'gluster_heketi_headroom_percent = 100',
            'gluster_heketi_cluster = c1',
        )
        rows = self.json_of(*PLAN, '2')
        self.assertEqual(2, len(rows))
        self.assertGreater(rows[0]['Size'], 4 * GIB)
        rows = self.json_of(
            *PLAN,
            '0.002TiB',
            '--headroom=0',
            '--durability=distribute',
            '--cluster=c1',
            '--spread=zone:strict',
            '--tags=',
        )
        self.assertEqual(1, len(rows))
        self.assertLess(rows[0]['Size'], 3 * GIB)

    def test_small_files_need_large_arbiters(self) -> None:
        """The average size is in KiB."""
        sizes = [
            self.json_of(
                *PLAN,
                '8',
                '--durability=arbiter',
                f'--average-file-size={kib}',
            )[2]['Size']
            for kib in (4, 64)
        ]
        self.assertGreater(sizes[0], 4 * sizes[1])

    def test_no_room(self) -> None:
        """Line by line what is in the way and what would help."""
        status, out, err = self.run_command(*PLAN, '999')
        self.assertEqual((ExitCode.NO_SPACE, ''), (status, out))
        lines = err.splitlines()
        self.assertEqual(
            '[MGH-200] no placement for 999.00 GiB (replicate:3, spread '
            'zone:prefer)',
            lines[0],
        )
        self.assertEqual('cluster c1 has 3 devices:', lines[1])
        self.assertEqual(
            '  3 refused, too little free space for a brick of 1022.02 GiB '
            '(gl1, gl2, gl3)',
            lines[2],
        )
        self.assertIn('the largest that fits is 19.', lines[3])
        self.assertEqual('one of these is enough:', lines[4])
        self.assertIn('  add 3 devices of', lines[5])

    def test_no_room_for_programs(self) -> None:
        """The same as data."""
        status, out, _ = self.run_command(*PLAN, '999', '-f', 'json')
        self.assertEqual(ExitCode.NO_SPACE, status)
        shown = json.loads(out)
        self.assertEqual('MGH-200', shown['Code'])
        explanation = shown['Explanation']
        self.assertEqual('room', explanation['refusals'][0]['constraint'])
        [change] = explanation['changes']
        self.assertEqual(('add-devices', 3), (change['kind'], change['count']))


class PlanOfWhatIsThereTestCase(commands.CommandTestCase):
    """Where there is something, or nothing at all."""

    def test_share_that_has_a_volume(self) -> None:
        """It is not planned again."""
        self.d.load()
        self.d.create()
        err = self.refused(
            ExitCode.FAILED, *PLAN, '2', '--share-id', 'share-1'
        )
        self.assertIn('share-1', err)

    def test_no_cluster(self) -> None:
        """What makes one is named."""
        err = self.refused(ExitCode.NO_SPACE, *PLAN, '2')
        self.assertIn('topology load', err)


@ddt.ddt
class BadInputTestCase(commands.CommandTestCase):
    """Field and value are named, and nothing else happens."""

    @ddt.data(
        ('size', '-5', ()),
        ('size', '0', ()),
        ('size', '0GiB', ()),
        ('size', str(2**63), ()),
        ('size', 'much', ()),
        ('--durability', 'disperse:5+5', ()),
        ('--durability', 'replicate:0', ()),
        ('--durability', 'replicate:9', ()),
        ('--durability', 'raid', ()),
        ('--spread', 'zone:strict,zone:prefer', ('zone is given twice',)),
        ('--spread', 'node:prefer', ('contradicts',)),
        ('--spread', 'zone:often', ('often',)),
        ('spread', 'zone:strict,row:prefer', ('no device', "'row'")),
        ('--tags', 'disk = ssd and', ('at character 15',)),
        ('--tags', "disk = 'ssd", ('at character 8',)),
        ('--headroom', '-1', ()),
        ('--headroom', '9999', ()),
        ('--average-file-size', '3', ()),
        ('--cluster', 'nowhere', ()),
    )
    @ddt.unpack
    def test_bad_value(
        self, field: str, value: str, reasons: tuple[str, ...]
    ) -> None:
        """The reason too."""
        self.d.load()
        words = ['10', f'--{field.removeprefix("--")}={value}']
        if field == 'size':
            words = [value]
        err = self.refused(ExitCode.BAD_INPUT, *PLAN, *words)
        for word in (f'{field}: {value!r}', *reasons):
            self.assertIn(word, err)

    def test_arbiter_without_three_nodes(self) -> None:
        """No room would help."""
        self.d.load(self.d.document('gl1', 'gl2'))
        err = self.refused(
            ExitCode.BAD_INPUT, *PLAN, '2', '--durability', 'arbiter'
        )
        self.assertIn("durability: 'arbiter'", err)
        self.assertIn('there are 2 nodes', err)
