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


"""Differences between store and nodes: each is found, and what can be mended
without a doubt is mended, and nothing else is touched."""

import collections
import dataclasses
import datetime
from typing import Any

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.operations.truth import repair
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.ledger import Scope
from manila_gluster_heketi.operations.truth.meanings import Severity
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.tls import policy
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says
from tests.functional.truth import damage


class TruthTestCase(deployment.DeployedTestCase):
    """Three nodes with a share; each has a second disk that is not ours."""

    def truth(self, **kwargs: Any) -> deployment.Deployment:
        """Deploy it."""
        d = self.deploy(disks=2, load=False, **kwargs)
        document = d.document()
        for node in document['clusters'][0]['nodes']:
            node['devices'] = ['/dev/vdb']
        d.load(document)
        d.create()
        d.service.change_access('share-1', add=['alice'])
        return d

    def everything(self, d: deployment.Deployment) -> dict[str, Any]:
        """Look at all that is on the hosts, tags included."""
        return {
            name: {
                **facts,
                'tags': {
                    each.name: (
                        each.tags,
                        each.pv_uuid,
                        {v.name: v.tags for v in each.volumes.values()},
                    )
                    for each in d.cluster.host(name).disks.groups.values()
                },
                'directories': sorted(
                    d.cluster.host(name).space.root.directories
                ),
            }
            for name, facts in d.on_hosts().items()
        }

    def codes(self, report) -> list[Code]:
        """List what was found."""
        return [each.finding.code for each in report.checked]


