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

"""A host, or two of them, fail at each step of every change, and come back.

There are thousands of points: all of them are tried where the environment
variable GLUSTER_HEKETI_CRASH is "all", and some, by a seed, everywhere else.
"""

import itertools
import os
import random
from collections.abc import Iterator

from manila_gluster_heketi import exceptions
from tests import base
from tests.crash import changes
from tests.crash import host_faults
from tests.crash import removals
from tests.crash import repairs
from tests.crash import stage

_EVERY = os.environ.get('GLUSTER_HEKETI_CRASH') == 'all'
_SAMPLE = 25
# Of what differs little from another change.
_FEW = 10
# Peers need a while until all of them see who came back.
_RECONNECT = 25.0
_ROUNDS = 3

Point = tuple[host_faults.HostFault, tuple[str, int], tuple[str, ...]]


class EveryHostFault(stage.Staged):
    """All faults at all steps of one change; the class names it.

    :cvar sample: how many are tried, of one host and of two
    """

    sample = _SAMPLE
    TIMEOUT_SCALING_FACTOR = 60 if _EVERY else 5

    def setUp(self) -> None:
        """Have its hosts at hand."""
        super().setUp()
        self.cluster = self.stage.deployment.cluster

    def test_on_one_host(self) -> None:
        """On the one that a command runs on, or on another."""
        self._try_all(1)

    def test_on_two_hosts(self) -> None:
        """On both at once."""
        self._try_all(2)

    def _points(self, count: int) -> list[Point]:
        steps = self.stage.trace()
        hosts = [
            each
            for each in self.stage.deployment.hosts
            if each not in self.change.lost
        ]
        return [
            (fault, step, victims)
            for step, fault in itertools.product(steps, host_faults.ALL)
            for victims in self._victims(step[0], hosts, count)
        ]

    def _victims(
        self, host: str, hosts: list[str], count: int
    ) -> Iterator[tuple[str, ...]]:
        at = hosts.index(host)
        other = hosts[(at + 1) % len(hosts)]
        if count == 2:
            yield (host, other)
            return
        yield (host,)
        yield (other,)

    def _try_all(self, count: int) -> None:
        points = self._points(count)
        if not _EVERY:
            seeded = random.Random(f'{self.change.name} {count}')
            points = seeded.sample(points, min(self.sample, len(points)))
        failed: dict[str, list[str]] = {}
        for point in points:
            problems = self._try(*point)
            if problems:
                failed[_described(*point)] = problems
        print(
            f'{self.change.name}, {self._testMethodName}: {len(points)} '
            f'points, {len(points) - len(failed)} converged'
        )
        self.assertEqual({}, failed)

    def _try(
        self,
        fault: host_faults.HostFault,
        step: tuple[str, int],
        victims: tuple[str, ...],
    ) -> list[str]:
        self.stage.set_back()
        self.cluster.slow_reconnects(_RECONNECT)
        host, commands = step
        self.cluster.appoint(
            host,
            commands,
            lambda: [fault.strike(self.cluster, each) for each in victims],
            in_midst=fault.in_midst,
        )
        self._attempt()
        # It must do no harm to try while the hosts are away.
        self.stage.recover()
        for each in victims:
            fault.heal(self.cluster, each)
        return self._converge()

    def _attempt(self) -> str:
        try:
            self.stage.act()
        except exceptions.GlusterHeketiError as error:
            return str(error)
        return ''

    def _converge(self) -> list[str]:
        problems: list[str] = []
        for _ in range(_ROUNDS):
            self.cluster.advance(stage.LATER)
            problems = self.stage.recover()
            if not problems:
                break
        problems += self.stage.problems(done=False)
        if problems:
            return problems
        failure = self._attempt()
        if failure:
            return [f'the same again: {failure}']
        return self.stage.problems(done=True)


def _described(
    fault: host_faults.HostFault,
    step: tuple[str, int],
    victims: tuple[str, ...],
) -> str:
    return (
        f'{fault.name} of {", ".join(victims)} after {step[1]} commands on '
        f'{step[0]}'
    )


class LoadTestCase(EveryHostFault, base.TestCase):
    """Nodes and devices of a new cluster."""

    change = changes.LOAD


