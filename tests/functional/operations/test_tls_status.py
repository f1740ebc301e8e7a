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

"""What is shown of nodes' certificates, for each thing that can be wrong."""

import dataclasses
from collections.abc import Callable
from typing import Any

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.operations.tls_status import NodeStatus
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority
from tests.functional import deployment
from tests.functional.deployment import Deployment
from tests.functional.truth import damage

_SSL = '/usr/lib/ssl'
_HOST = damage.HOST
_VOLUME = 'manila-share-1'


def _files(d: Deployment) -> dict[str, File]:
    return d.cluster.host(_HOST).space.root.files


def _open_key(d: Deployment) -> None:
    key = _files(d)[f'{_SSL}/glusterfs.key']
    _files(d)[f'{_SSL}/glusterfs.key'] = File(key.content, 0o640)


def _wrong_clock(d: Deployment) -> None:
    d.cluster.host(_HOST).clock_offset_seconds = 1000


def _refused_daemon(d: Deployment) -> None:
    d.cluster.host(_HOST).refused_daemons = [
        f'glustershd {_VOLUME}-client-0',
        f'glustershd {_VOLUME}-client-1',
        'quotad gone-client-0',
    ]


def _stopped_daemon(d: Deployment) -> None:
    d.cluster.host(_HOST).stopped_daemons = {'Self-heal Daemon'}


def _answer_of_the_node(d: Deployment, act: Callable[[str, Any], Any]) -> None:
    address = d.storage(_HOST)
    d.bricks_seen.answer = lambda host, result: (
        act(host, result) if host == address else result
    )


def _other_serial(d: Deployment) -> None:
    _answer_of_the_node(
        d, lambda host, result: dataclasses.replace(result, serial='4711')
    )


def _refuses_us(d: Deployment) -> None:
    def refuse(host: str, result: Any) -> Any:
        raise exceptions.HostError(host=host, reason='no TLS connection')

    _answer_of_the_node(d, refuse)