@ddt.ddt
class DifferenceTestCase(TruthTestCase):
    """Each thing that can happen, alone."""

    def test_nothing_happened(self) -> None:
        """Nothing is found, in one round trip to each host and one more."""
        d = self.truth()
        service = Service(d.settings, executor=d.cluster)
        self.addCleanup(service.store.close)
        d.cluster.statistics.batches = 0
        report = service.truth.check()
        self.assertEqual([], self.codes(report))
        self.assertEqual((3, 3), (report.nodes, report.bricks))
        self.assertEqual((), report.notes)
        self.assertTrue(report.is_clean)
        self.assertEqual(3 + 1, d.cluster.statistics.batches)

    @ddt.data(*damage.ALL)
    def test_it_is_found(self, what: damage.Damage) -> None:
        """By its code alone, and the look changes nothing."""
        d = self.truth()
        what.do(d)
        before = d.record(), self.everything(d)

        report = d.service.truth.check()

        self.assertEqual(list(what.codes), self.codes(report))
        self.assertEqual(before, (d.record(), self.everything(d)))
        self.assertEqual(
            all(c.value.severity is Severity.INFO for c in what.codes),
            report.is_clean,
        )
        for each in report.checked:
            self.assertFalse(each.mended)
            self.assertNotEqual(each.finding.expected, each.finding.found)

    @ddt.data(*damage.ALL)
    def test_it_is_mended_or_left(self, what: damage.Damage) -> None:
        """All is as before the damage, or as it was after."""
        d = self.truth()
        whole = self.everything(d)
        what.do(d)
        damaged = self.everything(d)
        record = d.record()

        report = d.service.truth.repair()

        self.assertEqual(list(what.codes), self.codes(report))
        self.assertEqual(
            [what.is_mended] * len(what.codes),
            [each.mended for each in report.checked],
            report,
        )
        after = self.everything(d)
        if what.is_mended and what.codes[0].name.startswith('CERTIFICATE'):
            # New ones, so only how many there are is as before.
            for state in (whole, after):
                for facts in state.values():
                    facts['files'] = [path for path, _ in facts['files']]
        self.assertEqual(whole if what.is_mended else damaged, after)
        self.assertEqual(record, d.record())
        if what.is_mended:
            self.assertEqual([], self.codes(d.service.truth.check()))

    def test_each_code_has_a_damage(self) -> None:
        """So that none is found in theory alone."""
        elsewhere = {
            Code.PEER_UNKNOWN,
            Code.CERTIFICATE_EXPIRED,
            Code.BRICK_BEHIND,
        }
        tried = {c for each in damage.ALL for c in each.codes} | elsewhere
        self.assertEqual(
            [c for c in Code if c.value.code < 'MGH-C7'],
            sorted(tried, key=str),
        )

    def test_codes_say_truly_what_is_mended(self) -> None:
        """The manual is made of them."""
        mended = {
            code
            for each in damage.ALL
            for code in each.codes
            if each.is_mended
        }
        elsewhere = {
            Code.BRICK_ORPHAN,
            Code.CERTIFICATE_EXPIRED,
            Code.BRICK_BEHIND,
        }
        self.assertEqual(
            mended | elsewhere,
            {code for code in Code if code.value.mends},
        )

    def test_a_peer_that_is_no_node(self) -> None:
        """Somebody's own, and left to them."""
        d = self.deploy(nodes=4, load=False)
        d.load(d.document('gl1', 'gl2', 'gl3'))
        d.cluster.run_batch('gl1', [gluster.peer_probe('10.0.0.4')])
        report = d.service.truth.repair()
        self.assertEqual([Code.PEER_UNKNOWN], self.codes(report))
        self.assertTrue(report.is_clean)

    def test_a_growth_was_given_up(self) -> None:
        """A brick that did not follow is no error; it grows if one wants."""
        d = self.truth()
        volume = d.service.volume('share-1')
        d.executor.before = once(on('gl2', says('lvextend')), fail())
        self.assertRaises(
            exceptions.OperationFailed,
            d.service.extend_volume,
            'share-1',
            4 * GIB,
        )
        record = d.record()

        report = d.service.truth.check()

        self.assertEqual([Code.BRICK_BEHIND], self.codes(report))
        self.assertTrue(report.is_clean)
        d.service.truth.repair()
        self.assertEqual([], self.codes(d.service.truth.check()))
        self.assertEqual(record, d.record())
        self.assertEqual(volume, d.service.volume('share-1'))

    def test_certificates_have_expired(self) -> None:
        """All nodes get new ones, which are on record."""
        d = self.truth()
        later = policy.now() + datetime.timedelta(days=400)
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tls.policy.now', lambda: later
            )
        )
        report = d.service.truth.repair()
        self.assertEqual([Code.CERTIFICATE_EXPIRED] * 3, self.codes(report))
        self.assertTrue(report.is_clean, report)
        issued = d.service.clients.certificates()
        self.assertEqual(
            {'node-add': 3, 'repair': 3},
            collections.Counter(c.asked_by for c in issued),
        )

    def test_certificates_end_soon(self) -> None:
        """That is so for as many days as they are renewed before."""
        for days, codes in ((5, []), (11, [Code.CERTIFICATE_EXPIRES])):
            d = self.truth(node_renewal_days=days)
            d.age_certificate('gl2', days=10)
            report = d.service.truth.check()
            self.assertEqual(codes, self.codes(report))
        self.assertEqual(
            'valid for 11 days', report.checked[0].finding.expected
        )

    def test_nothing_is_renewed_by_itself(self) -> None:
        """Then people have to be told in time all the same."""
        d = self.truth(node_renewal_days=0)
        d.age_certificate('gl2', days=29)
        self.assertEqual(
            [Code.CERTIFICATE_EXPIRES], self.codes(d.service.truth.check())
        )

    def test_a_renewed_certificate_is_the_nodes(self) -> None:
        """By a mend too, it is on record with its node."""
        d = self.truth()
        d.age_certificate('gl2')
        d.service.truth.repair()
        serial = d.serials()['gl2']
        found = d.service.clients.certificates()
        held = {c.serial: c.subject_id for c in found}
        self.assertEqual(d.service.hardware.node('gl2').id, held[serial])

    def test_no_brick_of_a_volume_is_mounted(self) -> None:
        """All are mounted before Gluster is told: it refuses before that."""
        d = self.truth()
        whole = self.everything(d)
        for name in d.hosts:
            damage.unmount(d.cluster.host(name))
        report = d.service.truth.repair()
        self.assertEqual([Code.BRICK_NOT_MOUNTED] * 3, self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(whole, self.everything(d))
        starts = [c for _, c in d.executor.seen if c.endswith(' force')]
        self.assertEqual(1, len(starts))

    def test_gluster_does_not_start_what_was_mounted(self) -> None:
        """Then it is not mended."""
        d = self.truth()
        damage.unmounted(d)
        d.executor.before = once(says('start', 'force'), fail('it is broken'))
        [checked] = d.service.truth.repair().checked
        self.assertFalse(checked.mended)
        self.assertIn('it is broken', checked.failure)
        self.assertIn(damage.brick(d).mount_path, damage.host(d).space.mounts)

    def test_several_at_once(self) -> None:
        """A host lost its fstab and rebooted; its quota is off as well."""
        d = self.truth()
        d.create('share-2')
        whole = self.everything(d)
        for name in ('share-1', 'share-2'):
            d.gluster(d.service.volume(name)).quota_bytes = None
        damage.edit_fstab(d, '/dev/', '#/dev/')
        d.cluster.power_off('gl2')
        d.cluster.power_on('gl2')

        report = d.service.truth.repair()

        self.assertEqual(
            [Code.BRICK_NOT_MOUNTED] * 2
            + [Code.BRICK_NOT_AT_BOOT] * 2
            + [Code.VOLUME_QUOTA] * 2,
            self.codes(report),
        )
        self.assertTrue(report.is_clean, report)
        after = self.everything(d)
        text = after['gl2']['fstab']
        after['gl2']['fstab'] = ''.join(
            line
            for line in text.splitlines(keepends=True)
            if not line.startswith('#')
        )
        self.assertEqual(
            sorted(whole['gl2']['fstab'].splitlines()),
            sorted(after['gl2'].pop('fstab').splitlines()),
        )
        del whole['gl2']['fstab']
        self.assertEqual(whole, after)
        kinds = [each.kind for each in d.service.operations(every=True)]
        # One for each, and one for each volume that is to be started.
        self.assertEqual(6 + 2, kinds.count(model.OpKind.REPAIR))


class RevokedNameTestCase(TruthTestCase):
    """A process died between a ban and what follows of it."""

    def banned(self) -> deployment.Deployment:
        """Have alice on record as revoked, but still let in."""
        d = self.truth()
        d.service.change_access('share-1', add=['bob'])
        with d.service.store.write() as tx:
            revocations.ban(tx, model.RevokedName('alice', policy.now()))
        return d

    def allowed(self, d: deployment.Deployment) -> list[str]:
        """List whom Gluster lets in, beside the nodes."""
        return damage.gluster(d).options['auth.ssl-allow'].split(',')[1:]

    def test_the_repair_does_the_rest(self) -> None:
        """In Gluster and on record; the others stay."""
        d = self.banned()
        self.assertEqual(
            [Code.VOLUME_REVOKED], self.codes(d.service.truth.check())
        )
        self.assertEqual(['alice', 'bob'], self.allowed(d))
        report = d.service.truth.repair()
        self.assertTrue(report.is_clean, report)
        self.assertEqual(['bob'], self.allowed(d))
        self.assertEqual(('bob',), d.service.volume('share-1').access)
        self.assertEqual([], self.codes(d.service.truth.check()))

    def test_it_is_on_record_alone(self) -> None:
        """Whoever sets the list of the record would let it in again."""
        d = self.banned()
        value = damage.gluster(d).options['auth.ssl-allow']
        without = value.replace('alice,', '')
        damage.gluster(d).options['auth.ssl-allow'] = without
        report = d.service.truth.repair()
        self.assertEqual([Code.VOLUME_REVOKED], self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(('bob',), d.service.volume('share-1').access)

    def test_somebody_else_may_mount_too(self) -> None:
        """One mend sets the whole list."""
        d = self.banned()
        damage.somebody_else_may_mount(d)
        report = d.service.truth.repair()
        self.assertEqual([Code.VOLUME_REVOKED], self.codes(report))
        self.assertTrue(report.is_clean, report)
        self.assertEqual(['bob'], self.allowed(d))

    def test_the_list_is_unset(self) -> None:
        """Then everybody gets in, a revoked name too."""
        d = self.banned()
        damage.everybody_may_mount(d)
        [checked] = d.service.truth.repair().checked
        self.assertTrue(checked.mended)
        self.assertIn('everybody', checked.finding.found)
        self.assertEqual(['bob'], self.allowed(d))

    def test_gluster_refuses(self) -> None:
        """The list is never opened, and the next repair does it."""
        d = self.banned()
        d.executor.before = once(says('auth.ssl-allow'), fail('it is broken'))
        [checked] = d.service.truth.repair().checked
        self.assertFalse(checked.mended)
        self.assertIn('it is broken', checked.failure)
        self.assertEqual(['alice', 'bob'], self.allowed(d))
        self.assertTrue(d.service.truth.repair().is_clean)
        self.assertEqual(['bob'], self.allowed(d))

    def test_the_process_dies_of_the_repair(self) -> None:
        """Gluster has the list but the record has not: found again."""
        d = self.banned()

        def die(host, command):
            raise Killed

        d.executor.after = once(says('auth.ssl-allow'), die)
        self.assertRaises(Killed, d.service.truth.repair)
        d.expire_leases()
        service, _ = d.process()
        self.assertEqual(('alice', 'bob'), service.volume('share-1').access)
        report = service.truth.repair()
        self.assertEqual([Code.VOLUME_REVOKED], self.codes(report))
        self.assertEqual(('bob',), service.volume('share-1').access)


class OrphanTestCase(TruthTestCase):
    """Logical volumes of bricks that are on record no more."""

    def test_it_goes_when_that_is_asked_for(self) -> None:
        """With its mount, its line and its directory."""
        d = self.truth()
        whole = self.everything(d)
        damage.there_is_an_orphan(d)
        report = d.service.truth.repair(remove_orphans=True)
        self.assertEqual([Code.BRICK_ORPHAN], self.codes(report))
        self.assertTrue(report.is_clean, report)
        # The directory of the group was there before.
        self.assertEqual(whole, self.everything(d))

    def test_gluster_knows_its_volume(self) -> None:
        """By its id or by its path: then it stays whatever is asked for."""
        for by_path in (False, True):
            d = self.truth()
            damage.there_is_an_orphan(d)
            row = damage.orphan(d)
            place = '/srv/x'
            if by_path:
                place = row.brick_path
            ghost = Volume('ghost', DISTRIBUTE, [f'10.0.0.2:{place}'])
            if not by_path:
                ghost.options[names.OPTION_VOLUME_ID] = row.volume_id
            damage.pool(d).volumes['ghost'] = ghost
            damaged = self.everything(d)
            report = d.service.truth.repair(remove_orphans=True)
            self.assertIn(Code.BRICK_ORPHAN, self.codes(report))
            self.assertFalse(report.is_clean)
            self.assertEqual(damaged, self.everything(d))

    def test_one_node_alone_knows_its_volume(self) -> None:
        """It would bring it back for all: so all are asked."""
        d = self.truth()
        damage.there_is_an_orphan(d)
        ghost = Volume('ghost', DISTRIBUTE, ['10.0.0.2:/srv/x'])
        ghost.options[names.OPTION_VOLUME_ID] = damage.orphan(d).volume_id
        damage.miss(d, 'gl3', 'ghost', ghost)
        damaged = self.everything(d)
        report = d.service.truth.repair(remove_orphans=True)
        self.assertEqual(
            [Code.NODE_MISSED, Code.BRICK_ORPHAN], self.codes(report)
        )
        self.assertIn('gl3 has it in volume ghost', report.checked[1].failure)
        self.assertEqual(damaged, self.everything(d))

    def test_a_node_does_not_say(self) -> None:
        """Then it may know the volume."""
        d = self.truth()
        damage.there_is_an_orphan(d)
        d.cluster.power_off('gl3')
        damaged = self.everything(d)
        report = d.service.truth.repair(remove_orphans=True)
        [checked] = [
            each
            for each in report.checked
            if each.finding.code is Code.BRICK_ORPHAN
        ]
        self.assertIn('gl3', checked.failure)
        self.assertEqual(damaged, self.everything(d))
        d.cluster.power_on('gl3')
        report = d.service.truth.repair(remove_orphans=True)
        self.assertEqual([Code.BRICK_ORPHAN], self.codes(report))
        self.assertTrue(report.is_clean, report)

    def test_gluster_does_not_answer(self) -> None:
        """Then nobody knows, and it stays."""
        d = self.truth()
        damage.there_is_an_orphan(d)
        damage.all_glusterds_are_stopped(d)
        damaged = self.everything(d)
        report = d.service.truth.repair(remove_orphans=True)
        self.assertIn(Code.BRICK_ORPHAN, self.codes(report))
        self.assertEqual(damaged, self.everything(d))

    def test_a_device_that_was_left_out(self) -> None:
        """Its bricks are to be mounted at boot, and that stays so."""
        d = self.truth()
        damage.a_device_was_forgotten(d)
        group = f'vg_{"f" * 32}'
        device, path = f'/dev/{group}/brick_1', names.mount_path('f' * 32, '1')
        d.cluster.run_batch(
            damage.HOST,
            [
                lvm.thin_pool_create(group, 'pool', GIB, GIB // 16),
                lvm.brick_create(group, 'pool', 'brick_1', GIB, ()),
                mounts.make_directory(path),
                mounts.fstab_add(device, path),
            ],
        )
        damaged = self.everything(d)
        report = d.service.truth.repair(remove_orphans=True)
        self.assertEqual([Code.DEVICE_UNKNOWN], self.codes(report))
        self.assertEqual(damaged, self.everything(d))

    def test_a_node_is_in_another_pool(self) -> None:
        """What Gluster says of volumes is then not the whole truth."""
        for name in ('gl1', 'gl2'):
            d = self.truth()
            damage.there_is_an_orphan(d)
            damage.detach(d, d.cluster.host(name))
            damaged = self.everything(d)
            report = d.service.truth.repair(remove_orphans=True)
            self.assertIn(Code.BRICK_ORPHAN, self.codes(report))
            self.assertNotIn(Code.VOLUME_MISSING, self.codes(report))
            self.assertEqual(damaged, self.everything(d))

    def test_foreign_volumes(self) -> None:
        """No tag of ours, or another name: not even found."""
        d = self.truth()
        group = damage.group(d).name
        for name, tags in (
            ('brick_1', ('heketi',)),
            ('data', ()),
            ('copy', damage.lv(d).tags),
        ):
            d.cluster.run_batch(
                damage.HOST,
                [lvm.brick_create(group, 'pool', name, GIB, tags)],
            )
        damaged = self.everything(d)
        report = d.service.truth.repair(remove_orphans=True)
        self.assertEqual([], self.codes(report))
        self.assertEqual(damaged, self.everything(d))


class MotionTestCase(TruthTestCase):
    """The store and the nodes are being changed meanwhile."""

    def test_an_operation_is_open(self) -> None:
        """What it works on is named, and neither compared nor mended."""
        d = self.truth()
        d.create('share-2')
        d.executor.kill_after(4)
        self.assertRaises(Killed, d.service.delete_volume, 'share-1')
        d.service, d.executor = d.process()
        damaged = self.everything(d)

        report = d.service.truth.repair(remove_orphans=True)

        self.assertEqual([], self.codes(report))
        [note] = report.notes
        self.assertIn('volume-delete', note.object)
        self.assertEqual(damaged, self.everything(d))
        d.expire_leases()
        d.service.recover()
        self.assertEqual((), d.service.truth.check().notes)

    def test_nodes_are_being_added(self) -> None:
        """They are not what they will be yet."""
        # Seven look at the host before anything begins.
        for commands in (8, 14, 18, 20):
            d = self.deploy(nodes=4, load=False)
            d.load(d.document('gl1', 'gl2', 'gl3'))
            d.executor.kill_after(commands)
            self.assertRaises(Killed, d.load)
            d.service, d.executor = d.process()
            report = d.service.truth.check()
            self.assertEqual([], self.codes(report), commands)
            [note] = report.notes
            self.assertIn('node-add', note.object)

    def test_devices_are_being_added(self) -> None:
        """Neither they nor the record of their node are compared."""
        d = self.truth()
        d.executor.kill_after(6)
        self.assertRaises(Killed, d.load)
        d.service, d.executor = d.process()
        report = d.service.truth.check()
        self.assertEqual([], self.codes(report))
        [note] = report.notes
        self.assertIn('device-add', note.object)

    def test_hardware_is_being_taken_away(self) -> None:
        """A device, and then its node, half-way at any command."""
        for commands in (3, 4, 5):
            d = self.deploy(nodes=4)
            d.executor.kill_after(commands)
            self.assertRaises(
                Killed, d.service.hardware.remove_device, 'gl4', '/dev/vdb'
            )
            self._assert_unseen(d, 'device-remove')
            d.executor.kill_after(commands)
            self.assertRaises(Killed, d.service.hardware.remove_node, 'gl4')
            self._assert_unseen(d, 'node-remove')

    def _assert_unseen(self, d: deployment.Deployment, kind: str) -> None:
        d.service, d.executor = d.process()
        report = d.service.truth.check()
        self.assertEqual([], self.codes(report))
        [note] = report.notes
        self.assertIn(kind, note.object)
        d.expire_leases()
        d.service.recover()

    def test_a_brick_is_made_while_hosts_are_looked_at(self) -> None:
        """Its row is there before it is, so that it is no orphan."""
        d = self.truth(nodes=3)
        other, _ = d.process()
        d.executor.before = once(
            says('pvs'),
            lambda host, command: other.create_volume(d.spec('share-2')),
        )
        self.assertEqual([], self.codes(d.service.truth.check()))

    def test_a_brick_goes_while_hosts_are_looked_at(self) -> None:
        """It was seen where its row is no more, but not twice."""
        d = self.truth()
        d.create('share-2')
        other, _ = d.process()
        d.executor.after = once(
            says('directories'),
            lambda host, command: other.delete_volume('share-2'),
        )
        self.assertEqual([], self.codes(d.service.truth.check()))

    def test_the_size_changes_before_it_is_mended(self) -> None:
        """What was found is true no more, and so nothing is done."""
        d = self.truth()
        damage.the_quota_is_another(d)
        looked = []

        def extend(host: str, command: Any) -> None:
            looked.append(host)
            # The last thing that the second look asks for.
            if len(looked) == 2:
                d.process()[0].extend_volume('share-1', 3 * GIB)

        d.executor.after = lambda host, command: (
            extend(host, command)
            if command.argv[-3:] == ('volume', 'info', 'all')
            else None
        )
        report = d.service.truth.repair()
        self.assertEqual([], self.codes(report))
        self.assertEqual(
            3 * GIB, d.gluster(d.service.volume('share-1')).quota_bytes
        )

    def test_the_store_changes_before_it_is_mended(self) -> None:
        """What was found is of an older moment, and nothing is done."""
        d = self.truth()
        damage.the_quota_is_another(d)
        truth = d.service.truth
        found = truth._look(Scope()).findings
        self.assertEqual([Code.VOLUME_QUOTA], [each.code for each in found])
        d.service.extend_volume('share-1', 3 * GIB)

        outcomes = repair.repair(d.service.engine, found)

        self.assertEqual(
            ['the store has changed meanwhile'], list(outcomes.values())
        )
        self.assertEqual(
            3 * GIB, d.gluster(d.service.volume('share-1')).quota_bytes
        )

    def test_the_volume_is_being_changed_when_it_is_mended(self) -> None:
        """The mend gives way."""
        d = self.truth()
        damage.the_quota_is_another(d)
        truth = d.service.truth
        found = truth._look(Scope()).findings
        d.executor.kill_after(1)
        self.assertRaises(Killed, d.service.extend_volume, 'share-1', 3 * GIB)
        d.service, d.executor = d.process()
        # As if that process were alive somewhere else.
        with d.service.store.write() as tx:
            [operation] = d.service.operations()
            tx.update(
                schema.operations,
                operation.id,
                {'owner': 'elsewhere:pid:[1]:1:0'},
            )

        impatient = dataclasses.replace(
            d.service.engine.site, busy_timeout_seconds=0
        )
        d.service.engine.site = impatient

        outcomes = repair.repair(d.service.engine, found)

        [text] = outcomes.values()
        self.assertIn('it is under way', text)

    def test_a_mend_fails(self) -> None:
        """It is told why; what else was found is mended."""
        d = self.truth()
        damage.unmounted(d)
        damage.the_quota_is_another(d)
        d.executor.before = _failing_mount
        report = d.service.truth.repair()
        self.assertEqual(
            [(Code.BRICK_NOT_MOUNTED, False), (Code.VOLUME_QUOTA, True)],
            [(each.finding.code, each.mended) for each in report.checked],
        )
        self.assertIn('bad superblock', report.checked[0].failure)
        self.assertFalse(report.is_clean)
        self.assertEqual((), d.service.operations())

    def test_the_process_dies_of_a_mend(self) -> None:
        """The next one finds the rest."""
        d = self.truth()
        whole = self.everything(d)
        damage.unmounted(d)
        damage.the_line_in_fstab_is_gone(d)
        d.executor.after = once(says('mount'), _die)
        self.assertRaises(Killed, d.service.truth.repair)
        d.service, d.executor = d.process()
        d.expire_leases()
        report = d.service.truth.repair()
        self.assertTrue(report.is_clean, report)
        self.assertEqual((), d.service.operations())
        self.assertEqual(whole, self.everything(d))


def _failing_mount(host: str, command: Any) -> None:
    if command.program == 'mount':
        raise exceptions.CommandFailed(
            host=host,
            command=str(command),
            status=32,
            stderr='bad superblock',
            completed=0,
        )


def _die(host: str, command: Any) -> None:
    raise Killed


@ddt.ddt
class ScopeTestCase(TruthTestCase):
    """Looking at some nodes alone."""

    def test_some_hosts(self) -> None:
        """No other is asked, and nothing of another is told."""
        d = self.truth()
        damage.unmounted(d)
        d.executor.seen.clear()
        report = d.service.truth.check(hosts=['gl1', 'gl3'])
        self.assertEqual([], self.codes(report))
        self.assertEqual((2, 2), (report.nodes, report.bricks))
        self.assertEqual({'gl1', 'gl3'}, {h for h, _ in d.executor.seen})
        report = d.service.truth.check(hosts=['gl2'])
        self.assertEqual([Code.BRICK_NOT_MOUNTED], self.codes(report))

    def test_the_host_asked_missed_a_creation(self) -> None:
        """Others know the volume: it is not missing."""
        for hosts in ((), ('gl1',)):
            d = self.truth()
            damage.miss(d, 'gl1', d.service.volume('share-1').name)
            [checked] = d.service.truth.check(hosts=hosts).checked
            self.assertEqual(
                (Code.NODE_MISSED, 'gl1'),
                (checked.finding.code, checked.finding.host),
            )

    def test_each_host_asked_missed_something(self) -> None:
        """Nobody knows all, but no volume is missing."""
        d = self.truth()
        d.create('share-2')
        d.create('share-3')
        for number, host in enumerate(d.hosts, 1):
            name = d.service.volume(f'share-{number}').name
            damage.miss(d, host, name)
        report = d.service.truth.check()
        self.assertEqual([Code.NODE_MISSED] * 3, self.codes(report))
        self.assertEqual(d.hosts, [c.finding.host for c in report.checked])

    def test_one_cluster(self) -> None:
        """Of two."""
        d = self.deploy(nodes=6, load=False)
        document = {
            'clusters': [
                *d.document('gl1', 'gl2', 'gl3')['clusters'],
                *d.document('gl4', 'gl5', 'gl6', name='c2')['clusters'],
            ]
        }
        d.load(document)
        for name in ('c1', 'c2'):
            d.create(name, cluster_id=d.service.cluster_named(name).id)
        damage.the_record_is_gone(d)
        self.assertEqual(
            [Code.NODE_RECORD], self.codes(d.service.truth.check())
        )
        report = d.service.truth.check(cluster='c2')
        self.assertEqual([], self.codes(report))
        self.assertEqual((3, 3), (report.nodes, report.bricks))

    def test_nobody_of_that_name(self) -> None:
        """A mistake is not an empty answer."""
        d = self.truth()
        for scope in ({'cluster': 'c9'}, {'hosts': ['gl1', 'gl9']}):
            self.assertRaises(
                exceptions.NotFound, d.service.truth.check, **scope
            )

    def test_a_host_is_down(self) -> None:
        """Its volumes' quotas are asked for elsewhere."""
        d = self.truth()
        first = d.bricks(d.service.volume('share-1'))[0]
        damage.the_quota_is_another(d)
        [name] = [
            host
            for host in d.hosts
            if first.vg_name in d.cluster.host(host).disks.groups
        ]
        d.cluster.power_off(name)
        self.assertEqual(
            [Code.NODE_SILENT, Code.VOLUME_QUOTA],
            self.codes(d.service.truth.check()),
        )

    @ddt.data('stopped', 'detached')
    def test_glusterd_is_no_peer(self, what: str) -> None:
        """On the host that is asked for the quota: another one is."""
        d = self.truth()
        first = d.bricks(d.service.volume('share-1'))[0]
        damage.the_quota_is_another(d)
        for name in d.hosts:
            host = d.cluster.host(name)
            if first.vg_name not in host.disks.groups:
                continue
            if what == 'stopped':
                host.glusterd_runs = False
            else:
                damage.detach(d, host)
        report = d.service.truth.check()
        [quota] = [
            each.finding
            for each in report.checked
            if each.finding.code is Code.VOLUME_QUOTA
        ]
        self.assertEqual(f'{7 * MIB} bytes', quota.found)

    def test_gluster_is_busy(self) -> None:
        """It is asked again until it has time."""
        d = self.truth()
        volume = d.service.volume('share-1')
        pool = damage.pool(d)
        self.assertTrue(pool.take_lock(volume.name, 0))
        pauses = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            pool.give_lock(volume.name)

        d.service.engine.site = dataclasses.replace(
            d.service.engine.site, sleep=sleep
        )
        self.assertEqual([], self.codes(d.service.truth.check()))
        self.assertEqual(1, len(pauses))
