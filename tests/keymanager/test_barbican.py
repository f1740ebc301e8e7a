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

"""The passphrase of the authority's key comes from a real Barbican."""

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap
from typing import Any
from typing import ClassVar

import ddt
import fixtures

from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.tls import keys
from tests import base
from tests.keymanager import services

_PASSPHRASE = 'correct horse'
_MANUAL = pathlib.Path(__file__).parents[2] / 'doc/source/certificates.rst'
_COMMAND_SECONDS = 120


def _documented(start: str) -> str:
    """Give the lines of the manual that begin so, up to a blank one."""
    text = _MANUAL.read_text(encoding='utf-8')
    [found] = re.findall(rf'^( +{re.escape(start)}.*?)\n\n', text, re.M | re.S)
    return textwrap.dedent(found)


class _BarbicanTestCase(base.TestCase):
    """A configuration as the manual has it; each command is a process."""

    allow_processes = True
    allow_sockets = True

    DEFAULT_TIMEOUT = 600

    site: ClassVar[services.Site]

    @classmethod
    def setUpClass(cls) -> None:
        """Find the servers; the tests only add to what they have."""
        super().setUpClass()
        cls.site = services.running()

    def setUp(self) -> None:
        """Give the authority a directory that has nothing in it yet."""
        super().setUp()
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path
        )
        programs = pathlib.Path(sys.executable).parent
        self.environment = {
            **os.environ,
            'PATH': f'{programs}{os.pathsep}{os.environ["PATH"]}',
            'NO_PROXY': '127.0.0.1',
        }
        self.key = self.directory / 'ca' / 'ca.key'
        self.configure()

    def configure(
        self, secret: str = '', password: str = services.MANILA.password
    ) -> None:
        """Write the configuration.

        :param secret: its id; none for no passphrase
        :param password: of Manila's user
        """
        sections = _documented('[key_manager]')
        sections = re.sub('https://.*', self.site.auth_url, sections)
        sections = sections.replace('...', password)
        option = f'gluster_heketi_ca_passphrase_secret = {secret}\n'
        (self.directory / 'test.conf').write_text(
            '[gluster_heketi]\n'
            f'gluster_heketi_state_path = {self.directory}\n'
            'gluster_heketi_store_connection = '
            f'sqlite:///{self.directory}/store.sqlite\n'
            f'{option if secret else ""}'
            f'{sections}\n'
        )

    def run_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``gluster-heketi``, which must keep secrets to itself."""
        done = subprocess.run(
            [
                'gluster-heketi',
                f'--config-file={self.directory}/test.conf',
                *words,
            ],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        for secret in (_PASSPHRASE, services.MANILA.password):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def issue(self, name: str) -> subprocess.CompletedProcess[str]:
        """Have a certificate signed, for which the key is needed."""
        return self.run_command(
            'cert', 'issue', name, f'--directory={self.directory}/{name}'
        )

    def issued(self, name: str) -> None:
        """The same; it works, and there is nothing to complain about."""
        done = self.issue(name)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertNotRegex(done.stderr, '(?i)barbican|secret|error|warn')

    def refused(self, code: str = 'MGH-611') -> str:
        """The same; it fails with one clear line, which is returned."""
        done = self.issue('refused')
        self.assertEqual(ExitCode.FAILED, done.returncode, done.stderr)
        self.assertEqual('', done.stdout)
        self.assertNotIn('Traceback', done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith(f'[{code}] '), done.stderr)
        return last

    def shown(self, command: str = 'show') -> Any:
        """Show the authority."""
        done = self.run_command('ca', command, '-f', 'json')
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def assert_encrypted_with(self, passphrase: str) -> None:
        """Look at the file itself."""
        text = self.key.read_text(encoding='ascii')
        self.assertTrue(keys.is_encrypted(text))
        keys.load(text, passphrase.encode())


@ddt.ddt
class SecretTestCase(_BarbicanTestCase):
    """Barbican has the passphrase, and we may read it."""

    def test_as_the_manual_says(self) -> None:
        """A new authority is encrypted; later processes open it."""
        self.configure(self.secret_as_documented(services.MANILA))
        self.issued('alice')
        passphrase = (self.directory / 'passphrase').read_text().rstrip('\n')
        self.assert_encrypted_with(passphrase)
        before = self.shown()
        self.assertIs(True, before['Encrypted'])
        self.issued('bob')
        self.assertEqual(before, self.shown())
        self.configure()
        self.refused('MGH-610')

    @ddt.data(
        # Kept as plain text there, and as octets.
        ('passphrase', _PASSPHRASE),
        ('opaque', f'{_PASSPHRASE}\n'.encode()),
    )
    @ddt.unpack
    def test_key_is_in_the_clear(
        self, kind: str, payload: str | bytes
    ) -> None:
        """It gets encrypted, and the authority goes on."""
        self.issued('alice')
        before = self.shown()
        self.assertIs(False, before['Encrypted'])
        self.configure(self.site.keep(payload, kind))
        self.assertEqual({**before, 'Encrypted': True}, self.shown('encrypt'))
        self.assert_encrypted_with(_PASSPHRASE)
        self.issued('bob')

    def test_debugging(self) -> None:
        """Neither what is sent nor what comes back is shown."""
        self.configure(self.site.keep(_PASSPHRASE))
        done = self.run_command(
            *('--debug', '-v', '-v', 'cert', 'issue', 'alice'),
            f'--directory={self.directory}',
        )
        self.assertEqual(0, done.returncode, done.stderr)
        self.assert_encrypted_with(_PASSPHRASE)

    def test_secret_of_another_project(self) -> None:
        """We are let in as the manual says."""
        secret = self.secret_as_documented(services.ADMINISTRATOR)
        self.configure(secret)
        self.assertIn('Forbidden', self.refused())
        command = _documented('openstack acl submit')
        command = command.replace('ID', self.site.user)
        command = command.replace(
            'https://barbican.example.org', self.site.barbican.url
        )
        command = command.replace('SECRET', secret)
        self.openstack(services.ADMINISTRATOR, command)
        self.issued('alice')
        self.assertIs(True, self.shown()['Encrypted'])

    def secret_as_documented(self, account: services.Account) -> str:
        """Keep a secret as the manual says; return its id."""
        command = _documented('(umask 077; openssl')
        url = self.openstack(account, command)['Secret href']
        return str(url).rpartition('/')[-1]

    def openstack(self, account: services.Account, command: str) -> Any:
        """Run commands, the last of which is one of OpenStack's client."""
        done = subprocess.run(
            ['sh', '-e', '-c', f'{command} -f json'],
            cwd=self.directory,
            env={
                **self.environment,
                'OS_AUTH_URL': self.site.auth_url,
                'OS_USERNAME': account.user,
                'OS_PASSWORD': account.password,
                'OS_PROJECT_NAME': account.project,
                'OS_USER_DOMAIN_NAME': 'Default',
                'OS_PROJECT_DOMAIN_NAME': 'Default',
                'OS_IDENTITY_API_VERSION': '3',
            },
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)


