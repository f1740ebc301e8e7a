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

"""Certificates are renewed by themselves behind a share service."""

import fixtures

from manila_gluster_heketi.layout import renewer
from tests.functional import deployment


class RenewerTestCase(deployment.DeployedTestCase):
    """Three nodes, one of which has a certificate that ends soon."""

    def setUp(self) -> None:
        """Deploy them."""
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.d = self.deploy()
        self.d.age_certificate('gl2')
        self.before = self.d.serials()

    def test_what_ends_soon_is_renewed(self) -> None:
        """And nothing else."""
        renewer.renew(self.d.service)
        now = self.d.serials()
        self.assertEqual(
            ['gl2'], [h for h in self.d.hosts if now[h] != self.before[h]]
        )

    def test_a_node_that_is_not_renewed(self) -> None:
        """It is named in the log."""
        self.d.cluster.host('gl2').clock_offset_seconds = 900
        renewer.renew(self.d.service)
        self.assertIn('certificate of gl2: refused', self.logger.output)
