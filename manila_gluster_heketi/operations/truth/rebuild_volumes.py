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


"""Rows of volumes and bricks, made of what Gluster and LVM say."""

import collections
import dataclasses
import posixpath
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.hostcmd.marks import BrickMark
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.rebuild_nodes import KnownNode
from manila_gluster_heketi.operations.truth.rebuild_nodes import KnownPool
from manila_gluster_heketi.tls import access


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """A logical volume that says it is a brick.

    :ivar place: the address of its mount, as Gluster writes one
    """

    host: str
    place: str
    device: model.Device
    volume: lvm_report.LogicalVolume
    mount_path: str
    mark: BrickMark


Restored = tuple[model.Volume, tuple[model.Brick, ...]]


class _Unclear(Exception):
    """What speaks against a volume.

    :ivar code: of the problem that it is
    """

    def __init__(self, code: Code, expected: str, found: str) -> None:
        super().__init__(found)
        self.code = code
        self.expected = expected
        self.found = found


def rows(
    known: Iterable[KnownPool], problems: list[Finding]
) -> tuple[Restored, ...]:
    """Make rows of all that nothing speaks against.

    :param problems: gets what speaks against the others
    """
    restored: list[Restored] = []
    for pool in known:
        bricks = _by_place(
            [each for node in pool.nodes for each in _bricks(node, problems)],
            problems,
        )
        restored += _volumes(pool, bricks, problems)
    return tuple(_without_doubles(restored, problems))


# --- bricks ---------------------------------------------------------------


def _bricks(node: KnownNode, problems: list[Finding]) -> Iterator[_Found]:
    """Find the bricks on a node's devices; what has no tag is not ours."""
    view = node.sighted.view
    devices = {device.vg_name: device for device in node.devices}
    for volume in view.volumes.values():
        device = devices.get(volume.vg_name)
        if device is None or volume.is_pool:
            continue
        try:
            mark = marks.brick_of(volume.tags)
        except ValueError as error:
            problems.append(_unclear_brick(view.host, volume, str(error)))
            continue
        if mark is None:
            continue
        named_after = volume.name.removeprefix(names.lv_name(''))
        if named_after not in (volume.name, mark.brick_id):
            problems.append(
                _unclear_brick(
                    view.host, volume, f'tags of brick {mark.brick_id}'
                )
            )
            continue
        path = _mount_path(node, device, volume, mark)
        yield _Found(
            host=view.host,
            place=f'{node.node.storage_host}:{path}',
            device=device,
            volume=volume,
            mount_path=path,
            mark=mark,
        )


def _mount_path(
    node: KnownNode,
    device: model.Device,
    volume: lvm_report.LogicalVolume,
    mark: BrickMark,
) -> str:
    devices = mount_table.devices_of(volume.vg_name, volume.name)
    view = node.sighted.view
    for path, name in (*view.fstab.items(), *view.mounts.items()):
        if name in devices:
            return path
    return names.mount_path(device.id, mark.brick_id)


def _unclear_brick(
    host: str, volume: lvm_report.LogicalVolume, found: str
) -> Finding:
    return Finding(
        Code.BRICK_UNCLEAR,
        host,
        f'logical volume {volume.vg_name}/{volume.name}',
        'one brick with all tags',
        found,
    )


def _by_place(
    found: Sequence[_Found], problems: list[Finding]
) -> dict[str, _Found]:
    """Arrange bricks by their place, without those that there are twice."""
    count = collections.Counter(each.mark.brick_id for each in found)
    for each in found:
        if count[each.mark.brick_id] > 1:
            problems.append(
                _unclear_brick(
                    each.host,
                    each.volume,
                    f'{count[each.mark.brick_id]} bricks with the id '
                    f'{each.mark.brick_id}',
                )
            )
    return {
        each.place: each for each in found if count[each.mark.brick_id] == 1
    }


# --- volumes --------------------------------------------------------------


def _volumes(
    pool: KnownPool, bricks: Mapping[str, _Found], problems: list[Finding]
) -> list[Restored]:
    """Make rows of a pool's volumes; those without our options stay out."""
    restored = []
    used: set[str] = set()
    for info in pool.pool.view.volumes.values():
        if names.OPTION_VOLUME_ID not in info.options:
            continue
        theirs = [_at(address, bricks) for address in info.addresses]
        used.update(each.place for each in theirs if each is not None)
        if info.name in pool.pool.disputed:
            continue
        try:
            restored.append(_volume(pool, info, theirs))
        except _Unclear as error:
            problems.append(
                Finding(
                    error.code,
                    '',
                    f'volume {info.name}',
                    error.expected,
                    error.found,
                )
            )
    for each in bricks.values():
        if each.place not in used:
            problems.append(
                Finding(
                    Code.BRICK_LEFT_OVER,
                    each.host,
                    f'logical volume {each.volume.vg_name}/{each.volume.name}',
                    f'a brick of volume {each.mark.volume_id}',
                    'no volume has it',
                )
            )
    return restored


def _at(address: str, bricks: Mapping[str, _Found]) -> _Found | None:
    """Find the brick that is mounted above an address."""
    host, _, path = address.partition(':')
    while path not in ('', '/'):
        path = posixpath.dirname(path)
        if f'{host}:{path}' in bricks:
            return bricks[f'{host}:{path}']
    return None


