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

"""``gluster-heketi ca`` in process."""

import dataclasses
import json
import logging
import os
from typing import Any

import fixtures
from castellan.common.objects import opaque_data

from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import keys
from tests.functional.cli import commands
from tests.unit.tls import operators


class AuthorityTestCase(commands.CommandTestCase):
    """A configuration, and the file that a passphrase may come from."""

    def setUp(self) -> None:
        """Write the passphrase."""
        super().setUp()
        self.directory = os.path.join(self.d.directory, 'ca')
        self.key = os.path.join(self.directory, 'ca.key')
        self.passphrase = self.d.write('passphrase', 'correct horse\n')
        os.chmod(self.passphrase, 0o600)

    def use_passphrase(self, *lines: str) -> None:
        """Name the passphrase in the configuration."""
        self.config = self.configure(
            f'gluster_heketi_ca_passphrase_file = {self.passphrase}', *lines
        )

    def read(self, path: str) -> str:
        """Read a file."""
        with open(path, encoding='ascii') as stream:
            return stream.read()


class ShowTestCase(AuthorityTestCase):
    """ca show."""

    def test_there_is_none(self) -> None:
        """To look for it does not make one."""
        err = self.refused(ExitCode.FAILED, 'ca', 'show')
        self.assertIn('there is none', err)
        self.assertFalse(os.path.exists(self.directory))

    def test_one_that_was_made_here(self) -> None:
        """It signed itself, and its key is open."""
        made = ca.Authority.load_or_create(self.directory)
        certificate = made.certificate
        found = self.json_of('ca', 'show')
        self.assertEqual(
            {
                'Kept In': self.directory,
                'Subject': certificate.subject.rfc4514_string(),
                'SHA-256 Fingerprint': made.fingerprint,
                'Key Type': 'ec-p256',
                'Not Before': certificate.not_valid_before_utc.isoformat(),
                'Not After': certificate.not_valid_after_utc.isoformat(),
                'Encrypted': False,
                'Self-Signed': True,
                'Chain': '',
                'Rotation': '',
            },
            found,
        )
        _, table, _ = self.run_command('ca', 'show')
        self.assertIn(made.fingerprint, table)

    def test_one_as_the_configuration_wants_it(self) -> None:
        """RSA, and encrypted; it can be shown without the passphrase."""
        self.use_passphrase('gluster_heketi_ca_key_type = rsa-3072')
        status, _, err = self.run_command(
            'cert', 'issue', 'alice', '--directory', self.d.directory
        )
        self.assertEqual(0, status, err)
        self.config = self.configure()
        found = self.json_of('ca', 'show')
        self.assertEqual('rsa-3072', found['Key Type'])
        self.assertIs(True, found['Encrypted'])

    def test_certificate_is_needed_and_the_passphrase_is_gone(self) -> None:
        """The options that could have it are named."""
        self.use_passphrase()
        ca.Authority.load_or_create(self.directory, lambda: b'other horse')
        words = ('cert', 'issue', 'a', '--directory', self.d.directory)
        self._refused_with('does not open', *words)
        self.config = self.configure()
        self._refused_with('ca_passphrase_file', *words)
        os.chmod(self.passphrase, 0o644)
        self.use_passphrase()
        self._refused_with('0644', *words)

    def _refused_with(self, text: str, *words: str) -> None:
        err = self.refused(ExitCode.FAILED, *words)
        self.assertIn(text, err)
        self.assertNotIn('horse', err)


