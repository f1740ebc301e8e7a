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


"""A store that is older than its nodes: they know more than it does.

Somebody has put back a backup, and things were changed after it was made.
"""

import shutil
from typing import Any

import ddt

from manila_gluster_heketi import model
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import backup
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.tls import policy
from tests.functional import deployment
from tests.functional.truth import damage
from tests.functional.truth import test_check
from tests.functional.truth import test_rebuild

_OTHER = 'e' * 32


class OlderStoreTestCase(
    test_rebuild.LostStoreTestCase, test_check.TruthTestCase
):
    """Shares and devices came, and access went, after the backup."""

    def back_up(self, d: deployment.Deployment) -> None:
        """Make a backup."""
        backup.copy(d.service.store, f'{d.directory}/backup')

    def put_back(self, d: deployment.Deployment) -> None:
        """Have the backup be the store."""
        self.lose(d)
        d.service.store.close()
        shutil.copy(f'{d.directory}/backup', f'{d.directory}/store.sqlite')
        d.service, d.executor = d.process()

    def outcomes(self, report: Any) -> list[tuple[Code, bool]]:
        """List what was found and whether it was mended."""
        return [(each.finding.code, each.mended) for each in report.checked]

    def test_devices_were_added_since(self) -> None:
        """A repair keeps what a rebuild needs, and the rebuild has all."""
        d = self.truth()
        self.back_up(d)
        d.load()
        d.create('share-2', 30)
        newest = d.record()
        self.put_back(d)

        report = d.service.truth.repair(remove_orphans=True)

        codes = self.codes(report)
        self.assertEqual([Code.NODE_KNOWS_MORE] * 3, codes[:3])
        self.assertEqual([Code.DEVICE_UNKNOWN] * 3, codes[3:6])
        self.assertFalse(any(each.mended for each in report.checked))
        self.assertIn('/dev/vdc', report.checked[0].finding.found)
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(newest, d.record())

    def test_access_and_size_were_changed_since(self) -> None:
        """Whoever was denied is not let in again, and no quota shrinks."""
        d = self.truth()
        d.service.change_access('share-1', add=['mallory'])
        self.back_up(d)
        d.load()
        d.service.change_access('share-1', remove=['mallory'])
        d.service.extend_volume('share-1', 3 * GIB)
        self.put_back(d)
        newest = self.everything(d)

        report = d.service.truth.repair()

        self.assertEqual(
            [(Code.NODE_KNOWS_MORE, False)] * 3
            + [(Code.DEVICE_UNKNOWN, False)] * 3
            + [(Code.BRICK_LARGER, False)] * 3
            + [(Code.VOLUME_QUOTA, False), (Code.VOLUME_ACCESS, False)],
            self.outcomes(report),
        )
        self.assertEqual(newest, self.everything(d))

    def test_a_revoked_name_is_on_the_list(self) -> None:
        """Its mend sets the list of the record, with all who were denied."""
        d = self.truth()
        d.service.change_access('share-1', add=['bob', 'mallory'])
        with d.service.store.write() as tx:
            revocations.ban(tx, model.RevokedName('alice', policy.now()))
        self.back_up(d)
        d.load()
        d.service.change_access('share-1', remove=['mallory'])
        damage.gluster(d).options['auth.ssl-allow'] += ',alice'
        self.put_back(d)
        newest = self.everything(d)
        report = d.service.truth.repair()
        self.assertIn((Code.VOLUME_REVOKED, False), self.outcomes(report))
        self.assertEqual(newest, self.everything(d))

    def test_another_cluster_is_mended(self) -> None:
        """The nodes of one say nothing of the other."""
        d = self.deploy(nodes=6, disks=2, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        d.load(d.document('gl4', 'gl5', 'gl6', name='c2'))
        for name in ('c1', 'c2'):
            d.create(name, cluster_id=d.service.cluster_named(name).id)
            d.gluster(d.service.volume(name)).quota_bytes = GIB // 2
        damage.the_record_names_another_device(d)
        report = d.service.truth.repair()
        volume = d.service.volume('c2')
        self.assertEqual(
            [volume.name in each.finding.object for each in report.checked],
            [each.mended for each in report.checked],
        )
        self.assertEqual(volume.size_bytes, d.gluster(volume).quota_bytes)


@ddt.ddt
class OtherRecordTestCase(test_check.TruthTestCase):
    """Records that are not the ones that the store would have written."""

    @ddt.data(('node', 'id'), ('cluster', 'id'))
    @ddt.unpack
    def test_it_is_of_another(self, *path: str) -> None:
        """Node or cluster: it may be the last word of that one."""
        d = self.truth()
        kind, name = path
        damage.edit_record(
            d, 'gl2', lambda record: record[kind].update({name: _OTHER})
        )
        before = self.everything(d)
        [checked] = d.service.truth.repair().checked
        self.assertIs(Code.NODE_KNOWS_MORE, checked.finding.code)
        self.assertEqual('gl2', checked.finding.host)
        self.assertIn(f'{kind} {_OTHER}', checked.finding.found)
        self.assertEqual(before, self.everything(d))

    def test_it_names_less(self) -> None:
        """Then nothing is lost, and it is written anew."""
        d = self.truth()
        damage.edit_record(d, 'gl2', lambda record: record.update(devices=[]))
        report = d.service.truth.repair()
        self.assertEqual([Code.NODE_RECORD], self.codes(report))
        self.assertTrue(report.is_clean, report)

    def test_it_names_what_was_forgotten(self) -> None:
        """The host was thought lost and is back; the store remembers."""
        d = self.truth()
        d.load()
        d.cluster.power_off('gl2')
        d.service.hardware.remove_device('gl2', '/dev/vdc', forget=True)
        d.cluster.power_on('gl2')
        report = d.service.truth.repair()
        self.assertEqual(
            [(Code.NODE_RECORD, True), (Code.DEVICE_UNKNOWN, False)],
            [(each.finding.code, each.mended) for each in report.checked],
        )
        [left] = d.node_record('gl2').devices
        self.assertEqual('/dev/vdb', left.path)

    def test_somebody_removes_it(self) -> None:
        """As is said, when nobody misses what it names."""
        d = self.truth()
        whole = self.everything(d)
        damage.the_record_names_another_device(d)
        damage.the_record_is_gone(d)
        self.assertTrue(d.service.truth.repair().is_clean)
        self.assertEqual(whole, self.everything(d))
