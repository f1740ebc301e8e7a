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

"""The lvm program of a simulated host (LVM 2.03.16)."""

from collections.abc import Callable

from manila_gluster_heketi.executor.simulated import block
from manila_gluster_heketi.executor.simulated import lvm_reports
from manila_gluster_heketi.executor.simulated import outcome
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import Words
from manila_gluster_heketi.executor.simulated.outcome import failed

_NOT_BACKED_UP = Outcome(
    stderr='  WARNING: This metadata update is NOT backed up.\n'
)
_VALUED = (
    '--addtag',
    '--autobackup',
    '--chunksize',
    '--dataalignment',
    '--metadatasize',
    '--name',
    '--physicalextentsize',
    '--poolmetadatasize',
    '--select',
    '--size',
    '--type',
    '--virtualsize',
    '--zero',
)


def run(disks: block.Block, argv: tuple[str, ...]) -> Outcome:
    """Run the lvm program."""
    verb = argv[1]
    if verb in ('pvs', 'lvs'):
        return lvm_reports.run(disks, argv)
    change = _CHANGES.get(verb)
    if change is None or argv[2] != '-qq':
        raise UnknownCommand(argv)
    words = outcome.words_of(argv[2:], flags=('-f', '--thin'), valued=_VALUED)
    for name in ('--size', '--virtualsize'):
        if name in words.options and _bytes(words, name) % 512:
            return failed(
                3,
                f'  Invalid argument for {name}: {words.option(name)}',
                '  Error during parsing of command line.',
            )
    return change(disks, words)


def _bytes(words: Words, name: str) -> int:
    return int(words.option(name).removesuffix('b'))


def _vgcreate(disks: block.Block, words: Words) -> Outcome:
    name, path = words.operands
    group = disks.groups.get(name)
    if group is not None and group.volumes:
        return failed(3, f'  /dev/{name}: already exists in filesystem')
    if group is not None:
        return failed(5, f'  A volume group called {name} already exists.')
    device = disks.devices.get(path)
    refusal = _unusable(disks, device, path, name)
    if device is None or refusal is not None:
        return refusal or failed(5, f'  No device found for {path}.')
    extent = _bytes(words, '--physicalextentsize')
    start = _bytes(words, '--metadatasize') + _bytes(words, '--dataalignment')
    disks.groups[name] = block.VolumeGroup(
        name=name,
        device=device,
        extent_bytes=extent,
        size_bytes=max(0, device.size_bytes - start) // extent * extent,
        tags=words.options.get('--addtag', ()),
    )
    device.signatures[:] = ['LVM2_member']
    return _NOT_BACKED_UP


def _unusable(
    disks: block.Block, device: block.Device | None, path: str, name: str
) -> Outcome | None:
    if device is None:
        return failed(5, f'  No device found for {path}.')
    group = disks.group_on(device)
    if group is not None:
        return failed(
            5,
            f"  Physical volume '{path}' is already in volume group "
            f"'{group.name}'",
            f"  Unable to add physical volume '{path}' to volume group "
            f"'{name}'",
            f'  {path}: physical volume not initialized.',
        )
    reason = ''
    if device.size_bytes < block.PV_MIN_BYTES:
        reason = 'device is too small (pv_min_size)'
    elif {'dos', 'gpt'} & set(device.signatures):
        reason = 'device is partitioned'
    if reason:
        return failed(5, f'  Cannot use {path}: {reason}')
    foreign = [each for each in device.signatures if each != 'LVM2_member']
    if foreign:
        return failed(
            5,
            f'WARNING: {foreign[0]} signature detected on {path} at offset '
            '0. Wipe it? [y/n]: [n]',
            f'  Aborted wiping of {foreign[0]}.',
            f'  {len(foreign)} existing signature left on the device.',
        )
    return None


def _lvcreate(disks: block.Block, words: Words) -> Outcome:
    group_name, _, pool = words.operands[0].partition('/')
    group = disks.groups.get(group_name)
    if group is None:
        return lvm_reports.no_group(group_name)
    if pool:
        return _create_thin(group, pool, words)
    return _create_pool(group, words)


