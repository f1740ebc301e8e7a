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

"""Tests of where passphrases come from."""

import logging
import os
import sys
from typing import Any
from unittest import mock

import ddt
import fixtures
import testtools
from castellan.common import exception as castellan_exception
from castellan.common.objects import opaque_data
from castellan.common.objects import passphrase as castellan_passphrase
from castellan.key_manager import not_implemented_key_manager
from oslo_config import cfg
from requests_mock.contrib import fixture as requests_fixture

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import passphrases
from tests import base

_SECRET = '8dfb2f2c-0f3e-4d0f-9d0b-7e6f0c5c2f11'


@ddt.ddt
class FileTestCase(base.TestCase):
    """A file with one line, for its owner alone."""

    def setUp(self) -> None:
        """Write one."""
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(directory, 'passphrase')
        self._write(b'correct horse\n')

    def _write(self, content: bytes, mode: int = 0o600) -> None:
        with open(self.path, 'wb') as stream:
            stream.write(content)
        os.chmod(self.path, mode)

    def _insecure(self) -> str:
        error = self.assertRaises(
            exceptions.InsecureFile, passphrases.from_file, self.path
        )
        self.assertEqual(self.path, error.fields['path'])
        return error.fields['reason']

    @ddt.data(b'correct horse', b'correct horse\n', b'correct horse\r\n')
    def test_line(self, content: bytes) -> None:
        """The end of the line is not part of it."""
        self._write(content)
        self.assertEqual(
            b'correct horse', passphrases.from_file(self.path)
        )

    @ddt.data(b' a ', 'größer'.encode(), b'\xff', 1023 * b'x')
    def test_any_bytes(self, content: bytes) -> None:
        """Nothing else is taken off."""
        self._write(content + b'\n')
        self.assertEqual(content, passphrases.from_file(self.path))

    @ddt.data(
        (b'', 'no passphrase'),
        (b'\n', 'no passphrase'),
        (b'correct horse\nbattery\n', 'more than one line'),
        (b'\ncorrect horse\n', 'more than one line'),
        (1024 * b'x', 'longer than 1023 bytes'),
        (5000 * b'x' + b'\n', 'longer than 1023 bytes'),
    )
    @ddt.unpack
    def test_content_that_is_none(self, content: bytes, reason: str) -> None:
        """The option is named, and what is in the file is not."""
        self._write(content)
        error = self.assertRaises(
            exceptions.InvalidConfiguration, passphrases.from_file, self.path
        )
        self.assertEqual(passphrases.FILE_OPTION, error.fields['option'])
        self.assertIn(reason, str(error))
        self.assertNotIn('horse', str(error))
        self.assertNotIn('xxx', str(error))

    def test_read_only_file(self) -> None:
        """It can be read, and that is enough."""
        self._write(b'x\n', 0o400)
        self.assertEqual(b'x', passphrases.from_file(self.path))

    @ddt.data(0o640, 0o604, 0o644, 0o620, 0o700)
    def test_mode(self, mode: int) -> None:
        """Others could read it, or put theirs in its place."""
        self._write(b'x\n', mode)
        self.assertIn(f'{mode:04o}', self._insecure())

    def test_file_of_another_user(self) -> None:
        """He could change it."""
        status = os.stat(self.path)
        other = os.geteuid() + 1
        stranger = os.stat_result((*status[:4], other, *status[5:]))
        with mock.patch.object(
            os, 'fstat', autospec=True, return_value=stranger
        ):
            self.assertIn(f'user {other}', self._insecure())

    def test_file_of_root(self) -> None:
        """For a service that runs as somebody else."""
        status = os.stat(self.path)
        roots = os.stat_result((*status[:4], 0, *status[5:]))
        with (
            mock.patch.object(os, 'fstat', autospec=True, return_value=roots),
            mock.patch.object(os, 'geteuid', autospec=True, return_value=7),
        ):
            self.assertEqual(
                b'correct horse', passphrases.from_file(self.path)
            )

    def test_file_is_missing(self) -> None:
        """The path is named."""
        os.unlink(self.path)
        self.assertIn('No such file', self._insecure())

    def test_path_of_a_pipe(self) -> None:
        """Nobody is waited for."""
        os.unlink(self.path)
        os.mkfifo(self.path, 0o600)
        self.assertIn('not a file', self._insecure())

    def test_path_of_a_directory(self) -> None:
        """Neither is that a file."""
        os.unlink(self.path)
        os.mkdir(self.path, 0o600)
        self.assertTrue(self._insecure())


