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

"""Hosts that were told gluster commands, and have not said what became of it.

One that falls silent may go on with them at any time. Until it has heard that
they are superseded nothing counts as undone, whatever other hosts say.
"""

import dataclasses
from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.sizes import GIB
from tests.crash import agreement
from tests.crash import host_faults
from tests.crash import stage
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import refusal
from tests.functional.interference import says


def _gone(host: str) -> exceptions.HostUnreachable:
    return exceptions.HostUnreachable(host=host, reason='no route to it')


def _freeze(d: deployment.Deployment, words: str) -> list[str]:
    """Freeze the host that is about to run a command; name it then."""
    frozen: list[str] = []

    def watch(at: str) -> None:
        if words in at and not frozen:
            frozen.append(at.partition(':')[0])
            host_faults.FREEZE.strike(d.cluster, *frozen)

    d.cluster.interrupt = watch
    return frozen


class AccessTestCase(deployment.DeployedTestCase):
    """A share that alice mounts and mallory may not."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.d = self.deploy()
        self.volume = self.d.create()
        self.allow('alice')

    def allow(self, name: str) -> None:
        """Let somebody in."""
        self.d.service.change_access('share-1', add=[name])

    def allowed(self) -> list[str]:
        """List who may mount, as Gluster has it."""
        value = self.d.gluster(self.volume).options['auth.ssl-allow']
        return value.split(',')[1:]

    def freeze(self) -> list[str]:
        """Freeze the host that is about to set an option; name it then."""
        return _freeze(self.d, 'volume set')

    def told(self) -> tuple[str, ...]:
        """List the hosts that may still do something, by the journal."""
        [operation] = self.d.service.operations()
        [each] = operation.steps
        hosts = each.params['told']
        assert isinstance(hosts, list)
        return tuple(hosts)

    def test_a_host_goes_on_after_others_undid_it(self) -> None:
        """It is not over before the host says that it hears of it."""
        frozen = self.freeze()
        self.assertRaises(exceptions.OperationStuck, self.allow, 'mallory')

        # Others see to it meanwhile that nobody gets in.
        self.assertEqual(['alice'], self.allowed())
        self.assertEqual(2, len(self.told()))
        self.assertIn(frozen[0], self.told())
        [tried] = self.d.service.recover()
        self.assertIn(frozen[0], tried.error)
        host_faults.FREEZE.heal(self.d.cluster, *frozen)
        self.assertEqual(['alice', 'mallory'], self.allowed())
        [tried] = self.d.service.recover()
        self.assertEqual('', tried.error)
        self.assertEqual(['alice'], self.allowed())
        self.assertEqual([], agreement.differences(self.d))

    def test_nothing_else_is_changed_meanwhile(self) -> None:
        """It would be taken back when the host is heard again."""
        frozen = self.freeze()
        self.assertRaises(exceptions.OperationStuck, self.allow, 'mallory')
        error = self.assertRaises(exceptions.Conflict, self.allow, 'bob')
        self.assertIn(frozen[0], str(error))
        host_faults.FREEZE.heal(self.d.cluster, *frozen)
        self.allow('bob')
        self.assertEqual(['alice', 'bob'], self.allowed())

    def test_the_host_is_given_up(self) -> None:
        """The operator answers for it."""
        self.freeze()
        self.assertRaises(exceptions.OperationStuck, self.allow, 'mallory')
        [operation] = self.d.service.operations()
        self.d.service.abandon(operation.id)
        self.allow('bob')
        self.assertEqual(['alice', 'bob'], self.allowed())

    def test_the_share_is_deleted_meanwhile(self) -> None:
        """Whatever the host does then, it has no volume to do it to."""
        frozen = self.freeze()
        self.assertRaises(exceptions.OperationStuck, self.allow, 'mallory')
        self.d.service.delete_volume('share-1')
        host_faults.FREEZE.heal(self.d.cluster, *frozen)
        self.d.cluster.advance(stage.LATER)
        self.d.service.recover()
        self.assertEqual([], agreement.differences(self.d))

    def test_it_was_another_host_than_the_first(self) -> None:
        """Which one it is, is on record before it is told anything."""
        d = self.d
        first: list[str] = []

        def refuse(host: str, command: object) -> None:
            first.append(host)
            d.cluster.refuse(host, _gone(host))
            raise _gone(host)

        d.executor.before = once(says('glusterd'), refuse)
        d.executor.arm(
            Rule(Act.KILL, words=('volume', 'set'), rest=Rest.LATER)
        )
        self.assertRaises(Killed, self.allow, 'mallory')

        [second] = self.told()
        self.assertNotEqual([second], first)
        # The first one is back, the one that was told is not.
        d.cluster.refuse(first[0], None)
        d.cluster.refuse(second, _gone(second))
        killed = d.executor
        d.service, d.executor = d.process()
        d.expire_leases()
        [tried] = d.service.recover()
        self.assertIn(f'host {second}', tried.error)
        d.cluster.refuse(second, None)
        killed.run_late()
        self.assertEqual(['alice', 'mallory'], self.allowed())
        self.assertEqual([''], [each.error for each in d.service.recover()])
        self.assertEqual(['alice'], self.allowed())

    def test_another_host_than_the_first_freezes(self) -> None:
        """The process that wrote it down knows it as well."""
        d = self.d
        gone: list[str] = []

        def refuse(host: str, command: object) -> None:
            gone.append(host)
            d.cluster.refuse(host, _gone(host))
            raise _gone(host)

        d.executor.before = once(says('glusterd'), refuse)
        frozen = self.freeze()
        self.assertRaises(exceptions.OperationStuck, self.allow, 'mallory')

        self.assertNotEqual(frozen, gone)
        [operation] = d.service.operations()
        self.assertIn(f'host {frozen[0]}', operation.steps[0].error)
        # Nothing was begun on the first, so that it is not waited for.
        host_faults.FREEZE.heal(d.cluster, *frozen)
        self.assertEqual(['alice', 'mallory'], self.allowed())
        self.assertEqual([''], [each.error for each in d.service.recover()])
        self.assertEqual(['alice'], self.allowed())

    def test_what_goes_well_is_not_written_down(self) -> None:
        """Each commit waits for a disk."""
        commits = stage.Commits(self.d.service)
        self.allow('bob')
        # It is opened, begun and closed.
        self.assertEqual(3, commits.seen)
        last = self.d.service.operations(every=True)[-1]
        self.assertEqual(OpKind.ACCESS_UPDATE, last.kind)
        self.assertEqual([[]], [each.params['told'] for each in last.steps])


class AddBricksTestCase(deployment.DeployedTestCase):
    """New bricks on other hosts than the one that adds them."""

    def _in_its_midst(self, act: Callable[[], object]) -> None:
        """Extend; have something happen while Gluster adds the bricks."""
        d = self.d
        midst: list[str] = []

        def watch(at: str) -> None:
            if 'in the midst' in at and 'add-brick' in at and not midst:
                midst.append(at)
                act()

        d.cluster.interrupt = watch
        self.assertRaises(
            exceptions.Conflict,
            d.service.extend_volume,
            'share-1',
            8 * GIB,
        )
        self.assertEqual(1, len(midst))

    def test_it_is_taken_over_in_the_midst(self) -> None:
        """The bricks stay until it is certain that none is in use."""
        self.d = d = self.deploy(nodes=6, disk_bytes=7 * GIB)
        # What it waits for is what it is in the midst of.
        d.cluster.fences.patience_seconds = 0
        d.create(gigabytes=4)
        before = d.record()
        other, _ = d.process()
        errors: list[str] = []

        def take_over() -> None:
            d.expire_leases()
            errors.extend(each.error for each in other.recover())

        self._in_its_midst(take_over)

        self.assertIn('MGH-312', errors[0])
        [operation] = d.service.operations()
        self.assertIs(OpState.STUCK, operation.state)
        volume = d.service.volume('share-1')
        self.assertEqual(6, len(d.gluster(volume).addresses))
        self.assertEqual(6, len(d.bricks(volume)))
        self.assertEqual([''], [each.error for each in other.recover()])
        self.assertEqual([], agreement.differences(d))
        self.assertEqual(before, d.record())
        d.service.extend_volume('share-1', 8 * GIB)
        self.assertEqual([], agreement.differences(d))

    def test_the_program_gives_up_on_glusterd(self) -> None:
        """That adds them minutes later, and holds the lock until then.

        They are taken out again, before others are tried.
        """
        d = self.deploy(nodes=6, disk_bytes=7 * GIB)
        d.create(gigabytes=4)
        late: list[tuple[str, Command]] = []

        def add(host: str, command: Command) -> None:
            where, adding = late.pop()
            d.cluster.run_batch(where, [adding])

        def give_up(host: str, command: Command) -> None:
            late.append((host, dataclasses.replace(command, fence=None)))
            d.executor.before = once(says('volume', 'status'), add)
            raise refusal(host, command, 'Error : Request timed out')

        d.executor.before = once(says('add-brick'), give_up)
        volume = d.service.extend_volume('share-1', 8 * GIB)
        self.assertEqual([], late)
        self.assertEqual(6, len(d.gluster(volume).addresses))
        self.assertEqual([], agreement.differences(d))

    def test_a_volume_that_rests_can_be_undone(self) -> None:
        """Gluster says nothing of its state, but has had the lock."""
        d = self.deploy(nodes=6, disk_bytes=7 * GIB)
        volume = d.create(gigabytes=4)

        def stop(host: str, command: Command) -> None:
            d.gluster(volume).status = 'Stopped'
            raise refusal(host, command)

        d.executor.before = once(says('add-brick'), stop)
        self.assertRaises(
            exceptions.OperationFailed,
            d.service.extend_volume,
            'share-1',
            8 * GIB,
        )
        self.assertEqual((), d.service.operations())

    def test_who_is_asked_hears_of_it(self) -> None:
        """No host that said that they are not in adds them later."""
        self.d = d = self.deploy(nodes=6, disk_bytes=7 * GIB)
        d.create(gigabytes=4)
        d.executor.before = once(says('add-brick'), fail())
        self.assertRaises(
            exceptions.OperationFailed,
            d.service.extend_volume,
            'share-1',
            8 * GIB,
        )
        undone = d.service.operations(every=True)[-1]
        [adding] = [s for s in undone.steps if s.kind == 'add-brick-sets']
        asked = adding.params['hosts']
        assert isinstance(asked, list)
        self.assertEqual(
            [undone.epoch] * len(asked),
            [d.cluster.host(each).epochs.get(undone.id) for each in asked],
        )


class RemoveNodeTestCase(deployment.DeployedTestCase):
    """What is never undone."""

    def test_a_host_freezes_that_was_to_detach_another(self) -> None:
        """It would detach that one again, when it is long back."""
        d = self.deploy(nodes=4)
        d.service.hardware.remove_device('gl4', '/dev/vdb')
        frozen = _freeze(d, 'peer detach')
        self.assertRaises(
            exceptions.OperationStuck, d.service.hardware.remove_node, 'gl4'
        )

        [tried] = d.service.recover()
        self.assertIn(f'host {frozen[0]}', tried.error)
        # Others have done it meanwhile.
        self.assertEqual(1, len(d.cluster.pool('gl4').members))
        host_faults.FREEZE.heal(d.cluster, *frozen)
        self.assertEqual([''], [each.error for each in d.service.recover()])
        d.load()
        self.assertEqual([], agreement.differences(d))
