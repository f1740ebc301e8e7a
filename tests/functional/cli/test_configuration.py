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

"""Configurations that the command line can not use."""

import os

from manila_gluster_heketi.cli.exit_codes import ExitCode
from tests.functional.cli import commands


class ConfigurationTestCase(commands.CommandTestCase):
    """A configuration that can't be used."""

    def _refused(self, *parts: str, words: tuple[str, ...] = ()) -> str:
        err = self.refused(ExitCode.BAD_INPUT, *words, 'topology', 'show')
        for part in parts:
            self.assertIn(part, err)
        return err

    def test_no_such_file(self) -> None:
        """The path is named."""
        status, _, err = self.run_plainly(
            '--config-file', '/nonexistent.conf', 'topology', 'show'
        )
        self.assertEqual(ExitCode.BAD_INPUT, status)
        self.assert_one_line(err)
        self.assertIn('/nonexistent.conf', err)

    def test_no_such_section(self) -> None:
        """Section and file are named."""
        self._refused(
            "'gluster7'", 'test.conf', words=('--config-section', 'gluster7')
        )

    def test_the_section_of_a_back_end(self) -> None:
        """manila.conf will do."""
        self.configure(
            'share_driver = manila_gluster_heketi.driver.'
            'GlusterHeketiShareDriver',
            section='gluster1',
        )
        status, _, err = self.run_command(
            '--config-section', 'gluster1', 'topology', 'show'
        )
        self.assertEqual((0, ''), (status, err))

    def test_a_file_that_is_no_configuration(self) -> None:
        """The file is named."""
        self.d.write('test.conf', 'this is not one\n')
        self._refused('test.conf')

    def test_a_value_that_is_not_known(self) -> None:
        """Option and reason are named."""
        self.configure('gluster_heketi_durability = replicate:9')
        self._refused('gluster_heketi_durability', 'replicate:9')

    def test_a_strategy_that_shares_can_not_be_placed_by(self) -> None:
        """One that is not there, and one that is there to compare."""
        for name, reason in (
            ('nosuch', 'known are balanced'),
            ('straw2', 'compare'),
        ):
            self.configure(f'gluster_heketi_allocator_strategy = {name}')
            self._refused('gluster_heketi_allocator_strategy', name, reason)

    def test_limits_that_contradict_each_other(self) -> None:
        """Both are named."""
        self.configure(
            'gluster_heketi_brick_min_size = 20',
            'gluster_heketi_brick_max_size = 10',
        )
        self._refused(
            'gluster_heketi_brick_min_size', 'gluster_heketi_brick_max_size'
        )

    def test_a_number_that_is_none(self) -> None:
        """Likewise."""
        self.configure('gluster_heketi_ssh_port = many')
        self._refused('gluster_heketi_ssh_port', 'many')

    def test_a_key_that_is_not_there(self) -> None:
        """Before ssh says no more than 'denied'."""
        self.configure('gluster_heketi_ssh_private_key = /nonexistent/key')
        self._refused('gluster_heketi_ssh_private_key', '/nonexistent/key')

    def test_a_key_that_others_can_read(self) -> None:
        """Its mode is named."""
        key = self.d.write('key', 'secret')
        os.chmod(key, 0o644)
        self.configure(f'gluster_heketi_ssh_private_key = {key}')
        status, _, err = self.run_command('topology', 'show')
        self.assertNotEqual(0, status)
        self.assert_one_line(err)
        self.assertIn(key, err)
        self.assertIn('0644', err)

    def test_a_state_path_that_is_a_file(self) -> None:
        """It is named."""
        path = self.d.write('file', '')
        self.configure()
        text = f'[gluster_heketi]\ngluster_heketi_state_path = {path}\n'
        self.d.write('test.conf', text)
        self._refused('gluster_heketi_state_path', path)

    def test_a_database_of_a_newer_release(self) -> None:
        """Nothing in it is touched."""
        with self.d.service.store.write() as tx:
            tx._connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '9999'"
            )
        status, out, err = self.run_command('topology', 'show')
        self.assertEqual((ExitCode.FAILED, ''), (status, out))
        self.assert_one_line(err)
        self.assertIn('9999', err)

    def test_a_password_is_not_shown(self) -> None:
        """Nor is any part of a URL that can't be parsed."""
        self.d.write(
            'test.conf',
            '[gluster_heketi]\n'
            f'gluster_heketi_state_path = {self.d.directory}\n'
            'gluster_heketi_store_connection = nosuch://u:s3cret@h/db\n',
        )
        status, out, err = self.run_command('topology', 'show')
        self.assertNotEqual(0, status)
        self.assertNotIn('s3cret', out + err)
        self.assert_one_line(err)
