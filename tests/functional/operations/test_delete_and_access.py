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

"""Volumes that go, and lists of who may mount them."""

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.tls import access
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says


def _lose(host, command):
    raise exceptions.ConnectionLost(
        host=host, command=str(command), reason='Broken pipe'
    )


@ddt.ddt
class DeleteTestCase(deployment.DeployedTestCase):
    """A deletion only ever goes forward."""

    def test_nothing_is_left(self) -> None:
        """On no host, in Gluster or in the store."""
        d = self.deploy()
        before = d.world()
        d.create()
        d.service.delete_volume('share-1')
        self.assertEqual(before, d.world())

    def test_a_share_without_a_volume(self) -> None:
        """Said, and no command is sent."""
        d = self.deploy()
        d.executor.seen.clear()
        self.assertRaises(
            exceptions.NotFound, d.service.delete_volume, 'share-1'
        )
        self.assertEqual([], d.executor.seen)

    def test_a_peer_is_down(self) -> None:
        """Nobody is served any more; the rest waits for the peer."""
        d = self.deploy()
        before = d.world()
        volume = d.create()
        d.cluster.power_off('gl3')

        d.service.delete_volume('share-1')

        self.assertIsNone(d.service.find_volume('share-1'))
        self.assertEqual('Stopped', d.gluster(volume).status)
        [condemned] = d.service.volumes()
        self.assertIs(model.VolumeState.CONDEMNED, condemned.state)
        self.assertEqual(3, len(d.bricks(condemned)))
        [operation] = d.service.operations()
        self.assertIs(model.OpState.STUCK, operation.state)
        self.assertNotEqual('', operation.error)
        d.cluster.power_on('gl3')
        self.assertEqual([''], [each.error for each in d.service.recover()])
        self.assertEqual(before, d.world())

    def test_the_share_is_created_anew_meanwhile(self) -> None:
        """The old volume keeps its name until it is gone."""
        d = self.deploy(nodes=4)
        d.create()
        d.cluster.power_off('gl4')
        d.service.delete_volume('share-1')
        again = d.create()
        self.assertRegex(again.name, r'^manila-share-1-\d$')
        d.cluster.power_on('gl4')
        d.service.recover()
        self.assertEqual([again], list(d.service.volumes()))
        self.assertEqual((again.name,), d.cluster.volume_names('gl1'))

    @ddt.data(
        ('volume', 'stop'),
        ('volume', 'delete'),
        ('umount',),
        ('fstab_remove',),
        ('lvremove',),
        ('rmdir',),
    )
    def test_a_command_fails(self, words) -> None:
        """Recovery does what is left, and gives the room back."""
        d = self.deploy()
        before = d.world()
        for hook, act in (('before', fail()), ('after', _lose)):
            d.create()
            setattr(d.executor, hook, once(says(*words), act))
            d.service.delete_volume('share-1')
            self.assertIsNone(d.service.find_volume('share-1'))
            self.assertEqual(
                [''], [each.error for each in d.service.recover()]
            )
            self.assertEqual(before, d.world(), hook)

    def test_bricks_that_are_gone_are_free_at_once(self) -> None:
        """Only what the dead host keeps stays reserved."""
        d = self.deploy()
        d.create()
        d.executor.before = once(
            on('gl3', says('umount')),
            lambda host, command: d.cluster.power_off(host),
        )
        d.service.delete_volume('share-1')
        used = {
            each.node.manage_host: each.used_bytes
            for each in d.service.clusters()[0].devices
        }
        self.assertEqual((0, 0), (used['gl1'], used['gl2']))
        self.assertGreater(used['gl3'], 0)


