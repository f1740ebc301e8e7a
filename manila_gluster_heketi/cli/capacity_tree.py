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

"""A cluster as maps show it: zones, their nodes, and the bars of devices."""

import dataclasses
import enum
import itertools
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi.service import Report

# How far from its fair level a device may be without being pointed at: what
# one volume more or less makes of it.
NOTABLE = 0.05


class Standing(enum.Enum):
    """How a device compares with its fair level."""

    LEVEL = 'level'
    ABOVE = 'above'
    BELOW = 'below'
    OFFLINE = 'offline'


@dataclasses.dataclass(frozen=True, slots=True)
class Fill:
    """How full something is."""

    used_bytes: int
    total_bytes: int

    @property
    def use(self) -> float:
        """The part that is taken, 0 to 1."""
        return self.used_bytes / max(1, self.total_bytes)

    @property
    def percent(self) -> str:
        """The part that is taken, for people; only what is full has 100."""
        return percent(self.use)


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """A device.

    :ivar online: the device itself; its node may be offline all the same
    :ivar fair: how full it should be, 0 to 1; None if it takes no bricks
    :ivar tags: its own, as 'name=value'
    """

    path: str
    online: bool
    fill: Fill
    fair: float | None
    tags: tuple[str, ...]

    @property
    def points(self) -> str:
        """How far it is from its fair level, in points; '' if offline."""
        if self.fair is None:
            return ''
        return f'{round(100 * (self.fill.use - self.fair)):+d}'

    @property
    def standing(self) -> Standing:
        """What is to be said of it."""
        return standing(self.fill.use, self.fair)


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A node with its devices.

    :ivar online: the node itself; its devices may be offline all the same
    :ivar tags: as 'name=value'
    """

    host: str
    online: bool
    tags: tuple[str, ...]
    bars: tuple[Bar, ...]
    fill: Fill

    @property
    def fair(self) -> float | None:
        """How full its devices should be on average; None if all offline."""
        levels = [
            (bar.fill.total_bytes, bar.fair)
            for bar in self.bars
            if bar.fair is not None
        ]
        whole = sum(total for total, _ in levels)
        if not whole:
            return None
        return sum(total * fair for total, fair in levels) / whole


@dataclasses.dataclass(frozen=True, slots=True)
class Zone:
    """A zone with its nodes."""

    number: int
    nodes: tuple[Node, ...]
    fill: Fill

    @property
    def devices(self) -> int:
        """How many devices its nodes have."""
        return sum(len(node.bars) for node in self.nodes)

    @property
    def offline(self) -> int:
        """How many of them are offline."""
        return sum(
            bar.standing is Standing.OFFLINE
            for node in self.nodes
            for bar in node.bars
        )


def zones_of(report: Report) -> tuple[Zone, ...]:
    """Group the devices of a cluster; all by name, numbers by value."""
    devices = sorted(report.devices, key=_place)
    return tuple(
        _zone(number, tuple(theirs), report)
        for number, theirs in itertools.groupby(
            devices, key=lambda each: each.node.zone
        )
    )


def _fill(devices: Sequence[model.DeviceCapacity]) -> Fill:
    """Sum up devices."""
    return Fill(
        sum(each.used_bytes for each in devices),
        sum(each.device.total_bytes for each in devices),
    )


def standing(use: float, fair: float | None) -> Standing:
    """Compare how full something is with how full it should be."""
    if fair is None:
        return Standing.OFFLINE
    if abs(use - fair) <= NOTABLE:
        return Standing.LEVEL
    return Standing.ABOVE if use > fair else Standing.BELOW


def percent(part: float) -> str:
    """Write a part of a whole; only all of it is 100 %."""
    return f'{min(99, round(100 * part)) if part < 1 else 100} %'


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f'{number} {what}' if number == 1 else f'{number} {what}s'


def _place(each: model.DeviceCapacity) -> tuple[object, ...]:
    return (
        each.node.zone,
        _natural(each.node.manage_host),
        each.node.id,
        _natural(each.device.path),
        each.device.id,
    )


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Order node-2 before node-10."""
    parts = itertools.groupby(text, key=str.isdecimal)
    return [
        (0, int(word), '') if number else (1, 0, word)
        for number, letters in parts
        for word in [''.join(letters)]
    ]


def _zone(
    number: int, devices: Sequence[model.DeviceCapacity], report: Report
) -> Zone:
    nodes = itertools.groupby(devices, key=lambda each: each.node.id)
    return Zone(
        number=number,
        nodes=tuple(_node(tuple(theirs), report) for _, theirs in nodes),
        fill=_fill(devices),
    )


def _node(devices: Sequence[model.DeviceCapacity], report: Report) -> Node:
    node = devices[0].node
    return Node(
        host=node.manage_host,
        online=node.state is model.EntryState.ONLINE,
        tags=_tags(node.tags),
        bars=tuple(
            Bar(
                path=each.device.path,
                online=each.device.state is model.EntryState.ONLINE,
                fill=Fill(each.used_bytes, each.device.total_bytes),
                fair=report.level.fair.get(each.device.id),
                tags=_tags(each.device.tags),
            )
            for each in devices
        ),
        fill=_fill(devices),
    )


def _tags(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f'{name}={tags[name]}' for name in sorted(tags))
