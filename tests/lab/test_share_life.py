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

"""A tenant's share: who gets in, how much it takes, and that it is sealed."""

import json
import pathlib
import re
import socket
import time

import fixtures
import requests
from defusedxml import ElementTree

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.lab import topology
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import MIB
from tests.lab import footprint
from tests.lab import site
from tests.lab.shares import until

# What of a share's size may be missing to its tenant. A write of 1 MiB is
# refused as a whole when it would pass the limit, and Gluster counts the
# directories that it keeps itself.
_TOLERANCE_BYTES = 2 * MIB
# As much at the end is written, before it space is reserved only: that takes
# the same blocks of the bricks and counts the same, but no minutes.
_WRITTEN_BYTES = 40 * MIB
_CUT_OFF_SECONDS = 15
# With the default timeouts a writer is stopped late; measured was 0.7 %.
_OVERSHOOT_BYTES = GIB // 50
# More than the soft timeout and the hard one together.
_QUOTA_LOOKS_SECONDS = 5

# Writes 1 MiB at a time, each to the bricks, until it is refused.
_FILL = """
import os
with open('filled', 'ab', buffering=0) as file:
    written = 0
    try:
        while True:
            file.write(os.urandom(1 << 20))
            os.fsync(file.fileno())
            written += 1 << 20
    except OSError as error:
        print(written, os.strerror(error.errno), sep=';')
"""


