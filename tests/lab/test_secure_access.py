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

"""Management encryption of a cluster that is used, switched on and off."""

import time
from typing import ClassVar

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi import spread
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import MIB
from tests.lab import footprint
from tests.lab import scanner
from tests.lab import site
from tests.lab import test_topology_load

_GLUSTERD_PORT = 24007
_TEXT = 'from alice'


class SecureAccessTest(site.SiteCase):
    """A volume from before, and one that is made meanwhile."""

    DEFAULT_TIMEOUT = 1800
    cluster: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        [snapshot] = cls.site.service.clusters()
        cls.cluster = snapshot.cluster.name

    def volume(self) -> str:
        """Make a volume for alice; give what she mounts."""
        service = self.site.service
        share = model.new_id()
        spec = model.VolumeSpec(share, f'secure-{share}', 400 * MIB)
        volume = service.create_volume(spec)
        self.addCleanup(service.delete_volume, share)
        service.change_access(share, add=['alice'])
        return f'{service.export_hosts(volume)[0]}:/{volume.name}'

    def tenant(
        self, export: str, *, secure_access: bool, name: str = 'alice'
    ) -> client.Client:
        """Give a client, to be mounted."""
        made = client.Client(
            self.site.lab,
            export,
            self.site.identity(name),
            secure_access=secure_access,
        )
        self.addCleanup(made.unmount)
        return made

    def refused(self, refused: client.Client) -> None:
        """See that a client gets nothing of what alice wrote."""
        try:
            refused.mount()
        except exceptions.LabMountFailed:
            return
        # On a busy machine it may learn a moment later that it is refused.
        read = refused.run(['cat', 'letter'])
        self.assertNotEqual(0, read.returncode, read.stdout + refused.log())

    def switch(self, *words: str, status: int = 0) -> None:
        """Switch it as an operator does."""
        begun = time.monotonic()
        done = self.site.run('cluster', 'secure-access', self.cluster, *words)
        print(
            f'secure-access {" ".join(words)}: '
            f'{time.monotonic() - begun:.1f} s'
        )
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)

    def content(self) -> None:
        """Have ``check`` find nothing."""
        done = self.site.run('check')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_on_and_off(self) -> None:
        """Strangers hear nothing; those with certificate and file mount."""
        old = self.volume()
        with self.tenant(old, secure_access=False) as mounted:
            mounted.run(['tee', 'letter'], text=_TEXT, check=True)
        before = footprint.look(self.site.lab)
        self.switch('on', status=ExitCode.FAILED)
        self.assertEqual(before, footprint.look(self.site.lab))

        self.switch('on', '--interrupt-mounts')
        self.addCleanup(
            self.site.run,
            'cluster',
            'secure-access',
            self.cluster,
            'off',
            '--interrupt-mounts',
        )
        self.content()
        self._stranger_hears_nothing()
        self.switch('on')
        for export in (old, self.volume()):
            with self.tenant(export, secure_access=True) as mounted:
                mounted.run(['tee', 'letter'], text=_TEXT, check=True)
            self.refused(self.tenant(export, secure_access=False))
            self.refused(
                self.tenant(export, secure_access=True, name='mallory')
            )

        self.switch('off', '--interrupt-mounts')
        self.content()
        with self.tenant(old, secure_access=False) as mounted:
            read = mounted.run(['cat', 'letter'], check=True)
        self.assertEqual(_TEXT, read.stdout)
        self.refused(self.tenant(old, secure_access=True))

    def _stranger_hears_nothing(self) -> None:
        """Of port 24007, neither in plain text nor in TLS."""
        doors = [
            door
            for door in scanner.doors(self.site.lab)
            if door.port == _GLUSTERD_PORT
        ]
        self.assertEqual(len(self.site.lab.nodes), len(doors))
        for seen in scanner.knock(doors):
            print(scanner.row(seen))
            self.assertEqual(
                (frozenset(), frozenset()), (seen.plain, seen.sealed)
            )


class NodeTest(test_topology_load.BareNodesCase):
    """A node that comes to a cluster with it, and goes again."""

    DEFAULT_TIMEOUT = 900

    def run_well(self, *argv: str) -> None:
        """Run a command that must succeed."""
        done = site.run(self.file, *argv)
        self.assertEqual(0, done.returncode, done.stderr)

    def with_file(self) -> list[bool]:
        """Tell which nodes have the file."""
        return [
            any(each.startswith(names.SECURE_ACCESS) for each in seen.files)
            for seen in footprint.look(self.lab).values()
        ]

    def test_last_node_comes_later(self) -> None:
        """It is probed in TLS, takes bricks, and is as before at the end."""
        self.addCleanup(footprint.sweep, self.lab)
        everybody = self.document
        [cluster] = everybody['clusters']
        self.document = {
            'clusters': [{'name': 'c1', 'nodes': cluster['nodes'][:-1]}]
        }
        done = self.load()
        self.assertEqual(0, done.returncode, done.stderr)
        self.run_well('cluster', 'secure-access', 'c1', 'on')
        self.assertEqual([True, True, True, False], self.with_file())
        cluster['name'] = 'c1'
        self.document = everybody
        done = self.load()
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([True, True, True, True], self.with_file())
        self.run_well('check')
        # Of four bricks, one on each node.
        service = Service(site.settings(self.file))
        service.prepare()
        service.create_volume(
            model.VolumeSpec(
                'one',
                'one',
                400 * MIB,
                durability.disperse(3, 1),
                spread.Spread(),
            )
        )
        service.delete_volume('one')
        last = self.lab.nodes[-1]
        for device in last.devices:
            self.run_well('device', 'remove', f'{last.address}:{device}')
        self.run_well('node', 'remove', last.address)
        service.executor.close()
        self.assertEqual([True, True, True, False], self.with_file())
        self.assertEqual(
            self.before[last.name], footprint.look(self.lab)[last.name]
        )
