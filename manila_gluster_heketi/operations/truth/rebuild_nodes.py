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


"""Rows of clusters, nodes and devices, made of what nodes say."""

import collections
import dataclasses
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd.node_record import DeviceEntry
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.discovery import Pool
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.sighted import Sighted

#: Finds the host key on record for a host, '' if there is none.
HostKey = Callable[[str], str]


@dataclasses.dataclass(frozen=True, slots=True)
class KnownNode:
    """A node that can be restored, with its devices and what was seen."""

    node: model.Node
    devices: tuple[model.Device, ...]
    sighted: Sighted


@dataclasses.dataclass(frozen=True, slots=True)
class KnownPool:
    """A cluster that can be restored, with its trusted pool."""

    cluster: model.Cluster
    pool: Pool
    nodes: tuple[KnownNode, ...]


def rows(
    found: Sequence[Pool], host_key: HostKey, problems: list[Finding]
) -> tuple[KnownPool, ...]:
    """Make rows of all that nothing speaks against.

    :param problems: gets what speaks against the others
    """
    everybody = [each for pool in found for each in pool.nodes]
    doubted = _doubles(everybody, problems)
    unclear = _unclear_clusters(found, problems)
    kept = [
        KnownPool(
            cluster=_cluster(pool),
            pool=pool,
            nodes=tuple(
                _known(each, host_key, problems)
                for each in pool.nodes
                if each.view.host not in doubted
            ),
        )
        for pool in found
        if pool.nodes and pool.nodes[0].record.cluster_id not in unclear
    ]
    return tuple(_without_double_devices(kept, problems))


def _cluster(pool: Pool) -> model.Cluster:
    record = pool.nodes[0].record
    having = [each for each in pool.nodes if each.view.secure_access]
    return model.Cluster(
        id=record.cluster_id,
        name=record.cluster_name,
        # The others are cut off from most, and ``check`` names them.
        secure_access=2 * len(having) > len(pool.nodes),
    )


def _doubles(
    nodes: Iterable[Sighted], problems: list[Finding]
) -> frozenset[str]:
    """Find the hosts that say something of themselves that others say too."""
    claims: dict[tuple[str, str, str], list[str]] = collections.defaultdict(
        list
    )
    for each in nodes:
        record = each.record
        for claim in (
            ('id', record.node_id, ''),
            ('management host', record.manage_host, ''),
            ('storage host', record.storage_host, record.cluster_id),
        ):
            claims[claim].append(each.view.host)
    doubted: set[str] = set()
    for (what, value, _), hosts in claims.items():
        if len(hosts) == 1:
            continue
        for host in hosts:
            if host not in doubted:
                doubted.add(host)
                problems.append(
                    Finding(
                        Code.NODE_TWICE,
                        host,
                        'node',
                        f'the only one with {what} {value}',
                        'also ' + ', '.join(h for h in hosts if h != host),
                    )
                )
    return frozenset(doubted)


def _unclear_clusters(
    found: Sequence[Pool], problems: list[Finding]
) -> frozenset[str]:
    """Find clusters of which hosts say this and that.

    One trusted pool is one cluster, with one name that no other has.
    """
    names_of: dict[str, set[str]] = collections.defaultdict(set)
    ids_of: dict[str, set[str]] = collections.defaultdict(set)
    unclear: set[str] = set()

    def doubt(cluster_id: str, expected: str, said: Iterable[str]) -> None:
        unclear.add(cluster_id)
        problems.append(
            Finding(
                Code.CLUSTER_UNCLEAR,
                '',
                f'cluster {cluster_id}',
                expected,
                ', '.join(sorted(said)),
            )
        )

    pools_of: collections.Counter[str] = collections.Counter()
    for pool in found:
        ids = {each.record.cluster_id for each in pool.nodes}
        pools_of.update(ids)
        for cluster_id in ids if len(ids) > 1 else ():
            doubt(cluster_id, 'one cluster in its trusted pool', ids)
        for each in pool.nodes:
            record = each.record
            names_of[record.cluster_id].add(record.cluster_name)
            ids_of[record.cluster_name].add(record.cluster_id)
    for cluster_id, said in names_of.items():
        others = {i for name in said for i in ids_of[name]} - {cluster_id}
        if len(said) > 1:
            doubt(cluster_id, 'one name', said)
        elif others:
            doubt(cluster_id, f'the only one called {"".join(said)}', others)
        elif pools_of[cluster_id] > 1:
            doubt(cluster_id, 'one trusted pool', [str(pools_of[cluster_id])])
    return frozenset(unclear)


