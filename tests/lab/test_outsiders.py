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

"""Somebody on the storage network who has no certificate."""

import secrets
import subprocess
import uuid
from typing import ClassVar

from manila_gluster_heketi import model
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.sizes import MIB
from tests.lab import footprint
from tests.lab import rpc
from tests.lab import scanner
from tests.lab import site

_GLUSTERD_PORT = 24007
_SECONDS = 150
_TEXT = 'from alice'

# What glusterd has for whoever comes, in plain text.
_PROGRAMS = {
    'GF-DUMP',
    'Gluster Handshake',
    'Gluster MGMT Handshake',
    'Gluster Portmap',
    'GlusterD svc cli read-only',
    'GlusterD svc mgmt',
    'GlusterD svc mgmt v3',
    'GlusterD svc peer',
}
_CHANGES = (
    'volume set {volume} auth.ssl-allow *',
    'volume reset {volume}',
    'volume stop {volume} force',
    'volume quota {volume} disable',
    'volume profile {volume} start',
    'volume create evil {host}:/evil force',
    'peer probe {stranger}',
    'peer detach {other}',
)


class OutsiderTest(site.SiteCase):
    """A volume with data, and nobody's client at the door."""

    alice: ClassVar[client.Client]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        service = cls.site.service
        share = model.new_id()
        spec = model.VolumeSpec(share, f'outsider-{share}', 400 * MIB)
        cls.volume = service.create_volume(spec)
        cls.addClassCleanup(service.delete_volume, share)
        service.change_access(share, add=['alice'])
        cls.host, cls.other = service.export_hosts(cls.volume)[:2]
        cls.alice = client.Client(
            cls.site.lab,
            f'{cls.host}:/{cls.volume.name}',
            cls.site.identity('alice'),
        )
        cls.addClassCleanup(cls.alice.unmount)
        cls.alice.mount()
        cls.alice.run(['tee', 'letter'], text=_TEXT, check=True)

    def gluster(self, words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of gluster against a node, from outside."""
        return subprocess.run(
            network.entered(
                self.site.lab,
                [
                    'gluster',
                    f'--remote-host={self.host}',
                    '--mode=script',
                    *words.split(),
                ],
            ),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )

    def test_every_port_of_every_node(self) -> None:
        """Bricks and daemons say nothing, glusterd names its programs."""
        found = scanner.knock(scanner.doors(self.site.lab))
        for seen in found:
            print(scanner.row(seen))
            self.assertEqual(frozenset(), seen.sealed, seen)
            is_glusterd = seen.door.port == _GLUSTERD_PORT
            self.assertEqual(
                _PROGRAMS if is_glusterd else frozenset(), seen.plain, seen
            )
        programs = {
            host: {s.door.program for s in found if s.door.host == host}
            for host in (node.address for node in self.site.lab.nodes)
        }
        bricks = {
            brick.partition(':')[0]
            for brick in self.site.service.bricks(self.volume)
        }
        self.assertEqual(3, len(bricks))
        for host, listening in programs.items():
            expected = {'sshd', 'glusterd'}
            if host in bricks:
                expected.add('glusterfsd')
            self.assertEqual(expected, listening)

    def test_glusterd_tells_and_changes_nothing(self) -> None:
        """Names, sizes and volume files; data and access stay."""
        for question in ('volume info', 'pool list'):
            self.assertEqual(0, self.gluster(question).returncode)
        told = self.gluster('volume info').stdout
        self.assertIn(self.volume.name, told)
        before = self._look()
        for change in _CHANGES:
            words = change.format(
                volume=self.volume.name,
                host=self.host,
                other=self.other,
                stranger=self.site.lab.spec.network[-2],
            )
            self.assertNotEqual(0, self.gluster(words).returncode, words)
        self.assertEqual(before, self._look())
        read = self.alice.run(['cat', 'letter'], check=True)
        self.assertEqual(_TEXT, read.stdout)

    def _look(self) -> dict[str, str]:
        return footprint.answers(
            self.site.lab, 'gluster volume info; gluster pool list | sort'
        )

    def test_glusterd_believes_who_says_to_be_a_peer(self) -> None:
        """So its port is to be reached by those alone who are trusted.

        The lock is on a volume that is not there, and ends by itself.
        """
        # The first line is a heading, the last one is the node asked.
        peer = self.gluster('pool list').stdout.splitlines()[1].split()[0]
        self.assertEqual(
            {'a peer': True, 'nobody': False},
            {
                'a peer': self._may_lock(uuid.UUID(peer).bytes),
                'nobody': self._may_lock(secrets.token_bytes(16)),
            },
        )

    def _may_lock(self, peer: bytes) -> bool:
        try:
            return rpc.lock(self.host, _GLUSTERD_PORT, peer, 'no-volume')
        except rpc.Closed:
            return False
