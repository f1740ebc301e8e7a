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

"""What the store says, compared with what is on the hosts: all of it.

Each difference is one line that names the object and the host. Hosts that are
no nodes have to be as they were before anybody heard of them.
"""

import collections
import dataclasses
import itertools
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from manila_gluster_heketi import allocator
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated import block
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.tls import access
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import reading
from tests.functional import deployment
from tests.functional import handshakes

_CERTIFICATE = issue.CERTIFICATE_FILE
_STARTED = 'Started'
_GLUSTERD_FILES = (
    names.GLUSTERD_VOL,
    f'{names.GLUSTERD_VOL}.before-gluster-heketi',
)


class _Record:
    """What the store says."""

    def __init__(
        self, d: deployment.Deployment, lost: Collection[str]
    ) -> None:
        self.lost = lost
        with d.service.store.read() as tx:
            self.clusters = {c.id: c for c in topology.clusters(tx)}
            self.nodes = {n.manage_host: n for n in topology.nodes(tx)}
            self.devices = {each.id: each for each in topology.devices(tx)}
            self.volumes = {v.id: v for v in volumes.volumes(tx)}
            self.bricks = {
                volume: volumes.bricks(tx, volume) for volume in self.volumes
            }
            self.unproven = {
                each.id: brick_rows.unproven_bytes(each, self.bricks[each.id])
                for each in self.volumes.values()
            }
            self.holders = {
                c.serial: c.subject_id for c in certificates.all(tx)
            }
            self.snapshots = [
                topology.snapshot(tx, cluster) for cluster in self.clusters
            ]
        self.open = d.service.operations()
        self.host_of = {
            device.id: node.manage_host
            for node in self.nodes.values()
            for device in self.devices.values()
            if device.node_id == node.id
        }

    def bricks_on(self, host: str) -> list[model.Brick]:
        """List the bricks whose device is a host's."""
        return [
            brick
            for bricks in self.bricks.values()
            for brick in bricks
            if self.host_of[brick.device_id] == host
        ]

    def devices_on(self, host: str) -> list[model.Device]:
        """List the devices of a host."""
        return [
            device
            for device in self.devices.values()
            if self.host_of[device.id] == host
        ]


def differences(
    d: deployment.Deployment, lost: Collection[str] = ()
) -> list[str]:
    """Compare the store with every host, every pool and every volume.

    :param lost: hosts that are gone for good, at which nobody looks
    """
    record = _Record(d, lost)
    found = [*_in_store(record)]
    for name in d.hosts:
        if name in lost:
            continue
        host = d.cluster.host(name)
        if name in record.nodes:
            found += _on_node(record, host)
        else:
            found += _on_stranger(d, host)
    for cluster_id in record.clusters:
        found += _in_pool(d, record, cluster_id)
    for volume in record.volumes.values():
        found += _promised(d, record, volume)
    return [*found, *_refusing(d, record)]


# --- the store by itself --------------------------------------------------


def _in_store(record: _Record) -> Iterator[str]:
    for operation in record.open:
        yield f'operation {operation.kind} is {operation.state}'
    for node in record.nodes.values():
        if node.state is not model.EntryState.ONLINE:
            yield f'node {node.manage_host} is {node.state}'
    for device in record.devices.values():
        if device.state is not model.EntryState.ONLINE:
            yield f'device {device.path} is {device.state}'
    for snapshot in record.snapshots:
        for each in snapshot.devices:
            if each.used_bytes > each.device.total_bytes:
                yield f'device {each.device.path} is over-committed'
            placed = sum(
                brick.size_bytes
                for brick in record.bricks_on(each.node.manage_host)
                if brick.device_id == each.device.id
            )
            if placed != each.used_bytes:
                yield f'device {each.device.path}: use is miscounted'
    for volume in record.volumes.values():
        yield from _volume_in_store(record, volume)


