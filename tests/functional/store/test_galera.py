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


"""Tests of the store on two nodes of MariaDB with Galera.

Their transactions meet at the commit alone: the later one fails there.
"""

import threading

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction
from tests.functional import databases
from tests.functional import servers
from tests.functional.store import test_races


class PairTestCase(test_races.Racetrack):
    """A store on two nodes, each asked by a process of its own."""

    # To start a pair takes its time: one class has all tests of it.
    allow_processes = True
    allow_sockets = True

    def setUp(self) -> None:
        """Make the database on both."""
        super().setUp()
        try:
            self.pair = databases.pair()
        except servers.NotInstalled as error:
            self.skipTest(str(error))
        first = self.pair.nodes[0]
        name = first.new_store()
        self.addCleanup(first.drop, name)
        self.urls = [node.url(name) for node in self.pair.nodes]
        self.stores = []
        for self.url in self.urls:
            self.stores.append(self.another_store())
        self.store = self.stores[0]
        self.cluster = self.add_cluster()

    def count(self, tx: WriteTransaction) -> None:
        """Count one more."""
        generations.reshape(tx, self.cluster.id)

    def counted(self, node: int) -> int:
        """Say how many are on record on a node."""
        with self.stores[node].read() as tx:
            return topology.cluster(tx, self.cluster.id).generation

    def test_later_commit_fails(self) -> None:
        """Who can't do it again is told that others were quicker."""

        def write_late() -> None:
            with self.stores[1].write() as tx:
                self.count(tx)
                self.stores[0].transact(self.count)

        self.assertRaises(exceptions.StoreBusy, write_late)
        self.assertEqual([1, 1], [self.counted(node) for node in (0, 1)])

    def test_later_commit_is_tried_again(self) -> None:
        """Both are on record."""
        quicker = iter((self.stores[0],))

        def work(tx: WriteTransaction) -> None:
            self.count(tx)
            for store in quicker:
                store.transact(self.count)

        self.stores[1].transact(work)
        self.assertEqual([2, 2], [self.counted(node) for node in (0, 1)])

    def test_both_nodes_count(self) -> None:
        """No count is lost, and each node sees what the other one has."""

        def count(store: session.Store) -> None:
            for _ in range(10):
                store.transact(self.count)

        results = self.all_at_once(
            [lambda store=store: count(store) for store in self.stores * 2]
        )
        self.assertEqual([None] * 4, results)
        self.assertEqual([40, 40], [self.counted(node) for node in (0, 1)])

    def test_what_one_node_has_committed_is_read_on_the_other(self) -> None:
        """At once: a load balancer may lead to either."""
        for number in range(1, 21):
            self.stores[number % 2].transact(self.count)
            self.assertEqual(number, self.counted((number + 1) % 2))

    def test_same_share_on_both_nodes(self) -> None:
        """One volume is made, and the other process is told."""

        def make(store: session.Store) -> None:
            volume = self.volume(self.cluster, share_id='wanted')
            store.transact(lambda tx: volumes.add_volume(tx, volume))

        results = self.all_at_once(
            [lambda store=store: make(store) for store in self.stores * 2]
        )
        self.assertEqual(1, results.count(None), results)
        for error in results:
            if error is not None:
                self.assertIsInstance(error, exceptions.Conflict)

    def test_both_nodes_sync(self) -> None:
        """Each finds what is there."""
        results = self.all_at_once([store.sync for store in self.stores])
        self.assertEqual([None, None], results)

    def test_many_processes_at_once(self) -> None:
        """The record is right after all that, and each process knows it."""
        with self.store.write() as tx:
            topology.remove_cluster(tx, self.cluster.id)
        self.race(*self.urls)

    def test_without_the_other_node(self) -> None:
        """A node that is alone is asked until it is told to go on.

        The pair is of no use afterwards: the name makes this test the last.
        """
        self.addCleanup(databases.pair.cache_clear)
        node = self.stores[0]
        node.transact(self.count)
        self.pair.lose_second()
        self.assertRaises(exceptions.StoreLost, lambda: self.counted(0))
        timer = threading.Timer(0.5, self.pair.let_first_go_on)
        timer.start()
        self.addCleanup(timer.join)
        node.transact(self.count)
        self.assertEqual(2, self.counted(0))
