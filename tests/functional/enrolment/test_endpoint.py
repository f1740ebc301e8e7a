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

"""The endpoint: what it answers to whom, and whom tenants talk to."""

import json
import ssl
import time

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.api import server
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import tokens
from tests.functional.enrolment import served
from tests.unit.tls import authorities


@ddt.ddt
class AnswerTestCase(served.ServedTestCase):
    """Requests of all kinds."""

    def body(self, **changes: object) -> dict[str, object]:
        """Make a good request."""
        return {'token': self.token, 'csr': self.request(), **changes}

    def refused(self, status: int, code: str, answer: object) -> str:
        """See that an answer is an error; give its text."""
        found, told = answer
        self.assertEqual((status, {'error'}), (found, set(told)), told)
        self.assertEqual({'code', 'message'}, set(told['error']))
        self.assertEqual(code, told['error']['code'])
        self.assertTrue(told['error']['message'].startswith(f'[{code}] '))
        self.assertNotIn('Traceback', told['error']['message'])
        return told['error']['message']

    def test_a_certificate(self) -> None:
        """With all that is needed to mount."""
        status, told = self.post(self.body())
        self.assertEqual(200, status, told)
        [certificate] = reading.certificates(told['certificate'])
        [record] = self.d.service.clients.certificates('alice')
        volume = self.d.service.volumes()[0]
        self.assertEqual(record.serial, reading.serial_of(certificate))
        self.assertEqual(
            {
                'certificate': told['certificate'],
                'authorities': self.enrolment.authority_pem(),
                'common_name': 'alice',
                'share': record.share_id,
                'serial': record.serial,
                'not_after': record.not_after.isoformat(),
                'volume': volume.name,
                'servers': list(self.d.service.export_hosts(volume)),
                'secure_access': False,
            },
            told,
        )

    def test_the_authority(self) -> None:
        """Whoever asks gets its certificate."""
        self.assertEqual(
            (200, self.enrolment.authority_pem()),
            self.ask('GET', '/v1/authority'),
        )

    def test_strangers_learn_nothing(self) -> None:
        """Each gets the same answer, whatever it is that is wrong."""
        other = tokens.write(
            authorities.authority('other'), tokens.peek(self.token)
        )
        before = self.on_record()
        answers = {
            json.dumps(self.post(self.body(token=text, csr=request)))
            for text in (other, self.token[:-1], 'x', '', 'ghe1_' + 'A' * 200)
            for request in (self.request(), 'x')
        }
        self.assertEqual(1, len(answers), answers)
        self.refused(403, 'MGH-620', json.loads(answers.pop()))
        self.assertEqual(before, self.on_record())

    def test_what_a_tenant_is_told(self) -> None:
        """Why the token is refused, and what is wrong with the request."""
        post = self.post
        said = self.refused(
            403, 'MGH-621', post(self.body(csr=self.request('bob')))
        )
        self.assertIn('another name', said)
        said = self.refused(403, 'MGH-621', post(self.body(share='x')))
        self.assertIn('not for share', said)
        self.refused(400, 'MGH-100', post(self.body(csr='x')))
        self.assertEqual(200, post(self.body())[0])
        said = self.refused(403, 'MGH-621', post(self.body()))
        self.assertIn('it was used', said)

    def test_a_revoked_name(self) -> None:
        """Whose token would be good."""
        with self.d.service.store.write() as tx:
            revocations.ban(
                tx, model.RevokedName('alice', policy.now(), 'lost')
            )
        self.refused(403, 'MGH-613', self.post(self.body()))

    @ddt.data(
        ('GET', '/', '', 404),
        ('GET', '/v1/enrolments', '', 405),
        ('POST', '/v1/authority', '{}', 405),
        ('POST', '/v2/enrolments', '{}', 404),
        ('POST', '/v1/enrolments', '', 400),
        ('POST', '/v1/enrolments', '{', 400),
        ('POST', '/v1/enrolments', '[]', 400),
        ('POST', '/v1/enrolments', '{}', 400),
        ('POST', '/v1/enrolments', '{"token": 1, "csr": "x"}', 400),
        ('POST', '/v1/enrolments', '{"token": "x", "csr": null}', 400),
        ('POST', '/v1/enrolments', '{"token":"","csr":"","share":1}', 400),
    )
    @ddt.unpack
    def test_no_request_that_it_knows(
        self, method: str, path: str, body: str, status: int
    ) -> None:
        """A clear answer, and nothing is changed."""
        before = self.on_record()
        self.refused(status, 'MGH-623', self.ask(method, path, body))
        self.assertEqual(before, self.on_record())

    def test_a_request_that_is_too_long_or_too_deep(self) -> None:
        """The answer comes all the same."""
        for body, status in (('[' * 10_000, 400), (' ' * 17_000, 413)):
            answer = self.ask('POST', '/v1/enrolments', body)
            self.refused(status, 'MGH-623', answer)

    def test_the_store_fails(self) -> None:
        """Nobody is told of what; the log has it."""
        log = self.useFixture(fixtures.FakeLogger())
        error = exceptions.StoreError(url='here', reason='its disk is full')

        def fail(work: object) -> None:
            raise error

        self.d.service.store.transact = fail
        said = self.refused(503, 'MGH-500', self.post(self.body()))
        self.assertNotIn('disk', said)
        self.assertIn('its disk is full', log.output)
        self.assertNotIn(self.token, log.output)

    def test_something_nobody_thought_of(self) -> None:
        """Likewise."""
        log = self.useFixture(fixtures.FakeLogger())
        self.d.service.store.transact = None
        self.refused(503, 'MGH-000', self.post(self.body()))
        self.assertIn('Traceback', log.output)
        self.assertNotIn(self.token, log.output)

    def test_too_many_refusals(self) -> None:
        """Then even a good token has to wait; authority and all."""
        for _ in range(30):
            self.post(self.body(token='x'))
        self.refused(429, 'MGH-624', self.post(self.body()))
        self.assertEqual((), self.d.service.clients.certificates('alice'))

    def test_who_says_nothing_keeps_nobody_waiting(self) -> None:
        """Not even in the handshake."""
        for _ in range(7):
            self.connect()
        begun = time.monotonic()
        self.assertEqual(200, self.post(self.body())[0])
        self.assertLess(time.monotonic() - begun, 5)

    def test_many_connections_from_one_address(self) -> None:
        """What is too much is closed at once; others are served."""
        standing = [self.connect() for _ in range(8)]
        begun = time.monotonic()
        further = self.connect()
        further.settimeout(5)
        try:
            self.assertEqual(b'', further.recv(1))
        except ConnectionResetError:
            pass
        context = ssl.create_default_context(
            cadata=self.enrolment.authority_pem()
        )
        with context.wrap_socket(
            self.connect('127.0.0.2'), server_hostname=served.HOST
        ) as other:
            other.sendall(b'GET /v1/authority HTTP/1.0\r\n\r\n')
            self.assertIn(b'200 OK', other.recv(4096))
        self.assertLess(time.monotonic() - begun, 5)
        standing.pop().close()
        served.until(lambda: self.ask('GET', '/v1/authority')[0] == 200)

    def test_who_is_slow_is_cut_off(self) -> None:
        """However often it sends a byte."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.api.server._REQUEST_SECONDS', 1
            )
        )
        context = ssl.create_default_context(
            cadata=self.enrolment.authority_pem()
        )
        begun = time.monotonic()
        with context.wrap_socket(
            self.connect(), server_hostname=served.HOST
        ) as slow:
            slow.sendall(b'POST /v1/enrolments HTTP/1.1\r\n')
            with self.assertRaises(OSError):
                while time.monotonic() - begun < 20:
                    slow.sendall(b'X: y\r\n')
                    time.sleep(0.05)
        self.assertLess(time.monotonic() - begun, 10)

    def test_no_tls(self) -> None:
        """It gets no answer in the clear, and the log is not filled."""
        log = self.useFixture(fixtures.FakeLogger())
        plain = self.connect()
        plain.sendall(b'GET /v1/authority HTTP/1.0\r\n\r\n')
        self.assertNotIn(b'CERTIFICATE', plain.recv(4096))
        self.assertNotIn('Traceback', log.output)


class PathTestCase(served.ServedTestCase):
    """An endpoint below a path."""

    def url(self) -> str:
        """Have a path."""
        return f'https://{served.HOST}/gluster'

    def test_it_is_there(self) -> None:
        """And so is its authority."""
        status, _ = self.ask('GET', '/gluster/v1/authority')
        self.assertEqual(200, status)


class WhomTenantsTalkToTestCase(served.ServedTestCase):
    """Nobody but the token's endpoint is sent the token."""

    def impostor(
        self, bundle: issue.Bundle, authority_pem: str
    ) -> tuple[served.Recorder, str]:
        """Serve something else; give it and its URL."""
        recorder = served.Recorder(authority_pem)
        there = self.useFixture(
            served.Served(recorder, lambda: bundle, lambda: authority_pem)
        )
        return recorder, there.url

    def refused(self, url: str, recorder: served.Recorder) -> str:
        """See that the token is not sent; give what was said."""
        there = self.endpoint(url)
        try:
            authority = there.authority(tokens.peek(self.token).authority)
            there.enrol(authority, self.token, self.request(), '')
        except exceptions.EnrolmentFailed as error:
            said = str(error)
        else:
            self.fail('it was enrolled')
        for path, body in recorder.seen:
            self.assertEqual(('/v1/authority', b''), (path, body))
        self.assertIn('the token was not sent', said)
        return said

    def test_another_authority(self) -> None:
        """It is not the one whose fingerprint is in the token."""
        other = authorities.authority('other')
        bundle = issue.issue_endpoint(other, served.HOST, 1)
        recorder, url = self.impostor(bundle, other.certificate_pem)
        self.refused(url, recorder)
        self.assertEqual(1, len(recorder.seen))

    def test_another_authority_that_shows_ours(self) -> None:
        """Everybody has that certificate; but not one that it issued."""
        other = authorities.authority('other')
        bundle = issue.issue_endpoint(other, served.HOST, 1)
        recorder, url = self.impostor(bundle, self.enrolment.authority_pem())
        self.refused(url, recorder)

    def test_a_tenant(self) -> None:
        """With a certificate of ours whose name is that of the endpoint."""
        ours = self.d.service.authority.current()
        bundle = issue.issue_client(ours, 'localhost')
        recorder, url = self.impostor(bundle, ours.certificate_pem)
        said = self.refused(url.replace(served.HOST, 'localhost'), recorder)
        self.assertIn('purpose', said)

    def test_a_node(self) -> None:
        """It is not the endpoint's host."""
        ours = self.d.service.authority.current()
        bundle = issue.issue_node(ours, 'f' * 32)
        recorder, url = self.impostor(bundle, ours.certificate_pem)
        said = self.refused(url, recorder)
        self.assertIn('mismatch', said)

    def test_another_host(self) -> None:
        """Its certificate is good, but for another name."""
        ours = self.d.service.authority.current()
        bundle = issue.issue_endpoint(ours, 'enrol.example.org', 1)
        recorder, url = self.impostor(bundle, ours.certificate_pem)
        self.refused(url, recorder)


