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

"""Gluster's bad days: silent peers, views that differ, changes missed."""

import ddt

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import system
from tests import base
from tests.unit.executor.simulated import test_faults

_HOSTS = ('n1', 'n2', 'n3')
_PING = 10
_SET = gluster.volume_set('v', {'auth.ssl-allow': 'a'})


def _address(host):
    return f'{host}:/m/b1/brick'


class PeersCase(base.TestCase):
    """Three peers, each with a brick of the started volume v."""

    ping_timeout = _PING

    def setUp(self):
        super().setUp()
        self.cluster = cluster.SimulatedCluster(
            HostSpec(name, devices={'/dev/vdb': 4 * 1024**3})
            for name in _HOSTS
        )
        for host in _HOSTS:
            self.cluster.run_batch(host, test_faults._MAKE)
            if self.ping_timeout:
                self.cluster.run_batch(
                    host,
                    [
                        system.set_ping_timeout(self.ping_timeout),
                        system.service_restart(),
                    ],
                )
        self.run_on('n1', *(gluster.peer_probe(host) for host in _HOSTS[1:]))
        self.run_on('n1', self.create('v'), gluster.volume_start('v'))

    def create(self, name, inside='brick'):
        return gluster.volume_create(
            name,
            durability.replicate(3),
            [f'{host}:/m/b1/{inside}' for host in _HOSTS],
        )

    def run_on(self, host, *batch):
        return self.cluster.run_batch(host, batch)

    def refused(self, host, *batch):
        error = self.assertRaises(
            exceptions.CommandFailed, self.run_on, host, *batch
        )
        return error.fields['stderr']

    def sees(self, host):
        [answer] = self.run_on(host, gluster.pool_list())
        return {
            each.names[0]
            for each in gluster_xml.peers(host, answer.stdout)
            if each.is_connected
        }

    def status(self, host, name='v'):
        [answer] = self.run_on(host, gluster.volume_info(name))
        found = gluster_xml.volumes(host, answer.stdout)
        return found[0].status if found else None

    @property
    def seconds(self):
        return self.cluster._world.clock.seconds


class SilentPeerTest(PeersCase):
    """Power or network is cut: nobody is told."""

    def test_the_call_in_flight_fails_and_the_next_works(self):
        self.cluster.power_off('n3')
        self.assertIn('n3', self.sees('n1'))

        said = self.refused('n1', _SET)

        self.assertEqual(
            'volume set: failed: Locking failed on n3. Please check log file '
            'for details.',
            said,
        )
        self.assertEqual(_PING, self.seconds)
        self.assertNotIn('n3', self.sees('n1'))
        self.run_on('n1', _SET)

    def test_it_is_noticed_after_a_while(self):
        self.cluster.cut_network('n3', controller=False)
        self.cluster.advance(_PING - 1)
        self.assertIn('n3', self.sees('n1'))
        self.cluster.advance(1)

        self.assertEqual({'localhost', 'n2'}, self.sees('n1'))
        self.assertEqual({'localhost'}, self.sees('n3'))
        self.cluster.restore_network('n3')
        self.assertEqual({'localhost', 'n1', 'n2'}, self.sees('n3'))

    def test_a_cut_to_the_controller_alone(self):
        self.cluster.cut_network('n3', peers=False)

        self.assertRaises(
            exceptions.HostUnreachable, self.run_on, 'n3', system.clock()
        )
        self.run_on('n1', _SET)
        self.assertEqual('Started', self.status('n1'))

    def test_a_glusterd_that_stops_says_so(self):
        self.cluster.host('n3').glusterd_runs = False

        self.assertNotIn('n3', self.sees('n1'))
        self.run_on('n1', _SET)
        self.assertEqual(0, self.seconds)

    def test_what_needs_all_peers_is_refused(self):
        self.run_on('n1', gluster.volume_stop('v'))
        self.cluster.power_off('n3')
        self.cluster.advance(_PING)

        self.assertEqual(
            'volume delete: v: failed: Some of the peers are down',
            self.refused('n1', gluster.volume_delete('v')),
        )
        self.assertEqual(
            'volume create: w: failed: Host n3 not connected',
            self.refused('n1', self.create('w', 'other')),
        )

    def test_some_see_late_who_came_back(self):
        self.cluster.slow_reconnects(25)
        self.run_on('n1', gluster.volume_stop('v'))
        self.cluster.power_off('n3')
        self.cluster.advance(_PING)
        self.cluster.power_on('n3')

        self.assertIn('n3', self.sees('n1'))
        self.assertNotIn('n3', self.sees('n2'))
        self.assertEqual(
            'volume delete: v: failed: Staging failed on n2. Error: Some of '
            'the peers are down',
            self.refused('n1', gluster.volume_delete('v')),
        )
        self.cluster.advance(25)
        self.run_on('n1', gluster.volume_delete('v'))

    def test_a_link_between_two_is_cut(self):
        self.cluster.cut_link('n2', 'n3')
        self.cluster.advance(_PING)

        self.assertEqual({'localhost', 'n1'}, self.sees('n2'))
        self.assertEqual({'localhost', 'n2', 'n3'}, self.sees('n1'))
        self.cluster.mend_link('n2', 'n3')
        self.assertIn('n3', self.sees('n2'))

    def test_bricks_behind_a_cut_do_not_run(self):
        self.cluster.power_off('n3')
        self.cluster.advance(_PING)
        [answer] = self.run_on('n1', gluster.volume_status('v'))

        self.assertEqual(
            {_address('n1'), _address('n2')},
            gluster_xml.bricks_online('n1', answer.stdout),
        )


