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

"""A copy of the store is put back, in which something was under way."""

import datetime
import functools
import os
import shutil
import sqlite3
from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import backup
from manila_gluster_heketi.store import export
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import load
from tests.functional import deployment
from tests.functional.interference import Killed
from tests.functional.interference import once
from tests.functional.interference import says

_DATA_BYTES = GIB
_LEASE = datetime.timedelta(minutes=2)


class PutBackTestCase(deployment.DeployedTestCase):
    """The store is copied in the midst of a change, which ends well.

    Then it is lost, the copy is put back and a process starts.
    """

    def setUp(self) -> None:
        """Load the hosts."""
        super().setUp()
        self.d = self.deploy()
        self.copy = os.path.join(self.d.directory, 'copy')

    # --- ways to copy, and to put back ------------------------------------

    def _backup(self) -> None:
        backup.copy(self.d.service.store, self.copy)

    def _export(self) -> None:
        with open(self.copy, 'w', encoding='ascii') as file:
            export.write(self.d.service.store, file.write)

    def _copy_otherwise(self) -> None:
        """Copy it as a tool of a database would, which knows nothing of us."""
        source = sqlite3.connect(
            os.path.join(self.d.directory, 'store.sqlite')
        )
        target = sqlite3.connect(self.copy)
        source.backup(target)
        source.close()
        target.close()

    def _put_back(self) -> None:
        self._lose()
        shutil.copy(self.copy, f'{self.d.directory}/store.sqlite')
        self._start()

    def _import(self) -> None:
        self._lose()
        self._start()
        with open(self.copy, encoding='ascii') as file:
            load.read(self.d.service.store, file, self.copy)

    def _lose(self) -> None:
        self.d.service.store.close()
        for name in os.listdir(self.d.directory):
            if name.startswith('store.sqlite'):
                os.unlink(os.path.join(self.d.directory, name))

    def _start(self) -> None:
        self.d.service, self.d.executor = self.d.process()

    # --- what is under way ------------------------------------------------

    def _during(
        self,
        moment: str,
        copy: Callable[[], None],
        change: Callable[[], object],
    ) -> None:
        """Copy the store before a command of a change runs."""
        self.d.executor.before = once(says(moment), lambda *_: copy())
        change()
        self.d.executor.before = lambda host, command: None

    def _create_meanwhile(self, copy: Callable[[], None]) -> model.Volume:
        """Create a share, and write into it for days."""
        self._during('limit-usage', copy, self.d.create)
        volume = self.d.service.volume('share-1')
        self.d.gluster(volume).used_bytes = _DATA_BYTES
        return volume

    def _open(self) -> model.Operation:
        self.d.expire_leases()
        [operation] = self.d.service.operations()
        self.assertTrue(operation.held)
        return operation

    def _is_kept(self, volume: model.Volume) -> None:
        self.assertEqual(_DATA_BYTES, self.d.gluster(volume).used_bytes)
        self.assertEqual('Started', self.d.gluster(volume).status)

    def _codes(self) -> set[Code]:
        report = self.d.service.truth.check()
        return {each.finding.code for each in report.checked}

    # --- what becomes of it -----------------------------------------------

    def test_creation_that_ended_well(self) -> None:
        """Nobody undoes it, whichever way the store was copied."""
        for copy, back in (
            (self._backup, self._put_back),
            (self._export, self._import),
        ):
            with self.subTest(copy.__name__):
                volume = self._create_meanwhile(copy)
                back()
                operation = self._open()
                self.d.executor.seen.clear()
                [left] = self.d.service.recover()
                self.assertIn('is held', left.error)
                self.assertEqual([], self.d.executor.seen)
                self._is_kept(volume)
                self.d.service.accept(operation.id)
                self.d.service.delete_volume('share-1')
                os.unlink(self.copy)

    def test_copy_of_another_tool(self) -> None:
        """An operator has it held before a process starts."""
        volume = self._create_meanwhile(self._copy_otherwise)
        self._put_back()
        self.assertEqual(1, self.d.service.hold_open())
        self.assertEqual(0, self.d.service.hold_open())
        self._open()
        self.d.service.recover()
        self._is_kept(volume)

    def test_share_is_kept(self) -> None:
        """Gluster has what was to be made: it is taken for done."""
        volume = self._create_meanwhile(self._backup)
        self._put_back()
        operation = self._open()
        self.assertEqual({Code.VOLUME_HALF_WAY}, self._codes())
        self.d.service.accept(operation.id)
        self._is_kept(volume)
        self.assertEqual(set(), self._codes())
        self.assertEqual((), self.d.service.operations())
        # As with any other share.
        self.d.service.extend_volume('share-1', 3 * GIB)
        self.d.service.delete_volume('share-1')
        self.assertEqual((), self.d.cluster.volume_names('gl1'))

    def test_share_is_not_there(self) -> None:
        """The creation died too: it can't be taken for done, but undone."""
        before = self.d.world()
        self.d.executor.before = once(
            says('mkfs.xfs'), lambda *_: self._backup()
        )
        self.d.executor.after = once(says('mkfs.xfs'), self._die)
        self.assertRaises(Killed, self.d.create)
        self._put_back()
        operation = self._open()
        self.assertIn(Code.VOLUME_MISSING, self._codes())
        error = self.assertRaises(
            exceptions.Conflict, self.d.service.accept, operation.id
        )
        self.assertIn('bricks on record', str(error))
        self.assertTrue(self._open().held)
        self.assertEqual('', self.d.service.resume(operation.id).error)
        self.assertEqual(before, self.d.world())

    @staticmethod
    def _die(*_: object) -> None:
        raise Killed

    def test_the_copy_is_minutes_old(self) -> None:
        """Who asks too soon is told so; it is held as before."""
        volume = self._create_meanwhile(self._backup)
        self._put_back()
        for end in (self.d.service.resume, self.d.service.abandon):
            operation = self._open()
            with self.d.service.store.write() as tx:
                journal.renew_lease(
                    tx, operation.id, operation.owner, tx.now() + _LEASE
                )
            self.assertRaises(exceptions.UnderWay, end, operation.id)
            self.assertTrue(self._open().held)
        self._is_kept(volume)

    def test_share_is_given_up(self) -> None:
        """On the record alone, although it is not stuck; hosts keep theirs."""
        volume = self._create_meanwhile(self._backup)
        self._put_back()
        ended = self.d.service.abandon(self._open().id)
        self.assertIs(model.OpState.ABANDONED, ended.state)
        self.assertIsNone(self.d.service.find_volume('share-1'))
        self._is_kept(volume)
        self.assertIn(Code.VOLUME_UNKNOWN, self._codes())

    def test_changes_of_the_share(self) -> None:
        """Each is refused at once, and says what to do."""
        volume = self._create_meanwhile(self._backup)
        self._put_back()
        operation = self._open()
        service = self.d.service
        for change in (
            self.d.create,
            functools.partial(service.extend_volume, 'share-1', 3 * GIB),
            functools.partial(service.shrink_volume, 'share-1', GIB),
            functools.partial(service.change_access, 'share-1', add=['zoe']),
            functools.partial(service.delete_volume, 'share-1'),
        ):
            error = self.assertRaises(exceptions.OperationHeld, change)
            self.assertEqual(operation.id, error.fields['identity'])
            self.assertIn('operation accept', str(error))
        self._is_kept(volume)
        self.assertEqual(operation, self._open())
        # Other shares are not concerned.
        self.d.create('share-2')

    def test_repair_leaves_it_alone(self) -> None:
        """What the check finds of it is not mended behind the operator."""
        volume = self._create_meanwhile(self._backup)
        self.d.service.change_access('share-1', add=['zoe'])
        allowed = self.d.gluster(volume).options['auth.ssl-allow']
        self._put_back()
        self.d.expire_leases()
        report = self.d.service.truth.repair()
        self.assertIn('is held', str([e.failure for e in report.checked]))
        self.assertEqual(
            allowed, self.d.gluster(volume).options['auth.ssl-allow']
        )

    def test_extension_that_ended_well(self) -> None:
        """The tenant keeps what was added."""
        self.d.create()
        self._during(
            'limit-usage',
            self._backup,
            lambda: self.d.service.extend_volume('share-1', 5 * GIB),
        )
        after = self.d.record()
        self._put_back()
        operation = self._open()
        self.d.service.recover()
        self.d.service.accept(operation.id)
        self.assertEqual(after, self.d.record())
        self.assertEqual(set(), self._codes())

    def test_devices_that_were_being_added(self) -> None:
        """Nobody can see whether all is done: it is resumed."""
        d = self.d = self.deploy(load=False)
        self.copy = os.path.join(d.directory, 'copy')
        self._during('vgcreate', self._backup, d.load)
        self._put_back()
        operation = self._open()
        self.assertRaises(exceptions.OperationHeld, d.load)
        error = self.assertRaises(
            exceptions.Conflict, d.service.accept, operation.id
        )
        self.assertIn('device-add', str(error))
        self.assertEqual('', d.service.resume(operation.id).error)
        d.load()

    def test_what_is_not_held(self) -> None:
        """It is not taken for done."""
        self.d.create()
        [*_, operation] = self.d.service.operations(every=True)
        error = self.assertRaises(
            exceptions.Conflict, self.d.service.accept, operation.id
        )
        self.assertIn('it is done and not held', str(error))