class FailureTestCase(_BarbicanTestCase):
    """The passphrase does not come; nothing is made without it."""

    def refused(self, code: str = 'MGH-611') -> str:
        """And there is no authority."""
        told = super().refused(code)
        self.assertFalse(self.key.exists())
        return told

    def test_secret_that_is_not_there(self) -> None:
        """Its id is named."""
        self.configure('8dfb2f2c-0f3e-4d0f-9d0b-7e6f0c5c2f11')
        told = self.refused()
        self.assertIn('8dfb2f2c-0f3e-4d0f-9d0b-7e6f0c5c2f11', told)
        self.assertIn('not found', told)

    def test_secret_that_is_not_the_passphrase(self) -> None:
        """The key stays as it is."""
        self.configure(self.site.keep(_PASSPHRASE))
        self.issued('alice')
        self.configure(self.site.keep('battery staple'))
        told = super().refused('MGH-610')
        self.assertNotIn('staple', told)
        self.assert_encrypted_with(_PASSPHRASE)

    def test_wrong_password(self) -> None:
        """Keystone does not know us; the password is not shown."""
        self.configure(self.site.keep(_PASSPHRASE), 'open barley')
        told = self.refused()
        self.assertIn('HTTP 401', told)
        self.assertNotIn('barley', told)

    def test_barbican_is_down(self) -> None:
        """Its address is told; when it is back all goes on."""
        self.configure(self.site.keep(_PASSPHRASE))
        self.site.barbican.stop()
        try:
            self.assertIn(self.site.barbican.url, self.refused())
        finally:
            self.site.barbican.start()
        self.issued('alice')

    def test_keystone_is_down(self) -> None:
        """The same."""
        self.configure(self.site.keep(_PASSPHRASE))
        self.site.keystone.stop()
        try:
            self.assertIn(self.site.keystone.url, self.refused())
        finally:
            self.site.keystone.start()
        self.issued('alice')