class WithoutPingTimeoutTest(PeersCase):
    """glusterd as Debian delivers it."""

    ping_timeout = 0

    def test_a_silent_peer_hangs_every_transaction(self):
        self.cluster.power_off('n3')

        error = self.assertRaises(
            exceptions.CommandFailed, self.run_on, 'n1', _SET
        )

        self.assertIsInstance(
            gluster.classify(error), exceptions.CommandTimedOut
        )
        self.assertEqual(120, self.seconds)
        # Its lock is held by nobody, for the rest of the 180 s.
        self.assertIn('Another transaction', self.refused('n2', _SET))
        self.run_on('n1', gluster.volume_info('v'))
        self.cluster.advance(900)
        self.assertNotIn('n3', self.sees('n1'))
        self.run_on('n1', _SET)


class WedgedTest(PeersCase):
    """A glusterd that takes requests and answers none."""

    def test_its_own_host_gets_no_answer(self):
        self.cluster.wedge_glusterd('n3')

        for command in (gluster.pool_list(), _SET):
            error = self.assertRaises(
                exceptions.HostError,
                lambda command=command: gluster_xml.peers(
                    'n3', self.run_on('n3', command)[0].stdout
                ),
            )
            if isinstance(error, exceptions.CommandFailed):
                error = gluster.classify(error)
            self.assertIsInstance(error, exceptions.CommandTimedOut)

    def test_transactions_of_others_hang_and_leave_locks(self):
        self.cluster.wedge_glusterd('n3')

        self.assertIn('Request timed out', self.refused('n1', _SET))
        self.assertIn('Another transaction', self.refused('n1', _SET))
        self.assertEqual('Started', self.status('n1'))
        self.run_on('n3', system.service_restart())
        self.assertIn('Another transaction', self.refused('n1', _SET))
        self.cluster.advance(60)
        self.run_on('n1', _SET)

    def test_a_restart_of_all_frees_a_lock(self):
        self.cluster.leave_lock('n1', 'v', 180)
        for host in _HOSTS[:2]:
            self.run_on(host, system.service_restart())
        self.assertIn('Another transaction', self.refused('n2', _SET))
        self.run_on('n3', system.service_start(), system.clock())
        self.assertIn('Another transaction', self.refused('n2', _SET))
        self.cluster.restart_glusterd('n3')

        self.run_on('n2', _SET)

    def test_a_lock_that_is_left_behind(self):
        self.cluster.leave_lock('n1', 'v', 180)

        self.assertIn('Another transaction', self.refused('n2', _SET))
        self.run_on('n1', self.create('w', 'other'))
        self.cluster.advance(180)
        self.run_on('n2', _SET)


