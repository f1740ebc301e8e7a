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

"""Creations in which a command fails: on other hosts, or not at all."""

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says

# Every command of the two batches that make a volume.
_ON_EACH_HOST = (
    ('lvcreate', '--thin'),
    ('mkfs.xfs',),
    ('mkdir', '-p'),
    ('fstab_add',),
    ('mount', '-t', 'xfs'),
)
_ON_ONE_HOST = (
    ('volume', 'create'),
    ('volume', 'set'),
    ('volume', 'start'),
    ('quota', 'enable'),
    ('quota', 'limit-usage'),
    ('volume', 'status'),
)


def _lose(host, command):
    raise exceptions.ConnectionLost(
        host=host, command=str(command), reason='Broken pipe'
    )


def _time_out(host, command):
    raise exceptions.CommandTimedOut(
        host=host, command=str(command), seconds=120
    )


def _unreachable(host, command):
    raise exceptions.HostUnreachable(host=host, reason='no route')


def _unnoted(host, command):
    raise exceptions.FenceFailed(
        host=host,
        command=str(command),
        directory='/run/gluster-heketi',
        reason='No space left on device',
    )


def _stumble(host, command):
    raise KeyError('x')


_WAYS = {
    'fails': ('before', fail()),
    'is not started': ('before', _unreachable),
    'is not noted': ('before', _unnoted),
    'is lost before': ('before', _lose),
    'is lost after': ('after', _lose),
    'takes too long': ('after', _time_out),
}


def _interfere(d, hook, matches, act):
    setattr(d.executor, hook, once(matches, act))


def _host_with_a_brick(d):
    """Give a host that the allocator chooses first of all."""
    volume = d.create('probe')
    address = d.service.bricks(volume)[0].partition(':')[0]
    d.service.delete_volume('probe')
    return f'gl{address.rpartition(".")[2]}'


@ddt.ddt
class OnOtherHostsTestCase(deployment.DeployedTestCase):
    """There is a fourth host: the volume is made without the bad one."""

    @ddt.data(*_WAYS)
    def test_a_brick_fails_once(self, way) -> None:
        """Nothing of the first attempt is left."""
        d = self.deploy(nodes=4)
        hook, act = _WAYS[way]
        for words in _ON_EACH_HOST:
            bad = _host_with_a_brick(d)
            _interfere(d, hook, on(bad, says(*words)), act)
            self._assert_elsewhere(d, bad)
            d.service.delete_volume('share-1')

    def _assert_elsewhere(self, d, bad):
        empty = d.on_hosts()[bad]
        volume = d.create()

        self.assertIs(model.VolumeState.READY, volume.state)
        self.assertEqual('manila-share-1', volume.name)
        self.assertNotIn(
            d.storage(bad),
            {a.partition(':')[0] for a in d.service.bricks(volume)},
        )
        after = d.on_hosts()[bad]
        # As a peer it knows the volume, but has nothing of it.
        self.assertEqual({volume.name}, set(after.pop('gluster')))
        empty.pop('gluster')
        self.assertEqual(empty, after)
        self.assertEqual((), d.service.operations())
        self.assertEqual(1, len(d.service.volumes()))

    def test_a_host_dies_and_comes_back(self) -> None:
        """The share is served at once; the rest is tidied up later."""
        d = self.deploy(nodes=4)
        bad = _host_with_a_brick(d)
        empty = d.on_hosts()[bad]
        _interfere(
            d,
            'before',
            on(bad, says('mount')),
            lambda host, command: d.cluster.power_off(host),
        )

        volume = d.create()

        self.assertIs(model.VolumeState.READY, volume.state)
        states = sorted(str(v.state) for v in d.service.volumes())
        self.assertEqual(['condemned', 'ready'], states)
        # What the dead host may have keeps its room, what is gone does not.
        [condemned] = [v for v in d.service.volumes() if v.id != volume.id]
        devices = {b.device_id for b in d.bricks(condemned)}
        [snapshot] = d.service.clusters()
        self.assertEqual(
            {bad},
            {
                each.node.manage_host
                for each in snapshot.devices
                if each.device.id in devices
            },
        )
        # Its name is taken while gluster may still know it.
        self.assertEqual('manila-share-1-2', volume.name)

        self.assertNotEqual('', d.service.recover()[0].error)
        d.cluster.power_on(bad)
        self.assertEqual('', d.service.recover()[0].error)
        self.assertEqual([volume], list(d.service.volumes()))
        after = d.on_hosts()[bad]
        after.pop('gluster'), empty.pop('gluster')
        self.assertEqual(empty, after)