class AccessTestCase(deployment.DeployedTestCase):
    """Who may mount."""

    def _allowed(self, d, volume):
        names = d.gluster(volume).options['auth.ssl-allow'].split(',')
        self.assertEqual(f'gluster-heketi-node-{volume.cluster_id}', names[0])
        return names[1:]

    def test_names_come_and_go(self) -> None:
        """The nodes' own name always stays."""
        d = self.deploy()
        volume = d.create()
        change = d.service.change_access
        self.assertEqual(
            ('alice', 'bob'), change('share-1', add=['bob', 'alice'])
        )
        self.assertEqual(['alice', 'bob'], self._allowed(d, volume))
        self.assertEqual(('bob',), change('share-1', remove=['alice']))
        self.assertEqual(['bob'], self._allowed(d, volume))
        self.assertEqual(('carol',), change('share-1', names=['carol']))
        self.assertEqual(['carol'], self._allowed(d, volume))
        self.assertEqual((), change('share-1', names=[]))
        self.assertEqual([], self._allowed(d, volume))
        self.assertEqual((), d.service.volume('share-1').access)

    def test_what_is_so_already(self) -> None:
        """No command is sent."""
        d = self.deploy()
        d.create()
        d.service.change_access('share-1', add=['alice'])
        d.executor.seen.clear()
        d.service.change_access('share-1', add=['alice'], remove=['bob'])
        d.service.change_access('share-1', names=['alice'])
        self.assertEqual([], d.executor.seen)

    def test_a_change_is_one_command(self) -> None:
        """Never unset in between: that would let everybody in."""
        d = self.deploy()
        d.create()
        d.executor.seen.clear()
        d.service.change_access('share-1', add=['alice'])
        [(_, question), (_, command)] = d.executor.seen
        self.assertIn('is-active', question)
        self.assertIn('volume set', command)

    def test_glusterd_is_stopped_on_the_host_that_is_asked_first(self) -> None:
        """Another host makes the change; the first learns of it later."""
        d = self.deploy()
        volume = d.create()
        d.executor.seen.clear()
        d.service.change_access('share-1', add=['alice'])
        first = d.cluster.host(d.executor.seen[0][0])
        first.glusterd_runs = False

        d.service.change_access('share-1', add=['bob'])
        self.assertEqual(('alice', 'bob'), d.service.volume('share-1').access)
        first.start_glusterd()
        self.assertEqual(['alice', 'bob'], self._allowed(d, volume))

    def test_glusterd_runs_nowhere(self) -> None:
        """Said so; nothing is changed."""
        d = self.deploy()
        d.create()
        for host in d.hosts:
            d.cluster.host(host).glusterd_runs = False
        error = self.assertRaises(
            exceptions.OperationFailed,
            d.service.change_access,
            'share-1',
            add=['alice'],
        )
        self.assertIn('glusterd does not run', str(error))
        self.assertEqual((), d.service.volume('share-1').access)

    def test_it_fails(self) -> None:
        """The old list stands, in the store and in Gluster."""
        d = self.deploy()
        volume = d.create()
        d.service.change_access('share-1', add=['alice'])
        before = d.world()
        for hook, act in (('before', fail()), ('after', _lose)):
            setattr(d.executor, hook, once(says('auth.ssl-allow'), act))
            self.assertRaises(
                exceptions.OperationFailed,
                d.service.change_access,
                'share-1',
                add=['bob'],
            )
            self.assertEqual(before, d.world(), hook)
            self.assertEqual(['alice'], self._allowed(d, volume))

    def test_a_name_that_is_a_pattern(self) -> None:
        """Refused; nothing is sent."""
        d = self.deploy()
        d.create()
        before = d.world()
        for name in ('*', 'a,b', '', 'a b', '[x]', '?', 'x' * 65):
            error = self.assertRaises(
                exceptions.InvalidCommonName,
                d.service.change_access,
                'share-1',
                add=[name],
            )
            self.assertIn(repr(name), str(error))
        self.assertEqual(before, d.world())

    def test_the_list_is_full(self) -> None:
        """glusterd would crash; the old list stands."""
        d = self.deploy()
        volume = d.create()
        names = [f'{number:03}' + 'x' * 60 for number in range(60)]
        d.service.change_access('share-1', names=names)
        before = d.world()
        error = self.assertRaises(
            exceptions.AccessListFull,
            d.service.change_access,
            'share-1',
            add=['a' * 64, 'b' * 64],
        )
        self.assertIn(volume.name, str(error))
        self.assertEqual(before, d.world())
        self.assertTrue(d.cluster.host('gl1').glusterd_runs)

    def test_an_update_that_could_not_be_undone(self) -> None:
        """It must not bring an old list back after a newer one is set."""
        d = self.deploy()
        volume = d.create()
        d.service.change_access('share-1', names=['alice', 'mallory'])

        def cut(host, command):
            for each in d.hosts:
                d.cluster.cut_network(each)
            _lose(host, command)

        d.executor.after = once(says('auth.ssl-allow'), cut)
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.change_access,
            'share-1',
            add=['bob'],
        )
        for each in d.hosts:
            d.cluster.restore_network(each)
        d.service.change_access('share-1', names=['alice'])
        d.service.recover()
        self.assertEqual(['alice'], self._allowed(d, volume))
        self.assertEqual(('alice',), d.service.volume('share-1').access)

    def test_deleting_while_an_update_is_stuck(self) -> None:
        """The deletion ends it."""
        d = self.deploy()
        empty = d.world()
        d.create()

        def cut(host, command):
            for each in d.hosts:
                d.cluster.cut_network(each)
            _lose(host, command)

        d.executor.after = once(says('auth.ssl-allow'), cut)
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.change_access,
            'share-1',
            add=['bob'],
        )
        d.service.delete_volume('share-1')
        for each in d.hosts:
            d.cluster.restore_network(each)
        self.assertEqual([''], [each.error for each in d.service.recover()])
        self.assertEqual(empty, d.world())

    def test_the_list_names_the_cluster(self) -> None:
        """What the store would write is what Gluster has."""
        d = self.deploy()
        volume = d.create()
        d.service.change_access('share-1', add=['alice'])
        self.assertEqual(
            access.allow_value(volume.cluster_id, ['alice']),
            d.gluster(volume).options['auth.ssl-allow'],
        )