class _KeyManager(not_implemented_key_manager.NotImplementedKeyManager):
    """One with three secrets in it, which asks who we are."""

    SECRETS = {
        'passphrase': castellan_passphrase.Passphrase(b'correct horse\n'),
        'opaque': opaque_data.OpaqueData(b'correct horse'),
        'lines': opaque_data.OpaqueData(b'correct horse\nbattery'),
        'nothing': opaque_data.OpaqueData(None),
    }

    def get(
        self, context: Any, managed_object_id: str, metadata_only: bool = False
    ) -> Any:
        """Give one, to somebody with the right token."""
        if context.token != 'ours':
            raise castellan_exception.Forbidden()
        try:
            return self.SECRETS[managed_object_id]
        except KeyError:
            raise castellan_exception.ManagedObjectNotFoundError(
                uuid=managed_object_id
            ) from None


@ddt.ddt
class KeyManagerTestCase(base.TestCase):
    """A secret in a key manager, reached through castellan."""

    def _configure(self, **values: str) -> cfg.ConfigOpts:
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'conf')
        lines = {
            'backend': f'{__name__}.{_KeyManager.__name__}',
            'auth_type': 'token',
            'token': 'ours',
            **values,
        }
        with open(path, 'w', encoding='utf-8') as stream:
            stream.write('[key_manager]\n')
            stream.writelines(f'{k} = {v}\n' for k, v in lines.items())
        configuration = cfg.ConfigOpts()
        configuration([], default_config_files=[path])
        return configuration

    def _refused(self, secret: str, reason: str, **values: str) -> None:
        error = self.assertRaises(
            exceptions.KeyManagerError,
            passphrases.from_key_manager,
            secret,
            self._configure(**values),
        )
        self.assertEqual(secret, error.fields['secret'])
        self.assertIn(reason, error.fields['reason'])
        self.assertNotIn('horse', str(error))

    @ddt.data('passphrase', 'opaque')
    def test_secret(self, secret: str) -> None:
        """With or without the end of a line."""
        self.assertEqual(
            b'correct horse',
            passphrases.from_key_manager(secret, self._configure()),
        )

    def test_secret_that_is_not_there(self) -> None:
        """Its id is named."""
        self._refused('other', 'uuid: other')

    def test_secret_that_is_not_for_us(self) -> None:
        """The key manager says so."""
        self._refused('opaque', 'not authorized', token='other')

    def test_no_credentials(self) -> None:
        """The section says nothing of who we are."""
        self._refused('opaque', 'auth_type', auth_type='')

    def test_key_manager_that_is_none(self) -> None:
        """Its name is misspelt."""
        self._refused('opaque', 'barbecue', backend='barbecue.Grill')

    def test_secret_without_text(self) -> None:
        """Barbican lets one be made."""
        self._refused('nothing', 'no text')

    def test_secret_of_two_lines(self) -> None:
        """The option is named."""
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            passphrases.from_key_manager,
            'lines',
            self._configure(),
        )
        self.assertEqual(passphrases.SECRET_OPTION, error.fields['option'])
        self.assertNotIn('horse', str(error))

    def test_castellan_is_not_installed(self) -> None:
        """The error tells what is missing, and how it is got."""
        with (
            mock.patch.dict(sys.modules, {'castellan': None}),
            testtools.ExpectedException(
                exceptions.InvalidConfiguration,
                r'.*castellan is not installed.*\[barbican\]',
            ),
        ):
            passphrases.from_key_manager('passphrase', cfg.ConfigOpts())


