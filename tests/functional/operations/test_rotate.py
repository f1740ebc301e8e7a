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

"""Another certificate authority, while nodes and clients are at work."""

import os
import shutil
from typing import Any

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.inject import Killed
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.service.rotation import Source
from manila_gluster_heketi.store import authorities
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority
from tests.functional import acceptance
from tests.functional import deployment
from tests.unit.tls import operators

_BOTH, _SIGN, _NEW = (
    RotationPhase.TRUST_BOTH,
    RotationPhase.RE_SIGN,
    RotationPhase.TRUST_NEW,
)


class RotationTestCase(deployment.DeployedTestCase):
    """Three nodes with a share."""

    def setUp(self) -> None:
        """Begin with the authority that was made with the first node."""
        super().setUp()
        self.d = self.deploy()
        self.d.create()
        self.old = self.authority().certificate

    def authority(self) -> Authority:
        """Give the one that signs."""
        return self.d.service.authority.current()

    def rotate(self, *args: Any, **kwargs: Any) -> list[str]:
        """Rotate; give what was told."""
        told: list[str] = []
        self.d.service.rotations.rotate(*args, told=told.append, **kwargs)
        return told

    def back(self) -> list[str]:
        """Go back; give what was told."""
        told: list[str] = []
        self.d.service.rotations.back(told=told.append)
        return told

    def trusts(self) -> set[tuple[Any, ...]]:
        """List whom nodes trust, each set once."""
        return {
            tuple(reading.certificates(self.d.trusted(host)))
            for host in self.d.hosts
        }

    def refused(self, **clients: issue.Bundle) -> list[str]:
        """List who does not accept whom now."""
        return [*acceptance.refusals(acceptance.on_nodes(self.d), clients)]


