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

"""Repairs that look again, and tell what they see then."""

from typing import Any

from manila_gluster_heketi.operations.truth.codes import Code
from tests.functional.interference import once
from tests.functional.interference import says
from tests.functional.truth import damage
from tests.functional.truth.test_check import TruthTestCase


class LastLookTestCase(TruthTestCase):
    """What is found after the mends counts too."""

    def test_a_node_dies_of_the_repair(self) -> None:
        """It was there when the differences were looked for."""
        d = self.truth()
        damage.the_quota_is_another(d)

        def die(host: str, command: Any) -> None:
            d.cluster.power_off('gl3')

        d.executor.after = once(says('limit-usage'), die)

        report = d.service.truth.repair()

        self.assertEqual(
            [(Code.NODE_SILENT, False), (Code.VOLUME_QUOTA, True)],
            [(each.finding.code, each.mended) for each in report.checked],
        )
        self.assertEqual('', report.checked[0].failure)
        self.assertFalse(report.is_clean)
