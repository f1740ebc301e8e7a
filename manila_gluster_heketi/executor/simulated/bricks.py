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
import uuid
from collections.abc import Sequence

from manila_gluster_heketi import names
from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.durability import Kind
from manila_gluster_heketi.executor.simulated.gluster_state import Refused
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.transactions import Scene

_FORCE = (
    "Or use 'force' at the end of the command if you want to override this "
    'behavior.'
)


def path_of(address: str) -> str:
    """Give the path of a brick."""
    return address.partition(':')[2]


def check(scene: Scene, wanted: Sequence[str]) -> None:
    """Check bricks as ``volume create`` and ``add-brick`` do.

    Hosts mark the bricks that they find fit while they check, so that those
    can't be used again if others are not.

    :raises Refused: in glusterd's words
    """
    members = [each.host for each in scene.pool.members]
    taken = {
        (scene.host_of(each), path_of(each))
        for volume in scene.volumes.values()
        for each in volume.addresses
    }
    for address in wanted:
        name = address.partition(':')[0]
        host = scene.host_of(address)
        if host is None or host not in members:
            raise Refused(f"Host {name} is not in 'Peer in Cluster' state")
        if not scene.sees(host):
            raise Refused(f'Host {name} not connected')
        if not scene.works_with(host):
            raise Refused(f"Host {name} is not in 'Peer in Cluster' state")
        if any(
            other is host and _overlap(path, path_of(address))
            for other, path in taken
        ):
            raise Refused(
                f'Brick: {address} not available. Brick may be containing or '
                'be contained by an existing brick.'
            )
    _stage(scene, [a for a in wanted if scene.host_of(a) is scene.host])
    _stage(scene, [a for a in wanted if scene.host_of(a) is not scene.host])


def _stage(scene: Scene, wanted: Sequence[str]) -> None:
    """Check and mark bricks; the host that was asked begins with its own."""
    found = ''
    for address in wanted:
        host = scene.addresses[address.partition(':')[0]]
        reason = _unfit(host, address)
        if not reason:
            filesystem, inner = host.space.resolve(path_of(address))
            filesystem.mark_brick(inner, str(uuid.uuid4()))
        elif host is not scene.host:
            reason = f'Staging failed on {host.storage}. Error: {reason}'
        found = found or reason
    if found:
        raise Refused(found)


def check_spread(
    scene: Scene, wanted: Sequence[str], durability: Durability
) -> None:
    """Check that no two bricks of a set are on one host.

    :raises Refused: in glusterd's words
    """
    per_set = durability.bricks_per_set
    kind = 'disperse' if durability.kind is Kind.DISPERSE else 'replicate'
    for start in range(0, len(wanted), per_set):
        chosen = wanted[start : start + per_set]
        hosts = {id(scene.host_of(each)) for each in chosen}
        if len(hosts) < len(chosen):
            raise Refused(
                f'Multiple bricks of a {kind} volume are present on the '
                'same server. This setup is not optimal. Bricks should be on '
                'different nodes to have best fault tolerant configuration. '
                "Use 'force' at the end of the command if you want to "
                'override this behavior. '
            )


def mark(scene: Scene, wanted: Sequence[str], volume: Volume) -> None:
    """Make brick directories and mark them as a volume's.

    The mark is lost in a power cut unless a hook of glusterd flushes it.
    """
    for address in wanted:
        host = scene.addresses[address.partition(':')[0]]
        if not host.is_up or not scene.reaches(host):
            continue
        filesystem, inner = host.space.resolve(path_of(address))
        filesystem.mark_brick(inner, volume.uuid)
        if all(host.runs_hook(path) for path in names.FLUSH_HOOKS):
            filesystem.sync()


def online(scene: Scene, volume: Volume) -> list[str]:
    """List the bricks that run: those that bear the volume's mark."""
    found = []
    for address in volume.addresses:
        host = scene.addresses[address.partition(':')[0]]
        filesystem, inner = host.space.resolve(path_of(address))
        if (
            scene.works_with(host)
            and not _is_cut_off(scene, host)
            and filesystem.bricks.get(inner) == volume.uuid
            and not filesystem.is_read_only
        ):
            found.append(address)
    return found


def _is_cut_off(scene: Scene, host: Host) -> bool:
    """Tell whether a glusterd came back to peers that speak otherwise.

    Its bricks went with it, and it starts none before it has seen a peer.
    """
    others = [m.host for m in scene.pool.members if m.host is not host]
    return bool(others) and all(
        each.secure_access is not host.secure_access for each in others
    )


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
    if filesystem.trouble:
        return (
            f'Failed to create brick directory for brick {address}. '
            f'Reason : {filesystem.trouble} '
        )
    if not host.space.mount_of(path):
        return (
            f'The brick {address} is being created in the root partition. It '
            "is recommended that you don't use the system's root partition "
            f'for storage backend. {_FORCE}'
        )
    return ''
