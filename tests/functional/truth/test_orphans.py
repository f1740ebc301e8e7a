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

"""Bricks without a row: which of them go, and what goes with them."""

import dataclasses
from typing import Any

from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.truth import damage
from tests.functional.truth.test_check import TruthTestCase
from tests.functional.truth.test_rebuild import LostStoreTestCase


class OrphanElsewhereTestCase(TruthTestCase):
    """Somebody looks at an orphan before it goes."""

    def _orphan(self) -> tuple[deployment.Deployment, str]:
        """Have one that is not mounted, and a directory for it."""
        d = self.truth()
        d.cluster.run_batch(damage.HOST, [mounts.make_directory('/mnt/look')])
        self._whole = self.everything(d)
        damage.there_is_an_orphan(d)
        row = damage.orphan(d)
        d.cluster.run_batch(damage.HOST, [mounts.unmount(row.mount_path)])
        return d, f'/dev/{row.vg_name}/{row.lv_name}'

    def test_it_is_mounted_by_hand(self) -> None:
        """It goes with its own traces; the directory there is theirs."""
        d, device = self._orphan()
        d.cluster.run_batch(damage.HOST, [mounts.mount(device, '/mnt/look')])

        report = d.service.truth.repair(remove_orphans=True)

        self.assertEqual([Code.BRICK_ORPHAN], self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(self._whole, self.everything(d))

    def test_gluster_has_a_brick_there(self) -> None:
        """Below the place where it is mounted by hand: then it stays."""
        d, device = self._orphan()
        d.cluster.run_batch(damage.HOST, [mounts.mount(device, '/mnt/look')])
        place = f'{d.storage(damage.HOST)}:/mnt/look/data'
        damage.pool(d).volumes['theirs'] = Volume(
            'theirs', DISTRIBUTE, [place]
        )
        damaged = self.everything(d)

        report = d.service.truth.repair(remove_orphans=True)

        self.assertFalse(report.is_clean)
        self.assertIn('volume theirs', report.checked[0].finding.found)
        self.assertEqual(damaged, self.everything(d))

    def test_it_is_mounted_there_at_boot(self) -> None:
        """Somebody wants it for something, and the host would not boot."""
        d, device = self._orphan()
        d.cluster.run_batch(
            damage.HOST, [mounts.fstab_add(device, '/srv/data')]
        )
        damaged = self.everything(d)

        report = d.service.truth.repair(remove_orphans=True)

        self.assertFalse(report.is_clean)
        self.assertIn('/srv/data', report.checked[0].finding.found)
        self.assertEqual(damaged, self.everything(d))


class HalfAnExtensionTestCase(LostStoreTestCase):
    """Its process died and the store was lost: bricks without a row."""

    def _rebuilt(self, commands: int = 8) -> deployment.Deployment:
        """Have new bricks, and a volume that does not have them."""
        d = self.deploy(nodes=6)
        d.create()
        self._before = self._on_disks(d)
        d.executor.kill_after(commands)
        self.assertRaises(Killed, d.service.extend_volume, 'share-1', 30 * GIB)
        self.lose(d)
        d.service.truth.rebuild(['gl1'], leave_out=True)
        return d

    def _on_disks(self, d: deployment.Deployment) -> Any:
        return [
            [facts[each] for each in ('volumes', 'mounts', 'fstab')]
            for facts in d.on_hosts().values()
        ]

    def _orphans(self, d: deployment.Deployment) -> list[str]:
        """Say what is found of them."""
        return [
            each.finding.found
            for each in d.service.truth.check().checked
            if each.finding.code is Code.BRICK_ORPHAN
        ]

    def test_they_go(self) -> None:
        """The volume is on record, with all bricks that Gluster has."""
        for commands in (8, 14):
            d = self._rebuilt(commands)
            self.assertNotEqual([], self._orphans(d))
            report = d.service.truth.repair(remove_orphans=True)
            self.assertTrue(report.is_clean, report)
            self.assertEqual((), d.service.truth.check().checked)
            self.assertEqual(self._before, self._on_disks(d))

    def test_gluster_has_other_bricks_than_on_record(self) -> None:
        """Then they may be some of those."""
        d = self._rebuilt()
        addresses = damage.gluster(d).addresses
        addresses[2] = '10.0.0.9:/srv/other'
        orphans = self._orphans(d)
        self.assertNotEqual([], orphans)
        d.service.truth.repair(remove_orphans=True)
        self.assertEqual(orphans, self._orphans(d))

    def test_one_node_alone_has_them(self) -> None:
        """It would bring them back for all."""
        d = self._rebuilt()
        volume = damage.gluster(d)
        more = [*volume.addresses, '10.0.0.9:/srv/other']
        old = dataclasses.replace(volume, addresses=more)
        damage.miss(d, 'gl6', volume.name, old)
        orphans = self._orphans(d)

        report = d.service.truth.repair(remove_orphans=True)

        self.assertEqual(orphans, self._orphans(d))
        failures = {each.failure for each in report.checked if each.failure}
        self.assertIn('gl6 has it in volume manila-share-1', str(failures))

    def test_the_volume_was_left_out(self) -> None:
        """What Gluster has and the store does not is nobody's to remove."""
        d = self._rebuilt()
        d.service.store.close()
        damage.gluster(d).options.pop('auth.ssl-allow')
        self.lose(d)
        d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual((), d.service.volumes())
        orphans = self._orphans(d)
        self.assertGreater(len(orphans), 3)
        d.service.truth.repair(remove_orphans=True)
        self.assertEqual(orphans, self._orphans(d))