def _known(
    sighted: Sighted, host_key: HostKey, problems: list[Finding]
) -> KnownNode:
    record = sighted.record
    node = model.Node(
        id=record.node_id,
        cluster_id=record.cluster_id,
        manage_host=record.manage_host,
        storage_host=record.storage_host,
        zone=record.zone,
        state=record.state,
        tags=record.tags,
        host_key=host_key(record.manage_host),
        tls_directory=sighted.view.tls_directory,
    )
    devices = tuple(_devices(sighted, problems))
    return KnownNode(node, devices, sighted)


def _devices(
    sighted: Sighted, problems: list[Finding]
) -> Iterator[model.Device]:
    host, record = sighted.view.host, sighted.record
    left = {each.id: each for each in record.devices}
    for group in sighted.view.groups.values():
        if names.TAG not in group.vg_tags:
            continue
        entry = left.pop(_device_id(group), None)
        if entry is None:
            problems.append(
                Finding(
                    Code.DEVICE_UNRECORDED,
                    host,
                    f'volume group {group.vg_name}',
                    'in the record of the node',
                    ', '.join(group.vg_tags),
                )
            )
            continue
        device = _device(sighted, entry, group)
        if device is None:
            problems.append(
                Finding(
                    Code.POOL_MISSING,
                    host,
                    f'device {entry.path}',
                    f'thin pool {names.POOL}',
                    'none',
                )
            )
            continue
        yield device
    for entry in left.values():
        problems.append(
            Finding(
                Code.DEVICE_GONE,
                host,
                f'device {entry.path}',
                f'a volume group with the id {entry.id}',
                'none',
            )
        )


def _device_id(group: lvm_report.PhysicalVolume) -> str:
    try:
        return marks.device_of(group.vg_tags)
    except ValueError:
        return ''


def _device(
    sighted: Sighted, entry: DeviceEntry, group: lvm_report.PhysicalVolume
) -> model.Device | None:
    pool = sighted.view.volumes.get((group.vg_name, names.POOL))
    if pool is None or not pool.is_pool:
        return None
    return model.Device(
        id=entry.id,
        node_id=sighted.record.node_id,
        path=entry.path,
        vg_name=group.vg_name,
        pool_name=pool.name,
        total_bytes=pool.size_bytes,
        extent_bytes=group.extent_bytes,
        state=entry.state,
        tags=entry.tags,
        pv_uuid=group.uuid,
    )


def _without_double_devices(
    found: Sequence[KnownPool], problems: list[Finding]
) -> Iterator[KnownPool]:
    count = collections.Counter(
        device.id
        for pool in found
        for node in pool.nodes
        for device in node.devices
    )
    for pool in found:
        for node in pool.nodes:
            for device in node.devices:
                if count[device.id] > 1:
                    problems.append(
                        Finding(
                            Code.DEVICE_TWICE,
                            node.sighted.view.host,
                            f'device {device.path}',
                            f'the only one with the id {device.id}',
                            f'{count[device.id]} of them',
                        )
                    )
        yield dataclasses.replace(
            pool,
            nodes=tuple(
                dataclasses.replace(
                    node,
                    devices=tuple(
                        each for each in node.devices if count[each.id] == 1
                    ),
                )
                for node in pool.nodes
            ),
        )
