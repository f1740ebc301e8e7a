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

"""Certificates of nodes that are about to expire, and new ones."""

import dataclasses
import re
from typing import Any

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.gluster_answers import brick_port
from manila_gluster_heketi.service.node_certificates import Outcome
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls.ca import Authority
from tests.functional import deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says

_SSL = '/usr/lib/ssl'
_ADDRESS = '10.0.0.2'


def _old_serial(
    address: str, result: distribute.HandshakeResult
) -> distribute.HandshakeResult:
    return dataclasses.replace(result, serial='4711')


def _refused(address: str, result: Any) -> distribute.HandshakeResult:
    raise exceptions.HostError(
        host=address, reason='no TLS connection: alert bad certificate'
    )


def _timed_out(address: str, result: Any) -> distribute.HandshakeResult:
    raise exceptions.PortUnreachable(host=address, reason='timed out')


class RenewalTestCase(deployment.DeployedTestCase):
    """Three nodes with a share, whose certificates end in 10 days."""

    def old(self, *, share: bool = True, **kwargs: Any) -> Any:
        """Deploy it."""
        d = self.deploy(**kwargs)
        if share:
            d.create()
        for host in d.hosts:
            d.age_certificate(host)
        self.before = d.serials()
        return d

    def outcomes(self, rows: Any) -> dict[str, str]:
        """Say what became of each node."""
        return {each.host: str(each.outcome) for each in rows}

    def renewed(self, d: Any) -> list[str]:
        """List the nodes that have another certificate."""
        now = d.serials()
        return [each for each in d.hosts if now[each] != self.before[each]]


class RenewTestCase(RenewalTestCase):
    """All is well."""

    def test_all_that_end_soon(self) -> None:
        """Each is seen in use, is on record, and nothing is restarted."""
        d = self.old()
        starts = [d.cluster.host(each).glusterd_starts for each in d.hosts]
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            dict.fromkeys(d.hosts, 'renewed'), self.outcomes(rows)
        )
        self.assertEqual(d.hosts, self.renewed(d))
        for row in rows:
            self.assertRegex(row.detail, r'^handshake on port \d{5}$')
        self.assertEqual(
            starts, [d.cluster.host(each).glusterd_starts for each in d.hosts]
        )
        found = d.service.clients.certificates()
        held = {c.serial: c.subject_id for c in found}
        for node in d.service.nodes():
            serial = d.serials()[node.manage_host]
            self.assertEqual(node.id, held[serial])

    def test_one_after_the_other(self) -> None:
        """A node is seen to use its own before the next gets one."""
        d = self.old()
        d.service.node_certificates.renew()
        hosts = [
            host
            for host, command in d.executor.seen
            if 'keep_files' in command or 'discard_files' in command
        ]
        self.assertEqual([h for h in d.hosts for _ in 'kd'], hosts)

    def test_what_holds_is_left_alone(self) -> None:
        """Only the host whose certificate ends soon is touched."""
        d = self.deploy()
        d.age_certificate('gl2')
        self.before = d.serials()
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'valid', 'gl2': 'renewed', 'gl3': 'valid'},
            self.outcomes(rows),
        )
        self.assertEqual(['gl2'], self.renewed(d))
        self.assertEqual(
            {'valid'},
            set(self.outcomes(d.service.node_certificates.renew()).values()),
        )

    def test_as_many_days_as_one_likes(self) -> None:
        """Within 9 nothing ends, within 11 all do."""
        d = self.old()
        d.service.node_certificates.renew(within_days=9)
        self.assertEqual([], self.renewed(d))
        d.service.node_certificates.renew(within_days=11)
        self.assertEqual(d.hosts, self.renewed(d))

    def test_every_certificate_of_one_host(self) -> None:
        """Even a new one; no other host is so much as looked at."""
        d = self.deploy()
        self.before = d.serials()
        d.executor.seen.clear()
        d.service.node_certificates.renew(['gl2'], every=True)
        self.assertEqual(['gl2'], self.renewed(d))
        self.assertEqual({'gl2'}, {host for host, _ in d.executor.seen})

    def test_a_host_that_is_no_node(self) -> None:
        """Said before anything is done."""
        d = self.old()
        self.assertRaises(
            exceptions.NotFound,
            d.service.node_certificates.renew,
            ['gl1', 'gl9'],
        )
        self.assertEqual([], self.renewed(d))

    def test_a_node_that_lost_its_certificate(self) -> None:
        """It gets one."""
        d = self.old()
        del d.cluster.host('gl2').space.root.files[f'{_SSL}/glusterfs.pem']
        rows = d.service.node_certificates.renew(['gl2'])
        self.assertEqual({'gl2': 'renewed'}, self.outcomes(rows))

    def test_an_authority_that_ends_soon(self) -> None:
        """What would end as soon is not issued each hour anew."""
        d = self.old(node_certificate_days=11, node_renewal_days=30)
        rows = d.service.node_certificates.renew(within_days=30)
        self.assertEqual(d.hosts, self.renewed(d))
        self.before = d.serials()
        rows = d.service.node_certificates.renew(within_days=30)
        self.assertEqual({'valid'}, set(self.outcomes(rows).values()))
        self.assertEqual([], self.renewed(d))