class RenewalTestCase(served.ServedTestCase):
    """The endpoint's own certificate."""

    def serial(self) -> int:
        """See which one is presented."""
        context = ssl.create_default_context(
            cadata=self.enrolment.authority_pem()
        )
        with context.wrap_socket(
            self.connect(), server_hostname=served.HOST
        ) as sealed:
            return int(sealed.getpeercert()['serialNumber'], 16)

    def test_its_time_is_over(self) -> None:
        """It has another one when two thirds of it are."""
        first = self.serial()
        self.assertEqual(first, self.serial())
        adapter = self.served.server.ssl_adapter
        left = adapter._renew_at - policy.now()
        self.assertEqual(243, left.days)
        adapter._renew_at = policy.now()
        self.assertNotEqual(first, self.serial())
        kinds = [c.kind for c in self.d.service.clients.certificates()]
        self.assertEqual(2, kinds.count('endpoint'))

    def test_no_other_can_be_had(self) -> None:
        """It goes on with the old one, and tries again later."""

        def fail() -> issue.Bundle:
            raise exceptions.TlsError(path='here', reason='it is gone')

        first = self.serial()
        adapter = self.served.server.ssl_adapter
        adapter._issued = fail
        adapter._renew_at = policy.now()
        log = self.useFixture(fixtures.FakeLogger())
        self.assertEqual(first, self.serial())
        self.assertEqual(first, self.serial())
        self.assertEqual(1, log.output.count('it is gone'))
        self.assertGreater(adapter._renew_at, policy.now() + server._PAUSE / 2)
