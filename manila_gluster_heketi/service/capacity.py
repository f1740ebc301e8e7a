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

"""What there is room for."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import Transaction


@dataclasses.dataclass(frozen=True, slots=True)
class Pool:
    """What a cluster can hold, and what shares were promised of it.

    :ivar allocated_bytes: the quotas of all its volumes
    :ivar volumes: how many there are, the condemned ones too
    """

    cluster: model.Cluster
    capacity: allocator.PoolCapacity
    allocated_bytes: int
    volumes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """A pool, its devices, and how level these are."""

    pool: Pool
    level: allocator.Level
    devices: tuple[model.DeviceCapacity, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ClusterFit:
    """How many more volumes fit into a cluster."""

    cluster: model.Cluster
    fit: allocator.Fit


@dataclasses.dataclass(frozen=True, slots=True)
class _Measured:
    """A capacity, and the cluster at the generation that it is of."""

    cluster: model.Cluster
    capacity: allocator.PoolCapacity


class Capacity:
    """Questions about room; nothing is changed by them."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        inventories: Inventories,
        limits: allocator.Limits,
    ) -> None:
        self._store = store
        self._settings = settings
        self._inventories = inventories
        self._limits = limits
        self._measured: dict[str, _Measured] = {}

    def kind(self) -> allocator.Request:
        """Return the kind of volumes that the configuration asks for."""
        return allocator.Request(
            data_bytes=0,
            durability=self._settings.durability,
            spread=self._settings.spread,
            limits=self._limits,
            tags=self._settings.device_tags,
            average_file_bytes=self._settings.average_file_bytes,
        )

    def pools(self) -> tuple[Pool, ...]:
        """Say what each cluster can hold, in bytes of tenants' data."""
        with self._store.read() as tx:
            allocated = volumes.allocated(tx)
            with self._inventories.of(tx, self._clusters(tx)) as found:
                return tuple(
                    _pool(each.cluster, self._capacity(each), allocated)
                    for each in found
                )

    def _capacity(
        self, inventory: allocator.Inventory
    ) -> allocator.PoolCapacity:
        """Measure a cluster unless it is as it was the last time."""
        cluster = inventory.cluster
        measured = self._measured.get(cluster.id)
        if measured is None or measured.cluster != cluster:
            capacity = allocator.pool_stats(inventory, self.kind())
            measured = _Measured(cluster, capacity)
            self._measured[cluster.id] = measured
        return measured.capacity

    def reports(
        self, kind: allocator.Request, cluster: str = ''
    ) -> tuple[Report, ...]:
        """Say what each cluster can hold, and how level it is.

        :param cluster: this one alone; '' for those that are configured
        :raises NotFound: there is none of that name
        :raises InvalidInput: a tier is unknown in all of them; those where
            it is unknown are left out
        """
        with self._store.read() as tx:
            allocated = volumes.allocated(tx)
            copies = self._copies(tx, cluster)
        return tuple(
            Report(
                pool=_pool(
                    each.cluster, allocator.pool_stats(each, kind), allocated
                ),
                level=allocator.level_of(each.snapshot(), kind),
                devices=each.snapshot().devices,
            )
            for each in _with_tiers(copies, kind)
        )

    def fits(
        self,
        kind: allocator.Request,
        size_bytes: int,
        at_most: int,
        cluster: str = '',
    ) -> tuple[ClusterFit, ...]:
        """Count how many more shares of a size each cluster has room for.

        :param size_bytes: of a share; the configured headroom is added
        :param at_most: stop at so many in each cluster
        :param cluster: this one alone; '' for those that are configured
        :raises NotFound: there is none of that name
        :raises InvalidInput: a tier is unknown in all of them; those where
            it is unknown are left out
        """
        percent = 100 + self._settings.headroom_percent
        request = dataclasses.replace(
            kind, data_bytes=size_bytes * percent // 100
        )
        with self._store.read() as tx:
            copies = self._copies(tx, cluster)
        return tuple(
            ClusterFit(each.cluster, allocator.fit(each, request, at_most))
            for each in _with_tiers(copies, request)
        )

    def _copies(
        self, tx: Transaction, cluster: str
    ) -> tuple[allocator.Inventory, ...]:
        """Copy inventories, so that nobody waits for long questions."""
        with self._inventories.of(tx, self._clusters(tx, cluster)) as found:
            return tuple(
                allocator.Inventory(each.snapshot()) for each in found
            )

    def _clusters(self, tx: Transaction, name: str = '') -> list[str]:
        wanted = name or self._settings.cluster
        found = [
            each.id
            for each in topology.clusters(tx)
            if wanted in ('', each.name)
        ]
        if name and not found:
            raise exceptions.NotFound(kind='cluster', identity=name)
        return found


def _pool(
    cluster: model.Cluster,
    capacity: allocator.PoolCapacity,
    allocated: Mapping[str, volumes.Allocated],
) -> Pool:
    promised = allocated.get(cluster.id, volumes.Allocated())
    return Pool(
        cluster=cluster,
        capacity=capacity,
        allocated_bytes=promised.size_bytes,
        volumes=promised.volumes,
    )


def _with_tiers(
    inventories: Sequence[allocator.Inventory], kind: allocator.Request
) -> list[allocator.Inventory]:
    """Return those of which all tiers are known."""
    known: list[allocator.Inventory] = []
    unknown: list[exceptions.InvalidInput] = []
    for each in inventories:
        try:
            allocator.check_tiers(each, kind)
            known.append(each)
        except exceptions.InvalidInput as error:
            unknown.append(error)
    if unknown and not known:
        raise unknown[0]
    return known
