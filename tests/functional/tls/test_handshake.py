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

"""Handshakes with a server that behaves like a brick."""

import socket
import ssl
from collections.abc import Callable

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.cluster import SimulatedCluster
from manila_gluster_heketi.operations import presented
from manila_gluster_heketi.operations import site
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from tests import base
from tests.functional.tls import bricks

CLUSTER = '0123456789abcdef' * 2
OTHER = 'f' * 32


class VerifyHandshakeTestCase(base.TestCase):
    """What a brick presents, and whether it takes our certificate."""

    allow_sockets = True

    def setUp(self) -> None:
        """Make two authorities."""
        super().setUp()
        self.ours = self._authority()
        self.other = self._authority()
        self.node = issue.issue_node(self.ours, CLUSTER)
        self.alice = issue.issue_client(self.ours, 'alice')

    def _authority(self) -> ca.Authority:
        directory = self.useFixture(fixtures.TempDir()).path
        return ca.Authority.load_or_create(directory)

    def _brick(
        self,
        bundle: issue.Bundle | None = None,
        adapt: Callable[[ssl.SSLContext], None] | None = None,
        speak: Callable[[ssl.SSLSocket], None] | None = None,
    ) -> int:
        brick = bricks.Brick(bundle or self.node, self.ours.certificate_pem)
        if adapt:
            brick.adapt = adapt
        if speak:
            brick.speak = speak
        return self.useFixture(brick).port

    def _verify(
        self,
        port: int,
        bundle: issue.Bundle | None = None,
        settle: float = 0.1,
    ) -> distribute.HandshakeResult:
        return distribute.verify_handshake(
            '127.0.0.1',
            port,
            self.ours.certificate_pem,
            bundle or self.alice,
            CLUSTER,
            settle=settle,
        )

    def _refused(self, port: int, bundle: issue.Bundle | None = None) -> str:
        error = self.assertRaises(
            exceptions.HostError, self._verify, port, bundle, settle=30
        )
        self.assertEqual(f'127.0.0.1:{port}', error.fields['host'])
        return error.fields['reason']

    def test_brick_of_the_cluster(self) -> None:
        """The result tells which certificate it has."""
        result = self._verify(self._brick())
        self.assertEqual(self.node.record.serial, result.serial)
        self.assertEqual(self.node.record.not_after, result.not_after)
        self.assertEqual(f'gluster-heketi-node-{CLUSTER}', result.common_name)
        self.assertEqual('TLSv1.3', result.tls_version)
        self.assertTrue(result.cipher)

    def test_brick_with_tls_1_2_alone(self) -> None:
        """It is still fine."""

        def limit(context: ssl.SSLContext) -> None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2

        result = self._verify(self._brick(adapt=limit))
        self.assertEqual('TLSv1.2', result.tls_version)

    def test_brick_of_another_cluster(self) -> None:
        """Both names are in the message."""
        reason = self._refused(self._brick(issue.issue_node(self.ours, OTHER)))
        self.assertIn(f'node-{OTHER}', reason)
        self.assertIn(f'node-{CLUSTER}', reason)

    def test_brick_of_another_authority(self) -> None:
        """It is not trusted."""
        reason = self._refused(
            self._brick(issue.issue_node(self.other, CLUSTER))
        )
        self.assertIn('certificate verify failed', reason)

    def test_tenant_posing_as_a_brick(self) -> None:
        """A certificate for clients serves nothing."""
        reason = self._refused(self._brick(self.alice))
        self.assertIn('purpose', reason)

    def test_brick_refuses_our_certificate(self) -> None:
        """With TLS 1.3 it says so after our part of the handshake."""
        stranger = issue.issue_client(self.other, 'alice')
        self.assertIn('alert', self._refused(self._brick(), stranger).lower())

    def test_brick_hangs_up(self) -> None:
        """It does not like us, whatever the reason."""
        reason = self._refused(
            self._brick(speak=lambda sealed: sealed.unwrap().close())
        )
        self.assertIn('closed', reason)

    def test_nobody_listens(self) -> None:
        """The brick is down."""
        with socket.create_server(('127.0.0.1', 0)) as listener:
            port = listener.getsockname()[1]
        self.assertIn('refused', self._refused(port))
        self.assertRaises(exceptions.PortUnreachable, self._verify, port)

    def test_a_brick_that_is_there_is_not_out_of_reach(self) -> None:
        """Whatever is wrong with it, that is another error."""
        port = self._brick(issue.issue_node(self.other, CLUSTER))
        error = self.assertRaises(exceptions.HostError, self._verify, port)
        self.assertNotIsInstance(error, exceptions.PortUnreachable)

    def test_with_a_certificate_made_for_that(self) -> None:
        """Bricks of our authority take it."""
        there = site.Site(
            executor=SimulatedCluster([]), authority=lambda: self.ours
        )
        door = presented.Door('127.0.0.1', self._brick())
        result = presented.shake(there, door, CLUSTER, settle=0.1)
        self.assertEqual(self.node.record.serial, result.serial)
