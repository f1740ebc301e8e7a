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

"""Which certificate a node presents, seen as its clients see it."""

import dataclasses
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls.ca import Authority
from manila_gluster_heketi.tls.distribute import HandshakeResult

# No volume lets this name in: a handshake is all that it is good for. Its
# certificate is not on record, for its key is gone as soon as it was shown.
_CONTROLLER = 'gluster-heketi-controller'
_CONTROLLER_DAYS = 1

# Seconds. A storage network answers in milliseconds or not at all.
_TIMEOUT = 3.0
_REFUSAL = 0.5
_AT_ONCE = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class Door:
    """Where the certificate of a node can be seen.

    :ivar address: what clients connect to
    :ivar port: of a brick; 0 if there is none, or none within reach
    :ivar obstacle: why not; '' if there is one
    """

    address: str
    port: int
    obstacle: str = ''


def find_door(
    site: Site,
    host: str,
    address: str,
    cluster_id: str,
    volumes: Sequence[str],
) -> Door:
    """Find a brick of a node that we come through to.

    The first that takes our certificate, or else one that does not: it may
    be that the certificate of the node has expired.

    :param volumes: started volumes that have bricks there
    :raises HostError: the node does not answer over SSH
    """
    refusing: Door | None = None
    for port in _ports(site, host, address, volumes):
        door = Door(address, port)
        try:
            shake(site, door, cluster_id, settle=_AT_ONCE)
        except exceptions.PortUnreachable as error:
            # The way to the others is barred by the same.
            return refusing or Door(address, 0, error.what)
        except exceptions.HostError:
            refusing = refusing or door
        else:
            return door
    return refusing or Door(address, 0, 'no brick runs on the node')


def _ports(
    site: Site, host: str, address: str, volumes: Sequence[str]
) -> Iterator[int]:
    """Go through ports of bricks on a node, one of each volume."""
    for name in volumes:
        try:
            ports = site.ask_gluster(
                [host], gluster.volume_status(name), gluster_xml.brick_ports
            )
        except exceptions.GlusterError:
            # Another volume may do; that this one is ill is told elsewhere.
            continue
        here = [p for b, p in ports.items() if b.startswith(f'{address}:')]
        yield from here[:1]


def shake(
    site: Site,
    door: Door,
    cluster_id: str,
    *,
    settle: float = _REFUSAL,
    signer: Authority | None = None,
    trust_pem: str = '',
) -> HandshakeResult:
    """Connect to a brick with a certificate made for that.

    :param settle: seconds to wait for a refusal
    :param signer: whose certificate the brick is shown; None for that of the
        authority that signs now
    :param trust_pem: what the brick is verified with; '' for what clients
        that get their certificate now verify with
    :raises PortUnreachable: no TCP connection
    :raises HostError: no TLS connection, or the name is of another cluster
    """
    # That the brick trusts its authority by itself is to be seen.
    authority = site.authority()
    client = issue.issue_client(
        (signer or authority).alone, _CONTROLLER, days=_CONTROLLER_DAYS
    )
    return site.handshake(
        door.address,
        door.port,
        trust_pem or authority.trust_pem,
        client,
        cluster_id,
        _TIMEOUT,
        settle=settle,
    )