def _volume_in_store(record: _Record, volume: model.Volume) -> Iterator[str]:
    if volume.state is not model.VolumeState.READY:
        yield f'volume {volume.name} is {volume.state}'
    sets = collections.defaultdict(list)
    for brick in record.bricks[volume.id]:
        sets[brick.set_index].append(brick)
    if sorted(sets) != list(range(len(sets))) or not sets:
        yield f'volume {volume.name} has sets {sorted(sets)}'
    for index, bricks in sets.items():
        hosts = {record.host_of[brick.device_id] for brick in bricks}
        wanted = volume.durability.bricks_per_set
        if len(bricks) != wanted or len(hosts) != wanted:
            yield f'volume {volume.name}, set {index}: bricks on {hosts}'


# --- hosts ----------------------------------------------------------------


def _on_node(record: _Record, host: Host) -> Iterator[str]:
    bricks = record.bricks_on(host.name)
    devices = record.devices_on(host.name)
    yield from _same(
        f'{host.name}: volume groups',
        (device.vg_name for device in devices),
        host.disks.groups,
    )
    for device in devices:
        yield from _device(
            record,
            host,
            device,
            [b for b in bricks if (b.device_id == device.id)],
        )
    yield from _same(
        f'{host.name}: mounts',
        (brick.mount_path for brick in bricks),
        host.space.mounts,
    )
    yield from _same(
        f'{host.name}: lines of fstab',
        (f'/dev/{b.vg_name}/{b.lv_name} {b.mount_path}' for b in bricks),
        _fstab(host),
    )
    yield from _same(
        f'{host.name}: directories for bricks',
        (brick.mount_path for brick in bricks),
        (
            each
            for each in host.space.root.directories
            if each.startswith(f'{names.MOUNT_ROOT}/') and each.count('/') > 5
        ),
    )
    yield from _files(record, host)


def _promised(
    d: deployment.Deployment, record: _Record, volume: model.Volume
) -> Iterator[str]:
    """See that the bricks hold what the volume is said to."""
    there = []
    for brick in record.bricks[volume.id]:
        host = d.cluster.host(record.host_of[brick.device_id])
        found = host.disks.volume_at(f'/dev/{brick.vg_name}/{brick.lv_name}')
        if found is not None and found.filesystem is not None:
            size = min(found.size_bytes, found.filesystem.size_bytes)
            there.append(dataclasses.replace(brick, size_bytes=size))
    held = allocator.capacity_of(there, volume.durability)
    if held < volume.capacity_bytes:
        yield f'volume {volume.name} holds {held} bytes'
    if volume.capacity_bytes < volume.size_bytes:
        yield f'volume {volume.name} is smaller than its quota'


def _device(
    record: _Record,
    host: Host,
    device: model.Device,
    bricks: list[model.Brick],
) -> Iterator[str]:
    group = host.disks.groups.get(device.vg_name)
    if group is None:
        return
    where = f'{host.name}, {device.path}'
    if group.device.path != device.path or group.pv_uuid != device.pv_uuid:
        yield f'{where}: group {group.name} is on {group.device.path}'
    if f'{names.TAG}.device.{device.id}' not in group.tags:
        yield f'{where}: tags of the group are {group.tags}'
    pool = group.volumes.get(device.pool_name)
    if pool is not None and pool.size_bytes != device.total_bytes:
        yield f'{where}: the pool has {pool.size_bytes} bytes'
    yield from _same(
        f'{where}: logical volumes',
        (device.pool_name, *(brick.lv_name for brick in bricks)),
        group.volumes,
    )
    promised = sum(
        each.size_bytes
        for each in group.volumes.values()
        if each.name != device.pool_name
    )
    if promised > device.total_bytes:
        yield f'{where}: {promised} bytes of {device.total_bytes} promised'
    for brick in bricks:
        found = group.volumes.get(brick.lv_name)
        if found is not None:
            behind = record.unproven[brick.volume_id] > 0
            yield from _brick(
                f'{where}, {brick.lv_name}', brick, found, behind=behind
            )


