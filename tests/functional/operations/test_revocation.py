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

"""Names that are revoked: banned first, then cut off from every volume."""

import datetime
import threading
import time

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations import update_access
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.tls import policy
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import fail
from tests.functional.interference import once
from tests.functional.interference import says

_DAY = datetime.timedelta(days=1)


class RevokedTestCase(deployment.DeployedTestCase):
    """Three shares let alice in; two of them bob too."""

    def setUp(self) -> None:
        """Create them, and a certificate for each."""
        super().setUp()
        self.d = self.deploy()
        self.shares = [f'share-{number}' for number in (1, 2, 3)]
        for share in self.shares:
            self.d.create(share)
            self.d.service.change_access(share, add=['alice'])
        for share in self.shares[:2]:
            self.d.service.change_access(share, add=['bob'])
        for name in ('alice', 'bob'):
            self.d.service.clients.issue(name)

    def allowed(self, share: str) -> list[str]:
        """List whom Gluster lets in, beside the nodes."""
        volume = self.d.service.volume(share)
        value = self.d.gluster(volume).options['auth.ssl-allow']
        node, *clients = value.split(',')
        self.assertEqual(f'gluster-heketi-node-{volume.cluster_id}', node)
        self.assertEqual(tuple(clients), volume.access)
        return clients

    def everybody(self) -> list[list[str]]:
        """List whom each share lets in."""
        return [self.allowed(share) for share in self.shares]

    def failing_for(self, share: str, stderr: str = 'it is broken'):
        """Make a hook that fails the changes of one share."""
        name = self.d.service.volume(share).name
        concerns = says(name, 'auth.ssl-allow')

        def hook(host, command):
            if concerns(host, command):
                fail(stderr)(host, command)

        return hook


@ddt.ddt
class RevokeTestCase(RevokedTestCase):
    """What happens to the name, its certificates and its access."""

    def test_it_is_cut_off_everywhere(self) -> None:
        """And nobody else; each volume by one command."""
        self.d.executor.seen.clear()
        done = self.d.service.revocation.revoke('alice', 'lost', 'root')
        self.assertTrue(done.is_complete)
        self.assertEqual([['bob'], ['bob'], []], self.everybody())
        # Each with the question whether glusterd runs.
        self.assertEqual(2 * 3, len(self.d.executor.seen))
        self.assertEqual(1, done.certificates)
        self.assertEqual(
            set(self.shares), {w.volume.share_id for w in done.withdrawals}
        )
        [name] = self.d.service.revocation.names()
        self.assertEqual(
            ('alice', 'lost', 'root'),
            (name.common_name, name.reason, name.revoked_by),
        )
        [alices] = self.d.service.clients.certificates('alice')
        [bobs] = self.d.service.clients.certificates('bob')
        self.assertEqual(
            (name.revoked_at, None), (alices.revoked_at, bobs.revoked_at)
        )
        self.assertEqual([], list(self.d.service.operations()))

    def test_it_gets_in_no_more(self) -> None:
        """Neither by a certificate nor by a rule; nothing is on record."""
        service = self.d.service
        service.revocation.revoke('alice', 'lost')
        before = service.clients.certificates(), self.d.world()
        for call in (
            lambda: service.clients.issue('alice'),
            lambda: service.change_access('share-1', add=['alice']),
            lambda: service.change_access('share-1', names=['alice', 'x']),
        ):
            error = self.assertRaises(exceptions.NameRevoked, call)
            self.assertIn('lost', str(error))
        self.assertEqual(
            before, (service.clients.certificates(), self.d.world())
        )

    def test_what_it_is_no_part_of_goes_on(self) -> None:
        """Rules of others are added; its own is taken away."""
        change = self.d.service.change_access
        self.d.service.revocation.revoke('alice')
        change('share-1', add=['carol'], remove=['alice'])
        change('share-2', add=['alice', 'carol'], remove=['alice'])
        self.assertEqual([['bob', 'carol']] * 2 + [[]], self.everybody())

    def test_one_volume_can_not_be_changed(self) -> None:
        """The others are; another revocation does what is left."""
        self.d.executor.before = self.failing_for('share-2')
        done = self.d.service.revocation.revoke('alice', 'lost')
        self.assertFalse(done.is_complete)
        self.assertEqual(
            {'share-2': True},
            {
                w.volume.share_id: 'it is broken' in w.failure
                for w in done.withdrawals
                if w.failure
            },
        )
        self.assertEqual([['bob'], ['alice', 'bob'], []], self.everybody())

        self.d.executor.before = lambda host, command: None
        again = self.d.service.revocation.revoke('alice', 'again')
        self.assertTrue(again.is_complete)
        [only] = again.withdrawals
        self.assertEqual('share-2', only.volume.share_id)
        self.assertEqual((0, 'lost'), (again.certificates, again.name.reason))
        self.assertEqual([['bob'], ['bob'], []], self.everybody())

    def test_a_change_of_a_list_that_still_has_it(self) -> None:
        """It goes with that: whoever writes a list writes it without."""
        self.d.executor.before = self.failing_for('share-2')
        self.d.service.revocation.revoke('alice')
        self.d.executor.before = lambda host, command: None
        self.d.service.change_access('share-2', add=['carol'])
        self.assertEqual(['bob', 'carol'], self.allowed('share-2'))

    def test_a_name_that_nobody_has(self) -> None:
        """It is banned before its first certificate."""
        done = self.d.service.revocation.revoke('mallory')
        self.assertEqual((0, ()), (done.certificates, done.withdrawals))
        self.assertRaises(
            exceptions.NameRevoked, self.d.service.clients.issue, 'mallory'
        )

    @ddt.data('', '*', 'a,b', 'a\nb', 'x' * 65, 'gluster-heketi-node-1')
    def test_a_name_that_no_client_has(self, name) -> None:
        """Nodes above all: without theirs nothing would work."""
        for call in (
            self.d.service.revocation.revoke,
            self.d.service.revocation.unrevoke,
        ):
            self.assertRaises(exceptions.InvalidCommonName, call, name)
        self.assertEqual((), self.d.service.revocation.names())

    @ddt.data('x' * 256, 'two\nlines', '\x1b[31m', '\udce4')
    def test_a_reason_that_is_no_line_of_text(self, reason) -> None:
        """Nothing is revoked."""
        error = self.assertRaises(
            exceptions.InvalidInput,
            self.d.service.revocation.revoke,
            'alice',
            reason,
        )
        self.assertIn('reason', str(error))
        self.assertEqual((), self.d.service.revocation.names())

    def test_a_volume_that_is_being_deleted(self) -> None:
        """It is named: nobody knows whether it is still served."""
        self.d.cluster.power_off('gl3')
        self.d.service.delete_volume('share-3')
        done = self.d.service.revocation.revoke('alice')
        [left] = [w for w in done.withdrawals if w.failure]
        self.assertEqual('share-3', left.volume.share_id)
        self.assertIn('condemned', left.failure)
        self.d.cluster.power_on('gl3')
        self.d.service.recover()
        self.assertTrue(self.d.service.revocation.revoke('alice').is_complete)

    def test_many_volumes(self) -> None:
        """Side by side, each once."""
        d = self.deploy(disk_bytes=200 << 30)
        for number in range(40):
            d.create(f'share-{number}', gigabytes=1)
            d.service.change_access(f'share-{number}', add=['alice', 'zoe'])
        done = d.service.revocation.revoke('alice')
        self.assertTrue(done.is_complete)
        self.assertEqual(40, len(done.withdrawals))
        self.assertEqual(
            {('zoe',)}, {each.access for each in d.service.volumes()}
        )


