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

"""What is to be emptied, as operators name it."""

import collections
import dataclasses

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model


@dataclasses.dataclass(frozen=True, slots=True)
class Drain:
    """Devices, nodes and zones; all of them together.

    :ivar devices: HOST:PATH of each, the host as SSH reaches it
    :ivar nodes: hosts as SSH reaches them
    """

    devices: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    zones: tuple[int, ...] = ()

    def device_ids(self, snapshot: model.Snapshot) -> frozenset[str]:
        """Find the devices in a cluster, by their identities.

        :raises InvalidInput: the cluster has none of a name
        """
        known: dict[tuple[str, str], set[str]] = collections.defaultdict(set)
        for each in snapshot.devices:
            for kind, name in (
                ('device', each.name),
                ('node', each.node.manage_host),
                ('zone', str(each.node.zone)),
            ):
                known[kind, name].add(each.device.id)
        wanted = [
            *(('device', name) for name in self.devices),
            *(('node', name) for name in self.nodes),
            *(('zone', str(zone)) for zone in self.zones),
        ]
        for kind, name in wanted:
            if (kind, name) not in known:
                raise exceptions.InvalidInput(
                    field=f'drain {kind}',
                    value=name,
                    reason=f'cluster {snapshot.cluster.name} has no device '
                    'there',
                )
        return frozenset().union(*(known[each] for each in wanted))
