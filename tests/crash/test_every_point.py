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

"""A process dies at every point of every change; the next one goes on.

Of the longest changes every seventh point is tried, and of those at which a
host runs on to the end of its script some, by a seed. All are where the
environment variable GLUSTER_HEKETI_CRASH is "all".
"""

import os
import random
from collections.abc import Callable
from collections.abc import Iterator

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from tests import base
from tests.crash import changes
from tests.crash import removals
from tests.crash import repairs
from tests.crash import stage

_EVERY = os.environ.get('GLUSTER_HEKETI_CRASH') == 'all'
_LONG = 1 if _EVERY else 7
_SAMPLE = 5


class EveryPoint(stage.Staged):
    """All points of one change; the class that uses it names it.

    :cvar stride: every which point is tried
    """

    stride = 1
    recovered = False

    def test_at_each_command(self) -> None:
        """Right before it, and right after it took effect."""
        commands, _ = self.stage.count()
        self._try_all(
            (f'{when} command {at}', self._dies_at_command(when, at))
            for at in range(0, commands, self.stride)
            for when in When
        )

    def test_while_the_host_runs_on(self) -> None:
        """What the process has sent is run to the end, unheard."""
        commands, _ = self.stage.count()
        points = [(when, at) for at in range(commands) for when in When]
        if not _EVERY:
            seeded = random.Random(self.change.name)
            points = seeded.sample(points, min(_SAMPLE, len(points)))
        self._try_all(
            (
                f'{when} command {at}, and the rest is run',
                self._dies_at_command(when, at, Rest.NOW),
            )
            for when, at in points
        )

    def test_at_each_commit(self) -> None:
        """Right before it, so that it is lost, and right after it."""
        _, commits = self.stage.count()
        self._try_all(
            (
                f'{"after" if after else "before"} commit {at}',
                self._dies_at_commit(at, after=after),
            )
            for at in range(0, commits, self.stride)
            for after in (False, True)
        )

    def test_while_recovering(self) -> None:
        """At each command of a recovery, after a death on any host."""
        hosts = [host for host, _ in self.stage.trace()]
        last_of_each = [
            at
            for at, host in enumerate(hosts)
            if hosts[at + 1 : at + 2] != [host]
        ]
        self._try_all(
            point
            for at in last_of_each[:: self.stride]
            for point in self._deaths_of_recovery(at)
        )

    def _deaths_of_recovery(
        self, at: int
    ) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield until a recovery gets to its end."""
        self.recovered = False
        number = 0
        while not self.recovered:
            yield (
                f'command {number} of recovery from {at}',
                self._dies_recovering(at, number),
            )
            number += 1

    # --- deaths -----------------------------------------------------------

    def _dies_at_command(
        self, when: When, at: int, rest: Rest = Rest.NEVER
    ) -> Callable[[], None]:
        def die() -> None:
            rule = Rule(Act.KILL, when, skip=at, rest=rest)
            self._expect_death(lambda: self.stage.act(rule))

        return die

    def _dies_at_commit(self, at: int, *, after: bool) -> Callable[[], None]:
        def die() -> None:
            self.stage.commits.kill(at, after=after)
            self._expect_death(self.stage.act)

        return die

    def _dies_recovering(self, at: int, number: int) -> Callable[[], None]:
        def die() -> None:
            self._dies_at_command(When.AFTER, at)()
            self.stage.start_process()
            self.stage.deployment.expire_leases()
            self.stage.injector.arm(Rule(Act.KILL, When.AFTER, skip=number))
            try:
                self.stage.deployment.service.recover()
            except Killed:
                return
            self.recovered = True

        return die

    def _expect_death(self, act: Callable[[], None]) -> None:
        self.assertRaises(Killed, act)

    # --- what comes after -------------------------------------------------

    def _try_all(
        self, points: Iterator[tuple[str, Callable[[], None]]]
    ) -> None:
        tried, failed = 0, []
        for name, die in points:
            self.stage.set_back()
            die()
            problems = self._converge()
            tried += 1
            failed += [f'{name}: {problem}' for problem in problems]
        converged = tried - len({each.partition(':')[0] for each in failed})
        print(
            f'{self.change.name}, {self._testMethodName}: '
            f'{tried} points, {converged} converged'
        )
        self.assertEqual((tried, []), (converged, failed), '\n'.join(failed))
        self.assertGreater(tried, 0)

    def _converge(self) -> list[str]:
        """Recover, look, ask for the same again, look again."""
        problems = self.stage.recover()
        problems += self.stage.problems(done=False)
        if problems:
            return problems
        try:
            self.stage.act()
        except exceptions.GlusterHeketiError as error:
            return [f'the same again: {error}']
        return self.stage.problems(done=True)


class LoadTestCase(EveryPoint, base.TestCase):
    """Nodes and devices of a new cluster."""

    change = changes.LOAD


class AddNodeTestCase(EveryPoint, base.TestCase):
    """One more node, with its devices."""

    change = changes.ADD_NODE


class AddDevicesTestCase(EveryPoint, base.TestCase):
    """One more device on each node."""

    change = changes.ADD_DEVICES


class CreateDistributeTestCase(EveryPoint, base.TestCase):
    """A volume of single bricks."""

    change = changes.CREATE_DISTRIBUTE


class CreateReplica2TestCase(EveryPoint, base.TestCase):
    """A volume with two copies."""

    change = changes.CREATE_REPLICA_2


class CreateReplica3TestCase(EveryPoint, base.TestCase):
    """A volume with three copies."""

    change = changes.CREATE_REPLICA_3


class CreateArbiterTestCase(EveryPoint, base.TestCase):
    """A volume with two copies and an arbiter."""

    change = changes.CREATE_ARBITER


class CreateDisperseTestCase(EveryPoint, base.TestCase):
    """A volume with an erasure code."""

    change = changes.CREATE_DISPERSE


class ExtendQuotaTestCase(EveryPoint, base.TestCase):
    """A volume with room enough."""

    change = changes.EXTEND_QUOTA


class ExtendInPlaceTestCase(EveryPoint, base.TestCase):
    """Bricks that grow."""

    change = changes.EXTEND_IN_PLACE


class ExtendBySetsTestCase(EveryPoint, base.TestCase):
    """New bricks beside the old ones."""

    change = changes.EXTEND_BY_SETS


class ShrinkTestCase(EveryPoint, base.TestCase):
    """A smaller quota."""

    change = changes.SHRINK


class DeleteTestCase(EveryPoint, base.TestCase):
    """The end of a volume."""

    change = changes.DELETE


class AccessTestCase(EveryPoint, base.TestCase):
    """Other clients."""

    change = changes.ACCESS


class RevokeTestCase(EveryPoint, base.TestCase):
    """A name that is banned and cut off."""

    change = changes.REVOKE


class RenewCertificateTestCase(EveryPoint, base.TestCase):
    """A new certificate for a node that serves."""

    change = changes.RENEW_CERTIFICATE


class RenewCertificatesTestCase(EveryPoint, base.TestCase):
    """New certificates for all nodes, one after the other."""

    change = changes.RENEW_CERTIFICATES


class RotateTestCase(EveryPoint, base.TestCase):
    """Another authority, on all nodes."""

    stride = _LONG
    change = changes.ROTATE


class RotateBackTestCase(EveryPoint, base.TestCase):
    """The old authority again, from the last phase there is a way back."""

    stride = _LONG
    change = changes.ROTATE_BACK


class SecureTestCase(EveryPoint, base.TestCase):
    """Management encryption for a cluster that serves."""

    change = changes.SECURE


class InsecureTestCase(EveryPoint, base.TestCase):
    """Its end."""

    change = changes.INSECURE


class AddSecureNodeTestCase(EveryPoint, base.TestCase):
    """One more node where there is management encryption."""

    change = changes.ADD_SECURE_NODE


class RemoveDeviceTestCase(EveryPoint, base.TestCase):
    """A device without bricks goes."""

    change = removals.REMOVE_DEVICE


class RemoveNodeTestCase(EveryPoint, base.TestCase):
    """A node without devices goes."""

    change = removals.REMOVE_NODE


class RemoveSecureNodeTestCase(EveryPoint, base.TestCase):
    """The same where there is management encryption."""

    change = removals.REMOVE_SECURE_NODE


class ForgetNodeTestCase(EveryPoint, base.TestCase):
    """A node that is lost for good, with its devices."""

    change = removals.FORGET_NODE


class RepairTestCase(EveryPoint, base.TestCase):
    """Damage of a volume and of a node."""

    stride = _LONG
    change = repairs.REPAIR