@ddt.ddt
class NotVerifiedTestCase(RenewalTestCase):
    """No handshake is possible, and that is said."""

    def test_no_brick_runs_on_the_node(self) -> None:
        """What the host reads has to do."""
        d = self.old(share=False)
        for row in d.service.node_certificates.renew():
            self.assertEqual(Outcome.RENEWED, row.outcome)
            self.assertIn('not verified: no brick runs', row.detail)
        self.assertEqual([], d.bricks_seen.asked)

    def test_the_port_is_out_of_reach(self) -> None:
        """It was before, so that nobody need wonder why it is now."""
        d = self.old()
        d.bricks_seen.answer = _timed_out
        for row in d.service.node_certificates.renew():
            self.assertEqual(Outcome.RENEWED, row.outcome)
            self.assertRegex(row.detail, 'not verified: .* timed out')
        self.assertEqual(d.hosts, self.renewed(d))

    def test_a_volume_that_is_stopped(self) -> None:
        """Another one tells a port."""
        d = self.old()
        volume = d.create('share-0')
        d.gluster(volume).status = 'Stopped'
        row, *_ = d.service.node_certificates.renew()
        self.assertIn('handshake on port', row.detail)

    def test_the_host_reads_another_certificate(self) -> None:
        """Without a handshake that is enough to go back."""
        d = self.old(share=False)
        old = d.cluster.host('gl2').space.root.files

        def spoil(host: str, command: Any) -> None:
            if host == 'gl2' and f'write_file {_SSL}/glusterfs.ca' in str(
                command
            ):
                files = d.cluster.host(host).space.root.files
                files[f'{_SSL}/glusterfs.pem'] = File('spoilt\n', 0o644)

        d.executor.after = spoil
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'renewed', 'gl2': 'failed', 'gl3': 'untouched'},
            self.outcomes(rows),
        )
        self.assertIn('reads another certificate', rows[1].detail)
        self.assertEqual(['gl1'], self.renewed(d))
        self.assertTrue(old)

    def test_the_key_can_be_read_by_others(self) -> None:
        """An odd file system; the old key is back."""
        d = self.old(share=False)

        def open_key(host: str, command: Any) -> None:
            if f'write_file {_SSL}/glusterfs.ca' in str(command):
                files = d.cluster.host(host).space.root.files
                key = files[f'{_SSL}/glusterfs.key']
                files[f'{_SSL}/glusterfs.key'] = File(key.content, 0o644)

        d.executor.after = open_key
        rows = d.service.node_certificates.renew()
        self.assertEqual('failed', self.outcomes(rows)['gl1'])
        self.assertIn('the key has mode 0644', rows[0].detail)
        self.assertEqual([], self.renewed(d))


