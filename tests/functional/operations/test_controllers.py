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
"""Two controllers on machines of their own, which share a store alone."""

import dataclasses
import datetime
import threading
from collections.abc import Callable
from typing import Any
from unittest import mock

import ddt

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import clock
from tests.crash import agreement
from tests.functional import databases
from tests.functional import deployment
from tests.functional.interference import once
from tests.functional.interference import says

_SECONDS = 60.0
_SHARE = 'share-1'

Act = Callable[[Service], object]


class _Asked(threading.Thread):
    """Something that is asked for while the test goes on."""

    def __init__(self, act: Act, service: Service) -> None:
        super().__init__()
        self._act = act
        self._service = service
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self._act(self._service)
        except Exception as error:
            self.error = error


class ControllersTestCase(deployment.DeployedTestCase):
    """The first one has made a share.

    :cvar engine: of the database
    """

    engine: str

    def setUp(self) -> None:
        """Start the other one."""
        super().setUp()
        database = self.useFixture(
            databases.Database(self.engine, synced=True)
        )
        self.d = self.deploy(
            nodes=4,
            disks=2,
            load=False,
            store_connection=database.url,
        )
        self.few = self.d.document('gl1', 'gl2', 'gl3')
        for each in self.few['clusters'][0]['nodes']:
            each['devices'] = self.d.disks[:1]
        self.d.load(self.few)
        self.d.create(gigabytes=2)
        self.other, self.way = self.d.process()

    # --- what is asked for ------------------------------------------------

    def extend(self, service: Service) -> None:
        """Ask for a larger share."""
        service.extend_volume(_SHARE, 5 * GIB)

    def shrink(self, service: Service) -> None:
        """Ask for a smaller share."""
        service.shrink_volume(_SHARE, GIB)

    def add_alice(self, service: Service) -> None:
        """Let one more client in."""
        service.change_access(_SHARE, add=['alice'])

    def add_bob(self, service: Service) -> None:
        """Let another one in."""
        service.change_access(_SHARE, add=['bob'])

    def delete(self, service: Service) -> None:
        """Ask for the end of the share."""
        service.delete_volume(_SHARE)

    def create(self, service: Service) -> None:
        """Ask for a share that is not there yet."""
        service.create_volume(self.d.spec('share-2'))

    def load(self, service: Service) -> None:
        """Add a node, and a device to each."""
        self.d.load_in(service, self.d.document())

    def remove_node(self, service: Service) -> None:
        """Remove a node that has bricks, which is refused in the end."""
        service.hardware.remove_node('gl1')

    # --- how it is asked for ----------------------------------------------

    def in_the_midst_of(
        self, act: Act, word: str, then: Callable[[], object]
    ) -> None:
        """Have the first controller do something, and stop at a command."""

        def stop(host: str, command: Any) -> None:
            then()

        self.d.executor.before = once(says(word), stop)
        act(self.d.service)

    def patient(
        self, service: Service, waits: Callable[[], object]
    ) -> None:
        """Have a controller do something instead of waiting for a while."""
        service.engine.site = dataclasses.replace(
            service.engine.site, sleep=lambda seconds: waits()
        )

    def impatient(self, service: Service) -> None:
        """Have a controller wait for nobody."""
        service.engine.site = dataclasses.replace(
            service.engine.site, busy_timeout_seconds=0
        )

    def check(self) -> None:
        """See that nothing is left to do."""
        self.assertEqual([], agreement.differences(self.d))

    def bear_two(self, first: Act, word: str, second: Act) -> None:
        """Have one wait for the other, who has begun."""
        waits, done = threading.Event(), threading.Event()
        asked: list[_Asked] = []

        def wait() -> None:
            waits.set()
            self.assertTrue(done.wait(_SECONDS))

        def ask() -> None:
            self.patient(self.other, wait)
            asked.append(_Asked(second, self.other))
            self.assertTrue(waits.wait(_SECONDS))

        self.in_the_midst_of(first, word, ask)
        done.set()
        asked[0].join(_SECONDS)
        self.assertIsNone(asked[0].error)
        self.check()


@databases.on_each_engine
class WaitTestCase(ControllersTestCase):
    """One finds the other at work."""

    def test_two_changes_of_one_share(self) -> None:
        """Both are made, one after the other."""
        self.bear_two(self.extend, 'limit-usage', self.add_bob)
        volume = self.d.service.volume(_SHARE)
        self.assertEqual(5 * GIB, volume.size_bytes)
        self.assertEqual(('bob',), volume.access)

    def test_the_same_share_is_created(self) -> None:
        """It is created once, and both have it."""
        self.bear_two(self.create, 'mkfs.xfs', self.create)
        self.assertEqual(2, len(self.d.service.volumes()))

    def test_a_share_is_deleted_while_it_grows(self) -> None:
        """That is waited for."""
        self.bear_two(self.extend, 'limit-usage', self.delete)
        self.assertEqual((), self.d.service.volumes())

    def test_the_topology_is_loaded_twice(self) -> None:
        """The second load finds all there."""
        self.bear_two(self.load, 'vgcreate', self.load)
        self.assertEqual(4, len(self.d.service.nodes()))


