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

"""Several hosts with manila-share, each with its own state directory."""

import os
import shutil

import fixtures

from manila_gluster_heketi.service import Service
from tests import base
from tests.functional import deployment


class HostsTestCase(base.TestCase):
    """Two services on one store."""

    def setUp(self) -> None:
        """Make a passphrase that both hosts have."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.passphrase = os.path.join(self.directory, 'passphrase')
        with open(self.passphrase, 'w', encoding='ascii') as stream:
            stream.write('correct horse\n')
        os.chmod(self.passphrase, 0o600)

    def _host(self, name: str, **options: str) -> Service:
        service = Service(
            deployment.settings_in(
                os.path.join(self.directory, name),
                store_connection=f'sqlite:///{self.directory}/store.sqlite',
                **options,
            )
        )
        service.prepare()
        self.addCleanup(service.store.close)
        return service

    def test_authority_in_the_store(self) -> None:
        """Nothing is copied, and no key is in a file."""
        options = {
            'ca_store': 'database',
            'ca_passphrase_file': self.passphrase,
        }
        first = self._host('a', **options).clients.issue('alice')
        second = self._host('b', **options).clients.issue('bob')
        self.assertEqual(first.ca_pem, second.ca_pem)
        for name in 'ab':
            self.assertFalse(
                os.path.exists(os.path.join(self.directory, name, 'ca'))
            )

    def test_directory_is_copied(self) -> None:
        """The way with files."""
        first = self._host('a').clients.issue('alice')
        shutil.copytree(
            os.path.join(self.directory, 'a', 'ca'),
            os.path.join(self.directory, 'b', 'ca'),
        )
        second = self._host('b').clients.issue('bob')
        self.assertEqual(first.ca_pem, second.ca_pem)

    def test_authority_moves_into_the_store(self) -> None:
        """As an operator's own one is taken over."""
        first = self._host('a').clients.issue('alice')
        host = self._host(
            'b', ca_store='database', ca_passphrase_file=self.passphrase
        )
        files = os.path.join(self.directory, 'a', 'ca')
        host.authority.take_over(f'{files}/ca.pem', f'{files}/ca.key')
        self.assertEqual(first.ca_pem, host.clients.issue('bob').ca_pem)
