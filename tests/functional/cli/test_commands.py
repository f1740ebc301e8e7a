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

"""The ``gluster-heketi`` command in process."""

import datetime
import io
import json
import os
import pwd
import stat
import sys
import time

import ddt
import fixtures
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import values_of
from manila_gluster_heketi.tls import policy
from tests.functional.cli import commands
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says


class TopologyTestCase(commands.CommandTestCase):
    """topology load, show, export."""

    def test_load(self) -> None:
        """It lists what was done; a second load did nothing."""
        rows = self.json_of('topology', 'load', self.topology)
        self.assertEqual(
            [
                ('added', 'c1', '', 'cluster'),
                *(('added', 'c1', h, 'node') for h in self.d.hosts),
                *(('added', 'c1', h, '/dev/vdb') for h in self.d.hosts),
            ],
            [
                (r['Action'], r['Cluster'], r['Host'], r['Subject'])
                for r in rows
            ],
        )
        self.assertEqual([], self.json_of('topology', 'load', self.topology))

    def test_load_from_standard_input(self) -> None:
        """For pipes."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'sys.stdin', io.StringIO(json.dumps(self.d.document()))
            )
        )
        self.assertIsInstance(sys.stdin, io.StringIO)
        self.assertEqual(7, len(self.json_of('topology', 'load', '-')))

    def test_warnings(self) -> None:
        """They go to standard error, and are no failure."""
        self.run_command('topology', 'load', self.topology)
        part = self.d.write(
            'part.json', json.dumps(self.d.document('gl1', 'gl2'))
        )
        status, _, err = self.run_command('topology', 'load', part)
        self.assertEqual(0, status)
        self.assertIn('node gl3 is not in the document; it stays', err)

    def test_show(self) -> None:
        """A row for each device, with bytes for programs."""
        self.run_command('topology', 'load', self.topology)
        rows = self.json_of('topology', 'show')
        self.assertEqual(self.d.hosts, [row['Node'] for row in rows])
        for row in rows:
            self.assertIsInstance(row['Total'], int)
            self.assertEqual(row['Total'], row['Free'] + row['Used'])
            self.assertEqual('online', row['Node State'])
        _, table, _ = self.run_command('topology', 'show')
        self.assertIn('GiB', table)

    def test_export(self) -> None:
        """It prints what was loaded."""
        self.run_command('topology', 'load', self.topology)
        status, out, _ = self.run_command('topology', 'export')
        self.assertEqual(0, status)
        self.assertEqual(self.d.document(), json.loads(out))


class ErrorTestCase(commands.CommandTestCase):
    """One line on standard error, and a status that tells the kind."""

    def test_a_file_that_is_not_there(self) -> None:
        """The path is named."""
        err = self.refused(
            ExitCode.BAD_INPUT, 'topology', 'load', '/nonexistent.json'
        )
        self.assertIn('/nonexistent.json', err)

    def test_a_file_that_is_not_text(self) -> None:
        """So is one that nobody can read."""
        path = os.path.join(self.d.directory, 'binary.json')
        with open(path, 'wb') as file:
            file.write(b'\xff\xfe\x00')
        err = self.refused(ExitCode.BAD_INPUT, 'topology', 'load', path)
        self.assertIn(path, err)

    def test_a_document_that_is_not_json(self) -> None:
        """Line and column are named."""
        path = self.d.write('bad.json', '{"clusters": [}')
        err = self.refused(ExitCode.BAD_INPUT, 'topology', 'load', path)
        self.assertIn('line 1', err)
        self.assertIn(path, err)

    def test_a_host_that_does_not_answer(self) -> None:
        """A status of its own."""
        self.d.cluster.power_off('gl2')
        err = self.refused(ExitCode.HOST, 'topology', 'load', self.topology)
        self.assertIn('gl2', err)

    def test_a_host_key_that_changed(self) -> None:
        """The reader learns what it may mean."""
        self.d.cluster.refuse(
            'gl2', exceptions.HostKeyRefused(host='gl2', reason='changed')
        )
        err = self.refused(ExitCode.HOST, 'topology', 'load', self.topology)
        self.assertIn('somebody may be in between', err)

    def test_what_could_not_be_undone(self) -> None:
        """The operation is named, listed, and recovered."""
        self.d.executor.before = once(
            says('write_file'),
            lambda host, command: self.d.cluster.power_off('gl3'),
        )
        err = self.refused(ExitCode.STUCK, 'topology', 'load', self.topology)
        [row] = self.json_of('operation', 'list')
        self.assertIn(row['Id'], err)
        self.assertEqual('stuck', row['State'])
        [row] = self.json_of('operation', 'clean')
        self.assertIn('gl3', row['Outcome'])
        self.d.cluster.power_on('gl3')
        [row] = self.json_of('operation', 'clean')
        self.assertEqual('closed', row['Outcome'])
        self.assertEqual([], self.json_of('operation', 'list'))
        self.assertEqual(
            ['undone'],
            [r['State'] for r in self.json_of('operation', 'list', '--all')],
        )

    def test_an_unknown_command(self) -> None:
        """cliff says so."""
        status, _, err = self.run_command('topologie', 'load')
        self.assertEqual(2, status)
        self.assertNotIn('Traceback', err)

    def test_a_bug(self) -> None:
        """A status of its own, so that scripts can tell."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.service.Service.volumes', _bug
            )
        )
        status, _, err = self.run_command('volume', 'list')
        self.assertEqual(ExitCode.BUG, status)
        self.assertIn('surprise', err)


