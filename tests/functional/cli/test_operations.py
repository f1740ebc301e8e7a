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

"""operation list, show, resume, clean and abandon."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands
from tests.functional.interference import Killed
from tests.functional.interference import once
from tests.functional.interference import says


class OperationsTestCase(commands.CommandTestCase):
    """A host dies while a volume is created, or deleted."""

    def setUp(self) -> None:
        """Load the hosts."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)
        self.before = self.d.record()

    def get_stuck(self) -> str:
        """Create a volume in vain; return the operation that undoes it."""
        self.d.executor.before = once(
            says('mkfs.xfs'), lambda host, _: self.d.cluster.power_off('gl3')
        )
        error = self.assertRaises(exceptions.OperationStuck, self.d.create)
        return str(error.fields['operation'])

    def test_show(self) -> None:
        """Steps with hosts, states and errors; for people and programs."""
        operation = self.get_stuck()
        shown = self.json_of('operation', 'show', operation)
        self.assertEqual(
            ('volume-create', 'stuck', ''),
            (shown['Kind'], shown['State'], shown['Finished']),
        )
        states = {s['host']: s['state'] for s in shown['Steps'][:3]}
        self.assertEqual('undo-failed', states.pop('gl3'))
        self.assertEqual({'undone'}, set(states.values()))
        [failed] = [s for s in shown['Steps'] if s['error']]
        self.assertIn('gl3', failed['error'])
        host, _, told = shown['Last Command'].partition(': ')
        self.assertIn(host, self.d.hosts)
        self.assertIn('umount', told)
        _, table, _ = self.run_command('operation', 'show', operation)
        self.assertIn('make-bricks gl3: undo-failed', table)

    def test_resume(self) -> None:
        """As often as needed; then it is closed."""
        operation = self.get_stuck()
        [row] = self.json_of('operation', 'resume', operation)
        self.assertIn('gl3', row['Outcome'])
        self.d.cluster.power_on('gl3')
        [row] = self.json_of('operation', 'resume', operation)
        self.assertEqual('closed', row['Outcome'])
        err = self.refused(ExitCode.FAILED, 'operation', 'resume', operation)
        self.assertIn('undone', err)
        self.assertEqual(self.before, self.d.record())

    def test_resume_what_is_under_way(self) -> None:
        """It is left to the process that works on it."""
        self.d.executor.kill_after(5)
        self.assertRaises(Killed, self.d.create)
        self.d.service, self.d.executor = self.d.process()
        [operation] = self.d.service.operations()
        err = self.refused(
            ExitCode.FAILED, 'operation', 'resume', operation.id
        )
        self.assertIn('under way', err)

    def test_abandon(self) -> None:
        """The record is clean, and says what the host may still have."""
        operation = self.get_stuck()
        status, out, err = self.run_command(
            'operation', 'abandon', operation, '--leave-the-rest'
        )
        self.assertEqual(0, status, err)
        self.assertIn('not undone: make-bricks (gl3)', out)
        self.assertEqual(self.before, self.d.record())
        shown = self.json_of('operation', 'show', operation)
        self.assertEqual('abandoned', shown['State'])
        self.assertIn('make-bricks (gl3)', shown['Error'])
        self.assertNotEqual('', shown['Finished'])

    def test_abandon_a_deletion(self) -> None:
        """What was to be removed is off the record."""
        self.d.create()
        self.d.cluster.power_off('gl3')
        self.d.service.delete_volume('share-1')
        [operation] = self.d.service.operations()
        self.assertIs(model.OpState.STUCK, operation.state)
        status, out, _ = self.run_command(
            'operation', 'abandon', operation.id, '--leave-the-rest'
        )
        self.assertEqual(0, status)
        self.assertIn('destroy-bricks (gl3)', out)
        self.assertEqual(self.before, self.d.record())

    def test_abandon_without_saying_so(self) -> None:
        """The flag is needed."""
        operation = self.get_stuck()
        err = self.refused(
            ExitCode.BAD_INPUT, 'operation', 'abandon', operation
        )
        self.assertIn('--leave-the-rest', err)
        self.assertEqual(1, len(self.d.service.operations()))

    def test_abandon_what_is_not_stuck(self) -> None:
        """It is told how it is, and nothing changes."""
        self.d.create()
        [*_, operation] = self.d.service.operations(every=True)
        err = self.refused(
            ExitCode.FAILED,
            'operation',
            'abandon',
            operation.id,
            '--leave-the-rest',
        )
        self.assertIn('it is done', err)

    def test_an_operation_that_is_not_there(self) -> None:
        """It is named."""
        for words in (
            ('show', 'f' * 32),
            ('resume', 'f' * 32),
            ('abandon', 'f' * 32, '--leave-the-rest'),
        ):
            err = self.refused(ExitCode.FAILED, 'operation', *words)
            self.assertIn('f' * 32, err)

    def test_list(self) -> None:
        """How far each is; the newest ones, and whether there are more."""
        operation = self.get_stuck()
        self.d.cluster.power_on('gl3')
        [row] = self.json_of('operation', 'list')
        steps = len(self.d.service.operation(operation).steps)
        self.assertEqual(
            (operation, 'stuck', '', f'0/{steps}'),
            (row['Id'], row['State'], row['Held'], row['Steps Done']),
        )
        self.assertIn('gl3', row['Error'])
        self.d.create('share-2')
        rows = self.json_of('operation', 'list', '--all')
        self.assertEqual(
            ['node-add', 'device-add', 'volume-create', 'volume-create'],
            [each['Kind'] for each in rows],
        )
        self.assertEqual('4/4', rows[-1]['Steps Done'])
        for limit, more in ((3, True), (4, False)):
            status, out, err = self.run_command(
                *('operation', 'list', '--all', '--limit', str(limit)),
                *('-f', 'value', '-c', 'Id'),
            )
            self.assertEqual(0, status, err)
            self.assertEqual(
                [each['Id'] for each in rows[-limit:]], out.split()
            )
            self.assertEqual(more, 'there are more' in err)
        err = self.refused(
            ExitCode.BAD_INPUT, 'operation', 'list', '--limit', '0'
        )
        self.assertIn('--limit', err)


