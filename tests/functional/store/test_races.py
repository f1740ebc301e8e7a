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


"""Tests of processes that reserve, move and free bricks at the same time."""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import multiprocessing
import random
import threading
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from unittest import mock

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.operations import create_volume
from manila_gluster_heketi.operations import remove_hardware
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction
from tests.functional import databases
from tests.functional.store import base

_PROCESSES = 4
_ACTIONS = 40


class Racer:
    """A process of the control plane that changes one thing after another."""

    def __init__(self, url: str, number: int) -> None:
        """Open the store; nothing of the parent's is used."""
        self.store = session.Store(url)
        self.chance = random.Random(number)
        self.number = number
        self.engine = Engine(self.store, mock.Mock(spec=Site))
        self.inventories = Inventories()
        self.reserved = 0

    def run(self) -> tuple[int, bool]:
        """Make all changes.

        :returns: how many volumes were reserved, and whether what the
            process knows of the cluster is what is on record
        """
        for _ in range(_ACTIONS):
            action = self.chance.choices(
                (self._reserve, self._free, self._move, self._grow),
                (6, 2, 2, 1),
            )
            # Another may have been quicker.
            with contextlib.suppress(exceptions.NotFound, exceptions.Conflict):
                try:
                    action[0]()
                except exceptions.NoSpace:
                    # Or else the last one finds all full, and changes little.
                    self._free()
        with self.store.read() as tx:
            [cluster] = topology.clusters(tx)
            truth = topology.snapshot(tx, cluster.id)
            with self.inventories.of(tx, [cluster.id]) as (known,):
                is_true = known.snapshot() == truth
        self.store.close()
        return self.reserved, is_true

    def _reserve(self) -> None:
        name = f'{self.number}-{self.reserved}'
        spec = model.VolumeSpec(
            share_id=name,
            name=name,
            size_bytes=self.chance.randint(1, 30) * base.GIB,
            durability=replicate(2),
            spread=zones(Mode.NONE),
        )
        create_volume.reserve(
            self.engine, self.inventories, spec, create_volume.Policy()
        )
        self.reserved += 1

    def _free(self) -> None:
        """Free a volume, whoever made it."""

        def free(tx: WriteTransaction) -> None:
            volume = self.chance.choice(volumes.volumes(tx) or (None,))
            if volume is not None:
                bricks = volumes.bricks(tx, volume.id)
                volumes.remove_bricks(tx, [brick.id for brick in bricks])
                volumes.remove_volume(tx, volume.id)

        self.store.transact(free)

    def _move(self) -> None:
        """Let another device have a brick."""
        self.store.transact(lambda tx: self._change(tx, move=True))

    def _grow(self) -> None:
        self.store.transact(lambda tx: self._change(tx, move=False))

    def _change(self, tx: WriteTransaction, move: bool) -> None:
        [cluster] = topology.clusters(tx)
        generations.lock(tx, [cluster.id])
        volume = self.chance.choice(volumes.volumes(tx) or (None,))
        if volume is None:
            return
        bricks = volumes.bricks(tx, volume.id)
        devices = topology.snapshot(tx, volume.cluster_id).devices
        brick = self.chance.choice(bricks)
        more = brick.size_bytes if move else base.GIB
        room = [
            each.device.id
            for each in devices
            if each.free_bytes >= more
            and (move or each.device.id == brick.device_id)
        ]
        if room:
            changed = dataclasses.replace(
                brick,
                device_id=self.chance.choice(room),
                size_bytes=brick.size_bytes + (0 if move else more),
            )
            volumes.update_brick(tx, changed)


def _race(url: str, number: int) -> tuple[int, bool]:
    return Racer(url, number).run()


class Racetrack(base.StoreTestCase):
    """A cluster that four processes fill up."""

    allow_processes = True

    def race(self, *urls: str) -> None:
        """Let the processes run, and check what they leave."""
        cluster = self.add_cluster()
        nodes = [self.add_node(cluster, host) for host in 'abc']
        for node in nodes:
            for disk in 'de':
                self.add_device(node, f'/dev/sd{disk}')
        self.store.close()
        with concurrent.futures.ProcessPoolExecutor(
            _PROCESSES, mp_context=multiprocessing.get_context('fork')
        ) as pool:
            numbers = range(_PROCESSES)
            results = list(pool.map(_race, itertools.cycle(urls), numbers))
        self.assertEqual([True] * _PROCESSES, [known for _, known in results])
        self.assertGreater(sum(made for made, _ in results), _ACTIONS)
        self._check(cluster)

    def _check(self, cluster: model.Cluster) -> None:
        """Devices hold what their bricks are, and not more than they can."""
        with self.store.read() as tx:
            for each in topology.snapshot(tx, cluster.id).devices:
                bricks = volumes.bricks_of_device(tx, each.device.id)
                self.assertEqual(
                    sum(brick.size_bytes for brick in bricks), each.used_bytes
                )
                self.assertGreaterEqual(each.free_bytes, 0)