@ddt.ddt
class FailureTestCase(RenewalTestCase):
    """The old files are back, and the next hosts are not touched."""

    @ddt.data(
        (_old_serial, 'presents serial 4711'),
        (_refused, 'alert bad certificate'),
        (_timed_out, 'timed out'),
    )
    @ddt.unpack
    def test_a_node_that_does_not_present_it(
        self, answer: Any, told: str
    ) -> None:
        """It could be reached before, so the new certificate is at fault."""
        d = self.old()
        whole = d.world()

        def from_the_second_on(address: str, result: Any) -> Any:
            mine = d.bricks_seen.asked.count(_ADDRESS) > 1
            return answer(address, result) if mine else result

        d.bricks_seen.answer = from_the_second_on
        d.service.node_certificates.renew(['gl1'])
        before_gl2 = d.world()
        rows = d.service.node_certificates.renew(['gl2', 'gl3'])
        self.assertEqual(
            {'gl2': 'failed', 'gl3': 'untouched'}, self.outcomes(rows)
        )
        self.assertIn('MGH-315', rows[0].detail)
        self.assertIn(told, rows[0].detail)
        self.assertEqual(before_gl2, d.world())
        self.assertEqual(whole['gl2'], d.world()['gl2'])
        self.assertEqual((), d.service.operations())

    def test_an_expired_certificate_is_no_obstacle(self) -> None:
        """It is refused before; afterwards it must not be."""
        d = self.old()

        def until_renewed(address: str, result: Any) -> Any:
            if result.serial in self.before.values():
                raise exceptions.HostError(host=address, reason='expired')
            return result

        d.bricks_seen.answer = until_renewed
        rows = d.service.node_certificates.renew()
        self.assertEqual({'renewed'}, set(self.outcomes(rows).values()))
        self.assertIn('handshake on port', rows[0].detail)

    def test_a_brick_that_refused_us_before(self) -> None:
        """Another one does; where there is none, that is a failure."""
        d = self.old()
        other = d.create('share-0')
        bricks = {
            each.brick_path
            for volume in (other, d.service.volume('share-1'))
            for each in d.bricks(volume)
        }
        ill = {brick_port(b.brick_path) for b in d.bricks(other)}
        d.bricks_seen.refusing = ill
        row, *_ = d.service.node_certificates.renew(['gl1'])
        self.assertEqual(Outcome.RENEWED, row.outcome)
        self.assertNotIn(row.detail.split()[-1], {str(p) for p in ill})
        d.bricks_seen.refusing = set(map(brick_port, bricks))
        row, *_ = d.service.node_certificates.renew(['gl2'])
        self.assertEqual(Outcome.FAILED, row.outcome)
        self.assertEqual(['gl1'], self.renewed(d))

    def test_the_disk_is_full(self) -> None:
        """When the key is there and the certificate is not yet."""
        d = self.old()

        def fill(host: str, command: Any) -> None:
            if f'write_file {_SSL}/glusterfs.key' in str(command):
                d.cluster.host(host).space.root.is_full = True

        d.executor.after = fill
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'failed', 'gl2': 'untouched', 'gl3': 'untouched'},
            self.outcomes(rows),
        )
        self.assertIn('No space left', rows[0].detail)
        self.assertEqual([], self.renewed(d))
        self.assertEqual((), d.service.operations())

    def test_a_host_that_does_not_answer(self) -> None:
        """It is left out, and the others get theirs."""
        d = self.old()
        d.cluster.cut_network('gl2')
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'renewed', 'gl2': 'unreachable', 'gl3': 'renewed'},
            self.outcomes(rows),
        )

    def test_a_host_that_dies_when_all_is_verified(self) -> None:
        """There is no way back; it is finished when it answers again."""
        d = self.old()
        d.executor.before = once(
            on('gl1', says('discard_files')),
            lambda *_: d.cluster.cut_network('gl1'),
        )
        rows = d.service.node_certificates.renew(['gl1'])
        self.assertEqual({'gl1': 'failed'}, self.outcomes(rows))
        [operation] = d.service.operations()
        self.assertEqual(model.OpState.STUCK, operation.state)
        d.cluster.restore_network('gl1')
        [recovered] = d.service.recover()
        self.assertEqual('', recovered.error)
        self.assertEqual(['gl1'], self.renewed(d))
        self.assertIn(
            d.serials()['gl1'],
            {c.serial for c in d.service.clients.certificates()},
        )
        kept = f'{_SSL}/{names.KEPT_CERTIFICATE}'
        self.assertFalse(d.cluster.host('gl1').space.exists(kept))

    def test_a_clock_that_is_wrong(self) -> None:
        """Host and offset are named; nothing is done there."""
        d = self.old()
        d.cluster.host('gl2').clock_offset_seconds = -400
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'renewed', 'gl2': 'refused', 'gl3': 'renewed'},
            self.outcomes(rows),
        )
        self.assertRegex(rows[1].detail, r'its clock is -\d{3} s off')

    def test_a_clock_that_is_a_little_wrong(self) -> None:
        """Certificates are dated back by more than that."""
        d = self.old()
        d.cluster.host('gl2').clock_offset_seconds = -290
        rows = d.service.node_certificates.renew()
        self.assertEqual({'renewed'}, set(self.outcomes(rows).values()))

    def test_a_node_of_another_authority(self) -> None:
        """Its clients would be locked out."""
        d = self.old()
        other = Authority.load_or_create(f'{d.directory}/other')
        files = d.cluster.host('gl2').space.root.files
        files[f'{_SSL}/glusterfs.ca'] = File(other.certificate_pem, 0o644)
        rows = d.service.node_certificates.renew()
        self.assertEqual('refused', self.outcomes(rows)['gl2'])
        self.assertIn('another authority', rows[1].detail)
        self.assertEqual(['gl1', 'gl3'], self.renewed(d))

    def test_the_authority_is_not_there(self) -> None:
        """Nothing is looked at, and none is made."""
        d = self.old()
        d.executor.seen.clear()
        d.service.node_certificates._settings = dataclasses.replace(
            d.settings, ca_directory=f'{d.directory}/none'
        )
        self.assertRaises(
            exceptions.TlsError, d.service.node_certificates.renew
        )
        self.assertEqual([], d.executor.seen)

    def test_no_key_is_in_any_message(self) -> None:
        """Whatever fails."""
        logger = self.useFixture(fixtures.FakeLogger())
        d = self.old()
        d.executor.before = once(
            on('gl1', says('write_file', f'{_SSL}/glusterfs.pem')), fail()
        )
        rows = d.service.node_certificates.renew()
        self.assertEqual('failed', self.outcomes(rows)['gl1'])
        told = f'{rows} {logger.output} {d.service.operations(every=True)}'
        self.assertIsNone(re.search('PRIVATE', told))


