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

"""Bricks of simulated Gluster volumes: what glusterd demands of them."""

import posixpath
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi.executor.simulated.gluster_state import Pool
from manila_gluster_heketi.executor.simulated.gluster_state import Refused
from manila_gluster_heketi.executor.simulated.host import Host

_FORCE = (
    "Or use 'force' at the end of the command if you want to override this "
    'behavior.'
)


def is_connected(host: Host) -> bool:
    """Tell whether other peers see a host's glusterd."""
    return host.is_up and host.has_network and host.glusterd_runs


def host_of(addresses: Mapping[str, Host], address: str) -> Host | None:
    """Find the host of a brick."""
    return addresses.get(address.partition(':')[0])


def path_of(address: str) -> str:
    """Give the path of a brick."""
    return address.partition(':')[2]


def check(
    pool: Pool,
    addresses: Mapping[str, Host],
    answering: Host,
    wanted: Sequence[str],
) -> None:
    """Check bricks as ``volume create`` and ``add-brick`` do.

    :raises Refused: in glusterd's words
    """
    members = [each.host for each in pool.members]
    taken = {
        (host_of(addresses, each), path_of(each))
        for volume in pool.volumes.values()
        for each in volume.addresses
    }
    for address in wanted:
        name = address.partition(':')[0]
        host = host_of(addresses, address)
        if host is None or host not in members:
            raise Refused(f"Host {name} is not in 'Peer in Cluster' state")
        if not is_connected(host):
            raise Refused(f'Host {name} not connected')
        if any(
            other is host and _overlap(path, path_of(address))
            for other, path in taken
        ):
            raise Refused(
                f'Brick: {address} not available. Brick may be containing or '
                'be contained by an existing brick.'
            )
    # The host that was asked checks its own bricks first.
    for address in sorted(
        wanted, key=lambda each: host_of(addresses, each) is not answering
    ):
        host = addresses[address.partition(':')[0]]
        reason = _unfit(host, address)
        if reason and host is not answering:
            reason = f'Staging failed on {host.storage}. Error: {reason}'
        if reason:
            raise Refused(reason)


def check_spread(
    addresses: Mapping[str, Host], wanted: Sequence[str], replica: int
) -> None:
    """Check that no two bricks of a set are on one host.

    :raises Refused: in glusterd's words
    """
    for start in range(0, len(wanted), replica):
        chosen = wanted[start : start + replica]
        hosts = {id(host_of(addresses, each)) for each in chosen}
        if len(hosts) < len(chosen):
            raise Refused(
                'Multiple bricks of a replicate volume are present on the '
                'same server. This setup is not optimal. Bricks should be on '
                'different nodes to have best fault tolerant configuration. '
                "Use 'force' at the end of the command if you want to "
                'override this behavior. '
            )


def mark(
    addresses: Mapping[str, Host], wanted: Sequence[str], uuid: str
) -> None:
    """Make brick directories and mark them as a volume's."""
    for address in wanted:
        host = addresses[address.partition(':')[0]]
        filesystem, inner = host.space.resolve(path_of(address))
        filesystem.make_directories(inner)
        filesystem.bricks[inner] = uuid


def _overlap(one: str, other: str) -> bool:
    return f'{one}/'.startswith(f'{other}/') or f'{other}/'.startswith(
        f'{one}/'
    )


def _unfit(host: Host, address: str) -> str:
    path = path_of(address)
    filesystem, inner = host.space.resolve(path)
    if path in host.space.mounts:
        return (
            f'The brick {address} is a mount point. Please create a '
            'sub-directory under the mount point and use that as the brick '
            f'directory. {_FORCE}'
        )
    if not filesystem.is_directory(posixpath.dirname(inner)):
        return (
            f'Failed to create brick directory for brick {address}. '
            'Reason : No such file or directory '
        )
    if inner in filesystem.bricks:
        return f'{path} is already part of a volume'
    if not host.space.mount_of(path):
        return (
            f'The brick {address} is being created in the root partition. It '
            "is recommended that you don't use the system's root partition "
            f'for storage backend. {_FORCE}'
        )
    return ''