@ddt.ddt
class UndoneTestCase(deployment.DeployedTestCase):
    """There is no other host: all is as it was before."""

    @ddt.data(*_WAYS)
    def test_a_brick_fails(self, way) -> None:
        """No trace on any host or in the store; a retry works."""
        d = self.deploy()
        before = d.world()
        hook, act = _WAYS[way]
        for words in _ON_EACH_HOST:
            _interfere(d, hook, on('gl2', says(*words)), act)

            error = self.assertRaises(exceptions.OperationFailed, d.create)

            self.assertNotIsInstance(error, exceptions.OperationStuck)
            self.assertIn('gl2', str(error))
            self.assertEqual(before, d.world(), words)
        self.assertEqual('manila-share-1', d.create().name)

    @ddt.data(*(way for way in _WAYS if not way.startswith('is not')))
    def test_a_gluster_command_fails(self, way) -> None:
        """The volume goes, then its bricks; a retry works."""
        d = self.deploy()
        before = d.world()
        hook, act = _WAYS[way]
        for words in _ON_ONE_HOST:
            _interfere(d, hook, says(*words), act)
            self.assertRaises(exceptions.OperationFailed, d.create)
            self.assertEqual(before, d.world(), words)
        self.assertEqual('manila-share-1', d.create().name)

    @ddt.data(_unreachable, _unnoted)
    def test_the_first_host_for_gluster_commands_is_away(self, act) -> None:
        """Another one is asked."""
        d = self.deploy()
        asked = []

        def away(host, command):
            if 'glusterd' in command.argv and not asked:
                asked.append(host)
                act(host, command)

        d.executor.before = away
        volume = d.create()
        [create] = [h for h, c in d.executor.seen if 'volume create' in c]
        self.assertNotEqual(asked, [create])
        self.assertEqual('Started', d.gluster(volume).status)

    def test_no_host_has_room_in_run(self) -> None:
        """That is said of it; glusterd and its disks are not blamed."""
        d = self.deploy()
        d.executor.before = _unnoted
        error = self.assertRaises(exceptions.OperationStuck, d.create)
        self.assertIn('MGH-319', str(error))
        self.assertIn('No space left on device', str(error))
        self.assertRegex(str(error), r'about node gl\d')
        for wrong in ('glusterd does not run', 'about device'):
            self.assertNotIn(wrong, str(error))

    @ddt.data(('mount', 'make-bricks'), ('create', 'make-volume'))
    @ddt.unpack
    def test_a_bug_in_a_step(self, word, step) -> None:
        """It is undone like any error, and can be found in the log."""
        logger = self.useFixture(fixtures.FakeLogger())
        d = self.deploy()
        before = d.world()
        _interfere(d, 'before', says(word), _stumble)
        error = self.assertRaises(exceptions.OperationFailed, d.create)
        self.assertNotIsInstance(error, exceptions.OperationStuck)
        [bug] = error.fields['errors']
        self.assertIs(exceptions.StepBroke, type(bug))
        self.assertRegex(
            str(error), rf'MGH-704\] step {step} on gl\d: KeyError'
        )
        self.assertIn('in _stumble', logger.output)
        self.assertEqual(before, d.world())

    def test_a_bug_in_undoing(self) -> None:
        """The step is tried again, and the journal tells of it meanwhile."""
        logger = self.useFixture(fixtures.FakeLogger())
        d = self.deploy()
        before = d.world()
        stumble = once(on('gl2', says('lvremove')), _stumble)
        refuse = once(on('gl2', says('mount')), fail())

        def both(host, command):
            stumble(host, command)
            refuse(host, command)

        d.executor.before = both
        error = self.assertRaises(exceptions.OperationStuck, d.create)
        [operation] = d.service.operations()
        [told] = [each.error for each in operation.steps if each.error]
        for part in ('MGH-704', 'make-bricks on gl2', 'KeyError'):
            self.assertIn(part, error.fields['undo_reason'])
            self.assertIn(part, told)
        self.assertIn('in _stumble', logger.output)
        self.assertEqual([''], [each.error for each in d.service.recover()])
        self.assertEqual(before, d.world())

    def test_undoing_fails_on_one_host(self) -> None:
        """Bricks that are gone are free at once, the others stay reserved."""
        d = self.deploy()
        before = d.world()
        _interfere(
            d,
            'before',
            on('gl2', says('mount')),
            lambda host, command: d.cluster.cut_network(host),
        )

        error = self.assertRaises(exceptions.OperationStuck, d.create)

        self.assertIn('operation', error.fields)
        used = {
            each.node.manage_host: each.used_bytes
            for each in d.service.clusters()[0].devices
        }
        self.assertEqual((0, 0), (used['gl1'], used['gl3']))
        self.assertGreater(used['gl2'], 0)
        [volume] = d.service.volumes()
        self.assertIs(model.VolumeState.CONDEMNED, volume.state)
        self.assertIsNone(d.service.find_volume('share-1'))
        d.cluster.restore_network('gl2')
        [closed] = d.service.recover()
        self.assertEqual('', closed.error)
        self.assertEqual(before, d.world())

    def test_a_share_again_while_the_first_attempt_is_stuck(self) -> None:
        """It gets a volume of another name; both end well."""
        d = self.deploy(nodes=4)
        bad = _host_with_a_brick(d)
        hosts = iter([bad])
        d.executor.before = lambda host, command: (
            d.cluster.cut_network(host)
            if host == bad and 'mkfs.xfs' in command.argv and next(hosts, '')
            else None
        )
        first = d.create()
        d.service.delete_volume('share-1')
        second = d.create()
        self.assertEqual('manila-share-1-2', first.name)
        self.assertNotEqual(first.name, second.name)
        d.cluster.restore_network(bad)
        self.assertEqual({''}, {each.error for each in d.service.recover()})
        self.assertEqual([second], list(d.service.volumes()))
        self.assertEqual((second.name,), d.cluster.volume_names(bad))
