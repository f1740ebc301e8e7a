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

"""``gluster-heketi rebalance plan`` on hosts in memory."""

from typing import Any

import ddt

from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional import deployment
from tests.functional.cli import commands

PLAN = ('rebalance', 'plan')
OLD = ('gl1', 'gl2', 'gl3')


class SixHostsTestCase(commands.CommandTestCase):
    """Three nodes in three zones, and hosts for three more."""

    def deploy(self, **kwargs: Any) -> deployment.Deployment:
        """Take hosts enough."""
        return super().deploy(nodes=6, **kwargs)

    def setUp(self) -> None:
        """Load the old nodes."""
        super().setUp()
        self.d.load(self.d.document(*OLD))


@ddt.ddt
class PlanTestCase(SixHostsTestCase):
    """What is planned, and that nothing else happens."""

    def setUp(self) -> None:
        """Fill the nodes to a half."""
        super().setUp()
        for number in range(4):
            self.d.create(f'share-{number}', spread='zone:strict')

    def grow(self) -> None:
        """Add a node to each zone."""
        status, _, err = self.run_command('topology', 'load', self.topology)
        self.assertEqual(0, status, err)

    def test_level(self) -> None:
        """Bricks go to the new node of their zone."""
        self.grow()
        rows = self.json_of(*PLAN)
        self.assertGreater(len(rows), 0)
        for row in rows:
            old, new = (row[c].split(':')[0] for c in ('From', 'To'))
            self.assertIn(old, OLD)
            self.assertNotIn(new, OLD)
            self.assertEqual(self.d.zone(old), self.d.zone(new))
            self.assertIsInstance(row['Size'], int)
            self.assertGreater(row['Gain'], 0)
            self.assertIn('should be', row['Why'])
        known = {
            (volume.name, brick.id, brick.size_bytes)
            for volume in self.d.service.volumes()
            for brick in self.d.bricks(volume)
        }
        planned = {(r['Volume'], r['Brick'], r['Size']) for r in rows}
        self.assertLessEqual(planned, known)
        self.assertEqual(len(rows), len(planned))

    def test_nothing_is_changed(self) -> None:
        """Neither in the store nor on any host."""
        self.grow()
        before = self.d.world()
        for words in ((), ('--drain-node', 'gl1'), ('--max-moves', '1')):
            status, _, err = self.run_command(*PLAN, *words)
            self.assertEqual(0, status, err)
        self.assertEqual(before, self.d.world())

    def test_people_get_a_summary(self) -> None:
        """Below the table; programs get none."""
        self.grow()
        status, out, err = self.run_command(*PLAN, 'c1')
        self.assertEqual(0, status)
        self.assertIn('GiB', out)
        self.assertRegex(
            err,
            r'6 moves of 12.87 GiB in all lower the objective from '
            r'\d\.\d{4} to \d\.\d{4}, and the largest distance above a fair '
            r'level from \d+\.\d points to [0-4]\.\d points\.',
        )
        _, _, err = self.run_command(*PLAN, '-f', 'json')
        self.assertEqual('', err)

    def test_nothing_to_do(self) -> None:
        """It is said so."""
        status, out, err = self.run_command(*PLAN)
        self.assertEqual((0, ''), (status, out.strip()))
        self.assertIn('Nothing to move', err)

    def test_a_budget(self) -> None:
        """It is kept, and it is said that more would move."""
        self.grow()
        rows = self.json_of(*PLAN)
        size = max(row['Size'] for row in rows)
        for words in (('--max-moves', '1'), ('--max-bytes', str(size))):
            self.assertEqual(1, len(self.json_of(*PLAN, *words)))
            _, _, err = self.run_command(*PLAN, *words)
            self.assertIn('1 move of', err)
            self.assertIn('More would move', err)
            self.assertIn('the budget is spent', err)
        self.assertEqual([], self.json_of(*PLAN, '--max-bytes', '1MiB'))

    @ddt.data(('--min-gain', '1'), ('--tolerance', '100'))
    def test_not_worth_it(self, words: tuple[str, ...]) -> None:
        """Little is left as it is."""
        self.grow()
        self.assertEqual([], self.json_of(*PLAN, *words))

    @ddt.data(
        ('--drain-node', 'gl1'),
        ('--drain-device', 'gl1:/dev/vdb'),
        ('--drain-device', 'gl1:/dev/vdb', '--drain-node', 'gl1'),
    )
    def test_drain(self, words: tuple[str, ...]) -> None:
        """All bricks leave, to the other node of the zone."""
        self.grow()
        rows = self.json_of(*PLAN, *words)
        self.assertEqual(4, len(rows))
        for row in rows:
            self.assertEqual('gl1:/dev/vdb', row['From'])
            self.assertEqual('gl4:/dev/vdb', row['To'])
            self.assertIn('to be emptied', row['Why'])

    def test_drain_what_is_needed(self) -> None:
        """Each brick that stays is told, with the reason and the remedy."""
        self.grow()
        status, out, err = self.run_command(*PLAN, '--drain-zone', '1')
        self.assertEqual((0, ''), (status, out.strip()))
        for volume in self.d.service.volumes():
            self.assertRegex(
                err,
                rf'of {volume.name} stays on gl1:/dev/vdb: .*in the same zone'
                '.*in a zone other than zone 2, zone 3',
            )