class HeldOperationsTestCase(commands.CommandTestCase):
    """The store was put back from a copy; a creation had ended well."""

    def setUp(self) -> None:
        """Have it open on record, and done in Gluster."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)
        self.d.executor.before = once(says('limit-usage'), self._export)
        self.d.create()
        self._run('db', 'import', '--force', self.copy)
        self.d.expire_leases()
        [self.operation] = self.d.service.operations()

    def _export(self, *_: object) -> None:
        self.copy = f'{self.d.directory}/copy'
        self._run('db', 'export', self.copy)

    def _run(self, *words: str) -> tuple[str, str]:
        status, out, err = self.run_command(*words)
        self.assertEqual(0, status, err)
        return out, err

    def test_what_an_operator_sees(self) -> None:
        """That it is held, what "resume" would do, and what a check finds."""
        [row] = self.json_of('operation', 'list')
        self.assertEqual('yes', row['Held'])
        shown = self.json_of('operation', 'show', self.operation.id)
        self.assertIs(True, shown['Held'])
        self.assertEqual('undoes it', shown['Resume'])
        [row] = self.json_of('operation', 'clean')
        self.assertIn('MGH-703', row['Outcome'])
        status, out, err = self.run_command('check')
        self.assertEqual(ExitCode.FINDINGS, status)
        self.assertIn('held: volume-create', err)
        self.assertIn(self.operation.id, err)
        self.assertIn('MGH-C411', out)
        self.assertIn('manila-share-1', out)

    def test_accept(self) -> None:
        """The share is as any other one."""
        out, _ = self._run('operation', 'accept', self.operation.id)
        self.assertIn('put back', out)
        self._run('check')
        shown = self.json_of('operation', 'show', self.operation.id)
        self.assertEqual(
            ('done', False, ''),
            (shown['State'], shown['Held'], shown['Resume']),
        )
        err = self.refused(
            ExitCode.FAILED, 'operation', 'accept', self.operation.id
        )
        self.assertIn('not held', err)

    def test_hold(self) -> None:
        """Once more, after one was resumed in vain."""
        self.d.cluster.power_off('gl3')
        [row] = self.json_of('operation', 'resume', self.operation.id)
        self.assertIn('MGH-402', row['Outcome'])
        self.assertFalse(self.d.service.operation(self.operation.id).held)
        _, err = self._run('db', 'hold')
        self.assertIn('1 operations are held', err)
        self.assertTrue(self.d.service.operation(self.operation.id).held)
