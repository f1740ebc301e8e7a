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

"""A tenant's machine: from a token to an identity, whatever comes between."""

import functools
import itertools
import os
import stat
from typing import Any

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.api.enrolment import Application
from manila_gluster_heketi.tenant import enrol
from manila_gluster_heketi.tenant import identity
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import tokens
from tests.functional.enrolment import bench
from tests.functional.enrolment import served
from tests.functional.interference import Killed

_OLD = {
    'glusterfs.key': 'old key\n',
    'glusterfs.pem': 'old certificate\n',
    'glusterfs.ca': 'old authority\n',
}

_TOLD = Application._told


class TenantTestCase(served.ServedTestCase):
    """A machine whose glusterfs looks into an empty directory."""

    def enrol(self, url: str = '', **more: Any) -> enrol.Outcome:
        """Enrol, with alice's token."""
        token = more.pop('token', self.token)
        return enrol.enrol(token, self.endpoint(url), self.directory, **more)

    def files(self) -> dict[str, str]:
        """Read all that is in the directory, hidden or not."""
        found = {}
        for directory, _, inside in os.walk(self.directory):
            for name in inside:
                path = os.path.join(directory, name)
                with open(path, encoding='ascii') as file:
                    found[os.path.relpath(path, self.directory)] = file.read()
        return found

    def put_old(self) -> None:
        """Have an identity there already."""
        for name, text in _OLD.items():
            with open(f'{self.directory}/{name}', 'w') as file:
                file.write(text)

    def assert_enrolled(self) -> None:
        """See that there is a whole identity of alice, and nothing else."""
        found = self.files()
        self.assertEqual(set(_OLD), set(found))
        key = keys.load(found['glusterfs.key'], None)
        [certificate] = reading.certificates(found['glusterfs.pem'])
        self.assertEqual('alice', reading.name_of(certificate))
        self.assertEqual(key.public_key(), certificate.public_key())
        self.assertEqual(self.enrolment.authority_pem(), found['glusterfs.ca'])
        [used] = self.enrolment.listed()
        self.assertEqual(reading.serial_of(certificate), used.serial)