@ddt.ddt
class BadInputTestCase(SixHostsTestCase):
    """One line that names the field and the value."""

    @ddt.data(
        (('--max-bytes', '-1'), '--max-bytes'),
        (('--max-bytes', 'much'), '--max-bytes'),
        (('--max-moves', '-1'), '--max-moves'),
        (('--max-moves', '1.5'), '--max-moves'),
        (('--min-gain', '-0.1'), '--min-gain'),
        (('--min-gain', 'nan'), '--min-gain'),
        (('--min-gain', 'inf'), '--min-gain'),
        (('--tolerance', '101'), 'from 0 to 100'),
        (('--tolerance', ''), '--tolerance'),
        (('--drain-device', 'gl1'), 'HOST:/PATH'),
        (('--drain-device', 'gl1:/dev/vdz'), 'drain device'),
        (('--drain-node', 'gl4'), 'drain node'),
        (('--drain-zone', 'west'), '--drain-zone'),
        (('--drain-zone', '9' * 30), 'drain zone'),
        (('--drain-node', 'gl1', '--drain-zone', '9'), 'drain zone'),
        (('c2',), 'name one of these: c1'),
    )
    @ddt.unpack
    def test_a_value(self, words: tuple[str, ...], told: str) -> None:
        """It is refused."""
        err = self.refused(ExitCode.BAD_INPUT, *PLAN, *words)
        self.assertIn(told, err)
        self.assertIn(repr(words[-1]), err)

    def test_several_clusters(self) -> None:
        """One has to be named."""
        document = self.d.document(*OLD)
        document['clusters'] += self.d.document('gl4', name='c2')['clusters']
        self.d.load(document)
        err = self.refused(ExitCode.BAD_INPUT, *PLAN)
        self.assertIn('name one of these: c1, c2', err)
        err = self.refused(
            ExitCode.BAD_INPUT, *PLAN, 'c2', '--drain-node', 'gl1'
        )
        self.assertIn('cluster c2', err)
        self.assertEqual([], self.json_of(*PLAN, 'c2'))
        self.config = self.configure('gluster_heketi_cluster = c1')
        self.assertEqual([], self.json_of(*PLAN))


class NoClusterTestCase(commands.CommandTestCase):
    """Nothing was loaded yet."""

    def test_no_cluster(self) -> None:
        """It is said what to do."""
        err = self.refused(ExitCode.BAD_INPUT, *PLAN)
        self.assertIn('load a topology first', err)
