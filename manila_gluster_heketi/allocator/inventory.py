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

"""A cluster's devices, ready to be asked for places again and again."""

import collections
import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator.estate import Estate
from manila_gluster_heketi.allocator.placement import Slot
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.scoring import Balanced
from manila_gluster_heketi.allocator.scoring import Scoring
from manila_gluster_heketi.allocator.search import Ground

# Share types that differ in their tags have indexes of their own.
_MOST_ESTATES = 8

_Key = tuple[str, bool | None]


class Inventory:
    """Where a cluster has room, as of one generation and what came since.

    It is not safe for threads: the caller sees to it that one asks at a time.

    :ivar cluster: whose generation says how recent this is
    """

    def __init__(self, snapshot: model.Snapshot) -> None:
        self.cluster = snapshot.cluster
        self._devices = {c.device.id: c for c in snapshot.devices}
        self._estates: collections.OrderedDict[_Key, Estate] = (
            collections.OrderedDict()
        )

    def snapshot(self) -> model.Snapshot:
        """Show the cluster as it is now."""
        return model.Snapshot(self.cluster, tuple(self._devices.values()))

    def ground(
        self,
        request: Request,
        scoring: type[Scoring] = Balanced,
        seed: int = 0,
    ) -> Ground:
        """Return the devices that a request may use."""
        data = self._estate(request, seed, arbiter=False)
        arbiters = either = data
        if request.durability.has_arbiter:
            arbiters = self._estate(request, seed, arbiter=True)
            either = self._estate(request, seed, arbiter=None)
        return Ground(data, arbiters, either, scoring, seed)

    def change(
        self,
        slots: Iterable[Slot],
        generation: int,
        *,
        freed: bool = False,
    ) -> None:
        """Follow what was reserved, or freed, by a change of the cluster.

        :param generation: what the cluster's is since
        """
        for slot in slots:
            taken_bytes = -slot.size_bytes if freed else slot.size_bytes
            old = self._devices[slot.device_id]
            self._devices[slot.device_id] = dataclasses.replace(
                old, used_bytes=old.used_bytes + taken_bytes
            )
            for estate in self._estates.values():
                estate.change(slot.device_id, taken_bytes)
        self.cluster = dataclasses.replace(self.cluster, generation=generation)

    def update(
        self, cluster: model.Cluster, used_bytes: Mapping[str, int]
    ) -> None:
        """Follow what others changed; the devices are still the same ones.

        :param cluster: as it is now
        :param used_bytes: what devices hold now, by their identities; those
            that are left out hold what they did, others are not counted
        """
        for device_id in used_bytes.keys() & self._devices.keys():
            old, used = self._devices[device_id], used_bytes[device_id]
            self._devices[device_id] = dataclasses.replace(
                old, used_bytes=used
            )
            for estate in self._estates.values():
                estate.change(device_id, used - old.used_bytes)
        self.cluster = cluster

    def _estate(
        self, request: Request, seed: int, *, arbiter: bool | None
    ) -> Estate:
        """Find or make the index of the devices that a request may use."""
        if request.excluded or seed:
            # After a failure, or for an experiment: not worth keeping.
            return self._new_estate(request, seed, arbiter=arbiter)
        key = request.tags, arbiter
        if key not in self._estates:
            if len(self._estates) >= _MOST_ESTATES:
                self._estates.popitem(last=False)
            self._estates[key] = self._new_estate(
                request, seed, arbiter=arbiter
            )
        self._estates.move_to_end(key)
        return self._estates[key]

    def _new_estate(
        self, request: Request, seed: int, *, arbiter: bool | None
    ) -> Estate:
        devices = tuple(self._devices.values())
        return Estate(filters.usable(request, devices, arbiter=arbiter), seed)
