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

"""Management encryption, switched for a whole cluster."""

import dataclasses
import datetime
from typing import Any

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import once
from tests.functional.interference import says

_FILE = names.SECURE_ACCESS
_CLUSTER = 'c1'


class SecuredTestCase(deployment.DeployedTestCase):
    """Three nodes, without volumes."""

    hosts = 3

    def setUp(self) -> None:
        """Make a cluster of them."""
        super().setUp()
        self.d = self.deploy(nodes=self.hosts)
        self.d.executor.seen.clear()

    def switch(self, wanted: bool = True, **how: Any) -> tuple[str, ...]:
        """Switch it; give the hosts that were changed."""
        return self.d.service.secure_access.switch(_CLUSTER, wanted, **how)

    def files(self, host: str) -> Any:
        """Give the files of a host."""
        return self.d.cluster.host(host).space.root.files

    def having(self, *hosts: str) -> tuple[list[str], list[str]]:
        """List the hosts with the file, and those whose glusterd is in TLS."""
        among = hosts or self.d.hosts
        return (
            [h for h in among if _FILE in self.files(h)],
            [h for h in among if self.d.cluster.host(h).secure_access],
        )

    def is_recorded(self) -> bool:
        """Tell what is on record."""
        return self.d.service.cluster_named(_CLUSTER).secure_access

    def assert_switched(self, wanted: bool) -> None:
        """Look at the record, at files, and at what glusterds do."""
        hosts = self.d.hosts if wanted else []
        self.assertEqual((hosts, hosts), self.having())
        self.assertIs(wanted, self.is_recorded())
        self.assertEqual((), self.d.service.operations())
        for one in self.d.hosts:
            for other in self.d.hosts:
                self.assertTrue(self.d.cluster.sees(one, other))

    def starts(self) -> dict[str, int]:
        """Count how often each glusterd was started."""
        return {
            host: self.d.cluster.host(host).glusterd_starts
            for host in self.d.hosts
        }

    def assert_untouched(self, kind: type[Exception], **how: Any) -> Any:
        """See that it is refused, and that no host was changed."""
        starts = self.starts()
        error = self.assertRaises(kind, self.switch, **how)
        self.assertEqual(starts, self.starts())
        self.assertEqual(([], []), self.having())
        self.assertEqual((), self.d.service.operations())
        self.assertNotIn(
            model.OpKind.SECURE_ACCESS,
            [each.kind for each in self.d.service.operations(every=True)],
        )
        return error


class SwitchTestCase(SecuredTestCase):
    """On, and off again."""

    def test_on_and_off(self) -> None:
        """All nodes have it, and a volume is made as before."""
        self.assertEqual(('gl1', 'gl2', 'gl3'), self.switch())
        self.assert_switched(True)
        self.d.create()
        self.switch(False, interrupt_mounts=True)
        self.assert_switched(False)
        self.d.service.extend_volume('share-1', 4 * 1024**3)

    def test_asked_again(self) -> None:
        """Nothing is done, and nobody is restarted."""
        self.switch()
        starts = self.starts()
        self.assertEqual((), self.switch())
        self.assertEqual(starts, self.starts())

    def test_each_glusterd_is_restarted_once(self) -> None:
        """A restart costs what it serves."""
        before = self.starts()
        self.switch()
        self.assertEqual(
            {host: starts + 1 for host, starts in before.items()},
            self.starts(),
        )

    def test_made_by_hand_before(self) -> None:
        """It comes on record, and all is seen to work."""
        for host in self.d.hosts:
            self.d.cluster.run_batch(
                host,
                [system.write_file(_FILE, '\n'), system.service_restart()],
            )
        self.switch()
        self.assert_switched(True)

    def test_no_such_cluster(self) -> None:
        """It is named."""
        error = self.assertRaises(
            exceptions.NotFound,
            self.d.service.secure_access.switch,
            'other',
            True,
        )
        self.assertIn('other', str(error))

    def test_bricks_are_waited_for(self) -> None:
        """Those that ran before; one that did not may stay away."""
        volume = self.d.create()
        brick = self.d.bricks(volume)[0]
        for host in self.d.hosts:
            there = self.d.cluster.host(host)
            if brick.vg_name in there.disks.groups:
                there.space.resolve(brick.brick_path)[0].is_read_only = True
        self.switch(interrupt_mounts=True)
        [operation] = [
            each
            for each in self.d.service.operations(every=True)
            if each.kind is model.OpKind.SECURE_ACCESS
        ]
        [waited] = [
            each.params['serving'][volume.name]
            for each in operation.steps
            if each.kind == 'await-members'
        ]
        self.assertEqual(2, len(waited))

    def test_nothing_else_meanwhile(self) -> None:
        """Who asks for a volume waits; here, for no time at all."""
        refused: list[Exception] = []

        def ask(host: str, command: object) -> None:
            service, _ = self.d.process()
            service.engine.site = dataclasses.replace(
                service.engine.site, busy_timeout_seconds=0
            )
            refused.append(
                self.assertRaises(
                    exceptions.UnderWay,
                    service.create_volume,
                    self.d.spec(),
                )
            )

        self.d.executor.before = once(says('restart_once'), ask)
        self.switch()
        [error] = refused
        self.assertIn(model.OpKind.SECURE_ACCESS, str(error))
        self.d.create()


