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


"""File systems that are smaller than their logical volumes."""

from manila_gluster_heketi.executor.simulated.files import FileSystem
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import MIB
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says
from tests.functional.truth import damage
from tests.functional.truth import test_check
from tests.functional.truth import test_rebuild


class FileSystemTestCase(
    test_rebuild.LostStoreTestCase, test_check.TruthTestCase
):
    """A growth makes the logical volume larger first."""

    def file_system(self, d: deployment.Deployment) -> FileSystem:
        """Give the file system of the brick that is damaged."""
        found = damage.lv(d).filesystem
        assert found is not None
        return found

    def test_a_mend_is_cut_short_between_the_two(self) -> None:
        """The next one goes on where it ended."""
        d = self.truth()
        size = damage.brick(d).size_bytes
        damage.the_brick_is_too_small(d)
        d.executor.before = once(says('xfs_growfs', '-d'), fail('it broke'))
        report = d.service.truth.repair()
        # The second is there only since the mend.
        self.assertEqual(
            [
                (Code.BRICK_SMALLER, False),
                (Code.BRICK_FILE_SYSTEM_SMALLER, False),
            ],
            [(each.finding.code, each.mended) for each in report.checked],
        )
        self.assertEqual(size, damage.lv(d).size_bytes)
        self.assertEqual(size - 64 * MIB, self.file_system(d).size_bytes)

        report = d.service.truth.repair()

        self.assertEqual([Code.BRICK_FILE_SYSTEM_SMALLER], self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(size, self.file_system(d).size_bytes)
        self.assertEqual([], self.codes(d.service.truth.check()))

    def test_both_are_smaller_than_on_record(self) -> None:
        """One finding, and one mend for both."""
        d = self.truth()
        size = damage.brick(d).size_bytes
        damage.the_brick_is_too_small(d)
        damage.the_file_system_is_too_small(d)
        report = d.service.truth.repair()
        self.assertEqual([Code.BRICK_SMALLER], self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(size, self.file_system(d).size_bytes)

    def test_shares_that_grew(self) -> None:
        """By whatever: their file systems are whole."""
        d = self.truth()
        for size in (2 * GIB + 4 * MIB, 2 * GIB + GIB // 3, 3 * GIB, 7 * GIB):
            d.service.extend_volume('share-1', size)
            self.assertEqual([], self.codes(d.service.truth.check()))

    def test_the_growth_was_given_up(self) -> None:
        """The file system is as large as it should be, on more than that."""
        d = self.truth()
        damage.lv(d).size_bytes += 64 * MIB
        report = d.service.truth.repair()
        self.assertEqual([Code.BRICK_LARGER], self.codes(report))

    def test_the_store_is_rebuilt_after_that(self) -> None:
        """What the logical volume has is on record then: it gets its use."""
        d = self.truth()
        damage.lv(d).size_bytes += 64 * MIB
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        report = d.service.truth.repair()
        self.assertIn(Code.BRICK_FILE_SYSTEM_SMALLER, self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(
            damage.lv(d).size_bytes, self.file_system(d).size_bytes
        )

    def test_something_else_is_mounted(self) -> None:
        """It is not grown in the place of the brick."""
        d = self.truth()
        damage.the_brick_is_too_small(d)
        damage.something_else_is_mounted(d)
        damage.lv(d).mount_path = ''
        other = d.cluster.host(damage.HOST).space.mounts
        other[damage.brick(d).mount_path].filesystem = FileSystem(
            damage.host(d).space._clock, 512 * MIB
        )
        before = self.everything(d)
        report = d.service.truth.repair()
        self.assertEqual(
            [(Code.BRICK_HIDDEN, False), (Code.BRICK_SMALLER, False)],
            [
                (each.finding.code, each.mended)
                for each in report.checked
                if each.finding.code is not Code.BRICK_DIRECTORY
            ],
        )
        self.assertEqual(before, self.everything(d))
        self.assertFalse([c for _, c in d.executor.seen if 'growfs -d' in c])