def _bug(self):
    raise ZeroDivisionError('surprise')


class VolumeTestCase(commands.CommandTestCase):
    """volume list and show."""

    def setUp(self) -> None:
        """Create a volume."""
        super().setUp()
        self.d.load()
        self.volume = self.d.create(durability='replicate:2')
        self.d.service.change_access('share-1', add=['alice'])

    def test_list(self) -> None:
        """A row for each, with bytes for programs."""
        [row] = self.json_of('volume', 'list')
        self.assertEqual(
            (self.volume.name, 'share-1', 2 << 30, 'replicate:2', 'ready'),
            tuple(
                row[key]
                for key in ('Name', 'Share', 'Size', 'Durability', 'State')
            ),
        )

    def test_show(self) -> None:
        """With its bricks and who may mount it."""
        shown = self.json_of('volume', 'show', 'share-1')
        self.assertEqual('alice', shown['Access'])
        self.assertEqual(
            list(self.d.service.bricks(self.volume)),
            shown['Bricks'].split('\n'),
        )

    def test_show_what_is_not_there(self) -> None:
        """The share is named."""
        err = self.refused(ExitCode.FAILED, 'volume', 'show', 'nobody')
        self.assertIn("'nobody'", err)

    def test_a_condemned_volume(self) -> None:
        """It is listed until it is gone."""
        self.d.cluster.power_off('gl3')
        self.d.service.delete_volume('share-1')
        [row] = self.json_of('volume', 'list')
        self.assertEqual('condemned', row['State'])


