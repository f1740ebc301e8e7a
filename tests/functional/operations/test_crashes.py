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

"""A process that is killed between commands, and the one that comes after."""

import concurrent.futures
import dataclasses
import datetime
import itertools

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor.simulated.cluster import Latency
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import journal
from tests.crash import agreement
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import once
from tests.functional.interference import says

# Three hosts with six commands each, and five of gluster.
_COMMANDS_OF_A_CREATION = 3 * 6 + 5


@ddt.ddt
class KilledTestCase(deployment.DeployedTestCase):
    """After any number of commands."""

    def _kill(self, d, commands, act):
        """Run a change in a process that dies; start another one."""
        d.executor.kill_after(commands)
        self.assertRaises(Killed, act)
        d.service, d.executor = d.process()

    @ddt.data(1, 2, 3, 4)
    def test_during_a_creation(self, quarter) -> None:
        """It is undone once the lease has run out, and not before."""
        d = self.deploy()
        before = d.world()
        for commands in range(quarter - 1, _COMMANDS_OF_A_CREATION, 4):
            self._kill(d, commands, d.create)

            self.assertEqual((), d.service.recover())
            self.assertRaises(exceptions.Conflict, d.create)
            d.expire_leases()
            [closed] = d.service.recover()

            self.assertEqual('', closed.error)
            self.assertEqual(before, d.world(), f'{commands} commands')
        self.assertEqual('manila-share-1', d.create().name)

    def test_a_creation_again_after_the_lease(self) -> None:
        """The retry need not wait for the next round of recovery."""
        d = self.deploy()
        self._kill(d, 9, d.create)
        d.expire_leases()
        volume = d.create()
        self.assertEqual('manila-share-1', volume.name)
        self.assertEqual((), d.service.operations())

    def test_a_deletion_after_a_creation_was_killed(self) -> None:
        """What was begun is gone."""
        d = self.deploy()
        before = d.world()
        self._kill(d, 20, d.create)
        self.assertRaises(
            exceptions.Conflict, d.service.delete_volume, 'share-1'
        )
        d.expire_leases()
        d.service.delete_volume('share-1')
        self.assertEqual(before, d.world())

    def test_during_a_deletion(self) -> None:
        """It is finished, never taken back."""
        d = self.deploy()
        before = d.world()
        # Two of gluster, then four on each of three hosts.
        for commands in range(14):
            d.create()
            self._kill(d, commands, lambda: d.service.delete_volume('share-1'))
            self.assertIsNone(d.service.find_volume('share-1'))
            d.expire_leases()
            [closed] = d.service.recover()
            self.assertEqual('', closed.error)
            self.assertEqual(before, d.world(), f'{commands} commands')

    @ddt.data(*range(7))
    def test_during_a_growth_in_place(self, commands) -> None:
        """The old size stands; growing works afterwards."""
        d = self.deploy()
        volume = d.create()
        record = deployment.without_growth(d.record())
        self._kill(
            d,
            commands,
            lambda: d.service.extend_volume('share-1', 6 * GIB),
        )
        d.expire_leases()
        [closed] = d.service.recover()
        self.assertEqual('', closed.error)
        self.assertEqual(record, deployment.without_growth(d.record()))
        self.assertEqual([], agreement.differences(d))
        self.assertEqual(2 * GIB, d.gluster(volume).quota_bytes)

        grown = d.service.extend_volume('share-1', 6 * GIB)
        self.assertEqual(6 * GIB, grown.size_bytes)
        self.assertEqual(6 * GIB, d.gluster(volume).quota_bytes)
        self.assertEqual([], agreement.differences(d))

    @ddt.data(0, 1, 2)
    def test_during_an_access_update(self, commands) -> None:
        """The old list stands, in Gluster too."""
        d = self.deploy()
        volume = d.create()
        d.service.change_access('share-1', add=['alice'])
        before = d.world()
        d.executor.kill_after(commands)
        # The first is the question whether glusterd runs.
        if commands < 2:
            self.assertRaises(
                Killed, d.service.change_access, 'share-1', add=['bob']
            )
        else:
            d.executor.after = once(says('auth.ssl-allow'), _die)
            self.assertRaises(
                Killed, d.service.change_access, 'share-1', add=['bob']
            )
            self.assertIn('bob', d.gluster(volume).options['auth.ssl-allow'])
        d.service, d.executor = d.process()
        d.expire_leases()
        [closed] = d.service.recover()
        self.assertEqual('', closed.error)
        self.assertEqual(before, d.world())

    @ddt.data(*range(0, 45, 6))
    def test_during_a_topology_load(self, commands) -> None:
        """Hosts and store are clean, and the document loads."""
        d = self.deploy(load=False)
        before = d.world()
        d.executor.kill_after(commands)
        try:
            d.load()
        except Killed:
            d.service, d.executor = d.process()
            d.expire_leases()
        else:
            self.assertGreater(commands, 40)
        for each in d.service.recover():
            self.assertEqual('', each.error)
        if not d.service.nodes():
            self.assertEqual(before, d.world())
        d.load()
        self.assertEqual((), d.service.operations())
        self.assertEqual(3, len(d.service.clusters()[0].devices))
        d.create()