@databases.on_servers
class ClockTestCase(ControllersTestCase):
    """The clock of the second one is hours ahead."""

    def recover(self) -> None:
        """Have the second one see whether there is anything to recover."""
        ahead = clock.local() + datetime.timedelta(hours=5)
        with mock.patch.object(clock, 'local', lambda: ahead):
            self.assertEqual((), self.other.recover())

    def test_the_first_one_is_at_work(self) -> None:
        """Its leases are the second one's by no clock but the server's."""
        self.in_the_midst_of(self.create, 'mkfs.xfs', self.recover)
        self.assertEqual(2, len(self.d.service.volumes()))
        self.check()


@databases.on_each_engine
@ddt.ddt
class WindowTestCase(ControllersTestCase):
    """Each has looked before the other began, and seen nobody."""

    def ask_after_a_look(self, service: Service, act: Act, then: Act) -> None:
        """Have another thing done between a look and what follows."""
        look = recovery.recover_before
        looked: list[bool] = []

        def look_first(*what: Any) -> None:
            look(*what)
            if not looked:
                looked.append(True)
                then(service)

        with mock.patch.object(recovery, 'recover_before', look_first):
            act(service)

    def test_what_was_read_is_read_again(self) -> None:
        """Neither loses what the other has changed."""
        self.ask_after_a_look(
            self.other, self.add_bob, lambda s: self.add_alice(self.d.service)
        )
        self.assertEqual(
            ('alice', 'bob'), self.d.service.volume(_SHARE).access
        )
        self.check()

    def test_a_size_that_was_read_is_old(self) -> None:
        """A share that has grown meanwhile is not made smaller by that."""

        def grow(service: Service) -> None:
            self.d.service.extend_volume(_SHARE, 9 * GIB)

        self.assertRaises(
            exceptions.InvalidInput,
            self.ask_after_a_look,
            self.other,
            self.extend,
            grow,
        )
        self.assertEqual(9 * GIB, self.d.service.volume(_SHARE).size_bytes)
        self.check()

    def test_a_share_is_gone_by_then(self) -> None:
        """There is none to change any more."""
        self.assertRaises(
            exceptions.NotFound,
            self.ask_after_a_look,
            self.other,
            self.add_bob,
            lambda s: self.delete(self.d.service),
        )
        self.check()

    def test_a_share_goes_while_gluster_is_asked(self) -> None:
        """What Gluster says of it then is of no account."""
        self.way.before = once(
            says('quota', 'list'), lambda *of: self.delete(self.d.service)
        )
        self.assertRaises(exceptions.NotFound, self.shrink, self.other)
        self.check()

    @ddt.data(
        ('extend', 'limit-usage', 'extend'),
        ('extend', 'limit-usage', 'shrink'),
        ('extend', 'limit-usage', 'add_bob'),
        ('extend', 'limit-usage', 'delete'),
        ('delete', 'lvremove', 'add_bob'),
        ('create', 'mkfs.xfs', 'create'),
        ('load', 'vgcreate', 'remove_node'),
        ('load', 'vgcreate', 'load'),
    )
    @ddt.unpack
    def test_the_other_one_is_at_work(
        self, first: str, word: str, second: str
    ) -> None:
        """Who looked before is refused, and nothing was changed."""
        self.impatient(self.other)
        act = getattr(self, second)
        refused: list[Exception] = []

        def ask() -> None:
            before = self.d.record()
            with mock.patch.object(recovery, 'recover_before', lambda *w: 0):
                error = self.assertRaises(
                    (exceptions.UnderWay, exceptions.NotFound),
                    act,
                    self.other,
                )
            self.assertEqual(before, self.d.record())
            refused.append(error)

        self.in_the_midst_of(getattr(self, first), word, ask)
        self.assertEqual(
            'MGH-110' if first == 'delete' else 'MGH-113', refused[0].code
        )
        self.check()

    def test_a_repair(self) -> None:
        """It takes turns with all other changes of the volume."""
        volume = self.d.service.volume(_SHARE)
        seen: list[model.Operation] = []
        self.impatient(self.other)

        def ask() -> None:
            seen.extend(self.other.operations())
            self.assertRaises(exceptions.UnderWay, self.add_bob, self.other)

        self.d.gluster(volume).quota_bytes = GIB
        self.in_the_midst_of(
            lambda service: service.truth.repair(), 'limit-usage', ask
        )
        self.assertEqual(volume.id, seen[0].subject)
        self.check()
