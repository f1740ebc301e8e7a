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

"""Tokens for certificates: once, for one name, while the share lets it in."""

import dataclasses

import ddt
import fixtures
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import enrolments
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import tokens
from tests.functional import databases
from tests.functional import deployment
from tests.functional.enrolment import bench
from tests.functional.interference import Killed
from tests.functional.interference import fail
from tests.functional.store import base
from tests.unit.tls import authorities


@ddt.ddt
class RedeemTestCase(bench.EnrolmentTestCase):
    """What a token is good for, and what for it is not."""

    def refused(self, reason: str, **more: str) -> None:
        """See that a token is refused, and that nothing is changed."""
        before = self.on_record()
        error = self.assertRaises(exceptions.TokenRefused, self.redeem, **more)
        self.assertIn(reason, str(error))
        self.assertNotIn(self.token, str(error))
        self.assertEqual(before, self.on_record())

    def test_a_certificate(self) -> None:
        """For the name, on the share, with the tenant's own key."""
        key = keys.make(keys.KeyType.EC_P256)
        given = self.redeem(
            request=self.request(key=key), share_id=bench.SHARE
        )
        [found] = reading.certificates(given.bundle.certificate_pem)
        self.assertEqual(key.public_key(), found.public_key())
        self.assertEqual('alice', reading.name_of(found))
        self.assertEqual('', given.bundle.key_pem)
        self.assertEqual(self.d.service.volume(bench.SHARE), given.volume)
        [record] = self.d.service.clients.certificates('alice')
        self.assertEqual(given.bundle.record, record)
        self.assertEqual(
            ('enrolment', bench.SHARE), (record.asked_by, record.share_id)
        )
        [used] = self.enrolment.listed()
        self.assertEqual(record.serial, used.serial)
        self.assertIsNotNone(used.used_at)

    def test_the_token_is_nowhere(self) -> None:
        """Neither in the store nor in the log, nor is its seal."""
        log = self.useFixture(fixtures.FakeLogger())
        self.redeem()
        self.refused('it was used')
        with open(f'{self.d.directory}/store.sqlite', 'rb') as file:
            content = file.read()
        self.assertNotIn(self.token[-43:].encode(), content)
        self.assertNotIn(self.token[-43:], log.output)

    def test_it_was_used(self) -> None:
        """With another key it is refused from then on."""
        self.redeem()
        self.refused('it was used at')

    def test_the_answer_was_lost(self) -> None:
        """The same key gets another certificate, and no other key does."""
        request = self.request()
        first = self.redeem(request=request)
        second = self.redeem(request=request)
        self.assertNotEqual(
            first.bundle.record.serial, second.bundle.record.serial
        )
        self.assertEqual(2, len(self.d.service.clients.certificates('alice')))
        self.refused('it was used')

    def test_it_has_expired(self) -> None:
        """At the very second."""
        self.let_pass(hours=23, minutes=59)
        self.redeem()
        self.let_pass(hours=24)
        self.refused('it expired at')

    def test_the_rule_is_deleted(self) -> None:
        """Also if the name is let in again, and gets another token."""
        change = self.d.service.change_access
        change(bench.SHARE, remove=['alice'])
        self.refused('it was withdrawn')
        change(bench.SHARE, add=['alice'])
        self.refused('it was withdrawn')
        new = self.enrolment.tokens(bench.SHARE, {'rule-2': 'alice'})
        self.redeem(new['rule-2'])

    def test_the_rules_are_set_anew(self) -> None:
        """Of who is not among them it is withdrawn; others keep theirs."""
        change = self.d.service.change_access
        change(bench.SHARE, add=['bob'])
        bob = self.enrolment.tokens(bench.SHARE, {'rule-2': 'bob'})['rule-2']
        change(bench.SHARE, names=['bob', 'carol'])
        self.refused('it was withdrawn')
        self.redeem(bob, self.request('bob'))

    def test_withdrawing_fails_on_the_nodes(self) -> None:
        """The token is void all the same."""
        self.d.executor.before = fail()
        self.assertRaises(
            exceptions.OperationFailed,
            self.d.service.change_access,
            bench.SHARE,
            remove=['alice'],
        )
        self.refused('it was withdrawn')

    def test_the_share_does_not_let_the_name_in(self) -> None:
        """However it lost its access."""
        with self.d.service.store.write() as tx:
            volume = volumes.by_share(tx, bench.SHARE)
            assert volume is not None
            volumes.update_volume(tx, dataclasses.replace(volume, access=()))
        self.refused('does not let the name in')

    def test_the_share_is_gone(self) -> None:
        """Or goes."""
        self.d.service.delete_volume(bench.SHARE)
        self.refused('the share is gone')

    def test_the_name_is_revoked(self) -> None:
        """It is refused, and stays void when the ban is lifted."""
        self.d.service.revocation.revoke('alice', 'lost')
        self.refused('it was withdrawn')
        self.d.service.revocation.unrevoke('alice')
        self.d.service.change_access(bench.SHARE, add=['alice'])
        self.refused('it was withdrawn')

    def test_the_name_is_revoked_and_the_process_dies(self) -> None:
        """The ban voids the token, whatever comes after it."""

        def die(*args):
            raise Killed

        with fixtures.MonkeyPatch(
            'manila_gluster_heketi.service.revocation.Revocation._attempt',
            die,
        ):
            self.assertRaises(
                Killed, self.d.service.revocation.revoke, 'alice'
            )
        self.d.service.revocation.unrevoke('alice')
        self.assertIn('alice', self.d.service.volume(bench.SHARE).access)
        self.refused('it was withdrawn')

    def test_the_name_is_revoked_meanwhile(self) -> None:
        """Nobody gets the certificate, and it is on record as revoked."""
        service = self.d.service
        transact = service.store.transact

        def late(work):
            result = transact(work)
            with service.store.write() as tx:
                revocations.ban(
                    tx, model.RevokedName('alice', policy.now(), 'lost')
                )
            return result

        service.store.transact = late
        self.assertRaises(exceptions.NameRevoked, self.redeem)
        [record] = service.clients.certificates('alice')
        self.assertIsNotNone(record.revoked_at)

    def test_another_name_or_share(self) -> None:
        """Whoever asks for one is told."""
        self.refused('another name', request=self.request('bob'))
        self.refused('not for share x', share_id='x')
        self.redeem()

    def test_no_name_in_the_request(self) -> None:
        """The token's counts."""
        key = keys.make(keys.KeyType.EC_P256)
        request = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([]))
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        given = self.redeem(request=request.decode())
        self.assertEqual('alice', given.bundle.record.common_name)

    def test_a_token_of_nobody(self) -> None:
        """Of another authority, or changed; it is not even looked up."""
        token = tokens.peek(self.token)
        other = tokens.write(authorities.authority('other'), token)
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.store.enrolments.find', None
            )
        )
        for text in (other, self.token[:-1], self.token + 'A', '', 'x'):
            self.assertRaises(
                exceptions.InvalidToken,
                self.enrolment.redeem,
                text,
                self.request(),
            )

    def test_a_token_that_is_not_on_record(self) -> None:
        """The store was put back to an earlier day."""
        with self.d.service.store.write() as tx:
            enrolments.void(tx, tokens.peek(self.token).id, policy.now())
            later = tokens.peek(self.token).expires_at
            enrolments.forget(tx, later)
        self.refused('not on record')

    @ddt.data('', 'x', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n')
    def test_no_request(self, text: str) -> None:
        """The token can still be used."""
        before = self.on_record()
        error = self.assertRaises(
            exceptions.InvalidInput,
            self.enrolment.redeem,
            self.token,
            text,
        )
        self.assertIn('signing request', str(error))
        self.assertEqual(before, self.on_record())
        self.redeem()

    def test_a_weak_key(self) -> None:
        """The token can still be used."""
        weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
        error = self.assertRaises(
            exceptions.InvalidInput,
            self.redeem,
            request=self.request(key=weak),
        )
        self.assertIn('RSA with 1024 bits', str(error))
        self.redeem()

    def test_a_wrong_signature(self) -> None:
        """Whoever can't sign has no key."""
        mine = csr.make(keys.make(keys.KeyType.EC_P256), 'alice')
        lines = mine.splitlines()
        middle = len(lines) - 3
        flipped = 'B' if lines[middle][5] == 'A' else 'A'
        lines[middle] = lines[middle][:5] + flipped + lines[middle][6:]
        self.assertRaises(
            exceptions.InvalidInput,
            self.redeem,
            request='\n'.join(lines) + '\n',
        )
        self.redeem()

    def test_the_process_dies_before_anything_is_on_record(self) -> None:
        """The token can still be used, with any key."""

        def die(*args):
            raise Killed

        with fixtures.MonkeyPatch(
            'manila_gluster_heketi.service.clients.certificates.add', die
        ):
            self.assertRaises(Killed, self.redeem)
        [given] = self.enrolment.listed()
        self.assertIsNone(given.used_at)
        self.redeem()


class TokensTestCase(bench.EnrolmentTestCase):
    """Which rules have a token, and which."""

    def of(self, **rules: str) -> dict[str, str]:
        """Ask for tokens of rules; dashes are underscores here."""
        return self.enrolment.tokens(
            bench.SHARE, {r.replace('_', '-'): n for r, n in rules.items()}
        )

    def test_asked_again(self) -> None:
        """It is the same one: what a tenant has stays good."""
        self.assertEqual({'rule-1': self.token}, self.of(rule_1='alice'))
        other, _ = self.d.process()
        self.assertEqual(
            {'rule-1': self.token},
            other.enrolment.tokens(bench.SHARE, bench.RULES),
        )
        self.assertEqual(1, len(self.enrolment.listed()))

    def test_it_was_used_or_has_expired(self) -> None:
        """The rule gets no other."""
        self.redeem()
        self.assertEqual({}, self.of(rule_1='alice'))
        self.d.service.change_access(bench.SHARE, add=['bob'])
        self.of(rule_2='bob')
        self.let_pass(hours=25)
        self.assertEqual({}, self.of(rule_2='bob'))
        self.assertEqual(2, len(self.enrolment.listed()))

    def test_two_rules(self) -> None:
        """Each has its own; one whose name is not let in has none."""
        self.d.service.change_access(bench.SHARE, add=['bob'])
        found = self.of(rule_1='alice', rule_2='bob', rule_3='carol')
        self.assertEqual({'rule-1', 'rule-2'}, set(found))
        self.redeem(found['rule-2'], self.request('bob'))
        self.redeem(found['rule-1'])

    def test_nobody_can_enrol(self) -> None:
        """By default; nothing is on record."""
        d = self.deploy()
        d.create(bench.SHARE)
        d.service.change_access(bench.SHARE, add=['alice'])
        self.assertEqual(
            {}, d.service.enrolment.tokens(bench.SHARE, bench.RULES)
        )
        self.assertEqual((), d.service.enrolment.listed())
        self.assertRaises(
            exceptions.InvalidConfiguration,
            d.service.enrolment.grant,
            bench.SHARE,
            'alice',
        )

    def test_what_is_old_is_forgotten(self) -> None:
        """A month after it expired, if it was withdrawn."""
        change = self.d.service.change_access
        change(bench.SHARE, remove=['alice'])
        change(bench.SHARE, add=['bob'])
        self.let_pass(days=32)
        self.of(rule_2='bob')
        [left] = self.enrolment.listed()
        self.assertEqual('bob', left.common_name)

    def test_a_further_one(self) -> None:
        """For a name that is let in, and for no other."""
        self.redeem()
        token = self.enrolment.grant(bench.SHARE, 'alice')
        self.redeem(token)
        self.assertRaises(
            exceptions.InvalidInput,
            self.enrolment.grant,
            bench.SHARE,
            'bob',
        )
        self.assertRaises(
            exceptions.NotFound, self.enrolment.grant, 'none', 'alice'
        )
        self.assertEqual(2, len(self.enrolment.listed()))

    def test_the_endpoint(self) -> None:
        """Its certificate is on record, and opens no share."""
        bundle = self.enrolment.endpoint_certificate('enrol.example.org')
        [record] = [
            each
            for each in self.d.service.clients.certificates()
            if each.kind == 'endpoint'
        ]
        self.assertEqual(bundle.record, record)
        self.assertRaises(
            exceptions.InvalidCommonName,
            self.d.service.change_access,
            bench.SHARE,
            add=[record.common_name],
        )


@databases.on_each_engine
class RaceTestCase(base.StoreTestCase):
    """Several come at once, through two processes of the control plane."""

    def setUp(self) -> None:
        """Have a share, and a token for it."""
        super().setUp()
        self.d = self.useFixture(
            deployment.Deployment(
                store_connection=self.url, enrolment_url=bench.URL
            )
        )
        self.d.load()
        self.d.create(bench.SHARE)
        self.d.service.change_access(bench.SHARE, add=['alice'])
        first = self.d.service
        second, _ = self.d.process()
        self.enrolments = [first.enrolment, second.enrolment]
        self.token = self.enrolments[0].tokens(bench.SHARE, bench.RULES)[
            'rule-1'
        ]

    def test_exactly_one_wins(self) -> None:
        """The others are told that it was used; one certificate is made."""
        requests = [bench.EnrolmentTestCase.request() for _ in range(8)]
        results = self.all_at_once(
            [
                lambda r=r, e=self.enrolments[n % 2]: e.redeem(self.token, r)
                for n, r in enumerate(requests)
            ]
        )
        lost = [r for r in results if isinstance(r, Exception)]
        self.assertEqual(7, len(lost), results)
        for each in lost:
            self.assertIsInstance(each, exceptions.TokenRefused)
            self.assertIn('it was used', str(each))
        with self.store.read() as tx:
            [record] = certificates.by_common_name(tx, 'alice')
            [used] = enrolments.all(tx)
        self.assertEqual(record.serial, used.serial)

    def test_the_rule_is_deleted_at_the_same_time(self) -> None:
        """Whoever comes first: in the end nobody has access."""
        request = bench.EnrolmentTestCase.request()
        won, _ = self.all_at_once(
            [
                lambda: self.enrolments[1].redeem(self.token, request),
                lambda: self.d.service.change_access(
                    bench.SHARE, remove=['alice']
                ),
            ]
        )
        if isinstance(won, Exception):
            self.assertIsInstance(won, exceptions.TokenRefused)
        self.assertEqual((), self.d.service.volume(bench.SHARE).access)
        self.assertRaises(
            exceptions.TokenRefused,
            self.enrolments[1].redeem,
            self.token,
            request,
        )