@databases.on_each_engine
class RaceTestCase(Racetrack):
    """All processes use one database."""

    def test_many_processes_at_once(self) -> None:
        """The record is right after all that, and each process knows it."""
        self.race(self.url)


@databases.on_servers
class MeanwhileTestCase(base.StoreTestCase):
    """A process is in the middle of a transaction when another one comes."""

    def setUp(self) -> None:
        """Make a volume and three devices."""
        super().setUp()
        self.cluster = self.add_cluster()
        node = self.add_node(self.cluster, 'a')
        self.devices = [
            self.add_device(node, f'/dev/sd{disk}') for disk in 'bcd'
        ]
        self.made = self.add_volume(self.cluster)

    @contextlib.contextmanager
    def _meanwhile(
        self, act: Callable[[], Any]
    ) -> Iterator[tuple[WriteTransaction, Callable[[], None], list[Any]]]:
        """Give a transaction, what lets the other one come, and its result."""
        results: list[Any] = []

        def run() -> None:
            try:
                results.append(act())
            except exceptions.GlusterHeketiError as error:
                results.append(error)

        other = threading.Thread(target=run)

        def come() -> None:
            other.start()
            # By then it waits, or it never will.
            other.join(0.3)

        with self.store.write() as tx:
            yield tx, come, results
        other.join()

    def _used(self) -> list[int]:
        with self.store.read() as tx:
            capacities = topology.snapshot(tx, self.cluster.id).devices
        used = {each.device.id: each.used_bytes for each in capacities}
        return [used[device.id] for device in self.devices]

    def _held_after(self, change: Callable[[WriteTransaction], None]) -> Any:
        """Move a brick while it is being changed; say what devices hold."""
        brick = self.brick(self.made, self.devices[0])
        with self.store.write() as tx:
            volumes.add_bricks(tx, [brick])
        self.moved = dataclasses.replace(brick, device_id=self.devices[1].id)
        with self._meanwhile(lambda: self.store.transact(change)) as (
            tx,
            come,
            results,
        ):
            volumes.update_brick(tx, self.moved)
            come()
        self.assertEqual([None], results)
        return self._used()

    def test_brick_is_freed(self) -> None:
        """No device holds it any more."""
        self.assertEqual(
            [0, 0, 0],
            self._held_after(
                lambda tx: volumes.remove_bricks(tx, [self.moved.id])
            ),
        )

    def test_brick_is_moved_on(self) -> None:
        """The last device holds it, and none of those before."""

        def move_on(tx: WriteTransaction) -> None:
            further = dataclasses.replace(
                self.moved, device_id=self.devices[2].id
            )
            volumes.update_brick(tx, further)

        self.assertEqual([0, 0, 10 * base.GIB], self._held_after(move_on))

    def _change(self, tx: WriteTransaction, **fields: Any) -> None:
        volume = volumes.volume(tx, self.made.id)
        volumes.update_volume(tx, dataclasses.replace(volume, **fields))

    def test_two_change_a_volume(self) -> None:
        """Each changes what it wants to, and nothing else."""
        with self._meanwhile(
            lambda: self.store.transact(
                lambda tx: self._change(tx, access=('carol',))
            )
        ) as (tx, come, results):
            volume = volumes.volume(tx, self.made.id)
            come()
            volumes.update_volume(
                tx, dataclasses.replace(volume, size_bytes=5 * base.GIB)
            )
        self.assertEqual([None], results)
        with self.store.read() as tx:
            changed = volumes.volume(tx, self.made.id)
        self.assertEqual(
            (5 * base.GIB, ('carol',)), (changed.size_bytes, changed.access)
        )

    def test_brick_is_placed_on_a_device_that_goes(self) -> None:
        """Whoever takes it out sees the brick; it was there first."""
        engine = Engine(self.store, mock.Mock(spec=Site))
        device = self.devices[0]
        with self._meanwhile(
            lambda: remove_hardware.remove_device(
                engine, device.id, forget=True
            )
        ) as (tx, come, results):
            volumes.add_bricks(tx, [self.brick(self.made, device)])
            come()
        self.assertIsInstance(results[0], exceptions.Conflict)
        with self.store.read() as tx:
            found = topology.device(tx, device.id)
        self.assertEqual(model.EntryState.ONLINE, found.state)