@ddt.ddt
class EnrolTestCase(TenantTestCase):
    """What is done, and what is refused."""

    def refused(self, kind: type[Exception], **more: Any) -> str:
        """See that nothing is changed, here or there; give what was said."""
        here, there = self.files(), self.on_record()
        error = self.assertRaises(kind, self.enrol, **more)
        self.assertEqual((here, there), (self.files(), self.on_record()))
        self.assertNotIn(self.token, str(error))
        return str(error)

    def test_an_identity(self) -> None:
        """Key for its owner alone; how to mount is told."""
        done = self.enrol(common_name='alice', share_id=bench.SHARE)
        self.assert_enrolled()
        modes = {
            name: stat.S_IMODE(os.stat(f'{self.directory}/{name}').st_mode)
            for name in _OLD
        }
        self.assertEqual(
            {
                'glusterfs.key': 0o600,
                'glusterfs.pem': 0o644,
                'glusterfs.ca': 0o644,
            },
            modes,
        )
        first, *others = self.d.service.export_hosts(
            self.d.service.volume(bench.SHARE)
        )
        self.assertEqual(
            'mount -t glusterfs -o backup-volfile-servers='
            f'{":".join(others)} {first}:/manila-{bench.SHARE} /mnt',
            done.mount,
        )
        [record] = self.d.service.clients.certificates('alice')
        self.assertEqual(
            enrol.Outcome(
                'alice',
                bench.SHARE,
                record.serial,
                record.not_after.replace(microsecond=0),
                self.directory,
                done.mount,
            ),
            done,
        )

    def test_a_directory_that_is_not_there(self) -> None:
        """It is made; others may look into it."""
        self.directory = f'{self.directory}/etc/ssl'
        self.enrol()
        self.assert_enrolled()
        mode = stat.S_IMODE(os.stat(self.directory).st_mode)
        self.assertEqual(0o755, mode & 0o755)

    def test_management_encryption(self) -> None:
        """The file that mounts need then is made, and its directory."""
        path = f'{self.useFixture(fixtures.TempDir()).path}/glusterd/secure'
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tenant.identity.expect_tls',
                functools.partial(identity.expect_tls, path),
            )
        )
        self.d.service.secure_access.switch('c1', True, interrupt_mounts=True)
        self.enrol()
        self.assert_enrolled()
        self.assertTrue(os.path.isfile(path))

    def test_management_encryption_that_can_not_be(self) -> None:
        """The same token does it when it can."""
        path = f'{self.useFixture(fixtures.TempDir()).path}/glusterd'
        with open(path, 'w') as file:
            file.write('no directory\n')
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tenant.identity.expect_tls',
                functools.partial(
                    identity.expect_tls, f'{path}/secure-access'
                ),
            )
        )
        self.d.service.secure_access.switch('c1', True, interrupt_mounts=True)
        self.assertRaises(exceptions.InvalidInput, self.enrol)
        os.unlink(path)
        self.enrol()
        self.assert_enrolled()
        self.assertTrue(os.path.isfile(f'{path}/secure-access'))

    def test_an_identity_is_there(self) -> None:
        """It is not overwritten, and the token can still be used."""
        self.put_old()
        self.assertIn('glusterfs', self.refused(exceptions.InvalidInput))
        self.enrol(overwrite=True)
        self.assert_enrolled()

    @ddt.data(*_OLD)
    def test_a_part_of_an_identity_is_there(self, name: str) -> None:
        """Whatever it is, it is somebody's."""
        with open(f'{self.directory}/{name}', 'w') as file:
            file.write('x\n')
        self.refused(exceptions.InvalidInput)

    def test_another_name_or_share_than_was_meant(self) -> None:
        """It is found out here."""
        for wanted in ({'common_name': 'bob'}, {'share_id': 'x'}):
            self.assertIn(
                'it is not for',
                self.refused(exceptions.TokenRefused, **wanted),
            )

    @ddt.data('', 'x', 'ghe1_AAAA')
    def test_no_token(self, text: str) -> None:
        """Nothing is sent."""
        self.refused(exceptions.InvalidToken, token=text, url='https://x')

    def test_a_token_that_was_changed(self) -> None:
        """A tenant can't see that; the endpoint does."""
        last = 'A' if self.token[-9] != 'A' else 'B'
        changed = self.token[:-9] + last + self.token[-8:]
        self.assertEqual(tokens.peek(self.token), tokens.peek(changed))
        said = self.refused(exceptions.EnrolmentRefused, token=changed)
        self.assertIn('[MGH-620]', said)

    def test_it_was_used_or_withdrawn(self) -> None:
        """The endpoint's words come through; no key stays behind."""
        self.redeem()
        said = self.refused(exceptions.EnrolmentRefused)
        self.assertIn('[MGH-621]', said)
        self.assertIn('it was used', said)
        self.d.service.change_access(bench.SHARE, remove=['alice'])
        self.assertIn(
            'it was withdrawn', self.refused(exceptions.EnrolmentRefused)
        )

    def test_nobody_is_there(self) -> None:
        """The error names the URL."""
        self.served.server.stop()
        said = self.refused(exceptions.EnrolmentFailed)
        self.assertIn(self.served.url, said)

    def test_a_directory_that_is_a_file(self) -> None:
        """The token can still be used."""
        with open(f'{self.directory}/x', 'w') as file:
            file.write('x')
        self.directory = f'{self.directory}/x'
        self.assertIn('no directory', self.refused(exceptions.InvalidInput))

    def test_two_machines_with_one_token(self) -> None:
        """The second one is refused."""
        self.enrol()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.refused(exceptions.EnrolmentRefused)
        self.assertEqual({}, self.files())

    def test_no_glusterfs(self) -> None:
        """The way out is told."""
        empty = self.useFixture(fixtures.TempDir()).path
        for name in ('sh', 'grep'):
            os.symlink(f'/bin/{name}', f'{empty}/{name}')
        with fixtures.EnvironmentVariable('PATH', empty):
            error = self.assertRaises(
                exceptions.InvalidInput, identity.directory_of_glusterfs
            )
        self.assertIn('--directory', str(error))