class AddNodeTestCase(EveryHostFault, base.TestCase):
    """One more node, with its devices."""

    change = changes.ADD_NODE


class AddDevicesTestCase(EveryHostFault, base.TestCase):
    """One more device on each node."""

    change = changes.ADD_DEVICES


class CreateDistributeTestCase(EveryHostFault, base.TestCase):
    """A volume of single bricks."""

    sample = _FEW
    change = changes.CREATE_DISTRIBUTE


class CreateReplica2TestCase(EveryHostFault, base.TestCase):
    """A volume with two copies."""

    sample = _FEW
    change = changes.CREATE_REPLICA_2


class CreateArbiterTestCase(EveryHostFault, base.TestCase):
    """A volume with two copies and an arbiter."""

    sample = _FEW
    change = changes.CREATE_ARBITER


class CreateTestCase(EveryHostFault, base.TestCase):
    """A volume on the only hosts that there are."""

    change = changes.CREATE_REPLICA_3


class CreateElsewhereTestCase(EveryHostFault, base.TestCase):
    """A volume that other hosts would do for as well."""

    change = changes.CREATE_ELSEWHERE


class CreateDisperseTestCase(EveryHostFault, base.TestCase):
    """A volume with an erasure code."""

    change = changes.CREATE_DISPERSE


class ExtendQuotaTestCase(EveryHostFault, base.TestCase):
    """A volume with room enough."""

    change = changes.EXTEND_QUOTA


class ExtendInPlaceTestCase(EveryHostFault, base.TestCase):
    """Bricks that grow."""

    change = changes.EXTEND_IN_PLACE


class ExtendBySetsTestCase(EveryHostFault, base.TestCase):
    """New bricks beside the old ones."""

    change = changes.EXTEND_BY_SETS


class ExtendElsewhereTestCase(EveryHostFault, base.TestCase):
    """New bricks on hosts that have none of the volume yet."""

    sample = _FEW
    change = changes.EXTEND_ELSEWHERE


class ShrinkTestCase(EveryHostFault, base.TestCase):
    """A smaller quota."""

    change = changes.SHRINK


class DeleteTestCase(EveryHostFault, base.TestCase):
    """The end of a volume."""

    change = changes.DELETE


class AccessTestCase(EveryHostFault, base.TestCase):
    """Other clients."""

    change = changes.ACCESS


class RevokeTestCase(EveryHostFault, base.TestCase):
    """A name that is banned and cut off."""

    sample = _FEW
    change = changes.REVOKE


class RenewCertificateTestCase(EveryHostFault, base.TestCase):
    """A new certificate for a node that serves."""

    change = changes.RENEW_CERTIFICATE


class RenewCertificatesTestCase(EveryHostFault, base.TestCase):
    """New certificates for all nodes, one after the other."""

    change = changes.RENEW_CERTIFICATES


class RotateTestCase(EveryHostFault, base.TestCase):
    """Another certificate authority."""

    change = changes.ROTATE


class RotateBackTestCase(EveryHostFault, base.TestCase):
    """The way back, from the last phase that has one."""

    change = changes.ROTATE_BACK


class SecureTestCase(EveryHostFault, base.TestCase):
    """Management encryption for a cluster that serves."""

    change = changes.SECURE


class InsecureTestCase(EveryHostFault, base.TestCase):
    """Its end."""

    change = changes.INSECURE


class AddSecureNodeTestCase(EveryHostFault, base.TestCase):
    """One more node where there is management encryption."""

    change = changes.ADD_SECURE_NODE


class RemoveDeviceTestCase(EveryHostFault, base.TestCase):
    """A device without bricks goes."""

    change = removals.REMOVE_DEVICE


class RemoveNodeTestCase(EveryHostFault, base.TestCase):
    """A node without devices goes."""

    change = removals.REMOVE_NODE


class RemoveSecureNodeTestCase(EveryHostFault, base.TestCase):
    """The same where there is management encryption."""

    sample = _FEW
    change = removals.REMOVE_SECURE_NODE


class ForgetNodeTestCase(EveryHostFault, base.TestCase):
    """A node that is lost for good, while the others fail."""

    sample = _FEW
    change = removals.FORGET_NODE


class RepairTestCase(EveryHostFault, base.TestCase):
    """Damage of a volume and of a node."""

    change = repairs.REPAIR