def _die(host, command):
    raise Killed


class RecoveryTestCase(deployment.DeployedTestCase):
    """Who recovers, and when."""

    def _abandoned(self, d):
        d.executor.kill_after(10)
        self.assertRaises(Killed, d.create)
        d.expire_leases()

    def test_two_processes_at_once(self) -> None:
        """Exactly one takes the operation over."""
        d = self.deploy(latency=Latency({'lvm lvremove': 0.05}))
        before = d.world()
        self._abandoned(d)
        services = [d.process()[0] for _ in range(2)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda s: s.recover(), services))
        self.assertEqual([0, 1], sorted(map(len, found)))
        self.assertEqual(before, d.world())

    def test_who_slept_through_the_lease_stops(self) -> None:
        """Its marks are refused once another process has taken over."""
        d = self.deploy()
        before = d.world()
        other, _ = d.process()
        took = []

        def sleep(host, command):
            if 'fstab_add' in command.argv and not took:
                took.append(host)
                d.expire_leases()
                other.recover()

        d.executor.before = sleep
        error = self.assertRaises(
            exceptions.GlusterHeketiError, d.create, durability='distribute'
        )
        self.assertIn('another process has taken it over', str(error))
        # What the sleeper did after the other one had undone it is not ours
        # to see; the store at least is right.
        self.assertEqual(before['record'], d.world()['record'])

    def test_a_host_that_stays_away(self) -> None:
        """Each round tries again and says why not."""
        d = self.deploy()
        before = d.world()
        self._abandoned(d)
        d.service, d.executor = d.process()
        d.cluster.power_off('gl3')
        for _ in range(3):
            [still] = d.service.recover()
            self.assertIn('gl3', still.error)
            self.assertIs(model.OpState.STUCK, d.service.operations()[0].state)
        d.cluster.power_on('gl3')
        self.assertEqual([''], [each.error for each in d.service.recover()])
        self.assertEqual(before, d.world())
        self.assertEqual((), d.service.recover())

    def test_several_operations(self) -> None:
        """One that can't be closed does not hold up the others."""
        d = self.deploy(nodes=4)
        d.executor.kill_after(3)
        self.assertRaises(Killed, d.create, 'share-1', durability='distribute')
        d.service, d.executor = d.process()
        d.executor.kill_after(3)
        self.assertRaises(Killed, d.create, 'share-2', durability='distribute')
        d.service, d.executor = d.process()
        d.expire_leases()
        first = d.service.operations()[0]
        d.cluster.power_off(first.steps[0].host)
        errors = {
            each.operation.id: each.error for each in d.service.recover()
        }
        self.assertEqual(2, len(errors))
        self.assertNotEqual('', errors.pop(first.id))
        self.assertEqual([''], list(errors.values()))

    def test_a_step_of_a_newer_release(self) -> None:
        """It is left alone, and the others are still recovered."""
        d = self.deploy()
        self._abandoned(d)
        d.service, d.executor = d.process()
        [operation] = d.service.operations()
        unknown = dataclasses.replace(
            operation,
            id=model.new_id(),
            kind=model.OpKind.ACCESS_UPDATE,
            lease_until=datetime.datetime(
                2020, 1, 1, tzinfo=datetime.timezone.utc
            ),
            steps=(
                model.StepRecord(
                    0,
                    'from-the-future',
                    'gl1',
                    {},
                    state=model.StepState.DOING,
                ),
            ),
        )
        with d.service.store.write() as tx:
            journal.open_operation(tx, unknown)
        errors = {
            each.operation.id: each.error for each in d.service.recover()
        }
        self.assertEqual('', errors[operation.id])
        self.assertIn('from-the-future', errors[unknown.id])


class EachStepTestCase(deployment.DeployedTestCase):
    """Undoing is cut short as well, again and again."""

    def test_recovery_is_killed_too(self) -> None:
        """However often: the last one finds the rest."""
        d = self.deploy()
        before = d.world()
        d.executor.kill_after(_COMMANDS_OF_A_CREATION - 1)
        self.assertRaises(Killed, d.create)
        for commands in itertools.count(1, 4):
            d.service, d.executor = d.process()
            d.expire_leases()
            d.executor.kill_after(commands)
            try:
                d.service.recover()
            except Killed:
                continue
            break
        self.assertGreater(commands, 8)
        self.assertEqual((), d.service.operations())
        self.assertEqual(before, d.world())
