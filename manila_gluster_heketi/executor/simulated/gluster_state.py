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

import copy
import dataclasses
import uuid

from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.durability import Kind
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


class TimedOut(Exception):
    """The gluster program gave up waiting for glusterd."""


@dataclasses.dataclass(slots=True)
class Member:
    """A host of a pool, with the names that its peers know it by."""

    host: Host
    names: list[str]


@dataclasses.dataclass(slots=True, eq=False)
class Volume:
    """A Gluster volume.

    :ivar durability: what its sets are
    :ivar addresses: its bricks, HOST:PATH, set by set
    :ivar quota_bytes: None without a limit
    :ivar used_bytes: what clients wrote
    :ivar version: grows with each change; peers take the newest
    """

    name: str
    durability: Durability
    addresses: list[str]
    status: str = 'Created'
    options: dict[str, str] = dataclasses.field(
        default_factory=lambda: dict(DEFAULT_OPTIONS)
    )
    quota_bytes: int | None = None
    used_bytes: int = 0
    was_rebalanced: bool = False
    uuid: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    version: int = 0

    def differs_from(self, other: 'Volume') -> bool:
        """Tell whether peers that know it so and so reject each other."""
        return self.version == other.version and (
            self.uuid != other.uuid
            or self.status != other.status
            or self.addresses != other.addresses
            or self.options != other.options
        )

    @property
    def sets(self) -> int:
        """How many brick sets it has."""
        return len(self.addresses) // self.durability.bricks_per_set

    @property
    def kind(self) -> str:
        """Its type as gluster names it."""
        if self.durability.kind is Kind.DISTRIBUTE:
            return 'Distribute'
        kind = 'Replicate'
        if self.durability.kind is Kind.DISPERSE:
            kind = 'Disperse'
        return kind if self.sets == 1 else f'Distributed-{kind}'

    @property
    def has_quota(self) -> bool:
        """Whether quota is on."""
        return self.options.get('features.quota') == 'on'


@dataclasses.dataclass(slots=True)
class _Left:
    """A lock that was left behind, and the members that hold it."""

    until: float
    holders: set[str]


class Pool:
    """A trusted storage pool.

    :ivar volumes: as all members know them that are not ``behind``
    """

    def __init__(self, first: Host) -> None:
        self.members = [Member(first, [first.storage])]
        self.volumes: dict[str, Volume] = {}
        self._behind: dict[tuple[str, str], Volume | None] = {}
        self._rejected: set[str] = set()
        self._aliases: dict[tuple[str, str], list[str]] = {}
        self._held: set[str] = set()
        self._left: dict[str, _Left] = {}

    def member(self, host: Host) -> Member:
        """Find the entry of a host."""
        [found] = [each for each in self.members if each.host is host]
        return found

    def names(self, viewer: Host, host: Host) -> list[str]:
        """List the names by which one member knows another."""
        known = self._aliases.get((viewer.name, host.name))
        return self.member(host).names if known is None else known

    def join(self, new: Member, through: Host) -> None:
        """Have a host be a member.

        It knows the one that probed it by what its resolver says, and the
        others as that one does.
        """
        heard = {
            of: list(names)
            for (viewer, of), names in self._aliases.items()
            if viewer == through.name
        }
        for of, names in {**heard, through.name: [through.name]}.items():
            self._aliases[new.host.name, of] = names
        self.members.append(new)

    def tell(self, host: Host, name: str) -> None:
        """Have all members know one by a further name."""
        known = [self.member(host).names]
        known += [n for (_, of), n in self._aliases.items() if of == host.name]
        for names in known:
            if name not in names:
                names.append(name)

    def part_with(self, host: Host) -> None:
        """Have a host be no member any more."""
        self.members.remove(self.member(host))
        self._rejected.discard(host.name)
        for key in [each for each in self._behind if each[0] == host.name]:
            del self._behind[key]
        for pair in [each for each in self._aliases if host.name in each]:
            del self._aliases[pair]

    # --- locks ------------------------------------------------------------

    def take_lock(self, name: str, now: float) -> bool:
        """Take the lock of a volume's name; tell whether it was free."""
        left = self._left.pop(name, None)
        if left is not None and left.until > now and left.holders:
            self._left[name] = left
            return False
        if name in self._held:
            return False
        self._held.add(name)
        return True

    def give_lock(self, name: str) -> None:
        """Give a lock back."""
        self._held.discard(name)

    def leave_lock(self, name: str, until: float) -> None:
        """Have all members keep a lock that nobody will give back.

        :param until: when its timer ends
        """
        self._left[name] = _Left(until, {m.host.name for m in self.members})

    def restarted(self, host: Host) -> None:
        """Have the glusterd of a member forget what it held."""
        for left in self._left.values():
            left.holders.discard(host.name)

    # --- members that know something else ---------------------------------

    @property
    def is_divided(self) -> bool:
        """Whether some member knows something else than the others."""
        return bool(self._behind)

    def is_rejected(self, host: Host) -> bool:
        """Tell whether the others work without a member."""
        return host.name in self._rejected

    def known(self, host: Host, name: str) -> Volume | None:
        """Give a volume as one member knows it; None if it does not."""
        key = (host.name, name)
        if key in self._behind:
            return self._behind[key]
        return self.volumes.get(name)

    def known_to(self, host: Host) -> dict[str, Volume]:
        """Give the volumes as one member knows them."""
        if not self.is_divided:
            return self.volumes
        names = [*self.volumes, *(name for _, name in self._behind)]
        found = {name: self.known(host, name) for name in names}
        return {n: volume for n, volume in found.items() if volume is not None}

    def leave_behind(self, host: Host, name: str, old: Volume | None) -> None:
        """Have a member know of a volume what it knew before.

        :param old: None if it did not know the volume
        """
        self._behind.setdefault((host.name, name), old)

    def part(self, host: Host, name: str) -> None:
        """Have what a member changes from now on be its own alone."""
        self.leave_behind(host, name, copy.deepcopy(self.known(host, name)))

    def add(self, volume: Volume) -> None:
        """Have all members know a volume, but for those that are rejected."""
        self.volumes[volume.name] = volume
        for name in self._rejected:
            self._behind.setdefault((name, volume.name), None)

    def drop(self, name: str) -> None:
        """Have all members forget a volume, but for those."""
        self.volumes.pop(name, None)
        self.agree_on(name)

    def know_alone(
        self, host: Host, name: str, volume: Volume | None
    ) -> None:
        """Have one member alone know a volume so, or know it no more."""
        self._behind[host.name, name] = volume

    def agree_on(self, name: str) -> None:
        """Have all members know the same of a volume, but for those."""
        for host, its in list(self._behind):
            if its == name and host not in self._rejected:
                del self._behind[host, its]

    def resync(self) -> None:
        """Have members tell each other what they know, as they connect.

        What exists for one of them exists for all: so a volume comes back
        whose deletion a member missed. The newest version counts. Who has the
        newest with other contents is rejected, and goes on with what it knows.
        """
        self._rejected = {
            host
            for (host, name), its in self._behind.items()
            if its and name in self.volumes
            if its.differs_from(self.volumes[name])
        }
        for (host, name), its in list(self._behind.items()):
            if host in self._rejected:
                continue
            newest = self.volumes.get(name)
            if its and (newest is None or its.version > newest.version):
                self.volumes[name] = its
            del self._behind[host, name]
        for host in self._rejected:
            for name, volume in self.volumes.items():
                self._behind.setdefault(
                    (host, name), copy.deepcopy(volume)
                )
