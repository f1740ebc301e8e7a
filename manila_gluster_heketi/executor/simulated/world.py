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

"""All that simulated hosts are, in one value that can be copied."""

from collections.abc import Iterable

from manila_gluster_heketi.executor.simulated import bricks
from manila_gluster_heketi.executor.simulated.gluster_state import Pool
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.executor.simulated.network import Clock
from manila_gluster_heketi.executor.simulated.network import Network
from manila_gluster_heketi.executor.simulated.transactions import Scene
from manila_gluster_heketi.hostcmd.command import Command


class World:
    """Hosts, the network between them, and their trusted pools.

    :ivar hosts: by the name that SSH goes to
    :ivar addresses: hosts by all names that they have
    :ivar late: by host, what it runs once it moves again
    :ivar bad_commits: hosts that fail to make the next change of a volume
    """

    def __init__(self, specs: Iterable[HostSpec]) -> None:
        self.clock = Clock()
        self.hosts = {spec.name: Host(spec, self.clock) for spec in specs}
        self.network = Network(self.clock, next(iter(self.hosts), ''))
        self.addresses = {
            address: host
            for host in self.hosts.values()
            for address in (host.name, host.storage)
        }
        self.late: dict[str, list[tuple[Command, ...]]] = {}
        self.bad_commits: set[str] = set()
        self._secured: set[str] = set()
        self._pools: dict[str, Pool] = {}

    def pool(self, host: Host) -> Pool:
        """Find the pool that a host is in; it begins in one of its own."""
        if host.name not in self._pools:
            self._pools[host.name] = Pool(host)
        return self._pools[host.name]

    def join(self, host: Host, pool: Pool) -> None:
        """Put a host into a pool."""
        self._pools[host.name] = pool

    def leave(self, host: Host) -> None:
        """Take a host out of its pool."""
        del self._pools[host.name]

    def scene(self, host: Host) -> Scene:
        """Set the scene for a command on a host."""
        return Scene(
            host, self.pool(host), self.addresses, self.network, self.clock
        )

    def glusterd_started(self, host: Host) -> None:
        """Have a glusterd begin anew: with no locks, and told what is new."""
        pool = self.pool(host)
        pool.restarted(host)
        if host.secure_access is not (host.name in self._secured):
            self._secured ^= {host.name}
            # Its peers hear that a connection is closed.
            self.network.note(host, silent=False)
        if not any(self._differ(host, each.host) for each in pool.members):
            pool.resync()

    @staticmethod
    def _differ(one: Host, other: Host) -> bool:
        """Tell whether two hosts do not speak with each other."""
        return one.secure_access is not other.secure_access

    def is_busy(self, host: Host, path: str) -> bool:
        """Tell whether a brick process works below a path of a host."""
        if not host.glusterd_runs:
            return False
        return any(
            self.addresses.get(address.partition(':')[0]) is host
            and bricks.path_of(address).startswith(f'{path}/')
            for volume in self.pool(host).known_to(host).values()
            if volume.status == 'Started'
            for address in volume.addresses
        )