def _brick(
    where: str, brick: model.Brick, found: block.LogicalVolume, *, behind: bool
) -> Iterator[str]:
    """Compare a brick.

    :param behind: a growth of its volume was given up, which it may not have
        followed; see :func:`_promised`
    """
    if {
        f'{names.TAG}.brick.{brick.id}',
        f'{names.TAG}.volume.{brick.volume_id}',
    } - set(found.tags):
        yield f'{where}: tags are {found.tags}'
    if found.size_bytes > brick.size_bytes:
        yield f'{where}: {found.size_bytes} bytes, more than on record'
    if found.size_bytes < brick.size_bytes and not behind:
        yield f'{where}: {found.size_bytes} bytes'
    if found.mount_path != brick.mount_path:
        yield f'{where}: mounted on {found.mount_path!r}'
    filesystem = found.filesystem
    if filesystem is None or not filesystem.is_valid:
        yield f'{where}: no file system'
    elif filesystem.size_bytes < brick.size_bytes and not behind:
        yield f'{where}: a file system of {filesystem.size_bytes} bytes'


def _files(record: _Record, host: Host) -> Iterator[str]:
    node = record.nodes[host.name]
    secured = record.clusters[node.cluster_id].secure_access
    files = host.space.root.files
    if host.secure_access is not secured:
        yield f'{host.name}: glusterd speaks TLS: {host.secure_access}'
    if 'ping-timeout 10' not in files[names.GLUSTERD_VOL].content:
        yield f'{host.name}: no ping time-out in {names.GLUSTERD_VOL}'
    if host.ping_timeout != 10:
        yield f'{host.name}: glusterd does not know its ping time-out'
    yield from _same(
        f'{host.name}: files',
        (
            names.FSTAB,
            names.NODE_RECORD,
            *_GLUSTERD_FILES,
            *names.FLUSH_HOOKS,
            *((names.SECURE_ACCESS,) if secured else ()),
            *(
                f'{node.tls_directory}/{each}'
                for each in (
                    issue.KEY_FILE,
                    _CERTIFICATE,
                    issue.AUTHORITY_FILE,
                )
            ),
        ),
        files,
    )
    for hook in names.FLUSH_HOOKS:
        if not host.runs_hook(hook):
            yield f'{host.name}: glusterd does not run {hook}'
    yield from _certificate(record, host, node)


def _certificate(
    record: _Record, host: Host, node: model.Node
) -> Iterator[str]:
    files = host.space.root.files
    where = f'{host.name}: {node.tls_directory}'
    try:
        key, certificate, authority = (
            files[f'{node.tls_directory}/{each}']
            for each in (
                issue.KEY_FILE,
                _CERTIFICATE,
                issue.AUTHORITY_FILE,
            )
        )
    except KeyError:
        return
    if key.mode != 0o600:
        yield f'{where}: the key has mode {key.mode:o}'
    found = x509.load_pem_x509_certificate(certificate.content.encode())
    private = serialization.load_pem_private_key(key.content.encode(), None)
    signer = x509.load_pem_x509_certificate(authority.content.encode())
    if found.public_key() != private.public_key():
        yield f'{where}: key and certificate do not belong together'
    if found.issuer != signer.subject:
        yield f'{where}: the certificate is of another authority'
    if names.node_common_name(node.cluster_id) not in (
        found.subject.rfc4514_string()
    ):
        yield f'{where}: the certificate is of {found.subject}'
    if record.holders.get(f'{found.serial_number:x}') != node.id:
        yield f"{where}: the certificate is not on record as the node's"


def _refusing(d: deployment.Deployment, record: _Record) -> Iterator[str]:
    """Find nodes that do not take the certificates of others."""
    hosts = [
        d.cluster.host(each)
        for each in d.hosts
        if each in record.nodes and each not in record.lost
    ]
    for one, other in itertools.permutations(hosts, 2):
        trusted = _read(one, issue.AUTHORITY_FILE)
        if not handshakes.accepts(trusted, _read(other, _CERTIFICATE)):
            yield f'{one.name} does not accept {other.name}'


def _read(host: Host, name: str) -> list[x509.Certificate]:
    file = host.space.root.files.get(f'{host.tls_directory}/{name}')
    return reading.certificates(file.content if file else '')


