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

"""Peers and volumes."""

import concurrent.futures
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import mounts
from tests.contract import site
from tests.contract import test_bricks

_NAME = 'contract'
_MIB = site.MIB


class GlusterContract(site.Contract):
    """Three hosts in one pool, a brick on each."""

    keeps_bricks = True

    def setUp(self):
        super().setUp()
        self.first, self.second, self.third = self.nodes
        # Hosts side by side: this is the slow part in the lab.
        if not self.has_bricks:
            with concurrent.futures.ThreadPoolExecutor(3) as threads:
                list(threads.map(self._make_brick, self.nodes))
            self.has_bricks = True
        for node in self.nodes[1:]:
            self.assert_repeatable(
                self.first, gluster.peer_probe(node.storage)
            )
        self.wait_connected()

    def _make_brick(self, node):
        self.run_on(node, *site.thin_pool(node), *test_bricks.make_brick())

    def peers(self, node):
        found = gluster_xml.peers('n', self.said(node, gluster.pool_list()))
        return {each.names[0]: each.is_connected for each in found}

    def wait_connected(self):
        """Wait until each host sees all: one host's view is not enough."""
        with self.eventually(90) as until:
            for node in self.nodes:
                until(lambda node=node: all(self.peers(node).values()))

    def addresses(self, name='one'):
        # Gluster takes no directory that another volume had.
        inside = f'{self._testMethodName}-{name}'
        return tuple(
            f'{node.storage}:{site.mount_path("brick_1")}/{inside}'
            for node in self.nodes
        )

    def create(self, *, start=False):
        self.run_on(
            self.first, gluster.volume_create(_NAME, 3, self.addresses())
        )
        if start:
            self.run_on(self.first, gluster.volume_start(_NAME))

    def info(self, node=None):
        found = gluster_xml.volumes(
            'n', self.said(node or self.first, gluster.volume_info(_NAME))
        )
        return found[0] if found else None

    def classified(self, node, *batch):
        return gluster.classify(self.refused(node, *batch))


class PoolContract(GlusterContract):
    """Peers."""

    def test_each_host_knows_all_peers(self):
        for node in self.nodes:
            self.assertEqual(3, len(self.peers(node)))
        self.assertIn('localhost', self.peers(self.first))
        self.assertIn(self.second.storage, self.peers(self.first))

    def test_peers_that_can_not_be_probed(self):
        self.assert_refused(
            'not connected', self.first, gluster.peer_probe('192.0.2.1')
        )

    def test_a_peer_leaves_when_it_has_no_bricks(self):
        self.create()
        self.assert_refused(
            'hosts one or more bricks|Brick.s. with the peer',
            self.first,
            gluster.peer_detach(self.third.storage),
        )
        self.run_on(self.first, gluster.volume_delete(_NAME))
        self.assert_repeatable(
            self.first, gluster.peer_detach(self.third.storage)
        )

        self.assertEqual(2, len(self.peers(self.first)))

    def test_a_peer_is_down(self):
        self.create(start=True)
        self.power_off(self.third)
        with self.eventually(120) as until:
            until(lambda: not all(self.peers(self.first).values()))

        self.run_on(self.first, gluster.volume_stop(_NAME))
        self.assertIsInstance(
            self.classified(self.first, gluster.volume_delete(_NAME)),
            exceptions.PeersDown,
        )
        self.assertIsInstance(
            self.classified(
                self.first,
                gluster.volume_create('other', 3, self.addresses('two')),
            ),
            exceptions.PeersDown,
        )
        self.assertEqual('Stopped', self.info().status)
        self.assertRaises(
            exceptions.HostUnreachable,
            self.run_on,
            self.third,
            gluster.pool_list(),
        )

        self.power_on(self.third)
        self.wait_connected()
        self.run_on(self.first, gluster.volume_delete(_NAME))
        for node in self.nodes:
            self.assertIsNone(self.info(node))