class AnswerTestCase(TenantTestCase):
    """An endpoint that does not do what it should."""

    def answered(self, **changes: Any) -> str:
        """Have the answer changed; give what the tenant says of it."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.api.enrolment.Application._told',
                lambda app, given: {**_TOLD(app, given), **changes},
            )
        )
        error = self.assertRaises(exceptions.EnrolmentFailed, self.enrol)
        self.assertFalse(set(_OLD) & set(self.files()))
        return str(error)

    def test_words_for_a_shell(self) -> None:
        """They do not get into a command that root is told to run."""
        for changes in (
            {'volume': 'v; rm -rf /'},
            {'volume': ''},
            {'volume': '-v'},
            {'servers': ['h', '$(x)']},
            {'servers': []},
            {'servers': 'h'},
            {'servers': ['h,acl']},
        ):
            self.assertIn('none that we know', self.answered(**changes))

    def test_another_certificate(self) -> None:
        """Not for our key, not for the name, or not of the authority."""
        others = self.d.service.clients.issue('alice')
        for changes in (
            {'certificate': others.certificate_pem},
            {'certificate': ''},
            {'certificate': 'x'},
            {'authorities': ''},
            {'authorities': others.certificate_pem},
        ):
            self.assertIn(
                'no certificate for our key', self.answered(**changes)
            )

    def test_then_it_does(self) -> None:
        """The same token gets the certificate, since the key is kept."""
        self.answered(certificate='')
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.api.enrolment.Application._told',
                _TOLD,
            )
        )
        self.enrol()
        self.assert_enrolled()


@ddt.ddt
class CutShortTestCase(TenantTestCase):
    """Either side dies, or fails, between any two steps."""

    def losing_answers(self, times: int) -> None:
        """Lose answers after what they say is on record."""
        redeem, left = self.enrolment.redeem, itertools.count(times, -1)

        def lossy(*args: Any, **more: Any) -> Any:
            given = redeem(*args, **more)
            if next(left) > 0:
                raise OSError('the network is gone')
            return given

        self.enrolment.redeem = lossy

    def test_an_answer_is_lost(self) -> None:
        """It is asked for again at once."""
        self.losing_answers(2)
        self.enrol()
        self.assert_enrolled()

    def test_all_answers_are_lost(self) -> None:
        """The same command does it later; what was there stays until then."""
        self.put_old()
        self.losing_answers(3)
        self.assertRaises(
            exceptions.EnrolmentFailed, self.enrol, overwrite=True
        )
        self.assertEqual(_OLD, {n: self.files()[n] for n in _OLD})
        self.enrol(overwrite=True)
        self.assert_enrolled()

    def after(self, commands: int, error: BaseException) -> list[str]:
        """Have the command after so many raise; give what ran."""
        run = identity._run
        ran: list[str] = []
        raised: list[BaseException] = []

        def limited(command: Any) -> str:
            if len(ran) == commands and not raised:
                raised.append(error)
                raise error
            ran.append(str(command))
            return run(command)

        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tenant.identity._run', limited
            )
        )
        return ran

    @ddt.data(*itertools.product((False, True), range(5)))
    @ddt.unpack
    def test_this_machine_dies(self, old: bool, commands: int) -> None:
        """The same command goes on, to the end."""
        if old:
            self.put_old()
        self.after(commands, Killed())
        self.assertRaises(Killed, self.enrol, overwrite=old)
        self.enrol(overwrite=old)
        self.assert_enrolled()

    @ddt.data(*range(5))
    def test_it_dies_and_the_rule_is_deleted(self, commands: int) -> None:
        """Then the next run puts back what was there, and says why."""
        self.put_old()
        self.after(commands, Killed())
        self.assertRaises(Killed, self.enrol, overwrite=True)
        self.d.service.change_access(bench.SHARE, remove=['alice'])
        self.assertRaises(
            exceptions.EnrolmentRefused, self.enrol, overwrite=True
        )
        self.assertEqual(_OLD, self.files())

    def test_there_are_no_further_points(self) -> None:
        """Files are kept, three are written, and what was kept is dropped."""
        ran = self.after(99, Killed())
        self.enrol()
        self.assertEqual(5, len(ran))

    @ddt.data(*itertools.product((False, True), range(4)))
    @ddt.unpack
    def test_a_write_fails(self, old: bool, commands: int) -> None:
        """What was there is there, and later the same command does it."""
        if old:
            self.put_old()
        self.after(commands, identity._Failed('No space left on device'))
        error = self.assertRaises(
            exceptions.InvalidInput, self.enrol, overwrite=old
        )
        self.assertIn('No space left', str(error))
        found = self.files()
        self.assertEqual(
            _OLD if old else {}, {n: t for n, t in found.items() if n in _OLD}
        )
        self.assertNotIn(
            'glusterfs.before-enrolment', os.listdir(self.directory)
        )
        self.enrol(overwrite=old)
        self.assert_enrolled()

    def test_it_dies_between_the_end_and_the_very_end(self) -> None:
        """What is there came of this token, so it is not in the way."""
        with fixtures.MonkeyPatch(
            'manila_gluster_heketi.tenant.identity.Identity.forget_key',
            _die,
        ):
            self.assertRaises(Killed, self.enrol)
        self.enrol()
        self.assert_enrolled()

    def test_half_a_key(self) -> None:
        """It was never used; another one is made."""
        name = f'.glusterfs.key.{tokens.peek(self.token).id[:16]}'
        with open(f'{self.directory}/{name}', 'w') as file:
            file.write('-----BEGIN PRIVATE')
        self.enrol()
        self.assert_enrolled()


def _die(*args: Any) -> None:
    raise Killed
