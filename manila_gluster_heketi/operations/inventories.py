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

"""What clusters have room for, kept in step with the store.

To read ten thousand devices and to put them in order takes a hundred times as
long as to place a share. So each process keeps what it read, and asks the
store what has changed since.
"""

import contextlib
import threading
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import Transaction


class Inventories:
    """The inventories of all clusters; one for each process is enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, allocator.Inventory] = {}

    @contextlib.contextmanager
    def of(
        self, tx: Transaction, cluster_ids: Sequence[str]
    ) -> Iterator[tuple[allocator.Inventory, ...]]:
        """Lend inventories as of a transaction, in the order asked for.

        They are for nobody else meanwhile: don't wait for hosts or the
        store with them. Ask before the transaction writes anything: what it
        wrote may be undone, and must not be kept.

        :raises NotFound: no such cluster
        """
        if tx.has_written:
            raise ValueError('inventories are lent before anything is written')
        with self._lock:
            yield tuple(self._recent(tx, each) for each in cluster_ids)

    def _recent(self, tx: Transaction, cluster_id: str) -> allocator.Inventory:
        cluster = topology.cluster(tx, cluster_id)
        kept = self._kept.get(cluster_id)
        # A store that was put back to an earlier state has a lower one.
        if (
            kept is None
            or kept.cluster.shape_generation != cluster.shape_generation
            or kept.cluster.generation > cluster.generation
        ):
            kept = allocator.Inventory(topology.snapshot(tx, cluster_id))
            self._kept[cluster_id] = kept
        elif kept.cluster.generation < cluster.generation:
            changed = generations.used_since(
                tx, cluster_id, kept.cluster.generation
            )
            kept.update(cluster, changed)
        return kept
