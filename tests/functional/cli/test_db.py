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


"""The ``gluster-heketi db`` commands in process."""

import io
import os
import stat

import fixtures

from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands


class DbTestCase(commands.CommandTestCase):
    """db sync, version, backup, export, import."""

    def setUp(self) -> None:
        """Have a topology on record."""
        super().setUp()
        self.run_command('topology', 'load', self.topology)
        self.path = os.path.join(self.d.directory, 'copy')

    def _other(self) -> None:
        """Go on with another store, which is not there yet."""
        self.config = self.configure(
            'gluster_heketi_store_connection = '
            f'sqlite:///{self.d.directory}/other.sqlite'
        )

    def _devices(self) -> list[str]:
        return [row['Device'] for row in self.json_of('topology', 'show')]

    def test_version(self) -> None:
        """What there is and what is needed; nothing is made."""
        found = self.json_of('db', 'version')
        self.assertEqual('sqlite', found['Engine'])
        self.assertEqual(found['Schema Needed'], found['Schema'])
        self.assertIs(True, found['Up To Date'])
        self._other()
        err = self.refused(ExitCode.FAILED, 'db', 'version')
        self.assertIn('there is no such file', err)

    def test_sync(self) -> None:
        """A new store is made."""
        self._other()
        self.assertIs(True, self.json_of('db', 'sync')['Up To Date'])
        self.assertIs(True, self.json_of('db', 'version')['Up To Date'])

    def test_backup(self) -> None:
        """It can be put in the place of the store."""
        devices = self._devices()
        found = self.json_of('db', 'backup', self.path)
        self.assertEqual(os.path.getsize(self.path), found['Bytes'])
        self.assertEqual(0, found['Held'])
        self.refused(ExitCode.BAD_INPUT, 'db', 'backup', self.path)
        self._other()
        os.rename(self.path, f'{self.d.directory}/other.sqlite')
        self.assertEqual(devices, self._devices())

    def test_export_and_import(self) -> None:
        """The other store is the same; it is not imported twice."""
        devices = self._devices()
        status, out, err = self.run_command('db', 'export', self.path)
        self.assertEqual((0, ''), (status, out))
        self.assertIn('rows exported', err)
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        self.assertEqual(0o600, mode)
        self.refused(ExitCode.BAD_INPUT, 'db', 'export', self.path)
        self._other()
        status, _, err = self.run_command('db', 'import', self.path)
        self.assertEqual(0, status, err)
        self.assertIn('rows imported', err)
        self.assertEqual(devices, self._devices())
        err = self.refused(ExitCode.FAILED, 'db', 'import', self.path)
        self.assertIn('--force', err)
        status, _, err = self.run_command('db', 'import', '--force', self.path)
        self.assertEqual(0, status, err)
        self.assertEqual(devices, self._devices())

    def test_through_a_pipe(self) -> None:
        """From standard output into standard input."""
        devices = self._devices()
        _, out, _ = self.run_command('db', 'export', '-')
        self._other()
        self.useFixture(fixtures.MonkeyPatch('sys.stdin', io.StringIO(out)))
        status, _, err = self.run_command('db', 'import', '-')
        self.assertEqual(0, status, err)
        self.assertEqual(devices, self._devices())

    def test_file_that_is_no_export(self) -> None:
        """The line is named; or that there is no such file."""
        self._other()
        err = self.refused(ExitCode.BAD_INPUT, 'db', 'import', self.path)
        self.assertIn('No such file or directory', err)
        with open(self.path, 'wb') as file:
            file.write(b'\xff\xfe')
        err = self.refused(ExitCode.BAD_INPUT, 'db', 'import', self.path)
        self.assertIn('line 1', err)
