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

"""What befalls a host, and how an operator puts it right."""

import dataclasses
from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.cluster import SimulatedCluster

_Act = Callable[[SimulatedCluster, str], None]


@dataclasses.dataclass(frozen=True, repr=False)
class HostFault:
    """A fault of a host.

    :ivar in_midst: it comes while a command runs, not between two
    """

    name: str
    strike: _Act
    heal: _Act
    in_midst: bool = False

    def __repr__(self) -> str:
        return self.name


def _reset(cluster: SimulatedCluster, host: str) -> None:
    cluster.power_off(host)
    cluster.power_on(host)


def _freeze(cluster: SimulatedCluster, host: str) -> None:
    cluster.hang(host)
    cluster.refuse(
        host, exceptions.HostUnreachable(host=host, reason='timed out')
    )


def _thaw(cluster: SimulatedCluster, host: str) -> None:
    cluster.refuse(host, None)
    cluster.release(host)


def _stop_glusterd(cluster: SimulatedCluster, host: str) -> None:
    cluster.host(host).glusterd_runs = False


POWER = HostFault(
    'power', SimulatedCluster.power_off, SimulatedCluster.power_on
)
POWER_IN_MIDST = dataclasses.replace(
    POWER, name='power, in the midst', in_midst=True
)
NETWORK = HostFault(
    'network', SimulatedCluster.cut_network, SimulatedCluster.restore_network
)
NETWORK_IN_MIDST = dataclasses.replace(
    NETWORK, name='network, in the midst', in_midst=True
)
CONTROLLER = HostFault(
    'network to us',
    lambda cluster, host: cluster.cut_network(host, peers=False),
    SimulatedCluster.restore_network,
)
PEERS = HostFault(
    'network to peers',
    lambda cluster, host: cluster.cut_network(host, controller=False),
    SimulatedCluster.restore_network,
)
HANG = HostFault('hang', SimulatedCluster.hang, SimulatedCluster.release)
HANG_AND_RESET = HostFault('hang, reset', SimulatedCluster.hang, _reset)
#: It hears of nothing while it is frozen, and goes on with what it was told.
FREEZE = HostFault('freeze', _freeze, _thaw)
ROOT_FULL = HostFault(
    'root full',
    SimulatedCluster.fill_root,
    lambda cluster, host: cluster.fill_root(host, full=False),
)
ROOT_READ_ONLY = HostFault(
    'root read-only',
    lambda cluster, host: cluster.spoil_disks(host, bricks=False),
    SimulatedCluster.repair_disks,
)
BRICKS_READ_ONLY = HostFault(
    'bricks read-only',
    lambda cluster, host: cluster.spoil_disks(host, root=False),
    SimulatedCluster.repair_disks,
)
POOLS_FULL = HostFault(
    'pools full',
    SimulatedCluster.fill_pools,
    lambda cluster, host: cluster.fill_pools(host, full=False),
)
GLUSTERD_STOPS = HostFault(
    'glusterd stops', _stop_glusterd, SimulatedCluster.restart_glusterd
)
GLUSTERD_WEDGED = HostFault(
    'glusterd wedged',
    SimulatedCluster.wedge_glusterd,
    SimulatedCluster.restart_glusterd,
)
COMMIT = HostFault(
    'a commit fails',
    SimulatedCluster.fail_commit,
    SimulatedCluster.restart_glusterd,
)

ALL = (
    POWER,
    POWER_IN_MIDST,
    NETWORK,
    NETWORK_IN_MIDST,
    CONTROLLER,
    PEERS,
    HANG,
    HANG_AND_RESET,
    FREEZE,
    ROOT_FULL,
    ROOT_READ_ONLY,
    BRICKS_READ_ONLY,
    POOLS_FULL,
    GLUSTERD_STOPS,
    GLUSTERD_WEDGED,
    COMMIT,
)
