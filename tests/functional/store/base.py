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

"""A store in a database of its own, and values to put into it."""

import dataclasses
import datetime
import threading
from collections.abc import Callable
from typing import Any
from typing import ClassVar

from manila_gluster_heketi import model
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.spread import Mode
from manila_gluster_heketi.spread import zones
from manila_gluster_heketi.store import session
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests import base
from tests.functional import databases

GIB = 1024**3
NOON = datetime.datetime(2031, 5, 4, 12, 0, 0, 7, datetime.timezone.utc)


class StoreTestCase(base.TestCase):
    """A test with an empty store.

    :cvar engine: of the database
    """

    engine: ClassVar[str] = 'sqlite'

    def setUp(self) -> None:
        """Make the store."""
        super().setUp()
        self.database = self.new_database(synced=True)
        self.url = self.database.url
        self.store = self.another_store()

    def new_database(
        self, *, synced: bool = False, engine: str = ''
    ) -> databases.Database:
        """Make a further database.

        :param synced: with the present schema, else empty
        :param engine: if it is to be of another kind
        """
        return self.useFixture(
            databases.Database(engine or self.engine, synced=synced)
        )

    def another_store(self) -> session.Store:
        """Open the same database as another process would."""
        store = session.Store(self.url)
        self.addCleanup(store.close)
        return store

    def all_at_once(self, calls: list[Callable[[], Any]]) -> list[Any]:
        """Return what each call returned or raised, each in a thread."""
        results: list[Any] = [None] * len(calls)
        start = threading.Barrier(len(calls))

        def run(index: int) -> None:
            start.wait()
            try:
                results[index] = calls[index]()
            except Exception as error:
                results[index] = error

        threads = [
            threading.Thread(target=run, args=(index,))
            for index in range(len(calls))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def add_cluster(self, **changes: Any) -> model.Cluster:
        """Record a cluster."""
        new = model.Cluster(id=model.new_id(), name='one')
        new = dataclasses.replace(new, **changes)
        with self.store.write() as tx:
            topology.add_cluster(tx, new)
        return new

    def add_node(self, cluster: model.Cluster, host: str) -> model.Node:
        """Record a node."""
        new = model.Node(
            id=model.new_id(),
            cluster_id=cluster.id,
            manage_host=host,
            storage_host=f'{host}-data',
            zone=3,
            tags={'rack': 'b'},
            host_key='ssh-ed25519 AAAA',
            tls_directory='/etc/ssl',
        )
        with self.store.write() as tx:
            topology.add_node(tx, new)
        return new

    def add_device(self, node: model.Node, path: str) -> model.Device:
        """Record a device of 100 GiB."""
        identity = model.new_id()
        new = model.Device(
            id=identity,
            node_id=node.id,
            path=path,
            vg_name=f'vg_{identity}',
            pool_name='pool',
            total_bytes=100 * GIB,
            extent_bytes=4 * 1024**2,
            tags={'disk': 'ssd'},
            pv_uuid='uuid',
        )
        with self.store.write() as tx:
            topology.add_device(tx, new)
        return new

    def add_volume(
        self, cluster: model.Cluster, **changes: Any
    ) -> model.Volume:
        """Record a volume of 1 GiB."""
        new = self.volume(cluster, **changes)
        with self.store.write() as tx:
            volumes.add_volume(tx, new)
        return new

    def volume(self, cluster: model.Cluster, **changes: Any) -> model.Volume:
        """Make a volume with a name and a share of its own."""
        identity = model.new_id()
        new = model.Volume(
            id=identity,
            cluster_id=cluster.id,
            share_id=f'share-{identity}',
            name=f'vol_{identity}',
            size_bytes=GIB,
            capacity_bytes=2 * GIB,
            durability=replicate(2),
            spread=zones(Mode.STRICT),
            state=model.VolumeState.CREATING,
            access=('alice', 'bob'),
        )
        return dataclasses.replace(new, **changes)

    def brick(
        self,
        volume: model.Volume,
        device: model.Device,
        set_index: int = 0,
        position: int = 0,
    ) -> model.Brick:
        """Make a brick of 10 GiB."""
        identity = model.new_id()
        return model.Brick(
            id=identity,
            volume_id=volume.id,
            device_id=device.id,
            set_index=set_index,
            position=position,
            size_bytes=10 * GIB,
            vg_name=device.vg_name,
            pool_name=device.pool_name,
            lv_name=f'brick_{identity}',
            mount_path=f'/mounts/{identity}',
            brick_path=f'/mounts/{identity}/brick',
        )