class EncryptTestCase(AuthorityTestCase):
    """ca encrypt."""

    def setUp(self) -> None:
        """Make an authority with an open key."""
        super().setUp()
        self.made = ca.Authority.load_or_create(self.directory)

    def test_encrypt(self) -> None:
        """The authority is the same, and works with the passphrase."""
        self.use_passphrase()
        found = self.json_of('ca', 'encrypt')
        self.assertIs(True, found['Encrypted'])
        self.assertEqual(self.made.fingerprint, found['SHA-256 Fingerprint'])
        self.assertTrue(keys.is_encrypted(self.read(self.key)))
        self._assert_it_works()

    def test_encrypt_again(self) -> None:
        """Nothing changes."""
        self.use_passphrase()
        self.json_of('ca', 'encrypt')
        before = self.read(self.key)
        self.assertIs(True, self.json_of('ca', 'encrypt')['Encrypted'])
        self.assertEqual(before, self.read(self.key))

    def test_no_passphrase_is_configured(self) -> None:
        """The key stays as it is."""
        before = self.read(self.key)
        err = self.refused(ExitCode.FAILED, 'ca', 'encrypt')
        self.assertIn('gluster_heketi_ca_passphrase_file', err)
        self.assertEqual(before, self.read(self.key))

    def test_truth_can_be_told_with_an_encrypted_key(self) -> None:
        """The check opens it too."""
        self.use_passphrase()
        self.json_of('ca', 'encrypt')
        self.json_of('topology', 'load', self.topology)
        self.assertEqual([], self._findings())
        self.config = self.configure()
        [finding] = self._findings()
        self.assertIn('no passphrase is configured', str(finding))

    def _findings(self) -> list[Any]:
        status, out, err = self.run_command('check', '-f', 'json')
        self.assertNotEqual(ExitCode.BUG, status, err)
        return json.loads(out)

    def _assert_it_works(self) -> None:
        status, _, err = self.run_command(
            'cert', 'issue', 'alice', '--directory', self.d.directory
        )
        self.assertEqual(0, status, err)


class KeyManagerTestCase(AuthorityTestCase):
    """gluster_heketi_ca_passphrase_secret."""

    def test_client_of_barbican_is_talkative(self) -> None:
        """What it logs as it works is not for whoever gave the command."""
        self.useFixture(
            fixtures.MonkeyPatch('castellan.key_manager.API', _Barbican)
        )
        self.config = self.configure(
            'gluster_heketi_ca_passphrase_secret = the-id',
            '[key_manager]',
            'auth_type = keystone_password',
            'password = open sesame',
        )
        status, _, err = self.run_command(
            'cert', 'issue', 'alice', '--directory', self.d.directory
        )
        self.assertEqual(0, status, err)
        self.assertNotIn('Calculated', err)
        self.assertIn('made a certificate authority', err)
        self.assertTrue(keys.is_encrypted(self.read(self.key)))


class _Barbican:
    """Gives one secret, and logs as the client does."""

    def __init__(self, configuration: object) -> None:
        """Take what castellan's does."""

    def get(self, credentials: object, secret: str) -> opaque_data.OpaqueData:
        """Give it."""
        logging.getLogger('barbicanclient.base').info(
            'Calculated Secrets uuid ref: secrets/%s', secret
        )
        return opaque_data.OpaqueData(b'correct horse')


