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

"""Which nodes are asked about their cluster, and which are believed."""

from manila_gluster_heketi.operations.truth.codes import Code
from tests.functional.truth import damage
from tests.functional.truth.test_check import TruthTestCase


class WhomToAskTestCase(TruthTestCase):
    """Not each node can tell about a cluster."""

    def test_most_glusterds_are_down(self) -> None:
        """Those in front; the others are asked, and see what there is."""
        d = self.deploy(nodes=8)
        d.create()
        down = d.hosts[:6]
        for name in down:
            d.cluster.host(name).glusterd_runs = False
        d.cluster.pool('gl7').volumes['manila-share-1'].status = 'Stopped'

        report = d.service.truth.check()

        no_peers = [(Code.NODE_NO_PEER, name) for name in down]
        self.assertEqual(
            [*no_peers, (Code.VOLUME_STOPPED, '')],
            [(e.finding.code, e.finding.host) for e in report.checked],
        )

    def test_the_first_node_is_cut_off(self) -> None:
        """It is the one that is no peer, not all the others."""
        d = self.deploy(nodes=4)
        d.create()
        d.cluster.cut_network('gl1', controller=False)
        d.cluster.advance(2000)
        for hosts in ((), ('gl1', 'gl2')):
            [checked] = d.service.truth.check(hosts=hosts).checked
            self.assertEqual(
                (Code.NODE_NO_PEER, 'gl1'),
                (checked.finding.code, checked.finding.host),
            )

    def test_a_quota_that_one_node_alone_can_tell(self) -> None:
        """It is asked before those that are known to be silent."""
        d = self.deploy(nodes=9)
        d.create()
        damage.the_quota_is_another(d)
        for name in d.hosts[:8]:
            d.cluster.host(name).glusterd_runs = False
        codes = self.codes(d.service.truth.check())
        self.assertIn(Code.VOLUME_QUOTA, codes)