class VolumeContract(GlusterContract):
    """Volumes."""

    def test_a_volume_from_create_to_delete(self):
        options = {
            'client.ssl': 'on',
            'server.ssl': 'on',
            'auth.ssl-allow': 'node,client',
            'user.gluster-heketi.volume-id': '0a',
        }
        self.create()
        self.assertEqual('Created', self.info().status)
        self.assert_repeatable(self.first, gluster.volume_set(_NAME, options))
        self.run_on(
            self.first,
            gluster.volume_set(
                _NAME, {'client.ssl': 'off', 'server.ssl': 'off'}
            ),
        )
        self.assert_repeatable(self.first, gluster.volume_start(_NAME))
        self.assert_repeatable(self.first, gluster.volume_start_force(_NAME))

        for node in self.nodes:
            info = self.info(node)
            self.assertEqual('Started', info.status)
            self.assertEqual('Replicate', info.kind)
            self.assertEqual(3, info.replica)
            self.assertEqual(self.addresses(), info.addresses)
            self.assertEqual('node,client', info.options['auth.ssl-allow'])
        self.assertEqual(
            '0a',
            gluster_xml.option_value(
                'n',
                self.said(
                    self.first,
                    gluster.volume_get(_NAME, 'user.gluster-heketi.volume-id'),
                ),
            ),
        )
        self.assertIn(
            _NAME,
            gluster_xml.volume_names(
                'n', self.said(self.second, gluster.volume_list())
            ),
        )
        self.assert_refused(
            'target is busy',
            self.first,
            mounts.unmount(site.mount_path('brick_1')),
        )

        self.assert_repeatable(self.second, gluster.volume_stop(_NAME))
        self.assert_repeatable(self.second, gluster.volume_delete(_NAME))
        self.assertIsNone(self.info())
        self.has_bricks = False
        for node in self.nodes:
            self.assert_repeatable(node, *test_bricks.destroy_brick())

    def test_quota(self):
        self.create()
        self.assert_refused(
            'Volume is stopped', self.first, gluster.quota_enable(_NAME)
        )
        self.run_on(self.first, gluster.volume_start(_NAME))
        self.assert_refused(
            'Quota is disabled',
            self.first,
            gluster.quota_limit(_NAME, 64 * _MIB),
        )
        self.assertRaises(exceptions.GlusterError, self._limits)

        self.assert_repeatable(self.first, gluster.quota_enable(_NAME))
        self.assertEqual((), self._limits())
        for megabytes in (64, 128):
            self.assert_repeatable(
                self.first, gluster.quota_limit(_NAME, megabytes * _MIB)
            )
            [limit] = self._limits()
            self.assertEqual(megabytes * _MIB, limit.limit_bytes)
            self.assertEqual(0, limit.used_bytes)

    def _limits(self):
        return gluster_xml.quota_limits(
            'n', self.said(self.first, gluster.quota_list(_NAME))
        )

    def test_brick_sets_come_and_go(self):
        self.create(start=True)
        self.assertRaises(exceptions.GlusterError, self._rebalance)
        more = self.addresses('two')

        self.assert_repeatable(self.first, gluster.add_brick(_NAME, 3, more))
        grown = self.info()
        self.assertRaises(exceptions.GlusterError, self._rebalance)
        self.run_on(self.first, gluster.rebalance_start(_NAME))
        with self.eventually(60) as until:
            until(self._is_rebalanced)
        for _ in range(2):
            gluster.remove_sets_if_there(
                lambda batch: self.run_on(self.first, *batch),
                _NAME,
                3,
                more,
                pause=lambda: time.sleep(0.5),
            )

        self.assertEqual('Distributed-Replicate', grown.kind)
        self.assertEqual(self.addresses() + more, grown.addresses)
        self.assertEqual(self.addresses(), self.info().addresses)
        self.assert_refused(
            'add-brick: failed: Operation failed',
            self.first,
            gluster.add_brick(_NAME, 3, self.addresses('three')[:2]),
        )
        self.assert_refused(
            'not allowed', self.first, gluster.remove_brick_commit(_NAME, more)
        )

    def _is_rebalanced(self):
        try:
            return self._rebalance().status == 'completed'
        except exceptions.GlusterBusy:
            return False

    def _rebalance(self):
        return gluster_xml.rebalance(
            'n', self.said(self.first, gluster.rebalance_status(_NAME))
        )

    def test_health(self):
        self.create(start=True)

        # The heal daemon takes a moment to connect to all bricks.
        with self.eventually(30) as until:
            until(lambda: self._all_connected())
        found = self._health()

        self.assertEqual(
            self.addresses(), tuple(each.address for each in found)
        )
        self.assertEqual([0, 0, 0], [each.pending for each in found])

    def _all_connected(self):
        return all(each.is_connected for each in self._health())

    def _health(self):
        return gluster_xml.brick_healths(
            'n', self.said(self.first, gluster.heal_info(_NAME))
        )

    def test_bricks_that_gluster_refuses(self):
        mount = site.mount_path('brick_1')
        for pattern, addresses in (
            ('is a mount point', [f'{self.first.storage}:{mount}']),
            ('root partition', [f'{self.first.storage}:/srv/b']),
            (
                'Failed to create brick directory .*No such file',
                [f'{self.first.storage}:{mount}/no/b'],
            ),
            (
                'Staging failed on .* is a mount point',
                [f'{self.second.storage}:{mount}'],
            ),
            (
                'Staging failed on .*Failed to create brick directory',
                [f'{self.second.storage}:{mount}/no/b'],
            ),
            ('not in .Peer in Cluster', ['192.0.2.1:/srv/b']),
        ):
            self.assert_refused(
                pattern,
                self.first,
                gluster.volume_create(_NAME, 1, addresses),
            )
        self.assert_refused(
            'same server',
            self.first,
            gluster.volume_create(
                _NAME,
                2,
                (*self.addresses('a')[:1], *self.addresses('b')[:1]),
            ),
        )
        self.assertIsNone(self.info())

    def test_bricks_that_are_used(self):
        self.create()
        self.assert_refused(
            f'Volume {_NAME} already exists',
            self.first,
            gluster.volume_create(_NAME, 3, self.addresses()),
        )
        self.assert_refused(
            'not available',
            self.first,
            gluster.volume_create('other', 3, self.addresses()),
        )
        self.run_on(self.first, gluster.volume_delete(_NAME))
        self.assert_refused(
            'is already part of a volume',
            self.first,
            gluster.volume_create(_NAME, 3, self.addresses()),
        )

    def test_an_absent_volume(self):
        for command in (
            gluster.volume_start(_NAME),
            gluster.volume_set(_NAME, {'client.ssl': 'on'}),
            gluster.quota_enable(_NAME),
            gluster.rebalance_start(_NAME),
            gluster.remove_brick_start(_NAME, self.addresses()),
        ):
            error = self.classified(self.first, command)
            self.assertIs(exceptions.GlusterError, type(error))
            self.assertIn('does not exist', str(error))

    def test_options_are_set_all_or_none(self):
        self.create()

        self.assert_refused(
            'no.such-key does not exist',
            self.first,
            gluster.volume_set(
                _NAME, {'auth.ssl-allow': 'a', 'no.such-key': '1'}
            ),
        )

        self.assertNotIn('auth.ssl-allow', self.info().options)

    def test_a_started_volume_is_not_deleted(self):
        self.create(start=True)

        self.assert_refused(
            'needs to be stopped', self.first, gluster.volume_delete(_NAME)
        )

    def test_one_change_at_a_time_on_a_volume(self):
        self.create()

        def change(node):
            try:
                self.run_on(
                    node, gluster.volume_set(_NAME, {'auth.ssl-allow': 'a'})
                )
            except exceptions.CommandFailed as error:
                return type(gluster.classify(error))
            return None

        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            found = list(threads.map(change, [self.first] * 4))

        self.assertEqual({None, exceptions.GlusterBusy}, set(found))


class SimulatedPoolTest(PoolContract, site.SimulatedSite):
    """On simulated hosts."""


class LabPoolTest(PoolContract, site.LabSite):
    """On real hosts."""


class SimulatedVolumeTest(VolumeContract, site.SimulatedSite):
    """On simulated hosts."""


class LabVolumeTest(VolumeContract, site.LabSite):
    """On real hosts."""