def _on_stranger(d: deployment.Deployment, host: Host) -> Iterator[str]:
    yield from _same(f'{host.name}: volume groups', (), host.disks.groups)
    yield from _same(f'{host.name}: mounts', (), host.space.mounts)
    yield from _same(f'{host.name}: lines of fstab', (), _fstab(host))
    yield from _same(
        f'{host.name}: files',
        (names.FSTAB, names.GLUSTERD_VOL),
        host.space.root.files,
    )
    for device in host.disks.devices.values():
        if device.signatures:
            yield f'{host.name}, {device.path}: {device.signatures}'
    if 'ping-timeout 0' not in (
        host.space.root.files[names.GLUSTERD_VOL].content
    ):
        yield f'{host.name}: {names.GLUSTERD_VOL} is not its own'
    yield from _same(
        f'{host.name}: peers',
        (host.name,),
        (each.host.name for each in d.cluster.pool(host.name).members),
    )


def _fstab(host: Host) -> list[str]:
    lines = host.space.root.files[names.FSTAB].content.splitlines()
    return [' '.join(line.split()[:2]) for line in lines]


# --- Gluster --------------------------------------------------------------


def _in_pool(
    d: deployment.Deployment, record: _Record, cluster_id: str
) -> Iterator[str]:
    nodes = [
        each
        for each in record.nodes.values()
        if each.cluster_id == cluster_id
        and each.manage_host not in record.lost
    ]
    ours = [v for v in record.volumes.values() if v.cluster_id == cluster_id]
    for node in nodes:
        host = d.cluster.host(node.manage_host)
        if not host.glusterd_runs or host.glusterd_is_wedged:
            yield f'{host.name}: glusterd does not answer'
        yield from _same(
            f'{host.name}: peers',
            (each.manage_host for each in nodes),
            (
                each.host.name
                for each in d.cluster.pool(host.name).members
                if d.cluster.sees(host.name, each.host.name)
            ),
        )
        known = d.cluster.volumes(host.name)
        yield from _same(
            f'{host.name}: volumes', (each.name for each in ours), known
        )
        for volume in ours:
            if volume.name in known:
                yield from _volume(d, record, volume, known[volume.name])


def _volume(
    d: deployment.Deployment,
    record: _Record,
    volume: model.Volume,
    found: Volume,
) -> Iterator[str]:
    where = f'volume {volume.name}'
    bricks = sorted(
        record.bricks[volume.id], key=lambda b: (b.set_index, b.position)
    )
    hosts = [record.host_of[brick.device_id] for brick in bricks]
    addresses = [
        f'{record.nodes[host].storage_host}:{brick.brick_path}'
        for host, brick in zip(hosts, bricks, strict=True)
    ]
    if found.addresses != addresses:
        yield f'{where}: bricks {found.addresses}, on record {addresses}'
    if found.status != _STARTED:
        yield f'{where}: {found.status}'
    if found.durability != volume.durability:
        yield f'{where}: {found.durability}'
    if not found.has_quota or found.quota_bytes != volume.size_bytes:
        yield f'{where}: quota {found.quota_bytes}'
    wanted = {
        'client.ssl': 'on',
        'server.ssl': 'on',
        access.OPTION: access.allow_value(volume.cluster_id, volume.access),
        names.OPTION_VOLUME_ID: volume.id,
        names.OPTION_SHARE_ID: volume.share_id,
    }
    for option, value in wanted.items():
        if found.options.get(option) != value:
            yield f'{where}: {option} is {found.options.get(option)!r}'
    for host, brick in zip(hosts, bricks, strict=True):
        filesystem, inner = d.cluster.host(host).space.resolve(
            brick.brick_path
        )
        if filesystem.bricks.get(inner) != found.uuid:
            yield f'{where}: the brick on {host} does not bear its mark'


def _same(
    what: str, wanted: Iterable[str], found: Iterable[str]
) -> Iterator[str]:
    """Compare two bags of names."""
    on_record = collections.Counter([*wanted])
    there = collections.Counter([*found])
    for name in on_record - there:
        yield f'{what}: {name} is missing'
    for name in there - on_record:
        yield f'{what}: {name} is too much'