@ddt.ddt
class StatusTestCase(deployment.DeployedTestCase):
    """Three nodes with a share."""

    def setUp(self) -> None:
        """Deploy them."""
        super().setUp()
        self.d = self.deploy()
        self.d.create()

    def rows(self, *hosts: str) -> dict[str, NodeStatus]:
        """Look."""
        found = self.d.service.node_certificates.status(hosts)
        return {each.node.manage_host: each for each in found}

    def test_all_is_well(self) -> None:
        """Each node's certificate is the one that its brick presents."""
        rows = self.rows()
        self.assertEqual(self.d.hosts, list(rows))
        for host, row in rows.items():
            self.assertEqual((), row.troubles)
            self.assertEqual(364, row.days_left)
            self.assertEqual(
                f'TLSv1.3, serial {self.d.serials()[host]}', row.handshake
            )
            self.assertTrue(row.trusts_us)
            self.assertEqual('0600, owner 0', str(row.facts.permission))
            self.assertEqual(0, row.facts.clock_offset_seconds)

    def test_one_round_trip_to_each_host(self) -> None:
        """And one question about one volume, since that locks it."""
        self.d.create('share-2')
        batches: list[str] = []
        run = self.d.cluster.run_batch

        def count(host: str, batch: Any) -> Any:
            batches.append(host)
            return run(host, batch)

        site = self.d.service.engine.site
        self.d.cluster.run_batch = count
        self.d.service.engine.site = dataclasses.replace(
            site, executor=self.d.cluster
        )
        self.rows()
        self.assertEqual(4, len(batches))
        self.assertEqual(set(self.d.hosts), set(batches))

    def test_nothing_is_changed(self) -> None:
        """By looking."""
        before = self.d.world(), self.d.service.clients.certificates()
        self.rows()
        self.assertEqual(
            before, (self.d.world(), self.d.service.clients.certificates())
        )

    def test_some_nodes(self) -> None:
        """Only they; and what is none is refused."""
        self.assertEqual(['gl2'], list(self.rows('gl2')))
        self.assertRaises(exceptions.NotFound, self.rows, 'gl9')

    def test_no_nodes(self) -> None:
        """Nothing to show."""
        empty = self.deploy(load=False)
        self.assertEqual((), empty.service.node_certificates.status())

    @ddt.data(
        (damage.the_node_trusts_another, 'does not trust', 'authority back'),
        (damage.the_authorities_are_gone, 'it trusts no authority', 'renew'),
        (damage.the_certificate_is_gone, 'no certificate', 'tls renew'),
        (damage.the_key_is_gone, 'no key', 'tls renew --all --node gl2'),
        (damage.the_key_is_spoilt, 'no key', 'tls renew'),
        (damage.the_key_is_of_another_certificate, 'are no pair', 'renew'),
        (
            damage.the_certificate_is_of_another_authority,
            'of another authority, gluster-heketi-ca-',
            'tls renew',
        ),
        (damage.the_certificate_has_another_name, 'its name is', 'renew'),
        (damage.the_certificate_is_about_to_expire, 'in 2 days', 'renew'),
        (_open_key, 'the key has mode 0640, owner 0', 'chmod 600'),
        (_wrong_clock, r'its clock is \+\d{3,4} s off', 'time server'),
        (_refused_daemon, f'brick of {_VOLUME} refused it', 'end its process'),
        (_stopped_daemon, 'Self-heal Daemon does not run', 'start'),
        (_other_serial, 'presents another certificate', 'ssl.own-cert'),
        (_refuses_us, 'does not take a connection of ours', 'log'),
    )
    @ddt.unpack
    def test_what_is_wrong(
        self, spoil: Callable[[Deployment], None], text: str, mend: str
    ) -> None:
        """It is told of that node and of no other, with what to do."""
        spoil(self.d)
        rows = self.rows()
        troubles = rows[_HOST].troubles
        self.assertRegex('; '.join(each.text for each in troubles), text)
        self.assertRegex('; '.join(each.mend for each in troubles), mend)
        for host, row in rows.items():
            if host != _HOST:
                self.assertEqual((), row.troubles)

    def test_a_daemon_is_told_once(self) -> None:
        """However many bricks refused it; not of volumes that are gone."""
        _refused_daemon(self.d)
        self.assertEqual(1, len(self.rows()[_HOST].troubles))

    def test_a_daemon_of_a_volume_elsewhere(self) -> None:
        """Daemons connect to all volumes, whichever node is looked at."""
        self.d = self.deploy(nodes=4)
        volume = self.d.create()
        homes = self.d.service.bricks(volume)
        [spare] = [
            host
            for host in self.d.hosts
            if not any(b.startswith(f'{self.d.storage(host)}:') for b in homes)
        ]
        self.d.cluster.host(spare).refused_daemons = [
            f'glustershd {volume.name}-client-0'
        ]
        self.assertEqual(1, len(self.rows(spare)[spare].troubles))

    @ddt.data(1, 2, 3)
    def test_a_daemon_that_any_node_was_asked_for(self, number: int) -> None:
        """The node that is asked calls itself localhost."""
        host = f'gl{number}'
        self.d.cluster.host(host).stopped_daemons = {'Self-heal Daemon'}
        self.assertEqual(
            [host], [name for name, row in self.rows().items() if row.troubles]
        )

    def test_a_host_that_does_not_answer(self) -> None:
        """A row that says so; the others are complete."""
        self.d.cluster.cut_network('gl1')
        rows = self.rows()
        self.assertIsNone(rows['gl1'].facts)
        self.assertIn('gl1', rows['gl1'].troubles[0].text)
        for host in ('gl2', 'gl3'):
            self.assertEqual((), rows[host].troubles)
            self.assertIn('TLSv1.3', rows[host].handshake)

    def test_an_expired_certificate(self) -> None:
        """Days count on below zero."""
        self.d.age_certificate('gl2', days=1)
        row = self.rows()['gl2']
        self.assertEqual(0, row.days_left)
        self.assertIn('ends in 0 days', row.troubles[0].text)

    def test_a_port_out_of_reach(self) -> None:
        """It is told, but says nothing about the node."""

        def fail(host: str, result: Any) -> Any:
            raise exceptions.PortUnreachable(host=host, reason='timed out')

        self.d.bricks_seen.answer = fail
        for row in self.rows().values():
            self.assertIn('timed out', row.handshake)
            self.assertEqual((), row.troubles)

    def test_no_brick_on_the_node(self) -> None:
        """The same."""
        self.d.service.delete_volume('share-1')
        for row in self.rows().values():
            self.assertEqual('no brick runs on the node', row.handshake)
            self.assertEqual((), row.troubles)

    def test_our_authority_is_gone(self) -> None:
        """All else is shown, and none is made."""
        other = dataclasses.replace(
            self.d.settings, ca_directory=f'{self.d.directory}/none'
        )
        self.d.service.node_certificates._settings = other
        for row in self.rows().values():
            self.assertIn('not tried', row.handshake)
            [trouble] = row.troubles
            self.assertIn('there is none', trouble.text)
        self.assertRaises(
            exceptions.TlsError, Authority.load, other.ca_directory
        )

    def test_two_authorities(self) -> None:
        """Ours is one of them: that is how one is replaced."""
        other = Authority.load_or_create(f'{self.d.directory}/other')
        path = f'{_SSL}/glusterfs.ca'
        ours = _files(self.d)[path].content
        _files(self.d)[path] = File(other.certificate_pem + ours, 0o644)
        row = self.rows()[_HOST]
        self.assertEqual((), row.troubles)
        self.assertIn(
            other.fingerprint, map(reading.fingerprint, row.facts.authorities)
        )