class ForwardTestCase(RotationTestCase):
    """From one authority to the next."""

    def test_phases(self) -> None:
        """What nodes trust and have, at the end of each."""
        self.rotate(_BOTH)
        new = self.authority().successor.certificate
        self.assertEqual({(self.old, new)}, self.trusts())
        self._signed_by(self.old)
        self.rotate(_SIGN)
        self.assertEqual({(new, self.old)}, self.trusts())
        self._signed_by(new)
        self.rotate(_NEW)
        self.assertEqual({(new,)}, self.trusts())
        self._signed_by(new)
        self.assertEqual(new, self.authority().certificate)
        self.rotate()
        kept = Authority.load(self.d.settings.ca_directory)
        self.assertEqual(new, kept.certificate)
        self.assertEqual(new, self.authority().certificate)
        self.assertFalse(self.authority().is_rotating)
        self.assertIsNone(self.d.service.authority.place().read_next())

    def _signed_by(self, authority: Any) -> None:
        for host in self.d.hosts:
            self.assertTrue(
                reading.is_issued_by(self.d.certificate(host), authority)
            )

    def test_all_accept_each_other_all_the_time(self) -> None:
        """Looked at after each file; clients of before know the old alone."""
        clients = {'early': self.d.service.clients.issue('early')}
        seen: list[str] = []

        def look(host: str, command: Any) -> None:
            if 'write_file' in str(command) and '/glusterfs.' in str(command):
                seen.append(f'{len(seen)}')
                self.assertEqual([], self.refused(**clients))

        self.d.executor.after = look
        self.rotate(_BOTH)
        clients['middle'] = self.d.service.clients.issue('middle')
        self.rotate(_SIGN)
        clients['late'] = self.d.service.clients.issue('late')
        self.assertEqual([], self.refused(**clients))
        writes = len(self.d.hosts) * (1 + 3)
        self.assertEqual(writes, len(seen))
        late = clients['late']
        del clients['early'], clients['middle']
        self.rotate(force=True)
        self.assertEqual([], self.refused(late=late))

    def test_clients_of_the_old_one(self) -> None:
        """They hold the last phase up until they are gone."""
        early = self.d.service.clients.issue('early', days=30)
        error = self.assertRaises(exceptions.OldCertificatesHold, self.rotate)
        self.assertIn('early', str(error))
        self.assertEqual(1, error.fields['count'])
        self.assertEqual([], self.refused(early=early))
        status = self.d.service.rotations.status()
        self.assertEqual(
            ['early'], [each.common_name for each in status.old_clients]
        )
        self.assertEqual(_SIGN, status.rotation.phase)
        late = self.d.service.clients.issue('early')
        self.assertRaises(exceptions.OldCertificatesHold, self.rotate)
        self.d.service.revocation.revoke('early')
        self.rotate()
        self.assertEqual([], self.refused(late=late))
        self.assertEqual(3, len(self.refused(early=early)))

    def test_to_force_it(self) -> None:
        """Who does not mind locks clients out."""
        early = self.d.service.clients.issue('early')
        self.rotate(force=True)
        self.assertEqual(3, len(self.refused(early=early)))

    def test_asked_twice(self) -> None:
        """What is through is not done again."""
        self.rotate(_SIGN)
        before = self.d.serials()
        told = self.rotate(_SIGN)
        self.assertEqual(
            [f're-sign: {host}: valid' for host in self.d.hosts], told
        )
        self.rotate(_BOTH)
        self.assertEqual(before, self.d.serials())

    def test_one_after_the_other(self) -> None:
        """The third authority takes the place of the second."""
        self.rotate()
        second = self.authority().certificate
        self.rotate()
        third = self.authority().certificate
        self.assertEqual(3, len({self.old, second, third}))
        self.assertEqual({(third,)}, self.trusts())
        self.assertEqual(2, self.d.service.rotations.status().rotation.number)

    def test_every_process_knows(self) -> None:
        """One that signed before does not go on with the old key."""
        other, _ = self.d.process()
        other.clients.issue('before')
        self.rotate(_SIGN)
        late = other.clients.issue('after')
        [certificate, link] = reading.certificates(late.certificate_pem)
        new = self.authority().certificate
        self.assertTrue(reading.is_issued_by(certificate, new))
        self.assertTrue(reading.is_issued_by(link, self.old))
        self.assertEqual(self.authority().fingerprint, late.record.issuer)

    def test_another_process_goes_on(self) -> None:
        """It needs to know nothing of the one before."""
        self.d.executor.kill_after(40)
        self.assertRaises(Killed, self.rotate)
        self.d.expire_leases()
        other, _ = self.d.process()
        other.recover()
        other.rotations.rotate()
        self.assertEqual({(self.authority().certificate,)}, self.trusts())

    def test_a_node_that_refuses_to_change(self) -> None:
        """It has its old files, those after it too, and all are accepted."""
        early = self.d.service.clients.issue('early')
        self.rotate(_BOTH)

        def fail(address: str, result: Any) -> Any:
            if address == '10.0.0.2' and result.serial not in before:
                raise exceptions.HostError(host=address, reason='refused')
            return result

        before = {*self.d.serials().values()}
        self.d.bricks_seen.answer = fail
        error = self.assertRaises(exceptions.NodesBehind, self.rotate)
        self.assertIn('gl2: failed', str(error))
        self.assertIn('gl3: untouched', str(error))
        self.assertEqual([], self.refused(early=early))
        self.assertEqual(
            {'gl2', 'gl3'}, {*self.d.service.rotations.status().behind}
        )
        self.d.bricks_seen.answer = lambda address, result: result
        self.rotate(_SIGN)
        self.assertEqual({}, self.d.service.rotations.status().behind)

    def test_status_and_check_find_nothing(self) -> None:
        """At the end of each phase all is as it should be."""
        for phase in (_BOTH, _SIGN, _NEW, None):
            self.rotate(phase)
            for status in self.d.service.node_certificates.status():
                self.assertEqual((), status.troubles)
                self.assertTrue(status.trusts_us)
            self.assertEqual((), self.d.service.truth.check().checked)

    def test_check_while_a_node_is_behind(self) -> None:
        """It has what it should have by then, and that is said."""
        self.rotate(_BOTH)
        self.d.cluster.host('gl2').power_off()
        self.assertRaises(exceptions.NodesBehind, self.rotate)
        self.d.cluster.host('gl2').power_on()
        self.d.cluster.advance(60)
        rows = self.d.service.node_certificates.status(['gl2'])
        [trouble] = rows[0].troubles
        self.assertIn('has not come here', trouble.text)
        found = self.d.service.truth.check().checked
        self.assertEqual(
            [], [each for each in found if 'certificate' in str(each)]
        )

    def test_a_node_that_is_added_meanwhile(self) -> None:
        """It is where the others are."""
        d = self.d = self.deploy(nodes=5, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        d.create()
        self.rotate(_BOTH)
        d.load(d.document('gl1', 'gl2', 'gl3', 'gl4'))
        self.rotate(_SIGN)
        d.load(d.document())
        self.assertEqual([], self.refused())
        told = self.rotate()
        self.assertIn('re-sign: gl5: valid', told)
        self.assertEqual({(self.authority().certificate,)}, self.trusts())

    def test_a_certificate_that_ends_meanwhile(self) -> None:
        """It is renewed by the authority that signs then."""
        self.rotate(_SIGN)
        self.d.service.node_certificates.renew(['gl1'], every=True)
        self.assertEqual([], self.refused())
        self.rotate()
        self.assertEqual([], self.refused())


class AwayTestCase(RotationTestCase):
    """A node that does not answer."""

    def test_until_nodes_trust_the_new_one_alone(self) -> None:
        """The link lets the others go on; it is let in when it is back."""
        early = self.d.service.clients.issue('early', days=1)
        self.d.cluster.host('gl2').power_off()
        told = self.rotate(_BOTH)
        self.assertTrue(any('gl2: unreachable' in each for each in told))
        error = self.assertRaises(exceptions.NodesBehind, self.rotate)
        self.assertIn('phase re-sign', str(error))
        self.d.cluster.host('gl2').power_on()
        self.d.cluster.advance(60)
        late = self.d.service.clients.issue('late')
        self.assertEqual([], self.refused(early=early, late=late))
        rows = self.d.service.node_certificates.renew_ahead()
        self.assertEqual(
            {'gl1': 'valid', 'gl2': 'renewed', 'gl3': 'valid'},
            {row.host: str(row.outcome) for row in rows},
        )
        self.rotate(force=True)
        self.assertEqual([], self.refused(late=late))

    def test_the_last_phase_waits(self) -> None:
        """Whoever trusts the new one alone would refuse it."""
        self.rotate(_SIGN)
        self.d.cluster.host('gl2').power_off()
        error = self.assertRaises(exceptions.NodesBehind, self.rotate)
        self.assertIn('gl2: unreachable', str(error))
        status = self.d.service.rotations.status()
        self.assertEqual(_SIGN, status.rotation.phase)
        self.assertEqual(['gl2'], [*status.behind])

    def test_back_without_it(self) -> None:
        """The first step back is none too far; the next waits for it."""
        self.rotate(_SIGN)
        self.d.cluster.host('gl2').power_off()
        self.assertRaises(exceptions.NodesBehind, self.back)
        self.d.cluster.host('gl2').power_on()
        self.d.cluster.advance(60)
        self.assertEqual([], self.refused())
        self.back()
        self.assertEqual({(self.old,)}, self.trusts())


@ddt.ddt
class BackTestCase(RotationTestCase):
    """The old authority again."""

    @ddt.data(*RotationPhase)
    def test_from_each_phase(self, phase: RotationPhase) -> None:
        """Clients of whatever time are let in on the way and after it."""
        if phase in (RotationPhase.TRUST_OLD, RotationPhase.DESTROY_OLD):
            return
        clients = {'early': self.d.service.clients.issue('early')}
        order = [p for p in RotationPhase if p in (_BOTH, _SIGN, _NEW)]
        for each in order[: order.index(phase) + 1]:
            self.rotate(each, force=True)
            clients[each.value] = self.d.service.clients.issue('other')

        def look(host: str, command: Any) -> None:
            if 'write_file' in str(command) and '/glusterfs.' in str(command):
                self.assertEqual([], self.refused())

        self.d.executor.after = look
        told = self.back()
        self.assertIn('all is as it was before', told[-1])
        self.assertEqual({(self.old,)}, self.trusts())
        self.assertEqual([], self.refused(**clients))
        self.assertEqual(self.old, self.authority().certificate)
        self.assertIsNone(self.d.service.authority.place().read_next())
        for status in self.d.service.node_certificates.status():
            self.assertEqual((), status.troubles)
        # Once more is nothing; and forward again is another one.
        self.back()
        self.rotate(force=True)
        self.assertNotEqual(self.old, self.authority().certificate)

    def test_from_the_midst_of_each(self) -> None:
        """Whichever command a process died at."""
        for commands in range(5, 150, 29):
            self.d.executor.kill_after(commands)
            self.assertRaises(Killed, self.rotate)
            self.d.expire_leases()
            self.d.service, self.d.executor = self.d.process()
            self.d.service.recover()
            self.assertEqual([], self.refused())
            self.back()
            self.assertEqual({(self.old,)}, self.trusts())
            self.assertEqual([], self.refused())

    def test_and_forward_again_in_between(self) -> None:
        """It turns round wherever it is."""
        self.rotate(_NEW)
        self.d.executor.kill_after(40)
        self.assertRaises(Killed, self.back)
        self.d.expire_leases()
        self.d.service, self.d.executor = self.d.process()
        self.d.service.recover()
        self.assertEqual([], self.refused())
        rotation = self.d.service.authority.rotation()
        self.assertEqual(RotationDirection.BACK, rotation.direction)
        self.rotate()
        self.assertEqual({(self.authority().certificate,)}, self.trusts())
        self.assertNotEqual(self.old, self.authority().certificate)

    def test_there_is_none(self) -> None:
        """Nothing is changed."""
        self.assertRaises(exceptions.NoRotation, self.back)

    def test_the_old_key_is_destroyed(self) -> None:
        """There is no way back, even if it is still there."""
        place = type(self.d.service.authority.place())

        def die(self: Any) -> None:
            raise Killed

        self.patch(place, 'promote', die)
        self.assertRaises(Killed, self.rotate)
        error = self.assertRaises(exceptions.NoRotation, self.back)
        self.assertIn('no way back', str(error))


class LostStoreTestCase(RotationTestCase):
    """A store that was rebuilt from the nodes knows of no rotation."""

    def test_the_old_one_signs_again(self) -> None:
        """To renew all brings them back, one after the other."""
        early = self.d.service.clients.issue('early')
        self.rotate(_SIGN)
        with self.d.service.store.write() as tx:
            tx.change(schema.rotations.delete())
        self.assertEqual(self.old, self.authority().certificate)

        def look(host: str, command: Any) -> None:
            if 'write_file' in str(command) and '/glusterfs.' in str(command):
                self.assertEqual([], self.refused(early=early))

        self.d.executor.after = look
        rows = self.d.service.node_certificates.renew(every=True)
        self.assertEqual({'renewed'}, {str(row.outcome) for row in rows})
        self.assertEqual({(self.old,)}, self.trusts())

    def test_nodes_that_trust_the_new_one_alone(self) -> None:
        """They are left alone until the right one is put back."""
        self.rotate(_NEW)
        new = self.authority().certificate
        with self.d.service.store.write() as tx:
            tx.change(schema.rotations.delete())
        rows = self.d.service.node_certificates.renew(every=True)
        self.assertEqual({'refused'}, {str(row.outcome) for row in rows})
        self.d.service.authority.place().promote()
        self.d.service, self.d.executor = self.d.process()
        self.d.service.node_certificates.renew(every=True)
        self.assertEqual({(new,)}, self.trusts())


class PlacesTestCase(RotationTestCase):
    """Where the two authorities are kept."""

    def test_files_of_another_host(self) -> None:
        """Nothing is signed there before they are copied."""
        copy = os.path.join(self.d.directory, 'copy')
        shutil.copytree(self.d.settings.ca_directory, copy)
        other, _ = self.d.process()
        settings = deployment.settings_in(self.d.directory, ca_directory=copy)
        for part in (other.authority, other.clients):
            part._settings = settings
        self.rotate(_BOTH)
        other.clients.issue('carol')
        self.rotate(_SIGN)
        error = self.assertRaises(
            exceptions.AuthorityElsewhere, other.clients.issue, 'carol'
        )
        self.assertIn(self.authority().fingerprint, str(error))
        self.rotate(force=True)
        self.assertRaises(
            exceptions.AuthorityElsewhere, other.clients.issue, 'carol'
        )
        shutil.rmtree(copy)
        shutil.copytree(self.d.settings.ca_directory, copy)
        other.clients.issue('carol')

    def test_the_new_key_is_for_us_alone(self) -> None:
        """Its directory too; and nothing of it is left beside."""
        self.rotate(_BOTH)
        below = os.path.join(self.d.settings.ca_directory, 'next')
        self.assertEqual(0o700, os.stat(below).st_mode & 0o777)
        key = os.path.join(below, 'ca.key')
        self.assertEqual(0o600, os.stat(key).st_mode & 0o777)
        self.rotate()
        self.assertFalse(os.path.exists(below))
        found = os.listdir(self.d.settings.ca_directory)
        self.assertEqual(['.lock', 'ca.key', 'ca.pem'], sorted(found))

    def test_in_the_store(self) -> None:
        """Both keys are encrypted; at the end the old one is gone."""
        self.d = self.deploy(load=False, **self._in_store())
        self.d.load()
        self.d.create()
        self.old = self.authority().certificate
        self.rotate(_SIGN)
        self.back()
        self.assertEqual(self.old, self.authority().certificate)
        self.rotate()
        self.assertEqual({(self.authority().certificate,)}, self.trusts())
        self.assertNotEqual(self.old, self.authority().certificate)
        with self.d.service.store.read() as tx:
            [kept] = authorities.all(tx)
        self.assertIn('ENCRYPTED', kept.key_pem)

    def _in_store(self) -> dict[str, str]:
        path = os.path.join(self.d.directory, 'passphrase')
        with open(path, 'w', encoding='ascii') as file:
            file.write('correct horse')
        os.chmod(path, 0o600)
        return {'ca_store': 'database', 'ca_passphrase_file': path}


class OwnAuthorityTestCase(RotationTestCase):
    """An operator's own authority takes the place of ours."""

    def setUp(self) -> None:
        """Make one that a root signed, and one that signed itself."""
        super().setUp()
        self.root = operators.make()
        self.source = self.files(self.root.below(), self.root)

    def files(self, *signers: operators.Signer) -> Source:
        """Write an authority with those above it."""
        directory = os.path.join(self.d.directory, f'own-{len(signers)}')
        os.mkdir(directory)
        written = operators.write(directory, *signers)
        return Source(written.certificate, written.key, written.chain)

    def test_clients_need_both_first(self) -> None:
        """Ours allows none below it, so that it can't vouch for another."""
        early = self.d.service.clients.issue('early')
        error = self.assertRaises(
            exceptions.OldCertificatesHold,
            lambda: self.rotate(source=self.source),
        )
        self.assertIn('clients need both', str(error))
        status = self.d.service.rotations.status()
        self.assertEqual(_BOTH, status.rotation.phase)
        self.assertEqual('', status.rotation.link_pem)
        self.assertEqual([], self.refused(early=early))
        again = self.d.service.clients.issue('early')
        self.rotate(_SIGN, force=True)
        self.assertEqual([], self.refused(again=again))
        self.assertEqual(3, len(self.refused(early=early)))
        self.rotate(force=True)
        self.assertEqual(
            {(self.root_below(), self.root.certificate)}, self.trusts()
        )

    def root_below(self) -> Any:
        """Give the certificate that issues."""
        return self.authority().certificate

    def test_back_waits_for_clients_of_the_new_one(self) -> None:
        """Nobody else would let them in; whoever has both is let in."""
        self.rotate(_BOTH, source=self.source)
        early = self.d.service.clients.issue('early')
        self.rotate(_SIGN)
        late = self.d.service.clients.issue('late')
        error = self.assertRaises(exceptions.OldCertificatesHold, self.back)
        self.assertIn('late', str(error))
        self.assertEqual([], self.refused(early=early, late=late))
        self.d.service.revocation.revoke('late')
        self.back()
        self.assertEqual([], self.refused(early=early))

    def test_no_node_may_be_away(self) -> None:
        """It would refuse all that were signed anew."""
        self.d.cluster.host('gl2').power_off()
        self.assertRaises(
            exceptions.NodesBehind,
            lambda: self.rotate(_SIGN, source=self.source),
        )
        status = self.d.service.rotations.status()
        self.assertEqual(_BOTH, status.rotation.phase)

    def test_ours_again(self) -> None:
        """From an intermediate too, which can't vouch for it either."""
        self.rotate(source=self.source, force=True)
        self.rotate(force=True)
        self.assertEqual('', self.d.service.authority.rotation().link_pem)
        self.assertEqual({(self.authority().certificate,)}, self.trusts())

    def test_from_a_root_to_ours(self) -> None:
        """That one allows others below it."""
        self.rotate(source=self.files(self.root), force=True)
        early = self.d.service.clients.issue('early')
        self.rotate(_SIGN)
        self.assertNotEqual('', self.d.service.authority.rotation().link_pem)
        self.assertEqual([], self.refused(early=early))

    def test_another_one_meanwhile(self) -> None:
        """The one that it began with stays."""
        self.rotate(_BOTH)
        self.assertRaises(
            exceptions.InvalidInput, lambda: self.rotate(source=self.source)
        )

    def test_the_one_that_there_is(self) -> None:
        """It can't follow itself."""
        directory = self.d.settings.ca_directory
        same = Source(
            os.path.join(directory, 'ca.pem'),
            os.path.join(directory, 'ca.key'),
        )
        self.assertRaises(
            exceptions.InvalidInput, lambda: self.rotate(source=same)
        )
        self.assertIsNone(self.d.service.rotations.status())
