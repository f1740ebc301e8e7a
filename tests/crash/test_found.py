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

"""What the other tests here found: each the shortest way to it."""

from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import volume_steps
from tests.crash import agreement
from tests.functional import deployment
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says


def _lose(host, command):
    raise exceptions.ConnectionLost(
        host=host, command=str(command), reason='Broken pipe'
    )


def _raising(error: Exception) -> Callable[[str, Command], None]:
    def fail(host: str, command: Command) -> None:
        del host, command
        raise error

    return fail


class FoundTestCase(deployment.DeployedTestCase):
    """Once, these did not end well."""

    def assert_agreed(self, d: deployment.Deployment) -> None:
        """Have everything agree once time has passed."""
        for _ in range(3):
            d.cluster.advance(60)
            d.expire_leases()
            d.service.recover()
        self.assertEqual([], agreement.differences(d))

    def _miss(self, d: deployment.Deployment, *words: str) -> list[str]:
        """Have some peer miss a change; it will be in the list."""
        missed: list[str] = []

        def miss(host: str, command: Command) -> None:
            missed.append(next(each for each in d.hosts if each != host))
            d.cluster.fail_commit(missed[0])

        d.executor.before = once(says(*words), miss)
        return missed

    def _restart(self, d: deployment.Deployment, missed: list[str]) -> None:
        [host] = missed
        d.cluster.restart_glusterd(host)

    def test_a_peer_misses_a_deletion(self) -> None:
        """The volume comes back with the peer, and is deleted again."""
        d = self.deploy()
        d.create()
        missed = self._miss(d, 'volume', 'delete')
        d.service.delete_volume('share-1')
        d.service.recover()
        self._restart(d, missed)

        self.assert_agreed(d)

    def test_a_peer_misses_a_deletion_and_is_left_alone(self) -> None:
        """Nobody restarts it but we."""
        d = self.deploy()
        d.create()
        missed = self._miss(d, 'volume', 'delete')
        d.service.delete_volume('share-1')
        [host] = missed
        self.assertTrue(d.cluster.volume_names(host))

        self.assert_agreed(d)

    def test_a_peer_misses_the_deletion_of_what_could_not_be_made(
        self,
    ) -> None:
        """The same, for a volume whose creation failed."""
        d = self.deploy()
        missed = self._miss(d, 'volume', 'delete')
        d.executor.after = once(says('quota', 'limit-usage'), _lose)
        self.assertRaises(exceptions.OperationStuck, d.create)
        d.service.recover()
        self._restart(d, missed)

        self.assert_agreed(d)

    def test_a_peer_misses_a_creation(self) -> None:
        """The others are not told that the volume is not there."""
        d = self.deploy()
        missed = self._miss(d, 'volume', 'create')
        self.assertRaises(exceptions.OperationStuck, d.create)
        self._restart(d, missed)

        self.assert_agreed(d)

    def _cut_in_midst(
        self, d: deployment.Deployment, *words: str
    ) -> list[str]:
        """Have a host make a change alone; it will be in the list."""
        cut: list[str] = []

        def cut_power(host: str, command: Command) -> None:
            del command
            cut.append(host)
            d.cluster.appoint(
                host, 0, lambda: d.cluster.power_off(host), in_midst=True
            )

        d.executor.before = once(says(*words), cut_power)
        return cut

    def _rejections(self, d: deployment.Deployment, host: str) -> int:
        """Count the peers that a host is at odds with."""
        [answer] = d.cluster.run_batch(host, [gluster.pool_list()])
        peers = gluster_xml.peers(host, answer.stdout)
        return sum(each.state == 'Peer Rejected' for each in peers)

    def test_power_is_cut_where_a_volume_is_started(self) -> None:
        """The host has started it alone, and others undo its creation."""
        d = self.deploy(nodes=3)
        cut = self._cut_in_midst(d, 'volume', 'start')
        self.assertRaises(exceptions.OperationStuck, d.create)
        [host] = cut
        d.cluster.power_on(host)

        self.assert_agreed(d)

        self.assertEqual(0, self._rejections(d, host))

    def test_power_is_cut_where_an_access_list_is_set(self) -> None:
        """The record of the many is newer, and nobody is rejected."""
        d = self.deploy(nodes=3)
        d.create()
        cut = self._cut_in_midst(d, 'volume', 'set')
        self.assertRaises(
            exceptions.GlusterHeketiError,
            d.service.change_access,
            'share-1',
            add=['alice'],
        )
        [host] = cut
        d.cluster.power_on(host)

        self.assertEqual(0, self._rejections(d, host))
        self.assert_agreed(d)

    def test_the_network_is_cut_where_a_volume_is_made(self) -> None:
        """It comes back with its host, and is not forgotten before."""
        d = self.deploy(nodes=3)
        cut: list[str] = []

        def cut_network(host: str, command: Command) -> None:
            del command
            cut.append(host)
            d.cluster.appoint(
                host, 0, lambda: d.cluster.cut_network(host), in_midst=True
            )

        d.executor.before = once(says('volume', 'create'), cut_network)
        self.assertRaises(exceptions.OperationStuck, d.create)
        [host] = cut
        d.cluster.advance(60)
        d.service.recover()
        d.cluster.restore_network(host)
        self.assertTrue(d.cluster.volume_names(host))

        self.assert_agreed(d)

    def _divided(self, share_id: str) -> tuple[deployment.Deployment, str]:
        """Have peers reject a host for one share, beside another."""
        d = self.deploy(nodes=3)
        for each in ('share-1', 'share-2'):
            d.create(each)
        host = d.hosts[1]
        d.cluster.change_alone(host, d.service.volume(share_id).name)
        d.cluster.power_off(host)
        d.cluster.advance(60)
        d.service.change_access(share_id, add=['someone'])
        d.cluster.power_on(host)
        self.assertEqual(2, self._rejections(d, host))
        return d, host

    def test_a_volume_goes_that_divides_the_peers(self) -> None:
        """Its host gives it up, and is restarted once."""
        d, host = self._divided('share-1')
        starts = d.cluster.host(host).glusterd_starts
        d.service.delete_volume('share-1')

        for _ in range(3):
            d.cluster.advance(60)
            d.expire_leases()
            d.service.recover()

        self.assertEqual(0, self._rejections(d, host))
        self.assertEqual(starts + 1, d.cluster.host(host).glusterd_starts)
        self.assertEqual(1, len(d.cluster.volume_names(host)))

    def test_a_volume_goes_while_another_divides_the_peers(self) -> None:
        """What the rejected host serves is not interrupted for nothing."""
        d, host = self._divided('share-2')
        starts = d.cluster.host(host).glusterd_starts
        d.service.delete_volume('share-1')

        for _ in range(3):
            d.cluster.advance(60)
            d.expire_leases()
            d.service.recover()

        self.assertEqual(starts, d.cluster.host(host).glusterd_starts)

    def test_a_volume_does_not_go_and_another_divides_the_peers(self) -> None:
        """An operator is told of the host that nobody hears."""
        d, host = self._divided('share-2')
        volume = d.service.volume('share-1')
        starts = d.cluster.host(host).glusterd_starts
        step = volume_steps.RemoveVolume(
            host=host, hosts=tuple(d.hosts), name=volume.name
        )
        refusal = exceptions.PeersDown(host=host, command='c', stderr='down')
        d.executor.before = once(says('volume', 'stop'), _raising(refusal))

        error = self.assertRaises(
            exceptions.PeerRejected, step.do, d.service.engine.site
        )

        self.assertEqual(host, error.fields['host'])
        self.assertEqual(starts, d.cluster.host(host).glusterd_starts)

    def test_power_is_cut_right_after_a_node_was_not_added(self) -> None:
        """No key comes back."""
        d = self.deploy(nodes=4, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        d.executor.after = once(
            on('gl4', says('write_file', '/usr/lib/ssl/glusterfs.ca')), _lose
        )
        self.assertRaises(exceptions.OperationFailed, d.load)
        d.cluster.power_off('gl4')
        d.cluster.power_on('gl4')

        self.assert_agreed(d)

    def test_a_node_that_was_not_added_probes_back_late(self) -> None:
        """It hung when it was told to, and goes on by and by."""
        d = self.deploy(load=False)
        d.executor.before = once(
            on('gl3', says('peer', 'probe')),
            lambda host, command: d.cluster.hang(host),
        )
        self.assertRaises(exceptions.OperationFailed, d.load)
        d.expire_leases()
        d.service.recover()
        d.cluster.release('gl3')

        self.assert_agreed(d)

    def test_power_is_cut_right_after_a_deletion(self) -> None:
        """No directory comes back."""
        d = self.deploy()
        d.create()
        d.service.delete_volume('share-1')
        d.cluster.power_off('gl2')
        d.cluster.power_on('gl2')

        self.assert_agreed(d)