class SealedShareTest(site.SiteCase):
    """One share of 1 GiB on which alice is allowed."""

    share: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        shares = cls.site.shares
        cls.share = shares.create(1)
        cls.addClassCleanup(shares.delete, cls.share)
        shares.allow(cls.share, 'alice')
        cls.volume = cls.site.volume(cls.share)
        cls.info = cls.site.volume_info(cls.volume.name)

    def mounted(self, identity: pathlib.Path | None) -> client.Client:
        mounted = self.site.client(self.share, identity)
        self.addCleanup(mounted.unmount)
        mounted.mount()
        return mounted

    def refused(self, identity: pathlib.Path | None, reason: str) -> None:
        error = self.assertRaises(
            exceptions.LabMountFailed, self.mounted, identity
        )
        self.assertIn(reason, error.fields['log'])

    def allow_value(self) -> str:
        info = self.site.volume_info(self.volume.name)
        return info.options['auth.ssl-allow']

    def test_three_copies_in_three_zones(self) -> None:
        self.assertEqual('Started', self.info.status)
        self.assertEqual(3, self.info.replica)
        self.assertEqual(3, len(self.info.addresses))
        zones = {
            node.zone
            for node in self.site.lab.nodes
            for address in self.info.addresses
            if address.startswith(f'{node.address}:')
        }
        self.assertEqual({1, 2, 3}, zones)

    def test_options_seal_it(self) -> None:
        options = self.info.options
        self.assertEqual('on', options['client.ssl'])
        self.assertEqual('on', options['server.ssl'])
        nodes_name = names.node_common_name(self.volume.cluster_id)
        self.assertEqual(f'{nodes_name},alice', options['auth.ssl-allow'])

    def test_quota_is_the_size_of_the_share(self) -> None:
        quota = self.site.quota(self.volume.name)
        self.assertEqual(('/', GIB), (quota.path, quota.limit_bytes))

    def test_it_was_sealed_before_its_first_start(self) -> None:
        history = footprint.answers(
            self.site.lab,
            f'grep -ah {self.volume.name} /var/log/glusterfs/cmd_history.log',
            [self._maker()],
        )
        [text] = history.values()
        done = re.findall(r'volume (create|set|start) .* : SUCCESS', text)
        self.assertEqual(['create', 'set', 'start'], done[:3])
        [first_set] = re.findall(r'volume set .* : SUCCESS', text)[:1]
        nodes_name = names.node_common_name(self.volume.cluster_id)
        for option in (
            'client.ssl on',
            'server.ssl on',
            f'auth.ssl-allow {nodes_name}',
        ):
            self.assertIn(f' {option} ', first_set)

    def _maker(self) -> str:
        """Find the node where the volume was made."""
        # -a: a power cut leaves zeros in logs.
        wanted = f'grep -ac "volume create {self.volume.name} " '
        counts = footprint.answers(
            self.site.lab,
            f'{wanted} /var/log/glusterfs/cmd_history.log || true',
        )
        [found] = [name for name, count in counts.items() if count != '0']
        return found

    def test_a_brick_hears_no_plain_text(self) -> None:
        host = self.info.addresses[0].partition(':')[0]
        said = footprint.answer(
            self.site.lab,
            'n1',
            f'gluster --xml volume status {self.volume.name}',
        )
        port = next(
            int(node.findtext('port', ''))
            for node in ElementTree.fromstring(said).iter('node')
            if node.findtext('hostname') == host
        )
        with socket.create_connection((host, port), 10) as plain:
            # As much as any greeting: a TLS server sees that it is none.
            plain.sendall(b'\x80\0\0\x40' + bytes(64))
            plain.settimeout(10)
            try:
                answer = plain.recv(1)
            except ConnectionResetError:
                answer = b''
        # At most an alert (21), RFC 8446, section 5.1.
        self.assertIn(answer, (b'', b'\x15'))

    def test_only_who_is_allowed_gets_in(self) -> None:
        identity = self.site.directory / 'by-command'
        identity.mkdir()
        issued = self.site.run(
            'cert', 'issue', 'alice', '--directory', str(identity)
        )
        self.assertEqual(0, issued.returncode, issued.stderr)
        alice = self.mounted(identity)
        alice.run(['tee', 'letter'], text='from alice', check=True)
        # bob has a certificate of the same authority.
        self.refused(self.site.identity('bob'), 'Authentication failed')
        # What a client with another authority gets depends on who of the two
        # gives up first.
        stranger = self.site.foreign_identity('alice')
        self.assertRaises(exceptions.LabMountFailed, self.mounted, stranger)
        self.refused(None, 'could not load our cert')
        read = alice.run(['cat', 'letter'], check=True)
        self.assertEqual('from alice', read.stdout)
        alice.run(['rm', 'letter'], check=True)

    def test_it_takes_its_size_and_no_more(self) -> None:
        alice = self.mounted(self.site.identity('alice'))
        reserved = GIB - _WRITTEN_BYTES
        self.addCleanup(alice.run, ['rm', '-f', 'reserved', 'filled'])
        alice.run(
            ['fallocate', '-l', str(reserved), 'reserved'],
            check=True,
            timeout=300,
        )
        done = alice.run(['python3', '-c', _FILL], check=True, timeout=600)
        written, reason = done.stdout.strip().split(';')
        taken = reserved + int(written)
        print(f'a share of {GIB} bytes took {taken}, then: {reason}')
        # By the quota or, before it looks again, by the bricks.
        self.assertIn(
            reason, ('Disk quota exceeded', 'No space left on device')
        )
        self.assertGreaterEqual(taken, GIB - _TOLERANCE_BYTES)
        self.assertLessEqual(taken, GIB + _OVERSHOOT_BYTES)
        time.sleep(_QUOTA_LOOKS_SECONDS)
        done = alice.run(['python3', '-c', _FILL], check=True, timeout=600)
        self.assertEqual('0;Disk quota exceeded', done.stdout.strip())
        more = alice.run(['df', '-B1', '--output=size', '.'], check=True)
        self.assertEqual(str(GIB), more.stdout.split()[-1])

    def test_access_is_withdrawn_at_once(self) -> None:
        rule = self.site.shares.allow(self.share, 'carol')
        carol = self.mounted(self.site.identity('carol'))
        alice = self.mounted(self.site.identity('alice'))
        carol.run(['tee', 'note'], text='from carol', check=True)
        self.site.shares.deny(self.share, rule)
        until(
            lambda: carol.run(['cat', 'note']).returncode,
            bool,
            seconds=_CUT_OFF_SECONDS,
        )
        self.assertNotIn('carol', self.allow_value())
        self.refused(self.site.identity('carol'), 'Authentication failed')
        read = alice.run(['cat', 'note'], check=True)
        self.assertEqual('from carol', read.stdout)
        alice.run(['rm', 'note'], check=True)

    def test_rules_that_would_admit_others_change_nothing(self) -> None:
        before = self.allow_value()
        bad = [
            {'name': '10.0.0.1', 'kind': 'ip'},
            {'name': 'alice', 'kind': 'user'},
            {'name': 'dave', 'level': 'ro'},
            *(
                {'name': name}
                for name in ('a,b', 'a b', '*', 'al?ce', 'al[i]ce')
            ),
        ]
        rules = [
            self.site.shares.allow(self.share, wanted='error', **rule)
            for rule in bad
        ]
        error = self.assertRaises(
            requests.HTTPError, self.site.shares.allow, self.share, 'x' * 65
        )
        self.assertEqual(400, error.response.status_code)
        self.assertEqual(before, self.allow_value())
        for rule in rules:
            self.site.shares.deny(self.share, rule)
        self.assertEqual(before, self.allow_value())

    def test_no_private_key_is_in_any_log(self) -> None:
        issued = self.site.run(
            '-v',
            'cert',
            'issue',
            'erin',
            '--directory',
            self.useFixture(fixtures.TempDir()).path,
        )
        loaded = self.site.loaded
        texts = {
            'topology load': loaded.stdout + loaded.stderr,
            'cert issue': issued.stdout + issued.stderr,
            'manila': self.site.manila.log.read_text(),
        }
        # They do tell of the keys that were written, and what was run.
        self.assertIn('glusterfs.key', texts['topology load'])
        self.assertIn(f'volume create {self.volume.name}', texts['manila'])
        for name, text in texts.items():
            self.assertNotIn('PRIVATE KEY', text, name)
        key = self.site.identity('alice') / 'glusterfs.key'
        self.assertIn('PRIVATE KEY', key.read_text())


class SecondLoadTest(site.SiteCase):
    """The same document once more, with Manila at work."""

    def test_it_changes_nothing(self) -> None:
        nodes = footprint.look(self.site.lab)
        records = self.site.service.clusters()
        document = topology.topology_document(self.site.lab)
        done = site.load(self.site.manila.configuration, document)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([], json.loads(done.stdout))
        self.assertEqual(records, self.site.service.clusters())
        self.assertEqual(nodes, footprint.look(self.site.lab))

    def test_the_first_load_told_of_all(self) -> None:
        rows = json.loads(self.site.loaded.stdout)
        added = {(row['Host'], row['Subject']) for row in rows}
        for node in self.site.lab.nodes:
            for subject in ('node', *node.devices):
                self.assertIn((node.address, subject), added)
        self.assertEqual({'added'}, {row['Action'] for row in rows})
