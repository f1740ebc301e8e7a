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

"""Makes the devices of a simulated cluster."""

import random
from collections.abc import Iterable

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.simulator.scenario import Hardware

CLUSTER = 'simulated'


def devices(
    hardware: Hardware, first_node: int, chance: random.Random
) -> Iterable[model.DeviceCapacity]:
    """Yield empty devices; nodes are called ``z1n0``, devices ``z1n0d0``."""
    for number in range(first_node, first_node + hardware.nodes):
        name = f'z{hardware.zone}n{number}'
        node = model.Node(
            id=name,
            cluster_id=CLUSTER,
            manage_host=name,
            storage_host=name,
            zone=hardware.zone,
        )
        for index in range(chance.randint(*hardware.disks)):
            yield model.DeviceCapacity(
                model.Device(
                    id=f'{name}d{index}',
                    node_id=name,
                    path=f'/dev/disk{index}',
                    vg_name=f'vg_{name}d{index}',
                    pool_name='pool',
                    total_bytes=int(
                        chance.choice(hardware.disk_tib) * sizes.TIB
                    ),
                    extent_bytes=4 * sizes.MIB,
                ),
                node,
                0,
            )
