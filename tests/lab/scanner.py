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

"""What somebody without a certificate finds on the ports of the nodes.

It stands in the lab's network, with the address of no node.
"""

import concurrent.futures
import dataclasses
import re

from manila_gluster_heketi.lab import layout
from tests.lab import footprint
from tests.lab import rpc

_WORKERS = 8
# LISTEN 0 128 0.0.0.0:24007 0.0.0.0:* users:(("glusterd",pid=61,fd=10))
_LISTENING = re.compile(r'LISTEN +\d+ +\d+ +(\S+):(\d+) .*?\(\("([^"]+)"')


@dataclasses.dataclass(frozen=True, order=True)
class Door:
    """A port that is in reach of others.

    :ivar program: that listens there
    """

    host: str
    port: int
    program: str


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a server tells of itself.

    :ivar plain: programs that it has for those who speak plain text
    :ivar sealed: programs for those in TLS without a certificate
    :ivar reason: why there are none in TLS
    """

    door: Door
    plain: frozenset[str]
    sealed: frozenset[str]
    reason: str


def doors(lab: layout.Lab) -> list[Door]:
    """List every TCP port of every node that others can connect to."""
    answers = footprint.answers(lab, 'ss -Htlnp')
    # A set: many programs listen to IPv4 and IPv6.
    return sorted(
        {
            Door(lab.node(name).address, int(port), program)
            for name, text in answers.items()
            for address, port, program in _LISTENING.findall(text)
            if not address.startswith(('127.', '[::1]'))
        }
    )


def knock(found: list[Door]) -> list[Seen]:
    """Try each of them, some at a time."""
    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(_knock, found))


def row(seen: Seen) -> str:
    """Write it down in a line."""
    door = seen.door
    plain = ', '.join(sorted(seen.plain)) or 'nothing'
    sealed = ', '.join(sorted(seen.sealed)) or f'nothing: {seen.reason}'
    return (
        f'{door.host}:{door.port} {door.program}: plain text: {plain}; '
        f'TLS without a certificate: {sealed}'
    )


def _knock(door: Door) -> Seen:
    plain: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    reason = ''
    try:
        plain = rpc.programs(door.host, door.port)
    except rpc.Closed:
        pass
    try:
        sealed = rpc.programs(door.host, door.port, sealed=True)
    except rpc.Closed as closed:
        reason = str(closed)
    return Seen(door, plain, sealed, reason)