@ddt.ddt
class MissedTest(PeersCase):
    """A change is made by all peers but one."""

    _FAILED = 'Commit failed on n3. Please check log file for details.'

    def miss(self, host, command):
        self.cluster.fail_commit('n3')
        self.assertIn(self._FAILED, self.refused(host, command))

    def test_a_start(self):
        self.run_on('n1', gluster.volume_stop('v'))
        self.miss('n1', gluster.volume_start('v'))

        self.assertEqual('Started', self.status('n1'))
        self.assertEqual('Stopped', self.status('n3'))
        self.run_on('n1', gluster.volume_start('v'))
        self.assertIn(
            'Pre Validation failed on n1. Volume v already started',
            self.refused('n3', gluster.volume_start('v')),
        )
        self.run_on('n1', gluster.volume_start_force('v'))
        self.assertEqual('Started', self.status('n3'))

    def test_a_deletion_comes_back_with_the_peer(self):
        self.run_on('n1', gluster.volume_stop('v'))
        self.miss('n1', gluster.volume_delete('v'))

        self.assertIsNone(self.status('n1'))
        self.assertEqual('Stopped', self.status('n3'))
        # Neither is it there for the others, nor is its name free.
        self.run_on('n1', gluster.volume_delete('v'))
        self.assertIn(
            'Staging failed on n3. Error: Volume v already exists',
            self.refused('n1', self.create('v', 'other')),
        )
        self.cluster.power_off('n3')
        self.cluster.power_on('n3')

        self.assertEqual('Stopped', self.status('n1'))
        self.run_on('n1', gluster.volume_delete('v'))
        for host in _HOSTS:
            self.assertIsNone(self.status(host))

    def test_a_peer_that_lacks_the_volume_is_not_taken_for_its_absence(self):
        self.miss('n1', self.create('w', 'other'))

        self.assertIsNone(self.status('n3', 'w'))
        for command in (gluster.volume_stop('w'), gluster.volume_delete('w')):
            self.assertIn(
                'Staging failed on n3. Error: Volume w does not exist',
                self.refused('n1', command),
            )
        self.run_on('n3', system.service_restart())
        self.assertEqual('Created', self.status('n3', 'w'))
        self.run_on('n1', gluster.volume_delete('w'))

    def test_later_changes_are_made_by_all(self):
        self.miss('n1', _SET)
        option = 'auth.ssl-allow'
        self.assertNotIn(option, self.cluster.volume('n3', 'v').options)

        self.run_on('n2', gluster.volume_set('v', {option: 'b'}))

        self.assertEqual('b', self.cluster.volume('n3', 'v').options[option])

    def test_it_is_missed_once(self):
        self.miss('n1', _SET)
        self.run_on('n1', _SET)

    @ddt.data('power_off', 'cut_network')
    def test_a_peer_goes_in_the_midst_of_it(self, fault):
        self.run_on('n1', gluster.volume_stop('v'))
        self.cluster.appoint(
            'n1',
            0,
            lambda: getattr(self.cluster, fault)('n3'),
            in_midst=True,
        )

        self.assertIn(
            self._FAILED, self.refused('n1', gluster.volume_delete('v'))
        )

        self.assertIsNone(self.status('n2'))
        self.assertEqual(_PING, self.seconds)

    @ddt.data('power_off', 'cut_network')
    def test_its_own_host_goes_in_the_midst_of_it(self, fault):
        self.run_on('n1', gluster.volume_stop('v'))
        self.cluster.appoint(
            'n1',
            0,
            lambda: getattr(self.cluster, fault)('n1'),
            in_midst=True,
        )

        self.assertRaises(
            exceptions.ConnectionLost,
            self.run_on,
            'n1',
            gluster.volume_delete('v'),
        )

        self.assertEqual('Stopped', self.status('n2'))


class BrickTest(PeersCase):
    """File systems of bricks that are read-only."""

    def setUp(self):
        super().setUp()
        self.cluster.spoil_disks('n3', root=False)

    def test_a_brick_on_one_does_not_run(self):
        [answer] = self.run_on('n1', gluster.volume_status('v'))

        self.assertEqual(
            {_address('n1'), _address('n2')},
            gluster_xml.bricks_online('n1', answer.stdout),
        )

    def test_a_brick_can_not_be_made_on_one(self):
        said = self.refused('n1', self.create('w', 'other'))

        self.assertEqual(
            'volume create: w: failed: Staging failed on n3. Error: Failed to '
            'create brick directory for brick n3:/m/b1/other. Reason : '
            'Read-only file system',
            said,
        )
        self.assertIsNone(self.status('n1', 'w'))
