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

"""Time on simulated hosts, and who reaches whom.

glusterd learns of a peer that stops by itself at once. One that falls silent,
because its power or its network is cut, stays "connected" until glusterd's
ping time-out ends, and with the default of 0 until the kernel gives up.
"""

import dataclasses
import math
from typing import Protocol

#: What the kernel takes to give up a connection (tcp(7), tcp_retries2).
TCP_GIVES_UP_SECONDS = 924.0


class Clock:
    """Seconds that pass on the hosts; nobody waits for them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class Node(Protocol):
    """What the network must know of a host.

    :ivar answers_peers: its glusterd runs and packets come through
    :ivar changed_at: when that last changed, in the clock's seconds
    :ivar fell_silent: nobody was told of that change
    :ivar ping_timeout: of its glusterd, in seconds; 0 for none
    :ivar secure_access: its glusterd speaks nothing but TLS
    """

    name: str
    changed_at: float
    fell_silent: bool
    ping_timeout: float
    secure_access: bool

    @property
    def answers_peers(self) -> bool:
        """Whether packets to its glusterd are answered."""


@dataclasses.dataclass(slots=True)
class _Link:
    is_cut: bool
    changed_at: float


class Network:
    """Links between the glusterds of hosts.

    :param first: the host that sees first who comes back
    :ivar reconnect_seconds: after which the others see it too
    """

    def __init__(self, clock: Clock, first: str) -> None:
        self._clock = clock
        self._first = first
        self._links: dict[frozenset[str], _Link] = {}
        self._has_changed = False
        self.reconnect_seconds = 0.0

    @property
    def is_calm(self) -> bool:
        """Whether nothing ever went or came back."""
        return not self._links and not self._has_changed

    def cut(self, one: str, other: str) -> None:
        """Cut the link between two hosts; nobody is told."""
        self._set(one, other, is_cut=True)

    def mend(self, one: str, other: str) -> None:
        """Mend the link between two hosts."""
        self._set(one, other, is_cut=False)

    def note(self, host: Node, *, silent: bool) -> None:
        """Write down that a host went or came back."""
        self._has_changed = True
        host.changed_at = self._clock.seconds
        host.fell_silent = silent

    def has_moved(self, host: Node) -> bool:
        """Tell whether a host, or a link of it, ever went or came back."""
        return host.changed_at > -math.inf or any(
            host.name in pair for pair in self._links
        )

    def reaches(self, one: Node, other: Node) -> bool:
        """Tell whether packets get through between two hosts."""
        link = self._link(one, other)
        cut = link is not None and link.is_cut
        return (
            one.answers_peers
            and other.answers_peers
            and one.secure_access is other.secure_access
            and not cut
        )

    def sees(self, one: Node, other: Node) -> bool:
        """Tell whether a glusterd believes to be connected to another."""
        since, silent = self._last_change(one, other)
        if self.reaches(one, other):
            is_first = one.name == self._first or other.name == self._first
            return is_first or since >= self.reconnect_seconds
        return silent and since < _patience(one)

    def notices_in(self, one: Node, other: Node) -> float:
        """Say how long a glusterd goes on to believe in a silent one."""
        since, silent = self._last_change(one, other)
        return max(0.0, _patience(one) - since) if silent else 0.0

    def _set(self, one: str, other: str, *, is_cut: bool) -> None:
        pair = frozenset((one, other))
        self._links[pair] = _Link(is_cut, self._clock.seconds)

    def _link(self, one: Node, other: Node) -> _Link | None:
        # Most networks are whole, and large ones are asked often.
        if not self._links:
            return None
        return self._links.get(frozenset((one.name, other.name)))

    def _last_change(self, one: Node, other: Node) -> tuple[float, bool]:
        """Say how long ago it was, and whether it was silent."""
        changes = [
            (one.changed_at, one.fell_silent),
            (other.changed_at, other.fell_silent),
        ]
        link = self._link(one, other)
        if link is not None:
            changes.append((link.changed_at, link.is_cut))
        at, silent = max(changes)
        return self._clock.seconds - at, silent


def _patience(host: Node) -> float:
    return host.ping_timeout or TCP_GIVES_UP_SECONDS
