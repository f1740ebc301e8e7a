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


"""``gluster-heketi check`` and ``gluster-heketi db rebuild``."""

import dataclasses
import json
import os

from manila_gluster_heketi import names
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.sizes import GIB
from tests.functional.cli import commands
from tests.functional.interference import once
from tests.functional.interference import says
from tests.functional.truth import damage


class CheckTestCase(commands.CommandTestCase):
    """The exit status tells whether something is wrong."""

    def setUp(self) -> None:
        """Have a share on three nodes."""
        super().setUp()
        self.d.load()
        self.d.create()

    def _rows(self, status: int, *words: str) -> list[dict[str, str]]:
        found, out, self.err = self.run_command('check', *words, '-f', 'json')
        self.assertEqual(status, found, self.err)
        rows: list[dict[str, str]] = json.loads(out)
        return rows

    def test_nothing(self) -> None:
        """No row, status 0, and how much was looked at."""
        self.assertEqual([], self._rows(ExitCode.OK))
        self.assertIn('3 nodes and 3 bricks were looked at', self.err)

    def test_a_difference(self) -> None:
        """All that is known about it, for programs and for people."""
        damage.unmounted(self.d)
        brick = damage.brick(self.d)
        [row] = self._rows(ExitCode.FINDINGS)
        path = brick.mount_path
        self.assertEqual(
            {
                'Code': 'MGH-C304',
                'Severity': 'error',
                'Host': 'gl2',
                'Object': f'brick {brick.id} of volume manila-share-1',
                'Expected': f'/dev/{brick.vg_name}/{brick.lv_name} on {path}',
                'Found': 'not mounted',
                'Mend': 'mount it, and start what does not run of its volume',
                'Outcome': '',
            },
            row,
        )
        status, table, _ = self.run_command('check')
        self.assertEqual(ExitCode.FINDINGS, status)
        self.assertIn('MGH-C304', table)

    def test_what_is_harmless(self) -> None:
        """It is told, but the status is 0."""
        damage.the_brick_is_larger(self.d)
        [row] = self._rows(ExitCode.OK)
        self.assertEqual('info', row['Severity'])

    def test_repair(self) -> None:
        """What was mended is told once."""
        damage.unmounted(self.d)
        damage.the_quota_is_another(self.d)
        rows = self._rows(ExitCode.OK, '--repair')
        self.assertEqual(['mended'] * 2, [row['Outcome'] for row in rows])
        self.assertEqual([], self._rows(ExitCode.OK))

    def test_what_could_not_be_mended(self) -> None:
        """The reason is told, and the status too."""
        damage.unmounted(self.d)
        self.d.executor.after = once(
            says('start', 'force'),
            lambda host, command: damage.unmounted(self.d),
        )
        [row] = self._rows(ExitCode.FINDINGS, '--repair')
        self.assertEqual('it is still so', row['Outcome'])

    def test_orphans(self) -> None:
        """They go only when that is said."""
        damage.there_is_an_orphan(self.d)
        [row] = self._rows(ExitCode.FINDINGS, '--repair')
        self.assertEqual(('MGH-C311', ''), (row['Code'], row['Outcome']))
        [row] = self._rows(ExitCode.OK, '--repair', '--remove-orphans')
        self.assertEqual('mended', row['Outcome'])

    def test_some_hosts(self) -> None:
        """Several in one go, or the hosts of one cluster."""
        damage.unmounted(self.d)
        self._rows(ExitCode.OK, '--host', 'gl1', 'gl3')
        self._rows(ExitCode.FINDINGS, '--host', 'gl1', 'gl2')
        self._rows(ExitCode.FINDINGS, '--cluster', 'c1')

    def test_mistakes(self) -> None:
        """A cluster that is not there; orphans without a repair."""
        err = self.refused(ExitCode.FAILED, 'check', '--cluster', 'c9')
        self.assertIn('c9', err)
        status, _, err = self.run_command('check', '--remove-orphans')
        self.assertEqual(ExitCode.BAD_INPUT, status)
        self.assertIn('--repair', err)

    def test_what_is_being_changed(self) -> None:
        """It is named on standard error."""
        self.d.cluster.power_off('gl3')
        self.d.service.delete_volume('share-1')
        self.d.cluster.power_on('gl3')
        self.assertEqual([], self._rows(ExitCode.OK))
        self.assertIn('not compared: volume-delete', self.err)


class RebuildTestCase(commands.CommandTestCase):
    """A lost store."""

    def setUp(self) -> None:
        """Lose it."""
        super().setUp()
        self.d.load()
        self.volume = self.d.create()
        self.bricks = self.d.bricks(self.volume)
        self.record = self.d.record()
        self.d.service.store.close()
        for name in os.listdir(self.d.directory):
            if name.startswith('store.sqlite'):
                os.unlink(os.path.join(self.d.directory, name))

    def test_a_dry_run(self) -> None:
        """All rows are listed, none is written."""
        rows = self.json_of('db', 'rebuild', '--hosts', 'gl1', '--dry-run')
        self.assertEqual(
            ['cluster']
            + ['node'] * 3
            + ['device'] * 3
            + ['volume'] * 1
            + ['brick'] * 3,
            [row['Kind'] for row in rows],
        )
        [row] = [row for row in rows if row['Kind'] == 'volume']
        self.assertEqual(
            (self.volume.id, self.volume.name), (row['Id'], row['Name'])
        )
        self.assertIn('share-1', row['Detail'])
        self.assertEqual([], self.json_of('volume', 'list'))

    def test_rebuild(self) -> None:
        """The same rows; the store is as it was."""
        planned = self.json_of('db', 'rebuild', '--hosts', 'gl1', '--dry-run')
        self.assertEqual(
            planned, self.json_of('db', 'rebuild', '--hosts', 'gl1,gl2')
        )
        self.assertEqual(self.record, self.d.record())
        err = self.refused(ExitCode.FAILED, 'db', 'rebuild', '--hosts', 'gl1')
        self.assertIn('not empty', err)

    def test_problems(self) -> None:
        """They are told and refused, unless they are to be left out."""
        tags = marks.brick_tags(
            dataclasses.replace(self.bricks[0], id='f' * 32)
        )
        group = self.bricks[0].vg_name
        [host] = [
            name
            for name in self.d.hosts
            if group in self.d.cluster.host(name).disks.groups
        ]
        self.d.cluster.run_batch(
            host,
            [
                lvm.brick_create(
                    group, 'pool', names.lv_name('f' * 32), GIB, tags
                )
            ],
        )
        words = ('db', 'rebuild', '--hosts', 'gl1')
        status, out, err = self.run_command(*words, '--dry-run')
        self.assertEqual(ExitCode.FINDINGS, status)
        self.assertIn(self.volume.id, out)
        self.assertIn('[MGH-C708] host ', err)
        status, out, err = self.run_command(*words)
        self.assertEqual((ExitCode.FINDINGS, ''), (status, out))
        self.assertIn('[MGH-C708] host ', err)
        self.assertIn('[MGH-521]', err)
        self.assertEqual([], self.json_of('volume', 'list'))
        status, out, err = self.run_command(*words, '--leave-out')
        self.assertEqual(ExitCode.OK, status)
        self.assertIn('[MGH-C708] host ', err)
        self.assertIn('[MGH-C713] host ', err)
        self.assertNotEqual(self.record, self.d.record())
        device = f'{host}:/dev/vdb'
        self.run_command('device', 'set', device, '--state', 'online')
        self.assertEqual(self.record, self.d.record())
