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

"""What the glusterds of simulated hosts know together."""

import dataclasses
import threading
import uuid

from manila_gluster_heketi.executor.simulated.host import Host

#: What glusterd sets by itself in every volume.
DEFAULT_OPTIONS = {
    'storage.fips-mode-rchecksum': 'on',
    'transport.address-family': 'inet',
    'nfs.disable': 'on',
}


class Refused(Exception):
    """glusterd refuses, with these words."""


class Crashed(Exception):
    """glusterd died of the command."""


@dataclasses.dataclass(slots=True)
class Member:
    """A host of a pool, with the names that its peers know it by."""

    host: Host
    names: list[str]


@dataclasses.dataclass(slots=True, eq=False)
class Volume:
    """A Gluster volume.

    :ivar addresses: its bricks, HOST:PATH, set by set
    :ivar quota_bytes: None without a limit
    :ivar used_bytes: what clients wrote
    """

    name: str
    replica: int
    addresses: list[str]
    status: str = 'Created'
    options: dict[str, str] = dataclasses.field(
        default_factory=lambda: dict(DEFAULT_OPTIONS)
    )
    quota_bytes: int | None = None
    used_bytes: int = 0
    was_rebalanced: bool = False
    uuid: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def sets(self) -> int:
        """How many brick sets it has."""
        return len(self.addresses) // self.replica

    @property
    def kind(self) -> str:
        """Its type as gluster names it."""
        if self.replica == 1:
            return 'Distribute'
        return 'Replicate' if self.sets == 1 else 'Distributed-Replicate'

    @property
    def has_quota(self) -> bool:
        """Whether quota is on."""
        return self.options.get('features.quota') == 'on'


class Pool:
    """A trusted storage pool."""

    def __init__(self, first: Host) -> None:
        self.members = [Member(first, [first.storage])]
        self.volumes: dict[str, Volume] = {}
        self._locks: dict[str, threading.Lock] = {}

    def member(self, host: Host) -> Member:
        """Find the entry of a host."""
        [found] = [each for each in self.members if each.host is host]
        return found

    def lock(self, name: str) -> threading.Lock:
        """Give the lock of a volume's name."""
        return self._locks.setdefault(name, threading.Lock())

    def volume(self, name: str) -> Volume:
        """Find a volume.

        :raises Refused: it does not exist
        """
        if name not in self.volumes:
            raise Refused(f'Volume {name} does not exist')
        return self.volumes[name]