@ddt.ddt
class RefusedTestCase(SecuredTestCase):
    """What is not fit is found before anything is changed."""

    def test_volumes(self) -> None:
        """Their clients have to mount anew, and somebody has to say so."""
        self.d.create()
        error = self.assert_untouched(exceptions.MountsWouldBreak)
        self.assertIn('--interrupt-mounts', str(error))
        self.switch(interrupt_mounts=True)
        self.assert_switched(True)

    def test_node_does_not_answer(self) -> None:
        """It is named."""
        self.d.cluster.power_off('gl2')
        error = self.assert_untouched(exceptions.HostUnreachable)
        self.assertEqual('gl2', error.fields['host'])

    def test_glusterd_does_not_run(self) -> None:
        """It is named."""
        self.d.cluster.host('gl2').glusterd_runs = False
        error = self.assert_untouched(exceptions.GlusterdDown)
        self.assertEqual('gl2', error.fields['host'])

    def test_peers_do_not_see_each_other(self) -> None:
        """Neither is to be restarted now."""
        self.d.cluster.cut_link('gl2', 'gl3')
        self.d.cluster.advance(60)
        error = self.assert_untouched(exceptions.PeersApart)
        self.assertIn('10.0.0.', str(error))

    @ddt.data(
        issue.KEY_FILE, issue.CERTIFICATE_FILE, issue.AUTHORITY_FILE
    )
    def test_file_is_missing(self, name: str) -> None:
        """glusterd would be cut off."""
        directory = self.d.cluster.host('gl2').tls_directory
        del self.files('gl2')[f'{directory}/{name}']
        error = self.assert_untouched(exceptions.TlsNotReady)
        self.assertEqual('gl2', error.fields['host'])

    def test_certificate_has_expired(self) -> None:
        """Peers would not take it."""
        self.d.age_certificate('gl3', days=1)
        later = policy.now() + datetime.timedelta(days=2)
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.tls.policy.now', lambda: later
            )
        )
        error = self.assert_untouched(exceptions.TlsNotReady)
        self.assertIn('expired', str(error))

    def test_clock_is_wrong(self) -> None:
        """It would not take theirs."""
        self.d.cluster.host('gl3').clock_offset_seconds = -3600.0
        error = self.assert_untouched(exceptions.TlsNotReady)
        self.assertIn('clock', str(error))

    def test_change_that_is_stuck(self) -> None:
        """It would be undone later, on nodes that are apart perhaps."""
        self.d.create()
        self.d.cluster.power_off('gl2')
        self.d.service.delete_volume('share-1')
        error = self.assertRaises(exceptions.Conflict, self.switch)
        self.assertIn(model.OpKind.VOLUME_DELETE, str(error))
        self.assertEqual(([], []), self.having())