class ClaimsTestCase(RenewalTestCase):
    """One process at a time."""

    def _meanwhile(self, d: Any, act: Any) -> None:
        """Have something happen while gl1 has its old files kept."""
        d.executor.before = once(
            on('gl1', says('keep_files')), lambda *_: act()
        )

    def test_another_process_renews(self) -> None:
        """Who comes by itself leaves it to that one."""
        d = self.old()
        other, seen = d.process()
        found = []
        self._meanwhile(
            d, lambda: found.append(other.node_certificates.renew_ahead())
        )
        rows = d.service.node_certificates.renew_ahead()
        self.assertEqual([()], found)
        self.assertEqual({'renewed'}, set(self.outcomes(rows).values()))
        self.assertEqual([], [c for _, c in seen.seen if 'write_file' in c])

    def test_another_process_was_quicker(self) -> None:
        """What it renewed since this one looked is not renewed again."""
        d = self.old()
        other, _ = d.process()
        self._meanwhile(d, lambda: other.node_certificates.renew(['gl2']))
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'renewed', 'gl2': 'valid', 'gl3': 'renewed'},
            self.outcomes(rows),
        )
        self.assertEqual(9, len(d.service.clients.certificates()))

    def test_an_earlier_change_that_is_stuck(self) -> None:
        """The node is left out, and the others get theirs."""
        d = self.old(share=False)
        d.executor.before = lambda host, command: (
            fail()(host, command) if says('vgremove')(host, command) else None
        )
        self.assertRaises(
            exceptions.OperationStuck,
            d.service.hardware.remove_device,
            'gl1',
            '/dev/vdb',
        )
        rows = d.service.node_certificates.renew()
        self.assertEqual(
            {'gl1': 'refused', 'gl2': 'renewed', 'gl3': 'renewed'},
            self.outcomes(rows),
        )
        self.assertIn('MGH-111', rows[0].detail)

    def test_a_node_is_not_removed_meanwhile(self) -> None:
        """Nor anything else of it changed."""
        d = self.old(share=False, gluster_busy_timeout=1)
        other, _ = d.process()
        errors = []

        def remove() -> None:
            try:
                other.hardware.remove_device('gl1', '/dev/vdb')
            except exceptions.UnderWay as error:
                errors.append(str(error))

        self._meanwhile(d, remove)
        d.service.node_certificates.renew(['gl1'])
        self.assertEqual(1, len(errors))

    def test_a_renewal_that_died(self) -> None:
        """Whoever changes the node next takes it back first."""
        d = self.old(share=False)
        d.executor.kill_after(6 * 3 + 6 + 3)
        self.assertRaises(
            BaseException,
            d.service.node_certificates.renew,  # noqa: B017
        )
        other, _ = d.process()
        d.expire_leases()
        other.hardware.remove_device('gl1', '/dev/vdb')
        self.assertEqual(
            ['undone', 'done'],
            [str(o.state) for o in other.operations(every=True)][-2:],
        )

    def test_it_is_switched_off(self) -> None:
        """With 0 days nobody is asked anything."""
        d = self.old(node_renewal_days=0)
        d.executor.seen.clear()
        self.assertEqual((), d.service.node_certificates.renew_ahead())
        self.assertEqual([], d.executor.seen)
