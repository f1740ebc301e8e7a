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

"""Volumes whose brick sets are no plain copies."""

import ddt

from manila_gluster_heketi.durability import ARBITER
from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.durability import disperse
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from tests.contract import site
from tests.contract import test_gluster
from tests.contract.test_gluster import NAME


@ddt.ddt
class KindContract(test_gluster.GlusterContract):
    """Brick sets that are no plain copies, three bricks each."""

    @ddt.data(
        (ARBITER, 'Replicate', (3, 1, 0, 0)),
        (disperse(2, 1), 'Disperse', (1, 0, 3, 1)),
        (DISTRIBUTE, 'Distribute', (1, 0, 0, 0)),
    )
    @ddt.unpack
    def test_from_create_to_delete(self, durability, kind, counts):
        self.create(durability, start=True)
        self.run_on(
            self.first,
            gluster.quota_enable(NAME),
            gluster.quota_limit(NAME, 64 * site.MIB),
        )
        [limit] = gluster_xml.quota_limits(
            'n', self.said(self.first, gluster.quota_list(NAME))
        )
        self.assertEqual(64 * site.MIB, limit.limit_bytes)
        self._assert_is(kind, counts, self.addresses())

        self.run_on(
            self.first,
            gluster.volume_stop(NAME),
            gluster.volume_delete(NAME),
        )
        self.assertIsNone(self.info())

    @ddt.data(
        (ARBITER, 'Replicate', (3, 1, 0, 0)),
        (disperse(2, 1), 'Disperse', (1, 0, 3, 1)),
    )
    @ddt.unpack
    def test_sets_come_and_go(self, durability, kind, counts):
        more = self.addresses('two')
        self.create(durability, start=True)
        self.assert_repeatable(
            self.first, gluster.add_brick(NAME, durability, more)
        )
        self.run_when_free([gluster.rebalance_start(NAME)])
        with self.eventually(60) as until:
            until(self.is_rebalanced)
        self._assert_is(f'Distributed-{kind}', counts, self.addresses() + more)

        self.remove_sets(durability, more)
        self._assert_is(kind, counts, self.addresses())
        self.assert_refused(
            'add-brick: failed: ',
            self.first,
            gluster.add_brick(NAME, durability, self.addresses('three')[:2]),
        )

    def _assert_is(self, kind, counts, addresses):
        info = self.info(self.second)
        self.assertEqual(kind, info.kind)
        self.assertEqual(
            counts,
            (info.replica, info.arbiter, info.disperse, info.redundancy),
        )
        self.assertEqual(addresses, info.addresses)

    @ddt.data((ARBITER, 'replicate'), (disperse(2, 1), 'disperse'))
    @ddt.unpack
    def test_two_bricks_on_one_host(self, durability, kind):
        both = (*self.addresses('a')[:2], *self.addresses('b')[:1])
        self.assert_refused(
            f'Multiple bricks of a {kind} volume are present on the same',
            self.first,
            gluster.volume_create(NAME, durability, both),
        )
        self.assertIsNone(self.info())


class SimulatedKindTest(KindContract, site.SimulatedSite):
    """On simulated hosts."""


class LabKindTest(KindContract, site.LabSite):
    """On real hosts."""