class InTheMiddleTestCase(RevokedTestCase):
    """Others are at work while a name is revoked, and processes die."""

    def test_the_process_dies_after_the_ban(self) -> None:
        """The name is banned; the next revocation does the rest."""

        def die(host, command):
            raise Killed

        self.d.executor.before = once(says('auth.ssl-allow'), die)
        self.assertRaises(
            Killed, self.d.service.revocation.revoke, 'alice', 'lost'
        )
        self.d.expire_leases()
        service, _ = self.d.process()
        self.assertRaises(
            exceptions.NameRevoked, service.clients.issue, 'alice'
        )
        self.assertRaises(
            exceptions.NameRevoked,
            service.change_access,
            'share-1',
            names=['alice'],
        )
        [certificate] = service.clients.certificates('alice')
        self.assertIsNotNone(certificate.revoked_at)
        done = service.revocation.revoke('alice')
        self.assertTrue(done.is_complete, done)
        self.assertEqual([['bob'], ['bob'], []], self.everybody())

    def test_the_process_dies_anywhere(self) -> None:
        """A repair does the rest as well."""
        for commands in range(4):
            d = self.deploy()
            for share in self.shares:
                d.create(share)
                d.service.change_access(share, add=['alice', 'bob'])
            d.executor.kill_after(commands)
            try:
                d.service.revocation.revoke('alice')
            except Killed:
                d.expire_leases()
            service, _ = d.process()
            service.recover()
            report = service.truth.repair()
            self.assertTrue(report.is_clean, report)
            for volume in service.volumes():
                self.assertEqual(('bob',), volume.access)
                value = d.gluster(volume).options['auth.ssl-allow']
                self.assertEqual(['bob'], value.split(',')[1:])

    def test_a_rule_that_is_being_added(self) -> None:
        """It had begun before the ban: it is waited for, and taken back."""
        other, _ = self.d.process()
        outcome = []
        threads = []

        def revoke(host, command):
            # The change is journaled, and its command is about to run.
            thread = threading.Thread(
                target=lambda: outcome.append(other.revocation.revoke('carol'))
            )
            threads.append(thread)
            thread.start()
            while not other.revocation.names():
                time.sleep(0.01)

        self.d.executor.before = once(says('auth.ssl-allow'), revoke)
        self.d.service.change_access('share-1', add=['carol'])
        threads[0].join()
        [done] = outcome
        self.assertTrue(done.is_complete, done)
        self.assertEqual(1, len(done.withdrawals))
        self.assertEqual(['alice', 'bob'], self.allowed('share-1'))

    def test_a_rule_that_is_left_half_way(self) -> None:
        """The volume is found though its record does not have the name."""

        def die(host, command):
            raise Killed

        self.d.executor.after = once(says('auth.ssl-allow'), die)
        self.assertRaises(
            Killed, self.d.service.change_access, 'share-1', add=['carol']
        )
        self.d.expire_leases()
        service, _ = self.d.process()
        self.assertNotIn('carol', service.volume('share-1').access)
        done = service.revocation.revoke('carol')
        self.assertEqual(1, len(done.withdrawals))
        self.assertTrue(done.is_complete)
        self.assertEqual(['alice', 'bob'], self.allowed('share-1'))

    def test_a_name_is_revoked_while_its_rule_is_journaled(self) -> None:
        """Neither side saw the other: the second look does."""
        service = self.d.service
        opened = update_access._open

        def late(engine, tx, volume, names):
            operation = opened(engine, tx, volume, names)
            revocations.ban(tx, model.RevokedName('carol', policy.now()))
            return operation

        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.operations.update_access._open', late
            )
        )
        self.d.executor.seen.clear()
        # Asked again it sees the ban.
        self.assertRaises(
            exceptions.NameRevoked,
            service.change_access,
            'share-1',
            add=['carol'],
        )
        self.assertEqual([], self.d.executor.seen)
        self.assertEqual(['alice', 'bob'], self.allowed('share-1'))
        self.assertEqual((), service.operations())

    def test_a_name_is_revoked_while_its_certificate_is_made(self) -> None:
        """Nobody gets it, and it is on record as revoked."""
        service = self.d.service
        transact = service.store.transact

        def late(work):
            result = transact(work)
            with service.store.write() as tx:
                revocations.ban(tx, model.RevokedName('carol', policy.now()))
            return result

        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.store.session.Store.transact',
                lambda store, work: late(work),
            )
        )
        self.assertRaises(
            exceptions.NameRevoked, service.clients.issue, 'carol'
        )
        [certificate] = service.clients.certificates('carol')
        self.assertIsNotNone(certificate.revoked_at)


