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

"""What the store says, compared with what is on real nodes.

``gluster-heketi check`` judges sizes, tags, quotas, options, access and
certificates. What it leaves to people, and what it does not look for, is
compared here: everything on a node has to be on record, and the other way
round.
"""

import collections
import dataclasses
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.operations.truth.meanings import Severity
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from tests.lab import footprint

Footprints = Mapping[str, footprint.Footprint]

# All that a host has, which never was a node, of what a footprint shows.
_OWN_FILES = ('/etc/glusterfs/glusterd.vol',)


def look(lab: layout.Lab, service: Service) -> Footprints:
    """See what is on the nodes, but for what XFS writes by itself.

    Over lasting connections, since it is done very often.
    """
    question = [Command(('sh', '-c', footprint.LOOK), reads_only=True)]
    outcomes = parallel.run_on_hosts(
        service.executor, {node.address: question for node in lab.nodes}
    )
    found = {}
    for node in lab.nodes:
        outcome = outcomes[node.address]
        if isinstance(outcome, exceptions.HostError):
            raise outcome
        seen = footprint.parse(outcome[0].stdout)
        found[node.name] = dataclasses.replace(seen, chunks=())
    return found


def differences(
    lab: layout.Lab, service: Service, seen: Footprints
) -> list[str]:
    """Compare the store with every node; each difference is one line.

    :param seen: what is on the nodes now
    """
    with service.store.read() as tx:
        nodes = {node.manage_host: node for node in topology.nodes(tx)}
        devices = topology.devices(tx)
        bricks = collections.defaultdict(list)
        there = volumes.volumes(tx)
        for volume in there:
            for brick in volumes.bricks(tx, volume.id):
                bricks[brick.device_id].append(brick)
    found = [*_judged(service)]
    for each in lab.nodes:
        node = nodes.get(each.address)
        theirs = [d for d in devices if node and d.node_id == node.id]
        found += [
            f'{each.name}: {line}'
            for line in _on_host(
                seen[each.name],
                theirs,
                [brick for device in theirs for brick in bricks[device.id]],
                [volume.name for volume in there] if node else [],
                peers=len(nodes) - 1 if node else 0,
            )
        ]
        if node is None and _paths(seen[each.name]) != _OWN_FILES:
            found.append(f'{each.name}: {seen[each.name].files}')
    return found


def _judged(service: Service) -> Iterator[str]:
    """Yield what ``gluster-heketi check`` finds that matters."""
    for operation in service.operations():
        yield (
            f'operation {operation.kind} is {operation.state}: '
            f'{operation.error}'
        )
    report = service.truth.check()
    for note in report.notes:
        yield f'not compared: {note}'
    for each in report.checked:
        if each.finding.severity is not Severity.INFO:
            yield str(each.finding)


def _on_host(
    seen: footprint.Footprint,
    devices: Iterable[model.Device],
    bricks: Iterable[model.Brick],
    gluster: Iterable[str],
    peers: int,
) -> Iterator[str]:
    root = f'{names.MOUNT_ROOT}/'
    at = [brick.mount_path for brick in bricks]
    yield from _same(
        'logical volumes',
        [
            *(f'{device.vg_name} {device.pool_name}' for device in devices),
            *(f'{brick.vg_name} {brick.lv_name}' for brick in bricks),
        ],
        (' '.join(line.split()[:2]) for line in seen.volumes),
    )
    yield from _same(
        'devices of LVM',
        (f'{device.path} {device.vg_name}' for device in devices),
        (' '.join(line.split()[:2]) for line in seen.devices),
    )
    yield from _same('mounts', at, (line.split()[1] for line in seen.mounts))
    yield from _same(
        'lines of fstab',
        (f'/dev/{b.vg_name}/{b.lv_name} {b.mount_path}' for b in bricks),
        (
            ' '.join(line.split()[:2])
            for line in seen.fstab
            if line.split()[1:2] and line.split()[1].startswith(root)
        ),
    )
    yield from _same('directories for bricks', at, seen.directories)
    yield from _same('volumes of Gluster', gluster, seen.gluster)
    if seen.peers != peers:
        yield f'{seen.peers} peers in place of {peers}'
    if seen.daemon != ('active',):
        yield f'glusterd is {seen.daemon}'


def _same(
    what: str, on_record: Iterable[str], there: Iterable[str]
) -> Iterator[str]:
    wanted, found = sorted(on_record), sorted(there)
    if wanted != found:
        yield f'{what}: on record {wanted}, there {found}'


def _paths(seen: footprint.Footprint) -> tuple[str, ...]:
    return tuple(each.split()[0] for each in seen.files)