def _create_thin(group: block.VolumeGroup, pool: str, words: Words) -> Outcome:
    name = words.option('--name')
    if name in group.volumes:
        return failed(
            5,
            f'  Logical Volume "{name}" already exists in volume group '
            f'"{group.name}"',
        )
    if pool not in group.volumes:
        return failed(
            5, f'  Pool {pool} not found in Volume group {group.name}.'
        )
    if group.volumes[pool].is_full:
        return failed(
            5,
            '  Cannot create new thin volume, free space in thin pool '
            f'{group.name}/{pool} reached threshold.',
        )
    size = _bytes(words, '--virtualsize')
    group.volumes[name] = block.LogicalVolume(
        vg=group.name,
        name=name,
        size_bytes=-(-size // group.extent_bytes) * group.extent_bytes,
        pool=pool,
        tags=words.options.get('--addtag', ()),
    )
    return _NOT_BACKED_UP


def _create_pool(group: block.VolumeGroup, words: Words) -> Outcome:
    if words.option('--type') != 'thin-pool':
        raise UnknownCommand(('lvcreate', str(words)))
    name = words.option('--name')
    if name in group.volumes:
        return failed(
            5,
            f'  Logical volume {name} already exists in Volume group '
            f'{group.name}.',
        )
    size = _bytes(words, '--size')
    metadata = _bytes(words, '--poolmetadatasize')
    if size + 2 * metadata > group.free_bytes:
        free = group.free_bytes // group.extent_bytes
        need = (size + 2 * metadata) // group.extent_bytes
        return failed(
            5,
            f'  Volume group "{group.name}" has insufficient free space '
            f'({free} extents): {need} required.',
        )
    group.volumes[name] = block.LogicalVolume(
        vg=group.name,
        name=name,
        size_bytes=size,
        pool='',
        tags=(),
        metadata_bytes=metadata,
    )
    return _NOT_BACKED_UP


def _lvextend(disks: block.Block, words: Words) -> Outcome:
    group_name, _, name = words.operands[0].partition('/')
    group = disks.groups.get(group_name)
    if group is None:
        return lvm_reports.no_group(group_name)
    volume = group.volumes.get(name)
    if volume is None:
        return failed(
            5,
            f'  Logical volume {name} not found in volume group {group_name}.',
        )
    extent = group.extent_bytes
    new = -(-_bytes(words, '--size') // extent)
    old = volume.size_bytes // extent
    if new == old:
        return failed(
            5,
            f'  New size ({new} extents) matches existing size '
            f'({old} extents).',
        )
    if new < old:
        return failed(
            5,
            f'  New size given ({new} extents) not larger than existing '
            f'size ({old} extents)',
        )
    volume.size_bytes = new * extent
    return _NOT_BACKED_UP


def _lvremove(disks: block.Block, words: Words) -> Outcome:
    group_name, _, name = words.operands[0].partition('/')
    group = disks.groups.get(group_name)
    if group is None:
        return lvm_reports.no_group(group_name)
    if not name:
        return _remove_empty_pool(group, words)
    volume = group.volumes.get(name)
    if volume is None:
        return failed(
            5, f'  Failed to find logical volume "{group_name}/{name}"'
        )
    if volume.mount_path:
        return failed(
            5,
            f'  Logical volume {group_name}/{name} contains a filesystem in '
            'use.',
        )
    del group.volumes[name]
    return _NOT_BACKED_UP


def _remove_empty_pool(group: block.VolumeGroup, words: Words) -> Outcome:
    name, _, condition = words.option('--select').partition(' && ')
    if condition != 'thin_count=0':
        raise UnknownCommand(('lvremove', str(words)))
    pool = name.removeprefix('lv_name=')
    if pool not in group.volumes or any(
        each.pool == pool for each in group.volumes.values()
    ):
        return DONE
    del group.volumes[pool]
    return _NOT_BACKED_UP


def _vgchange(disks: block.Block, words: Words) -> Outcome:
    [name] = words.operands
    group = disks.groups.get(name)
    if group is None:
        return lvm_reports.no_group(name)
    group.tags = _with_tags(group.tags, words)
    return _NOT_BACKED_UP


def _lvchange(disks: block.Block, words: Words) -> Outcome:
    group_name, _, name = words.operands[0].partition('/')
    group = disks.groups.get(group_name)
    if group is None:
        return lvm_reports.no_group(group_name)
    if name not in group.volumes:
        return failed(
            5, f'  Failed to find logical volume "{group_name}/{name}"'
        )
    volume = group.volumes[name]
    volume.tags = _with_tags(volume.tags, words)
    return _NOT_BACKED_UP


def _with_tags(tags: tuple[str, ...], words: Words) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*tags, *words.options['--addtag'])))


def _vgremove(disks: block.Block, words: Words) -> Outcome:
    [name] = words.operands
    group = disks.groups.get(name)
    if group is None:
        return lvm_reports.no_group(name)
    if group.volumes:
        return failed(
            5,
            f'Do you really want to remove volume group "{name}" containing '
            f'{len(group.volumes)} logical volumes? [y/n]: [n]',
            f'  Volume group "{name}" not removed',
        )
    disks.drop(group)
    return DONE


def _pvremove(disks: block.Block, words: Words) -> Outcome:
    [path] = words.operands
    device = disks.devices.get(path)
    if device is None:
        return failed(5, f'  No device found for {path}.')
    group = disks.group_on(device)
    if group is not None:
        return failed(
            5,
            f'  PV {path} is used by VG {group.name} so please use vgreduce '
            'first.',
            '  (If you are certain you need pvremove, then confirm by using '
            '--force twice.)',
            f'  {path}: physical volume label not removed.',
        )
    if 'LVM2_member' not in device.signatures:
        return failed(5, f'  No PV found on device {path}.')
    device.signatures.remove('LVM2_member')
    return DONE


_CHANGES: dict[str, Callable[[block.Block, Words], Outcome]] = {
    'vgcreate': _vgcreate,
    'vgchange': _vgchange,
    'lvcreate': _lvcreate,
    'lvchange': _lvchange,
    'lvextend': _lvextend,
    'lvremove': _lvremove,
    'vgremove': _vgremove,
    'pvremove': _pvremove,
}