class ImportTestCase(AuthorityTestCase):
    """ca import."""

    def setUp(self) -> None:
        """Make an intermediate authority, as an operator has one."""
        super().setUp()
        self.root = operators.make()
        self.own = self.root.below('own', path_length=0)
        self.files = operators.write(self.d.directory, self.own, self.root)
        self.words = (
            'ca', 'import', '--certificate', self.files.certificate,
            '--key', self.files.key, '--chain', self.files.chain,
        )  # fmt: skip

    def test_import(self) -> None:
        """It is shown with its chain, and what it trusts is told."""
        status, out, err = self.run_command(*self.words, '-f', 'json')
        self.assertEqual(0, status, err)
        self.assertIn('trust all that is below CN=root,O=Operator', err)
        self.assertEqual(self.json_of('ca', 'show'), json.loads(out))
        found = json.loads(out)
        self.assertEqual(self.directory, found['Kept In'])
        self.assertEqual('CN=own,O=Operator', found['Subject'])
        self.assertIs(False, found['Self-Signed'])
        self.assertIs(False, found['Encrypted'])
        self.assertEqual('CN=root,O=Operator', found['Chain'])
        self.assertEqual(0o600, os.stat(self.key).st_mode & 0o777)

    def test_nodes_and_clients_get_the_whole_chain(self) -> None:
        """From the first node on."""
        self.json_of(*self.words)
        self.json_of('topology', 'load', self.topology)
        self.json_of('cert', 'issue', 'alice', '--directory', self.d.directory)
        trust = self.own.pem + self.root.pem
        self.assertEqual(
            trust, self.read(os.path.join(self.d.directory, 'glusterfs.ca'))
        )
        for host in self.d.hosts:
            files = self.d.cluster.host(host).space.root.files
            self.assertEqual(trust, files['/usr/lib/ssl/glusterfs.ca'].content)
        status, out, err = self.run_command('check', '-f', 'json')
        self.assertEqual((0, []), (status, json.loads(out)), err)

    def test_node_lacks_the_root(self) -> None:
        """Nobody could verify anything there; the check tells."""
        self.json_of(*self.words)
        self.json_of('topology', 'load', self.topology)
        files = self.d.cluster.host('gl1').space.root.files
        trusted = files['/usr/lib/ssl/glusterfs.ca']
        files['/usr/lib/ssl/glusterfs.ca'] = dataclasses.replace(
            trusted, content=self.own.pem
        )
        status, out, _ = self.run_command('check', '-f', 'json')
        self.assertEqual(ExitCode.FINDINGS, status)
        [finding] = json.loads(out)
        self.assertIn('root', finding['Expected'])
        self.assertIn('own', finding['Found'])

    def test_key_is_encrypted_as_configured(self) -> None:
        """Whatever it was before."""
        self.use_passphrase()
        self.assertIs(True, self.json_of(*self.words)['Encrypted'])
        self.assertTrue(keys.is_encrypted(self.read(self.key)))

    def test_there_is_one(self) -> None:
        """It stays: nodes and clients trust no other."""
        made = ca.Authority.load_or_create(self.directory)
        err = self.refused(ExitCode.FAILED, *self.words)
        self.assertIn('there is one already', err)
        self.assertEqual(
            made.fingerprint, ca.Authority.load(self.directory).fingerprint
        )

    def test_one_that_is_unfit(self) -> None:
        """The file is named, and nothing is kept."""
        operators.write(self.d.directory, self.own, operators.make())
        err = self.refused(ExitCode.BAD_INPUT, *self.words)
        self.assertIn(self.files.certificate, err)
        self.assertFalse(os.path.exists(self.directory))

    def test_key_that_others_may_read(self) -> None:
        """Nothing is kept."""
        os.chmod(self.files.key, 0o644)
        err = self.refused(ExitCode.FAILED, *self.words)
        self.assertIn('0644', err)
        self.assertFalse(os.path.exists(self.directory))


class DatabaseTestCase(AuthorityTestCase):
    """gluster_heketi_ca_store = database."""

    def setUp(self) -> None:
        """Configure it."""
        super().setUp()
        self.use_passphrase('gluster_heketi_ca_store = database')
        self.words = ('cert', 'issue', 'a', '--directory', self.d.directory)

    def test_life(self) -> None:
        """It is made at first use, shown, and needs no encrypting."""
        self.assertIn(
            'there is none', self.refused(ExitCode.FAILED, 'ca', 'show')
        )
        self.json_of(*self.words)
        found = self.json_of('ca', 'show')
        self.assertTrue(found['Kept In'].startswith('sqlite:///'))
        self.assertIs(True, found['Encrypted'])
        self.assertEqual(found, self.json_of('ca', 'encrypt'))
        self.assertFalse(os.path.exists(self.directory))
        self.json_of('topology', 'load', self.topology)
        self.assertEqual([], self.json_of('check'))

    def test_encrypting_with_another_passphrase(self) -> None:
        """It is said, and nothing changes."""
        self.json_of(*self.words)
        with open(self.passphrase, 'w', encoding='ascii') as stream:
            stream.write('wrong horse')
        err = self.refused(ExitCode.FAILED, 'ca', 'encrypt')
        self.assertIn('does not open it', err)
        self.assertNotIn('horse', err)

    def test_no_passphrase(self) -> None:
        """Nothing is made, and no key is anywhere."""
        self.config = self.configure('gluster_heketi_ca_store = database')
        err = self.refused(ExitCode.BAD_INPUT, *self.words)
        self.assertIn('gluster_heketi_ca_store', err)
        self.assertFalse(os.path.exists(self.directory))

    def test_import(self) -> None:
        """An authority that was in files, once."""
        made = ca.Authority.load_or_create(self.directory)
        words = (
            'ca', 'import', '--certificate', f'{self.directory}/ca.pem',
            '--key', self.key,
        )  # fmt: skip
        found = self.json_of(*words)
        self.assertEqual(made.fingerprint, found['SHA-256 Fingerprint'])
        self.assertTrue(found['Kept In'].startswith('sqlite:///'))
        err = self.refused(ExitCode.FAILED, *words)
        self.assertIn('there is one already', err)
