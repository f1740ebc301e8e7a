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


"""Disks and logical volumes that are other ones: nothing is done to them."""

import ddt

from manila_gluster_heketi.operations.truth.codes import Code
from tests.functional import deployment
from tests.functional.truth import damage
from tests.functional.truth import test_check


@ddt.ddt
class OtherDiskTestCase(test_check.TruthTestCase):
    """What else differs there is left as well."""

    def assert_left(self, d: deployment.Deployment, *codes: Code) -> None:
        """Check that a repair finds these, and changes nothing."""
        damaged = self.everything(d)
        report = d.service.truth.repair(remove_orphans=True)
        self.assertEqual(list(codes), self.codes(report))
        self.assertEqual(
            [False] * len(codes), [each.mended for each in report.checked]
        )
        self.assertEqual(damaged, self.everything(d))
        self.assertEqual([], [c for _, c in d.executor.seen if 'force' in c])

    @ddt.data(damage.the_brick_is_another, damage.the_brick_is_in_another_pool)
    def test_the_logical_volume_is_another(self, happen) -> None:
        """It is not mounted, entered in fstab or grown."""
        d = self.truth()
        happen(d)
        damage.the_brick_is_too_small(d)
        damage.the_line_in_fstab_is_gone(d)
        damage.unmounted(d)
        self.assert_left(d, Code.BRICK_OTHER)

    @ddt.data(damage.the_disk_was_exchanged, damage.the_group_is_another)
    def test_the_disk_is_another(self, happen) -> None:
        """What lacks on it is said, and it gets no tags of ours."""
        d = self.truth()
        happen(d)
        damage.the_brick_has_no_tags(d)
        damage.the_brick_is_too_small(d)
        damage.the_line_in_fstab_is_gone(d)
        damage.unmounted(d)
        self.assert_left(
            d,
            Code.DEVICE_OTHER,
            Code.BRICK_MARKS,
            Code.BRICK_NOT_MOUNTED,
            Code.BRICK_NOT_AT_BOOT,
            Code.BRICK_SMALLER,
        )

    @ddt.data(damage.the_brick_is_another, damage.the_disk_was_exchanged)
    def test_another_brick_of_the_volume_is_not_mounted(self, happen) -> None:
        """To start it would start what is another one too."""
        d = self.truth()
        happen(d)
        damage.unmount(d.cluster.host('gl3'))
        codes = {
            damage.the_brick_is_another: (
                Code.BRICK_OTHER,
                Code.BRICK_NOT_MOUNTED,
            ),
            damage.the_disk_was_exchanged: (
                Code.DEVICE_OTHER,
                Code.BRICK_NOT_MOUNTED,
            ),
        }
        self.assert_left(d, *sorted(codes[happen], key=str))

    def test_the_volume_is_stopped(self) -> None:
        """Then nothing is started, and its other bricks are mounted."""
        d = self.truth()
        damage.the_brick_is_another(d)
        damage.the_volume_is_stopped(d)
        damage.unmount(d.cluster.host('gl3'))
        report = d.service.truth.repair()
        self.assertEqual(
            [
                (Code.BRICK_OTHER, False),
                (Code.BRICK_NOT_MOUNTED, True),
                (Code.VOLUME_STOPPED, False),
            ],
            [(each.finding.code, each.mended) for each in report.checked],
        )
        self.assertEqual([], [c for _, c in d.executor.seen if 'force' in c])

    def test_another_volume_is_whole(self) -> None:
        """What is another one concerns its own volume alone."""
        d = self.truth()
        damage.the_brick_is_another(d)
        d.create('share-2')
        damage.unmount(d.cluster.host('gl3'))
        report = d.service.truth.repair()
        mended = {each.finding.object: each.mended for each in report.checked}
        [served] = [name for name in mended if name.endswith('share-2')]
        self.assertEqual(3, len(mended))
        self.assertEqual([served], [name for name in mended if mended[name]])
