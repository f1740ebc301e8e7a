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


"""A process is taken for dead and overtaken while it works, at every step.

It slept through its lease, or the clock that leases are judged by was put
forward. Then it goes on: it must notice, and do no harm.
"""

import itertools
import logging
import os
from collections.abc import Callable

import ddt
import fixtures

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests import base
from tests.crash import agreement
from tests.crash import change
from tests.crash import workers
from tests.functional.deployment import Deployment

_EVERY = os.environ.get('GLUSTER_HEKETI_CRASH') == 'all'
_STRIDE = 1 if _EVERY else 11
_SLOW, _FAST = 2, 3
_SHARE = 'share-1'
_SPEC = model.VolumeSpec(
    'share-2',
    'share-2',
    2 * GIB,
    durability=durability.parse('replicate:3'),
)


def _load_all(service: Service) -> None:
    # The documents that a deployment writes need nothing of it but its hosts.
    hosts = Deployment(nodes=4)
    hosts.load_in(service, hosts.document())


_CHANGES: dict[str, Callable[[Service], object]] = {
    'create': lambda s: s.create_volume(_SPEC),
    'extend': lambda s: s.extend_volume(_SHARE, 4 * GIB),
    'shrink': lambda s: s.shrink_volume(_SHARE, GIB),
    'delete': lambda s: s.delete_volume(_SHARE),
    'access': lambda s: s.change_access(_SHARE, names=['alice']),
    'add_a_node': _load_all,
    'remove_a_device': lambda s: s.hardware.remove_device('gl3', '/dev/vdc'),
    'renew': lambda s: s.node_certificates.renew(('gl2',), every=True),
    'secure': lambda s: s.secure_access.switch(
        'c1', True, interrupt_mounts=True
    ),
}


@ddt.ddt
class OvertakenTestCase(base.TestCase):
    """Three nodes with a share, and a fourth one that may come."""

    TIMEOUT_SCALING_FACTOR = 30 if _EVERY else 5

    def setUp(self) -> None:
        """Load three nodes, and a device of each that holds nothing."""
        super().setUp()
        self.useFixture(fixtures.FakeLogger(level=logging.ERROR))
        self.stage = self.useFixture(
            workers.Workers(nodes=4, disks=2, cluster_operations=32)
        )
        self.d = d = self.stage.deployment
        document = d.document('gl1', 'gl2', 'gl3')
        for node in document['clusters'][0]['nodes']:
            node['devices'] = d.disks[:1]
        d.load(document)
        change.bystander(d)
        d.create(_SHARE)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        d.cluster.advance(60)
        self.stage.save()
        self.bystander = change.untouched(d)

    @ddt.data(*itertools.product(_CHANGES, (False, True), (False, True)))
    @ddt.unpack
    def test_while_it_works(
        self, name: str, asleep: bool, in_turn: bool
    ) -> None:
        """The other recovers to the end first, or both go on in turn."""
        failed, tried = [], 0
        for steps in itertools.count(1, _STRIDE):
            self.stage.set_back()
            try:
                if not self._work(name, steps):
                    break
                self._overtake(asleep, in_turn)
                problems = self._problems()
            finally:
                self.stage.close()
            failed += [f'{steps} steps: {each}' for each in problems]
            tried += 1
        print(f'{name} is overtaken: {tried} points')
        self.assertEqual([], failed)
        self.assertGreater(tried, 0)

    def _work(self, name: str, steps: int) -> bool:
        """Go some steps; tell whether it is still at work."""
        self.stage.ask(_SLOW, name, _CHANGES[name])
        for _ in range(steps):
            self.stage.step_of(_SLOW)
        return not self.stage.workers[_SLOW].is_idle

    def _overtake(self, asleep: bool, in_turn: bool) -> None:
        if asleep:
            self.stage.pass_time(5)
        else:
            self.stage.clocks.set(20)
        self.stage.ask(_FAST, 'recover', lambda s: s.recover())
        while self.stage.step_of(_FAST):
            if in_turn:
                self.stage.step_of(_SLOW)
        self.stage.finish()

    def _problems(self) -> list[str]:
        """Look at everything, once all has come to its end."""
        found = self.stage.unexpected()
        for _ in range(3):
            self.stage.pass_time(20)
            found += [each.error for each in self.d.service.recover()]
        found += agreement.differences(self.d)
        if change.untouched(self.d) != self.bystander:
            found.append('the bystander was touched')
        return [each for each in found if each]