class UnrevokeTestCase(RevokedTestCase):
    """The ban is lifted."""

    def setUp(self) -> None:
        """Revoke alice, who has a certificate."""
        super().setUp()
        self.d.service.revocation.revoke('alice')

    def _later(self, days: int) -> None:
        moment = policy.now() + days * _DAY
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tls.policy.now', lambda: moment
            )
        )

    def test_an_old_certificate_still_holds(self) -> None:
        """Refused: Gluster would take it; the ban stands."""
        error = self.assertRaises(
            exceptions.RevokedStillHolds,
            self.d.service.revocation.unrevoke,
            'alice',
        )
        [certificate] = self.d.service.clients.certificates('alice')
        self.assertIn(certificate.serial, str(error))
        self.assertIn(f'{certificate.not_after:%Y-%m-%d}', str(error))
        self.assertEqual(1, len(self.d.service.revocation.names()))

    def test_all_have_expired(self) -> None:
        """The name can be used; what was revoked stays so."""
        self._later(89)
        self.assertRaises(
            exceptions.RevokedStillHolds,
            self.d.service.revocation.unrevoke,
            'alice',
        )
        self._later(2)
        self.d.service.revocation.unrevoke('alice')
        self.d.service.clients.issue('alice')
        self.d.service.change_access('share-1', add=['alice'])
        self.assertEqual(
            [True, False],
            [
                c.revoked_at is not None
                for c in self.d.service.clients.certificates('alice')
            ],
        )

    def test_force(self) -> None:
        """Whoever asks for it knows better; a second ban covers all."""
        self.d.service.revocation.unrevoke('alice', force=True)
        self.d.service.change_access('share-1', add=['alice'])
        self.d.service.clients.issue('alice')
        again = self.d.service.revocation.revoke('alice')
        self.assertEqual((1, True), (again.certificates, again.is_complete))
        self.assertEqual([['bob'], ['bob'], []], self.everybody())

    def test_a_name_that_is_not_revoked(self) -> None:
        """Said."""
        self.assertRaises(
            exceptions.NotFound, self.d.service.revocation.unrevoke, 'bob'
        )