@ddt.ddt
class CertificateTestCase(commands.CommandTestCase):
    """cert issue and list."""

    def setUp(self) -> None:
        """Choose where files go."""
        super().setUp()
        self.where = os.path.join(self.d.directory, 'client')
        os.mkdir(self.where)

    def test_issue(self) -> None:
        """Three files, the key for its owner alone."""
        shown = self.json_of(
            'cert', 'issue', 'alice', '--directory', self.where
        )
        self.assertEqual('alice', shown['Common Name'])
        self.assertEqual(
            ['glusterfs.ca', 'glusterfs.key', 'glusterfs.pem'],
            sorted(os.listdir(self.where)),
        )
        mode = os.stat(os.path.join(self.where, 'glusterfs.key')).st_mode
        self.assertEqual(0o600, stat.S_IMODE(mode))
        [row] = self.json_of('cert', 'list')
        self.assertEqual(
            ('alice', shown['Serial']), (row['Common Name'], row['Serial'])
        )

    def test_issue_over_another(self) -> None:
        """Refused unless asked for; the old key stays."""
        words = ('cert', 'issue', 'alice', '--directory', self.where)
        self.run_command(*words)
        path = os.path.join(self.where, 'glusterfs.key')
        with open(path, encoding='utf-8') as file:
            before = file.read()
        status, _, err = self.run_command(*words)
        self.assertNotEqual(0, status)
        self.assert_one_line(err)
        with open(path, encoding='utf-8') as file:
            self.assertEqual(before, file.read())
        self.assertEqual(0, self.run_command(*words, '--overwrite')[0])

    @ddt.data('', 'a,b', '*', 'x' * 65, 'gluster-heketi-node-1', 'a b')
    def test_a_bad_name(self, name) -> None:
        """It is named; no file is written."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            'cert',
            'issue',
            name,
            '--directory',
            self.where,
        )
        self.assertIn(repr(name), err)
        self.assertEqual([], os.listdir(self.where))

    def _csr(self, key, name='tenant') -> str:
        builder = x509.CertificateSigningRequestBuilder().subject_name(
            x509.Name.from_rfc4514_string(f'CN={name}')
        )
        signed = builder.sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def test_a_request(self) -> None:
        """The key stays where it is; the name is not the request's."""
        key = ec.generate_private_key(ec.SECP384R1())
        path = self.d.write('alice.csr', self._csr(key))
        own = os.path.join(self.where, 'glusterfs.key')
        with open(own, 'w', encoding='utf-8') as file:
            file.write("the tenant's own")
        shown = self.json_of(
            'cert', 'issue', 'alice', '--csr', path, '--directory', self.where
        )
        self.assertEqual(
            ['glusterfs.ca', 'glusterfs.key', 'glusterfs.pem'],
            sorted(os.listdir(self.where)),
        )
        with open(own, encoding='utf-8') as file:
            self.assertEqual("the tenant's own", file.read())
        with open(os.path.join(self.where, 'glusterfs.pem'), 'rb') as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        self.assertEqual(key.public_key(), certificate.public_key())
        self.assertEqual('CN=alice', certificate.subject.rfc4514_string())
        [row] = self.json_of('cert', 'list')
        self.assertEqual(shown['Serial'], row['Serial'])

    def test_a_request_from_standard_input(self) -> None:
        """For pipes; the directory is made."""
        key = ec.generate_private_key(ec.SECP256R1())
        self.useFixture(
            fixtures.MonkeyPatch('sys.stdin', io.StringIO(self._csr(key)))
        )
        where = os.path.join(self.where, 'new')
        self.json_of('cert', 'issue', 'a', '--csr', '-', '--directory', where)
        self.assertEqual(
            ['glusterfs.ca', 'glusterfs.pem'], sorted(os.listdir(where))
        )

    def _bad_requests(self) -> dict[str, tuple[str, str]]:
        strong = ec.generate_private_key(ec.SECP256R1())
        weak = ec.generate_private_key(ec.SECP224R1())
        good = self._csr(strong)
        der = x509.load_pem_x509_csr(good.encode()).public_bytes(
            serialization.Encoding.DER
        )
        forged = x509.load_der_x509_csr(der.replace(b'tenant', b'forger'))
        forged_pem = forged.public_bytes(serialization.Encoding.PEM).decode()
        return {
            'no request': ('hello', 'none that we can read'),
            'nothing': ('', 'empty'),
            'half': (good[: len(good) // 2], 'none that we can read'),
            'too long': (good * 400, 'too long'),
            'weak': (self._csr(weak), 'secp224r1'),
            'forged': (forged_pem, 'not signed with its own key'),
            'no ASCII': (good.replace('M', '\N{SNOWMAN}'), 'not in PEM'),
        }

    def test_a_bad_request(self) -> None:
        """Said why; nothing is on record or written, no authority made."""
        for kind, (text, reason) in self._bad_requests().items():
            where = os.path.join(self.d.directory, 'not-there')
            path = self.d.write('bad.csr', text)
            err = self.refused(
                ExitCode.BAD_INPUT,
                *('cert', 'issue', 'alice', '--csr', path),
                *('--directory', where),
            )
            self.assertIn(reason, err, kind)
            self.assertFalse(os.path.exists(where), kind)
        self.assertFalse(os.path.exists(os.path.join(self.d.directory, 'ca')))
        self.assertEqual([], self.json_of('cert', 'list'))

    def test_a_request_that_is_not_there(self) -> None:
        """The path is named."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            *('cert', 'issue', 'alice', '--csr', '/nonexistent.csr'),
        )
        self.assertIn('/nonexistent.csr', err)

    @ddt.data('a\nb', '\x1b[2Jx', 'x' * 65, 'gluster-heketi-node-1', 'a,b')
    def test_a_bad_name_for_a_request(self, name) -> None:
        """It is shown so that it does no harm to a terminal."""
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.d.write('alice.csr', self._csr(key))
        err = self.refused(
            ExitCode.BAD_INPUT,
            *('cert', 'issue', name, '--csr', path),
            *('--directory', self.where),
        )
        self.assertIn(repr(name), err)
        self.assertEqual([], os.listdir(self.where))
        self.assertEqual([], self.json_of('cert', 'list'))

    def test_types_of_keys(self) -> None:
        """Elliptic curves unless RSA is asked for."""
        for words, size in (([], 256), (['--key-type', 'rsa-3072'], 3072)):
            self.json_of(
                *('cert', 'issue', 'alice', '--overwrite', *words),
                *('--directory', self.where),
            )
            with open(os.path.join(self.where, 'glusterfs.key'), 'rb') as file:
                key = serialization.load_pem_private_key(file.read(), None)
            self.assertEqual(size, key.key_size)

    def test_a_request_and_a_type_of_key(self) -> None:
        """The key is not ours to choose then."""
        error = self.assertRaises(
            SystemExit,
            self.run_command,
            *('cert', 'issue', 'alice', '--csr', 'x'),
            *('--key-type', 'rsa-3072', '--directory', self.where),
        )
        self.assertEqual(2, error.code)
        self.assertEqual([], os.listdir(self.where))

    def test_files_that_are_there(self) -> None:
        """Nothing is on record for what is not written."""
        words = ('cert', 'issue', 'alice', '--directory', self.where)
        self.run_command(*words)
        self.refused(ExitCode.BAD_INPUT, *words)
        self.assertEqual(1, len(self.json_of('cert', 'list')))

    def test_a_directory_that_is_a_file(self) -> None:
        """Said; nothing is on record."""
        path = self.d.write('file', 'x')
        err = self.refused(
            ExitCode.BAD_INPUT, 'cert', 'issue', 'alice', '--directory', path
        )
        self.assertIn('no directory', err)
        self.assertEqual([], self.json_of('cert', 'list'))

    def test_list(self) -> None:
        """Who asked, when, of one name, expired ones, as JSON."""
        clients = self.d.service.clients
        clients.issue('alice', days=1, share_id='share-1', asked_by='manila')
        for name in ('alice', 'bob'):
            self.run_command(
                *('cert', 'issue', name, '--directory', self.where),
                '--overwrite',
            )
        self.assertEqual(3, len(self.json_of('cert', 'list')))
        first, second = self.json_of('cert', 'list', '--name', 'alice')
        self.assertEqual(
            ('manila', 'share-1', 'client', ''),
            tuple(first[k] for k in ('Asked By', 'Share', 'Kind', 'Revoked')),
        )
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual(
            (user, ''), (second['Asked By'], second['Share'])
        )
        issued = datetime.datetime.fromisoformat(second['Issued'])
        self.assertLess(abs((policy.now() - issued).total_seconds()), 60)
        self.assertEqual([], self.json_of('cert', 'list', '--expired'))
        later = policy.now() + datetime.timedelta(days=2)
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tls.policy.now', lambda: later
            )
        )
        for words in ((), ('--name', 'alice')):
            status, out, _ = self.run_command(
                'cert', 'list', '--expired', *words, '--json'
            )
            self.assertEqual(0, status)
            [only] = json.loads(out)
            self.assertEqual(first['Serial'], only['Serial'])
        self.assertEqual(
            [], self.json_of('cert', 'list', '--name', 'bob', '--expired')
        )

    def test_many_certificates(self) -> None:
        """They are listed in no more than some seconds."""
        noon = datetime.datetime(2031, 5, 4, tzinfo=datetime.timezone.utc)
        self.d.service.prepare()
        with self.d.service.store.write() as tx:
            tx.insert(
                schema.certificates,
                *(
                    values_of(
                        model.Certificate(f'{n:x}', f'c{n}', 'client', noon)
                    )
                    for n in range(20_000)
                ),
            )
        for words in (('-f', 'json'), ('-f', 'value'), ()):
            begun = time.monotonic()
            status, out, _ = self.run_command('cert', 'list', *words)
            self.assertEqual(0, status)
            self.assertIn('c19999', out)
            self.assertLess(time.monotonic() - begun, 30)

    def test_a_bad_number_of_days(self) -> None:
        """Said; no file is written."""
        err = self.refused(
            ExitCode.BAD_INPUT,
            'cert',
            'issue',
            'alice',
            '--days',
            '-1',
            '--directory',
            self.where,
        )
        self.assertIn('days', err)
        self.assertEqual([], os.listdir(self.where))


class RevocationTestCase(commands.CommandTestCase):
    """cert revoke, unrevoke and revoked."""

    def setUp(self) -> None:
        """Let alice in to two shares."""
        super().setUp()
        self.d.load()
        for share in ('share-1', 'share-2'):
            self.d.create(share)
            self.d.service.change_access(share, add=['alice'])
        self.where = os.path.join(self.d.directory, 'client')
        self.issue = ('cert', 'issue', 'alice', '--directory', self.where)

    def test_revoke(self) -> None:
        """A row for each volume; then nothing lets the name in."""
        self.json_of(*self.issue)
        status, out, err = self.run_command(
            'cert', 'revoke', 'alice', '--reason', 'lost', '-f', 'json'
        )
        self.assertEqual(0, status, err)
        self.assertEqual(
            [('share-1', 'cut off'), ('share-2', 'cut off')],
            sorted((r['Share'], r['Outcome']) for r in json.loads(out)),
        )
        self.assertIn('were revoked now: 1\n', err)
        [row] = self.json_of('cert', 'list', '--name', 'alice')
        self.assertNotEqual('', row['Revoked'])
        [row] = self.json_of('cert', 'revoked')
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual(
            ('alice', user, 'lost'),
            (row['Common Name'], row['By'], row['Reason']),
        )
        err = self.refused(ExitCode.BAD_INPUT, *self.issue, '--overwrite')
        self.assertIn('[MGH-613]', err)
        self.assertIn('lost', err)

    def test_something_is_left(self) -> None:
        """A status of its own until a second run has done it."""
        name = self.d.service.volume('share-2').name
        self.d.executor.before = once(
            says(name, 'auth.ssl-allow'), fail('it is broken')
        )
        status, out, _ = self.run_command(
            'cert', 'revoke', 'alice', '-f', 'json'
        )
        self.assertEqual(ExitCode.FINDINGS, status)
        [left] = [r for r in json.loads(out) if r['Outcome'] != 'cut off']
        self.assertEqual('share-2', left['Share'])
        self.assertIn('it is broken', left['Outcome'])
        [row] = self.json_of('cert', 'revoke', 'alice')
        self.assertEqual('share-2', row['Share'])
        self.assertEqual([], self.json_of('cert', 'revoke', 'alice'))

    def test_unrevoke(self) -> None:
        """Not while an old certificate holds, unless with --force."""
        self.json_of(*self.issue)
        self.json_of('cert', 'revoke', 'alice')
        err = self.refused(ExitCode.FAILED, 'cert', 'unrevoke', 'alice')
        self.assertIn('[MGH-614]', err)
        self.assertIn('could mount again', err)
        self.assertEqual(1, len(self.json_of('cert', 'revoked')))
        self.assertEqual(
            0, self.run_command('cert', 'unrevoke', 'alice', '--force')[0]
        )
        self.assertEqual([], self.json_of('cert', 'revoked'))
        self.json_of(*self.issue, '--overwrite')
        self.refused(ExitCode.FAILED, 'cert', 'unrevoke', 'alice')

    def test_a_name_of_nodes(self) -> None:
        """Never."""
        cluster = self.d.service.clusters()[0].cluster.id
        err = self.refused(
            ExitCode.BAD_INPUT,
            *('cert', 'revoke', f'gluster-heketi-node-{cluster}'),
        )
        self.assertIn('for nodes', err)