class UndoneTestCase(SecuredTestCase):
    """A node fails in the midst: all are as they were."""

    def test_file_can_not_be_written(self) -> None:
        """The others are put back, and see each other."""
        self.d.cluster.fill_root('gl2')
        self.assertRaises(exceptions.OperationFailed, self.switch)
        self.assert_switched(False)

    def test_off_fails(self) -> None:
        """Then it stays on."""
        self.switch()
        self.d.executor.before = once(
            on('gl3', says('restart_once')), fail('it does not start')
        )
        self.assertRaises(exceptions.OperationFailed, self.switch, False)
        self.assert_switched(True)

    def test_host_dies(self) -> None:
        """The others serve on; the one that comes back is put back too."""
        self.d.create()
        self.d.executor.after = once(
            on('gl3', says('restart_once')),
            lambda host, command: self.d.cluster.power_off('gl3'),
        )
        self.assertRaises(
            exceptions.OperationStuck, self.switch, interrupt_mounts=True
        )
        self.assertEqual(([], []), self.having('gl1', 'gl2'))
        self.assertTrue(self.d.cluster.sees('gl1', 'gl2'))
        self.assertEqual((['gl3'], []), self._files_of_the_dead())
        # Whoever tries meanwhile restarts nobody.
        starts = self.starts()
        self.d.service.recover()
        self.assertEqual(starts, self.starts())
        self.d.cluster.power_on('gl3')
        self.d.cluster.advance(60)
        self.assertEqual([''], [r.error for r in self.d.service.recover()])
        self.assert_switched(False)

    def _files_of_the_dead(self) -> tuple[list[str], list[str]]:
        self.d.cluster.host('gl3').secure_access = False
        return self.having('gl3')

    def test_peers_do_not_come_together(self) -> None:
        """They are waited for, and then all are put back."""

        def part(host: str, command: object) -> None:
            self.d.cluster.cut_link('gl2', 'gl3')
            self.d.cluster.advance(60)

        self.d.executor.after = once(on('gl1', says('restart_once')), part)
        self.assertRaises(exceptions.OperationStuck, self.switch)
        self.assertEqual(([], []), self.having())
        self.d.cluster.mend_link('gl2', 'gl3')
        self.d.cluster.advance(60)
        self.d.service.recover()
        self.assert_switched(False)

    def test_bricks_do_not_come_back(self) -> None:
        """They are waited for likewise, there and back."""
        self.d.create()
        self.d.executor.after = once(
            on('gl2', says('restart_once')),
            lambda host, _: self.d.cluster.spoil_disks(host, root=False),
        )
        error = self.assertRaises(
            exceptions.OperationStuck, self.switch, interrupt_mounts=True
        )
        self.assertIn('10.0.0.2:/', str(error))
        self.assertEqual(([], []), self.having())
        self.d.cluster.repair_disks('gl2')
        self.d.service.recover()
        self.assert_switched(False)

    def test_process_dies(self) -> None:
        """The next one puts all back; after that it works."""
        self.d.executor.after = once(
            on('gl2', says('restart_once')), self._die
        )
        self.assertRaises(Killed, self.switch)
        self.d.expire_leases()
        self.d.executor.after = lambda host, command: None
        self.switch()
        self.assert_switched(True)

    def _die(self, host: str, command: object) -> None:
        raise Killed


class MendedTestCase(SecuredTestCase):
    """A node that differs from the record."""

    def setUp(self) -> None:
        """Switch it on, with a share that somebody has mounted."""
        super().setUp()
        self.switch()
        self.d.create()
        del self.files('gl2')[_FILE]

    def test_check_tells(self) -> None:
        """It names the node, and what puts it right."""
        [found] = self.d.service.truth.check().checked
        self.assertIs(Code.NODE_SECURE_ACCESS, found.finding.code)
        self.assertEqual('gl2', found.finding.host)
        self.switch()
        self.assertEqual((), self.d.service.truth.check().checked)

    def test_file_is_lost(self) -> None:
        """It is written; a glusterd that is in TLS is not restarted."""
        starts = self.starts()
        self.assertEqual(('gl2',), self.switch())
        self.assertEqual(starts, self.starts())
        self.assert_switched(True)

    def test_glusterd_started_without_it(self) -> None:
        """It is cut off, and that one alone is restarted."""
        self.d.cluster.run_batch('gl2', [system.service_restart()])
        self.assertFalse(self.d.cluster.sees('gl1', 'gl2'))
        starts = self.starts()
        self.assertEqual(('gl2',), self.switch())
        self.assertEqual(
            {**starts, 'gl2': starts['gl2'] + 1}, self.starts()
        )
        self.assert_switched(True)


class LoneTestCase(SecuredTestCase):
    """A single node: no peer tells what its glusterd does."""

    hosts = 1

    def test_on_and_off(self) -> None:
        """As with several."""
        self.switch()
        self.assert_switched(True)
        self.switch(False)
        self.assert_switched(False)

    def test_file_is_lost(self) -> None:
        """To restart it costs the mounts, so that is asked for."""
        self.switch()
        self.d.create(durability='distribute')
        del self.files('gl1')[_FILE]
        self.assertRaises(exceptions.MountsWouldBreak, self.switch)
        self.assertEqual(('gl1',), self.switch(interrupt_mounts=True))
        self.assert_switched(True)
