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


"""A lost store, and devices that hold more than comes back."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations.truth.codes import Code
from tests.functional import deployment
from tests.functional.truth import damage
from tests.functional.truth.test_rebuild import LostStoreTestCase


class RoomTestCase(LostStoreTestCase):
    """Volumes that are left out are live, and keep their room."""

    def _states(self, d: deployment.Deployment) -> dict[str, model.EntryState]:
        """Say which host's device is online."""
        hosts = {each.id: each.manage_host for each in d.service.nodes()}
        return {
            hosts[each.node_id]: each.state for each in d.record()['devices']
        }

    def _homes(self, d: deployment.Deployment) -> list[str]:
        """Name the hosts of the share's bricks."""
        groups = {b.vg_name for b in d.bricks(d.service.volume('share-1'))}
        return [
            name
            for name in d.hosts
            if groups & d.cluster.host(name).disks.groups.keys()
        ]

    def test_a_volume_is_left_out(self) -> None:
        """Nothing new comes upon its bricks."""
        d = self.deploy(nodes=4)
        d.create('share-1', 10)
        first, second, down = self._homes(d)
        [free] = set(d.hosts) - {first, second, down}
        d.cluster.power_off(down)
        self.lose(d)

        rebuilt = d.service.truth.rebuild([first], leave_out=True)

        self.assertEqual(
            [Code.DEVICE_TAKEN] * 2, [each.code for each in rebuilt.offline]
        )
        offline = model.EntryState.OFFLINE
        self.assertEqual(
            {
                first: offline,
                second: offline,
                free: model.EntryState.ONLINE,
            },
            self._states(d),
        )
        self.assertRaises(exceptions.NoSpace, d.create, 'share-2', 15)
        # The nodes come to know it, for the next time.
        d.service.truth.repair()
        states = self._states(d)
        self.lose(d)
        d.service.truth.rebuild([first], leave_out=True)
        self.assertEqual(states, self._states(d))

    def test_a_brick_without_marks(self) -> None:
        """It has the name of one, and its volume is left out for it."""
        d = self.deploy()
        d.create()
        damage.the_brick_has_no_tags(d)
        self.lose(d)
        d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(
            {model.EntryState.OFFLINE}, {*self._states(d).values()}
        )

    def test_its_name_is_another_too(self) -> None:
        """It is mounted where bricks are."""
        d = self.deploy()
        d.create()
        volume, group = damage.lv(d), damage.group(d)
        path = volume.mount_path
        group.volumes.pop(volume.name)
        volume.name, volume.tags = 'data', ()
        group.volumes['data'] = volume
        damage.edit_fstab(d, path, '/mnt/nothing')
        self.lose(d)
        d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(
            {model.EntryState.OFFLINE}, {*self._states(d).values()}
        )

    def test_back_online(self) -> None:
        """Once what was left over is gone."""
        d = self.deploy()
        d.create()
        before = d.record()
        damage.there_is_an_orphan(d)
        self.lose(d)
        d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertIs(model.EntryState.OFFLINE, self._states(d)[damage.HOST])
        report = d.service.truth.repair(remove_orphans=True)
        self.assertTrue(report.is_clean, report)
        d.service.hardware.set_device_state(
            damage.HOST, '/dev/vdb', model.EntryState.ONLINE
        )
        self.assertEqual(before, d.record())