class BarbicanTestCase(base.TestCase):
    """The whole way to Barbican, but for the network."""

    def setUp(self) -> None:
        """Write the configuration that castellan's manual has."""
        super().setUp()
        path = os.path.join(self.useFixture(fixtures.TempDir()).path, 'conf')
        with open(path, 'w', encoding='utf-8') as stream:
            stream.write(
                '[key_manager]\n'
                'backend = barbican\n'
                'auth_type = keystone_password\n'
                'auth_url = http://keystone/v3\n'
                'username = manila\n'
                'password = open sesame\n'
                'user_domain_name = Default\n'
                'project_name = service\n'
                'project_domain_name = Default\n'
                '[barbican]\n'
                'barbican_endpoint = http://barbican/\n'
                'barbican_api_version = v1\n'
            )
        self.configuration = cfg.ConfigOpts()
        self.configuration([], default_config_files=[path])
        self.http = self.useFixture(requests_fixture.Fixture())
        self.http.get(
            'http://keystone/v3',
            json={
                'version': {
                    'id': 'v3.14',
                    'status': 'stable',
                    'links': [{'rel': 'self', 'href': 'http://keystone/v3'}],
                }
            },
        )
        self.login = self.http.post(
            'http://keystone/v3/auth/tokens',
            headers={'X-Subject-Token': 'token'},
            json={
                'token': {
                    'methods': ['password'],
                    'expires_at': '2100-01-01T00:00:00Z',
                    'issued_at': '2031-01-01T00:00:00Z',
                    'catalog': [],
                    'user': {'id': 'u', 'name': 'manila', 'domain': {}},
                }
            },
        )
        self.url = f'http://barbican/v1/secrets/{_SECRET}'
        version = {
            'id': 'v1',
            'status': 'CURRENT',
            'min_version': '1.0',
            'max_version': '1.1',
            'links': [],
        }
        self.http.get('http://barbican/', json={'versions': [version]})

    def _get(self) -> bytes:
        return passphrases.from_key_manager(_SECRET, self.configuration)

    def test_passphrase(self) -> None:
        """It is fetched as ourselves; the HTTP client would log it."""
        self.http.get(
            self.url,
            json={
                'secret_ref': self.url,
                'secret_type': 'passphrase',
                'status': 'ACTIVE',
                'name': None,
                'algorithm': None,
                'bit_length': None,
                'mode': None,
                'expiration': None,
                'created': '2031-01-01T00:00:00',
                'updated': '2031-01-01T00:00:00',
                'content_types': {'default': 'text/plain'},
            },
        )
        self.http.get(
            f'{self.url}/payload',
            headers={'Content-Type': 'text/plain'},
            content=b'correct horse',
        )
        logger = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        logging.getLogger('keystoneauth.session').debug('before')
        self.assertEqual(b'correct horse', self._get())
        logging.getLogger('keystoneauth.session').debug('after')
        self.assertNotIn('horse', logger.output)
        self.assertNotIn('sesame', logger.output)
        self.assertTrue(logger.output.startswith('before\n'))
        self.assertTrue(logger.output.endswith('after\n'))
        self.assertTrue(self.login.called)

    def test_barbican_does_not_know_it(self) -> None:
        """Its id is named, and no password."""
        self.http.get(self.url, status_code=404, json={'title': 'Not Found'})
        error = self.assertRaises(exceptions.KeyManagerError, self._get)
        self.assertIn(_SECRET, str(error))
        self.assertNotIn('sesame', str(error))

    def test_keystone_does_not_know_us(self) -> None:
        """A wrong password, which is not shown."""
        self.http.post('http://keystone/v3/auth/tokens', status_code=401)
        error = self.assertRaises(exceptions.KeyManagerError, self._get)
        self.assertIn('401', str(error))
        self.assertNotIn('sesame', str(error))
