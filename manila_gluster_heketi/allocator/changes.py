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

"""Changes of a cluster, or of what is asked, that would make it fit.

Values for programs; as text for people. :mod:`.remedies` finds them.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any
from typing import ClassVar

from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator.wording import gib
from manila_gluster_heketi.allocator.wording import gib_needed
from manila_gluster_heketi.allocator.wording import listing


@dataclasses.dataclass(frozen=True, slots=True)
class BringBack:
    """Take bricks again on what is offline now.

    :ivar nodes: their manage hosts; with the devices on them that are online
    :ivar devices: as host and path, on nodes that are online
    """

    kind: ClassVar[str] = 'bring-back'

    nodes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f'bring back {listing((*self.nodes, *self.devices))}'


@dataclasses.dataclass(frozen=True, slots=True)
class DevicesIn:
    """So many devices in a domain that is there."""

    domain: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class AddDevices:
    """Add empty devices of one size.

    :ivar count: how many in all
    :ivar size_bytes: of each disk
    :ivar room_bytes: what bricks need of it; the rest is for LVM's records
    :ivar label: what the domains are: 'node', 'zone' or a tag
    :ivar where: in domains that are there
    :ivar elsewhere: how many in each domain that is not there yet
    :ivar other_than: names of the domains that those must not be
    :ivar tags: expression that their tags have to meet; '' for any
    """

    kind: ClassVar[str] = 'add-devices'

    count: int
    size_bytes: int
    room_bytes: int
    label: str
    where: tuple[DevicesIn, ...] = ()
    elsewhere: tuple[int, ...] = ()
    other_than: tuple[str, ...] = ()
    tags: str = ''

    def __str__(self) -> str:
        size = gib_needed(self.size_bytes)
        devices = f'1 device of {size}'
        if self.count > 1:
            devices = f'{self.count} devices of {size} each'
        places = [*self._there(), *self._new()]
        where = f' {places[0][1]}'
        if len(places) > 1 or places[0][0] < self.count:
            counted = (f'{count} {place}' for count, place in places)
            where = f': {" and ".join(counted)}'
        tags = f', with tags as in {self.tags}' if self.tags else ''
        return f'add {devices}{where}{tags}'

    def _there(self) -> Iterator[tuple[int, str]]:
        """Name domains, those that get as many together."""
        for count in dict.fromkeys(each.count for each in self.where):
            names = [e.domain for e in self.where if e.count == count]
            each = 'each of ' if len(names) > 1 else ''
            yield count, f'{self._in} {each}{listing(names)}'

    def _new(self) -> Iterator[tuple[int, str]]:
        for count, domains in Counter(self.elsewhere).items():
            where = f'a {self.label}'
            if domains > 1:
                where = f'each of {domains} different {self.label}s'
            if self.other_than:
                where += f' other than {listing(self.other_than)}'
            yield count, f'{self._in} {where}'

    @property
    def _in(self) -> str:
        return 'on' if self.label == spread.NODE else 'in'


@dataclasses.dataclass(frozen=True, slots=True)
class RaiseLimit:
    """Allow more than a limit does.

    :ivar name: a field of :class:`.request.Limits`
    :ivar limit: what it is now
    :ivar needed: what is enough
    """

    kind: ClassVar[str] = 'raise-limit'

    name: str
    limit: int
    needed: int

    def __str__(self) -> str:
        if self.name == 'volume_bricks':
            return f'allow {self.needed} bricks in a volume, not {self.limit}'
        return (
            f'allow bricks of {gib_needed(self.needed)}, '
            f'not {gib(self.limit)}'
        )


@dataclasses.dataclass(frozen=True, slots=True)
class RelaxTiers:
    """Only prefer that bricks are kept apart by tiers that are strict.

    :ivar labels: of the tiers
    """

    kind: ClassVar[str] = 'relax-tiers'

    labels: tuple[str, ...]

    def __str__(self) -> str:
        tiers = ' and '.join(f'{label}:strict' for label in self.labels)
        return f'do without {tiers}'


@dataclasses.dataclass(frozen=True, slots=True)
class DropTags:
    """Take devices whatever their tags.

    :ivar tags: the expression to do without
    """

    kind: ClassVar[str] = 'drop-tags'

    tags: str

    def __str__(self) -> str:
        return f'do without the tags {self.tags}'


@dataclasses.dataclass(frozen=True, slots=True)
class Together:
    """Several changes, none of which is enough alone."""

    kind: ClassVar[str] = 'together'

    changes: 'tuple[Change, ...]'

    def __str__(self) -> str:
        return ' and '.join(map(str, self.changes))


Change = (
    BringBack | AddDevices | RaiseLimit | RelaxTiers | DropTags | Together
)


def as_data(change: Change) -> dict[str, Any]:
    """Make a change of what JSON has."""
    if isinstance(change, Together):
        return {
            'kind': change.kind,
            'changes': [as_data(each) for each in change.changes],
        }
    return {'kind': change.kind, **dataclasses.asdict(change)}
