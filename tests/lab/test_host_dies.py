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

"""A node loses its power in the middle of a change, and comes back later.

The change succeeds on other nodes, or fails; either way nothing of what was
tried stays anywhere once the node is back and recovery has run.
"""

import dataclasses
import threading
import uuid
from collections.abc import Callable
from collections.abc import Sequence

from defusedxml import ElementTree

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor import base as executors
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.lab import nodes
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests.lab import footprint
from tests.lab import site
from tests.lab.shares import until

# glusterd starts the bricks of a node some seconds after it has come back.
_RETURN_SECONDS = 60


@dataclasses.dataclass
class PowerCut:
    """An executor under which a node loses its power, once.

    :ivar command: what the batch begins or goes on with, when it happens
    :ivar host: where that batch goes; '' for any
    :ivar victim: node that dies; '' for the one that the batch goes to
    :ivar delay: seconds after the batch was sent
    """

    executor: executors.Executor
    kill: Callable[[str], None]
    command: str
    host: str = ''
    victim: str = ''
    delay: float = 0.0
    died: str = ''

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[executors.Result, ...]:
        """Run a batch; perhaps in vain."""
        wanted = self.host in ('', host) and any(
            str(command).startswith(self.command) for command in batch
        )
        if not wanted or self.died:
            return self.executor.run_batch(host, batch)
        self.died = self.victim or host
        cut = threading.Timer(self.delay, self.kill, [self.died])
        cut.start()
        try:
            return self.executor.run_batch(host, batch)
        finally:
            cut.join()


class HostDiesTest(site.SiteCase):
    """The lab has four nodes in three zones: any one can be done without."""

    def setUp(self) -> None:
        super().setUp()
        self.nodes_before = footprint.look(self.site.lab)
        self.free_before = self.site.free_bytes()
        self.addCleanup(self._everything_is_as_before)

    def _everything_is_as_before(self) -> None:
        """The last of all cleanups: nothing of anything stays anywhere."""
        self.site.power_on()
        self.site.recover()
        self.assertEqual(self.nodes_before, footprint.look(self.site.lab))
        self.assertEqual(self.free_before, self.site.free_bytes())
        self.assertEqual((), self.site.service.volumes())

    def _kill(self, address: str) -> None:
        [name] = [
            n.name for n in self.site.lab.nodes if n.address == address
        ]
        nodes.kill(self.site.lab, name, dirty=True)

    def _create(self, cut: PowerCut) -> model.Volume | None:
        """Create a volume while a node dies; None if that fails."""
        service = Service(self.site.service.settings, executor=cut)
        share = str(uuid.uuid4())
        spec = model.VolumeSpec(
            share_id=share, name=f'share-{share}', size_bytes=GIB
        )
        try:
            volume = service.create_volume(spec)
        except exceptions.GlusterHeketiError as error:
            print(f'{cut.died} died: {error}')
            return None
        finally:
            self.assertTrue(cut.died, 'the moment never came')
        print(f'{cut.died} died: {volume.name} was made')
        self.addCleanup(self.site.service.delete_volume, share)
        info = self.site.volume_info(volume.name)
        self.assertEqual('Started', info.status)
        return volume

    def _cut(self, command: str, **changes: object) -> PowerCut:
        executor = self.site.service.executor
        return PowerCut(executor, self._kill, command, **changes)

    def test_while_bricks_are_made_and_a_share_is_deleted(self) -> None:
        shares = self.site.shares
        share = shares.create(1)
        condemned = self.site.volume(share)
        young = shares.create(1)
        self.addCleanup(shares.delete, young)
        bricks = self._bricks_on_record(condemned, 'n2')
        self.assertEqual(1, len(bricks))
        # The only node of zone 2, so that each share has a brick there. Most
        # of the youngest one is still in the node's memory.
        host = self.site.lab.node('n2').address
        volume = self._create(
            self._cut('lvm lvcreate', host=host, delay=0.2)
        )
        self.assertIsNotNone(volume)
        shares.delete(share)
        self.assertIsNone(self.site.service.find_volume(condemned.share_id))
        [waiting] = [
            v for v in self.site.service.volumes() if v.id == condemned.id
        ]
        self.assertIs(model.VolumeState.CONDEMNED, waiting.state)
        self.assertEqual(bricks, self._bricks_on_record(condemned, 'n2'))
        self._is_whole_again(self.site.volume(young))
        self.site.recover()
        after = footprint.look(self.site.lab, ['n2'])['n2']
        self.assertEqual(1, len(after.bricks))
        self.assertEqual(1, len(after.fstab))
        self.assertEqual(1, len(after.directories))
        self.assertNotIn(condemned.name, after.gluster)

    def _bricks_on_record(
        self, volume: model.Volume, name: str
    ) -> list[model.Brick]:
        """List the bricks for which a node's space is reserved."""
        host = self.site.lab.node(name).address
        with self.site.service.store.read() as tx:
            node = topology.node_by_host(tx, host)
            assert node is not None
            devices = {d.id for d in topology.devices(tx, node.id)}
            return [
                brick
                for brick in volumes.bricks(tx, volume.id)
                if brick.device_id in devices
            ]

    def test_while_gluster_makes_the_volume(self) -> None:
        cut = self._cut(
            'gluster --mode=script volume create',
            victim=self.site.lab.node('n3').address,
            delay=2.0,
        )
        self._is_whole_again(self._create(cut))

    def test_where_gluster_makes_the_volume(self) -> None:
        cut = self._cut('gluster --mode=script volume create', delay=1.5)
        self._is_whole_again(self._create(cut))

    def _is_whole_again(self, volume: model.Volume | None) -> None:
        """If it was made, all its bricks are there once all nodes are."""
        self.site.power_on()
        if volume is not None:
            until(
                lambda: self._bricks_offline(volume.name),
                lambda missing: not missing,
                seconds=_RETURN_SECONDS,
            )

    def _bricks_offline(self, name: str) -> list[str]:
        text = self.site.ask_gluster(
            Command(('gluster', '--xml', 'volume', 'status', name))
        )
        bricks = [
            node
            for node in ElementTree.fromstring(text).iter('node')
            if node.findtext('path', '').startswith('/')
        ]
        online = {
            f'{node.findtext("hostname")}:{node.findtext("path")}'
            for node in bricks
            if node.findtext('status') == '1'
        }
        addresses = self.site.volume_info(name).addresses
        return [each for each in addresses if each not in online]