def _volume(
    pool: KnownPool,
    info: gluster_xml.VolumeInfo,
    theirs: Sequence[_Found | None],
) -> Restored:
    """Make the rows of a volume.

    :raises _Unclear: with what speaks against it
    """
    mark = _mark(info)
    if not pool.pool.view.runs(info.name):
        # It may have been about to be deleted.
        raise _Unclear(Code.VOLUME_UNCLEAR, 'started', info.status.lower())
    bricks = _rows_of_bricks(info, mark, theirs)
    return (
        model.Volume(
            id=mark.volume_id,
            cluster_id=pool.cluster.id,
            share_id=mark.share_id,
            name=info.name,
            size_bytes=_size(pool, info),
            capacity_bytes=allocator.capacity_of(bricks, mark.durability),
            durability=mark.durability,
            spread=mark.spread,
            state=VolumeState.READY,
            access=_access(pool, info),
            tags=mark.tags,
            average_file_bytes=mark.average_file_bytes,
        ),
        bricks,
    )


def _mark(info: gluster_xml.VolumeInfo) -> marks.VolumeMark:
    try:
        mark = marks.volume_of(info.options)
    except ValueError as error:
        raise _Unclear(
            Code.VOLUME_UNCLEAR, 'all options', str(error)
        ) from error
    assert mark is not None
    durability = pools.durability_of(info)
    if durability != mark.durability:
        raise _Unclear(
            Code.VOLUME_UNCLEAR, str(mark.durability), str(durability)
        )
    return mark


def _size(pool: KnownPool, info: gluster_xml.VolumeInfo) -> int:
    quota = pool.pool.quotas[info.name]
    if isinstance(quota, int):
        return quota
    found = quota.what if isinstance(quota, exceptions.HostError) else 'none'
    raise _Unclear(Code.VOLUME_UNCLEAR, 'a quota', found)


def _access(pool: KnownPool, info: gluster_xml.VolumeInfo) -> tuple[str, ...]:
    """Say who may mount a volume, beside the nodes."""
    value = info.options.get(access.OPTION, '')
    nodes = names.node_common_name(pool.cluster.id)
    clients = sorted(set(value.split(',')) - {nodes})
    expected = f'{access.OPTION} with {nodes} and plain names'
    try:
        wanted = access.allow_value(pool.cluster.id, clients)
    except exceptions.InvalidInput as error:
        raise _Unclear(Code.VOLUME_UNCLEAR, expected, value) from error
    if set(wanted.split(',')) != set(value.split(',')):
        raise _Unclear(Code.VOLUME_UNCLEAR, expected, value)
    return tuple(clients)


def _rows_of_bricks(
    info: gluster_xml.VolumeInfo,
    mark: marks.VolumeMark,
    theirs: Sequence[_Found | None],
) -> tuple[model.Brick, ...]:
    bricks = []
    for address, found in zip(info.addresses, theirs, strict=True):
        if found is None or found.mark.volume_id != mark.volume_id:
            raise _Unclear(
                Code.VOLUME_FOREIGN_BRICK, 'bricks of its own', address
            )
        bricks.append(_row_of_brick(address, found))
    per_set = mark.durability.bricks_per_set
    sets = [bricks[i : i + per_set] for i in range(0, len(bricks), per_set)]
    order = [(each[0].set_index, range(per_set)) for each in sets]
    said = [(b.set_index, b.position) for b in bricks]
    if said != [(i, p) for i, places in order for p in places] or (
        sorted({index for index, _ in order}) != [i for i, _ in order]
    ):
        raise _Unclear(
            Code.VOLUME_UNCLEAR,
            'bricks in the order of their sets and positions',
            ', '.join(f'{index}.{position}' for index, position in said),
        )
    return tuple(bricks)


def _row_of_brick(address: str, found: _Found) -> model.Brick:
    return model.Brick(
        id=found.mark.brick_id,
        volume_id=found.mark.volume_id,
        device_id=found.device.id,
        set_index=found.mark.set_index,
        position=found.mark.position,
        size_bytes=found.volume.size_bytes,
        vg_name=found.volume.vg_name,
        pool_name=found.volume.pool,
        lv_name=found.volume.name,
        mount_path=found.mount_path,
        brick_path=address.partition(':')[2],
    )


def _without_doubles(
    restored: Sequence[Restored], problems: list[Finding]
) -> Iterator[Restored]:
    """Leave out volumes that claim the identity or the share of another."""
    count: collections.Counter[tuple[str, str]] = collections.Counter()
    for volume, _ in restored:
        count.update(_claims(volume))
    for volume, bricks in restored:
        twice = [each for each in _claims(volume) if count[each] > 1]
        if not twice:
            yield volume, bricks
        for what, value in twice:
            problems.append(
                Finding(
                    Code.VOLUME_TWICE,
                    '',
                    f'volume {volume.name}',
                    f'the only one with {what} {value}',
                    f'{count[what, value]} of them',
                )
            )


def _claims(volume: model.Volume) -> list[tuple[str, str]]:
    claims = [('id', volume.id)]
    if volume.share_id:
        claims.append(('share', volume.share_id))
    return claims
