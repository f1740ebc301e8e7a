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


"""A lost store, and nodes that do not agree."""

import copy

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.rebuild import Rebuilt
from manila_gluster_heketi.sizes import GIB
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import says
from tests.functional.truth import damage
from tests.functional.truth.test_rebuild import LostStoreTestCase


class DisagreementTestCase(LostStoreTestCase):
    """No node is believed alone."""

    def _deploy(self) -> deployment.Deployment:
        d = self.deploy(nodes=4)
        d.create()
        d.service.change_access('share-1', add=['alice', 'mallory'])
        return d

    def _told(self, rebuilt: Rebuilt) -> list[tuple[Code, str, str]]:
        """Say which hosts are named."""
        return [
            (each.code, each.host, each.expected) for each in rebuilt.problems
        ]

    def test_the_node_that_is_named_is_cut_off(self) -> None:
        """It still lets in whom the others do not any more."""
        d = self._deploy()
        old = copy.deepcopy(damage.gluster(d))
        old.quota_bytes = GIB
        d.cluster.cut_network('gl1', controller=False)
        d.cluster.advance(2000)
        d.service.change_access('share-1', remove=['mallory'])
        damage.miss(d, 'gl1', old.name, old)
        before = d.record()
        self.lose(d)

        rebuilt = d.service.truth.plan_rebuild(['gl1'])

        self.assertEqual(
            [
                (Code.NODE_NO_PEER, 'gl1', 'connected to 10.0.0.2'),
                (Code.VOLUME_DISPUTED, 'gl1', 'as on 10.0.0.2'),
            ],
            self._told(rebuilt),
        )
        self.assertIn('alice,mallory', rebuilt.problems[1].found)
        self.assertEqual((), rebuilt.volumes)
        self.assertEqual(4, len(rebuilt.nodes))
        self.assertRaises(
            exceptions.RebuildRefused, d.service.truth.rebuild, ['gl1']
        )
        d.cluster.restore_network('gl1')
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(before, d.record())

    def test_a_quota_of_a_node_that_is_cut_off(self) -> None:
        """The others are asked for it."""
        d = self._deploy()
        first = d.bricks(d.service.volume('share-1'))[0]
        [name] = [
            host
            for host in d.hosts
            if first.vg_name in d.cluster.host(host).disks.groups
        ]
        old = copy.deepcopy(damage.gluster(d))
        old.quota_bytes = GIB
        d.cluster.cut_network(name, controller=False)
        d.cluster.advance(2000)
        damage.miss(d, name, old.name, old)
        before = d.record()
        self.lose(d)
        others = [each for each in d.hosts if each != name]
        for hosts in ([name], others[:1]):
            rebuilt = d.service.truth.plan_rebuild(hosts)
            self.assertEqual(
                [Code.NODE_NO_PEER], [p.code for p in rebuilt.problems]
            )
            self.assertEqual(before['volumes'], rebuilt.volumes)

    def test_two_nodes_do_not_see_each_other(self) -> None:
        """The one that is named sees both."""
        d = self._deploy()
        d.cluster.cut_link('gl2', 'gl3')
        d.cluster.advance(2000)
        before = d.record()
        self.lose(d)
        rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(
            [(Code.NODE_NO_PEER, '10.0.0.3', 'connected to 10.0.0.2')],
            self._told(rebuilt),
        )
        self.assertEqual(before, d.record())

    def test_a_node_is_rejected(self) -> None:
        """It is there, and goes on with what it knows."""
        d = self._deploy()
        volume = damage.gluster(d)
        d.cluster.change_alone('gl3', volume.name)
        volume.version += 1
        damage.pool(d).resync()
        self.lose(d)
        rebuilt = d.service.truth.plan_rebuild(['gl3', 'gl1'])
        self.assertEqual(
            [
                (Code.NODE_NO_PEER, 'gl3', 'connected to gl1'),
                (Code.VOLUME_DISPUTED, 'gl3', 'as on gl1'),
            ],
            self._told(rebuilt),
        )
        self.assertIn('Rejected', rebuilt.problems[0].found)
        self.assertIn('user.alone', rebuilt.problems[1].found)

    @staticmethod
    def _asked_for_all(d: deployment.Deployment) -> set[str]:
        """Give the hosts that are asked for all they know, from now on.

        For its quota a volume may be asked of another one once more.
        """
        asked: set[str] = set()
        concerns = says('volume', 'info')

        def note(host: str, command: Command) -> None:
            if concerns(host, command):
                asked.add(host)

        d.executor.before = note
        return asked

    def test_a_node_that_nobody_named_is_rejected(self) -> None:
        """It is asked, and those that agree with the others are not."""
        d = self.deploy(nodes=6)
        d.create()
        volume = damage.gluster(d)
        d.cluster.change_alone('gl6', volume.name)
        volume.version += 1
        damage.pool(d).resync()
        asked = self._asked_for_all(d)
        rebuilt = d.service.truth.plan_rebuild(['gl1'])
        self.assertEqual(
            [
                (Code.NODE_NO_PEER, '10.0.0.6', 'connected to gl1'),
                (Code.VOLUME_DISPUTED, '10.0.0.6', 'as on gl1'),
            ],
            self._told(rebuilt),
        )
        self.assertEqual({'gl1', '10.0.0.2', '10.0.0.6'}, asked)

    def test_a_node_that_nobody_asks_missed_a_creation(self) -> None:
        """Each says the names of what it knows."""
        d = self.deploy(nodes=6)
        d.create()
        damage.miss(d, 'gl6', damage.gluster(d).name)
        seen = self.count(d)
        rebuilt = d.service.truth.plan_rebuild(['gl1'])
        self.assertEqual(
            [(Code.NODE_MISSED, '10.0.0.6', 'known')], self._told(rebuilt)
        )
        self.assertEqual(1, seen['10.0.0.6'])

    def test_some_are_cut_off_together(self) -> None:
        """Nobody asks all of them before one of those on the other side."""
        d = self.deploy(nodes=11)
        d.create()
        few, most = d.hosts[:5], d.hosts[5:]
        for one in few:
            for other in most:
                d.cluster.cut_link(one, other)
        d.cluster.advance(2000)
        volume = damage.gluster(d)
        old = copy.deepcopy(volume)
        old.options['auth.ssl-allow'] += ',mallory'
        for name in few:
            damage.miss(d, name, volume.name, old)
        asked = self._asked_for_all(d)
        rebuilt = d.service.truth.plan_rebuild(['gl1'])
        names = [*map(d.storage, few[1:]), 'gl1']
        self.assertEqual(
            [
                *(
                    (Code.NODE_NO_PEER, n, 'connected to 10.0.0.6')
                    for n in names
                ),
                *((Code.VOLUME_DISPUTED, n, 'as on 10.0.0.6') for n in names),
            ],
            self._told(rebuilt),
        )
        self.assertEqual({*names, '10.0.0.6', '10.0.0.7'}, asked)

    def test_a_glusterd_says_nothing(self) -> None:
        """Its peers have not noticed; what it knows, nobody knows."""
        d = self._deploy()
        before = d.record()
        self.lose(d)
        lists = on('10.0.0.4', says('volume', 'list'))
        concerns = on('10.0.0.4', says('volume', 'info'))

        def broken(host: str, command: Command) -> None:
            if lists(host, command):
                d.cluster.host('gl4').glusterd_runs = False
            if concerns(host, command):
                fail('out of memory')(host, command)

        def back(host: str, command: Command) -> None:
            if lists(host, command):
                d.cluster.host('gl4').glusterd_runs = True

        d.executor.before, d.executor.after = broken, back
        rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(
            [(Code.NODE_UNREADABLE, '10.0.0.4')],
            [(each.code, each.host) for each in rebuilt.problems],
        )
        self.assertEqual(before, d.record())

    def test_a_node_brings_a_deleted_volume(self) -> None:
        """It is the one that is named: most know nothing of it."""
        d = self._deploy()
        gone = copy.deepcopy(damage.gluster(d))
        d.service.delete_volume('share-1')
        damage.miss(d, 'gl1', gone.name, gone)
        before = d.record()
        self.lose(d)
        rebuilt = d.service.truth.rebuild(['gl1'], leave_out=True)
        self.assertEqual(
            [(Code.NODE_MISSED, 'gl1', 'none')], self._told(rebuilt)
        )
        self.assertEqual(before, d.record())

    def test_strangers_differ(self) -> None:
        """What becomes of volumes of others is theirs."""
        d = self._deploy()
        theirs = Volume('theirs', damage.gluster(d).durability, [])
        damage.pool(d).volumes['theirs'] = theirs
        old = copy.deepcopy(theirs)
        old.options['nfs.disable'] = 'off'
        damage.miss(d, 'gl2', 'theirs', old)
        before = d.record()
        self.lose(d)
        d.service.truth.rebuild(['gl1'])
        self.assertEqual(before, d.record())
