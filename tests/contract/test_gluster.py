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
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import hooks
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from tests.contract import site
from tests.contract import test_bricks

NAME = 'contract'
_MIB = site.MIB
_COPIES = replicate(3)
_STATUS = gluster.volume_status(NAME)


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
        return {each.names[0]: each.is_ready for each in found}

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

    def create(self, durability=_COPIES, *, start=False):
        self.run_on(
            self.first,
            gluster.volume_create(NAME, durability, self.addresses()),
        )
        if start:
            self.run_on(self.first, gluster.volume_start(NAME))

    def info(self, node=None):
        found = gluster_xml.volumes(
            'n', self.said(node or self.first, gluster.volume_info(NAME))
        )
        return found[0] if found else None

    def is_rebalanced(self):
        try:
            return self.rebalance().status == 'completed'
        except exceptions.GlusterBusy:
            return False

    def rebalance(self):
        return gluster_xml.rebalance(
            'n', self.said(self.first, gluster.rebalance_status(NAME))
        )

    def run_when_free(self, batch):
        """Run a batch as operations do: again while Gluster is busy.

        So it is for a moment after a rebalance, whose daemons are there no
        more when glusterd wants to tell them something.
        """
        answers = []

        def ran():
            try:
                answers[:] = self.run_on(self.first, *batch)
            except exceptions.CommandFailed as error:
                meaning = gluster.classify(error)
                if not isinstance(meaning, exceptions.GlusterBusy):
                    raise
                return False
            return True

        with self.eventually(60) as until:
            until(ran)
        return answers

    def remove_sets(self, durability, addresses):
        gluster.remove_sets_if_there(
            self.run_when_free,
            NAME,
            durability.bricks_per_set,
            addresses,
            pause=lambda: time.sleep(0.5),
        )

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
        self.run_on(self.first, gluster.volume_delete(NAME))
        self.assert_repeatable(
            self.first, gluster.peer_detach(self.third.storage)
        )

        self.assertEqual(2, len(self.peers(self.first)))

    def test_a_peer_is_down(self):
        self.create(start=True)
        self.power_off(self.third)
        with self.eventually(120) as until:
            until(lambda: not all(self.peers(self.first).values()))

        self.run_on(self.first, gluster.volume_stop(NAME))
        self.assertIsInstance(
            self.classified(self.first, gluster.volume_delete(NAME)),
            exceptions.PeersDown,
        )
        self.assertIsInstance(
            self.classified(
                self.first,
                gluster.volume_create('other', _COPIES, self.addresses('two')),
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
        self.run_on(self.first, gluster.volume_delete(NAME))
        for node in self.nodes:
            self.assertIsNone(self.info(node))

    def test_a_peer_falls_silent(self):
        for node in self.nodes:
            self.run_on(
                node, system.set_ping_timeout(5), system.service_restart()
            )
        self.wait_connected()
        self.create(start=True)
        self.power_off(self.third)

        with self.eventually(120) as until:
            until(self._can_be_changed)

        self.assertFalse(self.peers(self.first)[self.third.storage])
        self.power_on(self.third)
        self.wait_connected()
        for node in self.nodes:
            self.run_on(
                node, system.restore_ping_timeout(), system.service_restart()
            )
        self.wait_connected()

    def test_a_limit_is_no_change_of_the_record(self):
        self.create(start=True)
        self.run_on(
            self.first,
            gluster.quota_enable(NAME),
            gluster.quota_limit(NAME, 100 * _MIB),
        )
        self.change_alone(self.third, NAME)
        self.run_on(self.first, gluster.quota_limit(NAME, 90 * _MIB))
        self.run_on(self.third, system.service_start())
        self.wait_connected()

        # Else peers would have rejected it.
        self.assertIn('user.alone', self.info().options)

    def test_a_peer_made_a_change_that_no_other_made(self):
        self.create()
        self.change_alone(self.third, NAME)
        self.run_on(self.third, system.service_start())
        self.wait_connected()

        self.assertIn('user.alone', self.info().options)

    def test_a_peer_made_one_change_and_the_others_two(self):
        self.create()
        self.change_alone(self.third, NAME)
        for name in ('a', 'b'):
            self.run_on(self.first, self._allow(name))
        self.run_on(self.third, system.service_start())
        self.wait_connected()

        known = self.info(self.third).options
        self.assertEqual('b', known['auth.ssl-allow'])
        self.assertNotIn('user.alone', known)

    def test_a_peer_made_one_change_and_the_others_another(self):
        self._divide()

        self.assert_refused(
            "not in 'Peer in Cluster' state|not connected",
            self.first,
            gluster.volume_create('other', _COPIES, self.addresses('two')),
        )
        # What it is told it does, and nobody else.
        self.run_on(
            self.third, gluster.volume_stop(NAME), gluster.volume_delete(NAME)
        )
        self.assertIsNone(self.info(self.third))
        self.assertIsNotNone(self.info())
        self.run_on(self.third, system.service_restart())
        self.wait_connected()
        self.assertIsNotNone(self.info(self.third))

    def test_others_delete_what_they_reject_a_peer_for(self):
        self._divide()
        self.run_on(
            self.first, gluster.volume_stop(NAME), gluster.volume_delete(NAME)
        )

        self.assertIsNone(self.info(self.second))
        self.assertIsNotNone(self.info(self.third))
        self.run_on(
            self.third, gluster.volume_stop(NAME), gluster.volume_delete(NAME)
        )
        self.run_on(self.third, system.service_restart())
        self.wait_connected()
        self.assertIsNone(self.info(self.first))

    def _allow(self, name):
        return gluster.volume_set(NAME, {'auth.ssl-allow': name})

    def _divide(self):
        """Have the third host know the volume as no other does."""
        self.addCleanup(self._unite)
        self.create()
        self.change_alone(self.third, NAME)
        self.run_on(self.first, self._allow('a'))
        self.run_on(self.third, system.service_start())
        with self.eventually(90) as until:
            until(self._stays_divided)

    def _stays_divided(self):
        """Tell whether they are for good: at first they try once more."""
        for _ in range(10):
            if not all(map(self._rejects, self.nodes)):
                return False
            self.pause()
        return True

    def _unite(self):
        self.run_on(
            self.third,
            gluster.volume_stop(NAME),
            gluster.volume_delete(NAME),
            system.service_restart(),
        )
        self.wait_connected()

    def _rejects(self, node):
        found = gluster_xml.peers('n', self.said(node, gluster.pool_list()))
        wanted = 2 if node is self.third else 1
        return wanted == sum(each.state == 'Peer Rejected' for each in found)

    def _can_be_changed(self):
        """Try once; only locks, and a program that gave up, may refuse."""
        try:
            self.run_on(self.first, self._allow('a'))
        except exceptions.CommandFailed as error:
            self.assertIsInstance(
                gluster.classify(error),
                exceptions.GlusterBusy | exceptions.CommandTimedOut,
            )
            return False
        return True


class VolumeContract(GlusterContract):
    """Volumes."""

    def assert_on_record(self, expected):
        for node in self.nodes:
            [look] = self.run_on(node, gluster.volume_record(NAME))
            self.assertIs(expected, not look.skipped)

    def test_a_volume_from_create_to_delete(self):
        options = {
            'client.ssl': 'on',
            'server.ssl': 'on',
            'auth.ssl-allow': 'node,client',
            'user.gluster-heketi.volume-id': '0a',
        }
        self.create()
        self.assertEqual('Created', self.info().status)
        self.assert_repeatable(self.first, gluster.volume_set(NAME, options))
        self.run_on(
            self.first,
            gluster.volume_set(
                NAME, {'client.ssl': 'off', 'server.ssl': 'off'}
            ),
        )
        self.assert_repeatable(self.first, gluster.volume_start(NAME))
        self.assert_repeatable(self.first, gluster.volume_start_force(NAME))

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
                    gluster.volume_get(NAME, 'user.gluster-heketi.volume-id'),
                ),
            ),
        )
        self.assertIn(
            NAME,
            gluster_xml.volume_names(
                'n', self.said(self.second, gluster.volume_list())
            ),
        )
        self.assert_refused(
            'target is busy',
            self.first,
            mounts.unmount(site.mount_path('brick_1')),
        )

        self.assert_on_record(True)
        self.assert_repeatable(self.second, gluster.volume_stop(NAME))
        self.assert_repeatable(self.second, gluster.volume_delete(NAME))
        self.assert_on_record(False)
        self.assertIsNone(self.info())
        self.has_bricks = False
        for node in self.nodes:
            self.assert_repeatable(node, *test_bricks.destroy_brick())

    def test_new_bricks_survive_a_power_cut(self):
        more = self.addresses('two')
        for node in self.nodes:
            self.run_on(node, *hooks.remove())
            self.assert_repeatable(node, *hooks.install())
        self.create()
        self.assertRaises(exceptions.GlusterError, self._online)
        self.run_on(self.first, gluster.volume_start(NAME))
        with self.eventually(30) as until:
            until(lambda: self._online() == {*self.addresses()})
            # glusterd does not wait for what it runs afterwards.
            self.run_on(
                self.first,
                gluster.add_brick(NAME, _COPIES, more),
                gluster.rebalance_start(NAME),
            )
            until(lambda: self._online() == {*self.addresses(), *more})

        self.power_off(self.third)
        self.power_on(self.third)

        with self.eventually(90) as until:
            until(lambda: self._online() == {*self.addresses(), *more})
        for node in self.nodes:
            self.assert_repeatable(node, *hooks.remove())

    def _online(self):
        try:
            return gluster_xml.bricks_online(
                'n', self.said(self.first, _STATUS)
            )
        except exceptions.GlusterBusy:
            return frozenset()

    def test_bricks_say_where_they_listen(self):
        self.create(start=True)
        with self.eventually(30) as until:
            until(lambda: self._online() == {*self.addresses()})
        for node in self.nodes:
            said = self.said(node, _STATUS)
            ports = gluster_xml.brick_ports('n', said)
            self.assertEqual({*self.addresses()}, ports.keys())
            self.assertTrue(all(port > 1024 for port in ports.values()))
        with self.eventually(30) as until:
            until(
                lambda: (
                    not gluster_xml.daemons_down(
                        'n', self.said(self.first, _STATUS)
                    )
                )
            )

    def test_quota(self):
        self.create()
        self.assert_refused(
            'Volume is stopped', self.first, gluster.quota_enable(NAME)
        )
        self.run_on(self.first, gluster.volume_start(NAME))
        self.assert_refused(
            'Quota is disabled',
            self.first,
            gluster.quota_limit(NAME, 64 * _MIB),
        )
        self.assertRaises(exceptions.GlusterError, self._limits)

        self.assert_repeatable(self.first, gluster.quota_enable(NAME))
        self.assertEqual((), self._limits())
        for megabytes in (64, 128):
            self.assert_repeatable(
                self.first, gluster.quota_limit(NAME, megabytes * _MIB)
            )
            [limit] = self._limits()
            self.assertEqual(megabytes * _MIB, limit.limit_bytes)
            self.assertEqual(0, limit.used_bytes)

    def _limits(self):
        return gluster_xml.quota_limits(
            'n', self.said(self.first, gluster.quota_list(NAME))
        )

    def test_brick_sets_come_and_go(self):
        self.create(start=True)
        self.assertRaises(exceptions.GlusterError, self.rebalance)
        more = self.addresses('two')

        self.assert_repeatable(
            self.first, gluster.add_brick(NAME, _COPIES, more)
        )
        grown = self.info()
        self.assertRaises(exceptions.GlusterError, self.rebalance)
        self.run_when_free([gluster.rebalance_start(NAME)])
        with self.eventually(60) as until:
            until(self.is_rebalanced)
        self.run_when_free([gluster.remove_brick_start(NAME, more)])
        self.run_when_free([gluster.remove_brick_stop(NAME, more)])
        for _ in range(2):
            self.remove_sets(_COPIES, more)

        self.assertEqual('Distributed-Replicate', grown.kind)
        self.assertEqual(self.addresses() + more, grown.addresses)
        self.assertEqual(self.addresses(), self.info().addresses)
        self.assert_refused(
            'add-brick: failed: Operation failed',
            self.first,
            gluster.add_brick(NAME, _COPIES, self.addresses('three')[:2]),
        )
        self.assert_refused(
            'not allowed', self.first, gluster.remove_brick_commit(NAME, more)
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
            'n', self.said(self.first, gluster.heal_info(NAME))
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
                gluster.volume_create(NAME, DISTRIBUTE, addresses),
            )
        self.assert_refused(
            'same server',
            self.first,
            gluster.volume_create(
                NAME,
                replicate(2),
                (*self.addresses('a')[:1], *self.addresses('b')[:1]),
            ),
        )
        self.assertIsNone(self.info())

    def test_a_brick_that_is_read_only(self):
        self.spoil_brick(self.second, 'brick_1')

        self.assert_refused(
            'Staging failed on .*Failed to create brick directory.*'
            'Read-only file system',
            self.first,
            gluster.volume_create(NAME, _COPIES, self.addresses()),
        )

        self.assertIsNone(self.info())
        self.repair_brick(self.second, 'brick_1')
        # The others were marked before the second one refused.
        self.assert_refused(
            'is already part of a volume',
            self.first,
            gluster.volume_create(NAME, _COPIES, self.addresses()),
        )
        self.run_on(
            self.first,
            gluster.volume_create(NAME, _COPIES, self.addresses('two')),
        )

    def test_bricks_that_are_used(self):
        self.create()
        self.assert_refused(
            f'Volume {NAME} already exists',
            self.first,
            gluster.volume_create(NAME, _COPIES, self.addresses()),
        )
        self.assert_refused(
            'not available',
            self.first,
            gluster.volume_create('other', _COPIES, self.addresses()),
        )
        self.run_on(self.first, gluster.volume_delete(NAME))
        self.assert_refused(
            'is already part of a volume',
            self.first,
            gluster.volume_create(NAME, _COPIES, self.addresses()),
        )

    def test_an_absent_volume(self):
        for command in (
            gluster.volume_start(NAME),
            gluster.volume_set(NAME, {'client.ssl': 'on'}),
            gluster.quota_enable(NAME),
            gluster.rebalance_start(NAME),
            gluster.remove_brick_start(NAME, self.addresses()),
        ):
            error = self.classified(self.first, command)
            self.assertIs(exceptions.GlusterError, type(error))
            self.assertIn('does not exist', str(error))

    def test_our_marks_come_back_as_they_were(self):
        volume = model.Volume(
            id='0a',
            cluster_id='0c',
            share_id='share',
            name=NAME,
            size_bytes=1,
            capacity_bytes=1,
            durability=_COPIES,
            spread=spread.parse('zone:strict,rack:prefer'),
            state=model.VolumeState.READY,
            tags='not (disk = "a%b" or rack in (x, y)) and s != \'ä=1\'',
            average_file_bytes=4096,
        )
        self.create()
        wanted = marks.volume_options(volume)

        self.run_on(self.first, gluster.volume_set(NAME, wanted))

        for node in self.nodes:
            options = self.info(node).options
            self.assertEqual(wanted, {n: options[n] for n in wanted})
            self.assertEqual(volume.tags, marks.volume_of(options).tags)

    def test_options_are_set_all_or_none(self):
        self.create()

        self.assert_refused(
            'no.such-key does not exist',
            self.first,
            gluster.volume_set(
                NAME, {'auth.ssl-allow': 'a', 'no.such-key': '1'}
            ),
        )

        self.assertNotIn('auth.ssl-allow', self.info().options)

    def test_a_started_volume_is_not_deleted(self):
        self.create(start=True)

        self.assert_refused(
            'needs to be stopped', self.first, gluster.volume_delete(NAME)
        )

    def test_one_change_at_a_time_on_a_volume(self):
        self.create()

        def change(node):
            try:
                self.run_on(
                    node, gluster.volume_set(NAME, {'auth.ssl-allow': 'a'})
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
