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

"""LVM: one volume group and one thin pool per device, a thin LV per brick.

Heketi's and our volume groups look alike to LVM; tags tell whose they are.
Every call has -qq: LVM then answers its own questions with "no". Failures
have exit status 5 (LVM 2.03.16); what they say is matched below.

No --devices: on hosts with a devices file (RHEL 9) LVM enters a device by
itself when a volume group is made on it.
"""

import dataclasses
from collections.abc import Sequence

from manila_gluster_heketi import sizes
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Tolerance

EXTENT_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 256 * 1024

_FAILED = 5
_REPORT = ('--reportformat', 'json', '--units', 'b', '--nosuffix')

#: Columns of the reports, in the order of the fields of hostcmd.lvm_report.
PV_COLUMNS = (
    'pv_name',
    'pv_uuid',
    'vg_name',
    'dev_size',
    'vg_size',
    'vg_free',
    'vg_extent_size',
    'vg_tags',
)
LV_COLUMNS = (
    'lv_name',
    'vg_name',
    'lv_uuid',
    'lv_size',
    'pool_lv',
    'lv_attr',
    'lv_tags',
    'data_percent',
    'metadata_percent',
    'lv_metadata_size',
)


def vg_create(vg: str, device: str, tags: Sequence[str]) -> Command:
    """Make a volume group, and the device a physical volume for it.

    LVM refuses a device with a partition table, a file system or another
    volume group. A second run finds the group, or the directory of its
    volumes in /dev if there are any: its name has to be unique.
    """
    made = _change(
        'vgcreate',
        '--autobackup=n',
        f'--physicalextentsize={EXTENT_BYTES}b',
        f'--metadatasize={sizes.LVM_RECORDS_BYTES}b',
        f'--dataalignment={CHUNK_BYTES}b',
        *_tags(tags),
        vg,
        device,
        already=f'A volume group called {vg} already exists',
    )
    in_use = Tolerance(3, f'/dev/{vg}: already exists in filesystem')
    return dataclasses.replace(made, tolerated=(*made.tolerated, in_use))


def thin_pool_create(
    vg: str, pool: str, data_bytes: int, metadata_bytes: int
) -> Command:
    """Make the thin pool; LVM adds a spare as big as its metadata.

    Chunks are not zeroed: tenants see files, and XFS never shows a block
    that was not written. A second run finds the pool.

    :param data_bytes: whole extents
    :param metadata_bytes: whole extents
    """
    return _change(
        'lvcreate',
        '--autobackup=n',
        '--type=thin-pool',
        f'--name={pool}',
        f'--size={data_bytes}b',
        f'--poolmetadatasize={metadata_bytes}b',
        f'--chunksize={CHUNK_BYTES}b',
        '--zero=n',
        vg,
        already=f'Logical volume {pool} already exists in Volume group {vg}',
    )


def brick_create(
    vg: str, pool: str, lv: str, size_bytes: int, tags: Sequence[str]
) -> Command:
    """Make the thin logical volume of a brick.

    A second run finds it: its name has to be unique.

    :param size_bytes: virtual size, whole extents
    """
    return _change(
        'lvcreate',
        '--autobackup=n',
        '--thin',
        f'--virtualsize={size_bytes}b',
        f'--name={lv}',
        *_tags(tags),
        f'{vg}/{pool}',
        already=f'"{lv}" already exists in volume group "{vg}"',
    )


def lv_extend(vg: str, lv: str, size_bytes: int) -> Command:
    """Grow a logical volume to a size; a second run changes nothing.

    Nor does a smaller size: what a failed growth left is larger than the
    next one may need.

    :param size_bytes: the new size, whole extents
    """
    growth = _change(
        'lvextend',
        '--autobackup=n',
        f'--size={size_bytes}b',
        f'{vg}/{lv}',
        already='matches existing size',
    )
    larger = Tolerance(_FAILED, 'not larger than existing size')
    return dataclasses.replace(growth, tolerated=(*growth.tolerated, larger))


def vg_tag(vg: str, tags: Sequence[str]) -> Command:
    """Add tags to a volume group; those that it has are fine."""
    return Command(
        ('lvm', 'vgchange', '-qq', '--autobackup=n', *_tags(tags), vg)
    )


def lv_tag(vg: str, lv: str, tags: Sequence[str]) -> Command:
    """Add tags to a logical volume; those that it has are fine."""
    path = f'{vg}/{lv}'
    return Command(
        ('lvm', 'lvchange', '-qq', '--autobackup=n', *_tags(tags), path)
    )


def lv_remove(vg: str, lv: str) -> Command:
    """Destroy a logical volume; one that is not there is fine.

    A mounted one is refused: "contains a filesystem in use".
    """
    removal = _change(
        'lvremove',
        '--autobackup=n',
        '-f',
        f'{vg}/{lv}',
        already='Failed to find logical volume',
    )
    group_gone = Tolerance(_FAILED, _gone(vg))
    return dataclasses.replace(
        removal, tolerated=(*removal.tolerated, group_gone)
    )


def pool_remove(vg: str, pool: str) -> Command:
    """Destroy a thin pool if it is empty.

    LVM would destroy the thin volumes in it as well; so an empty one is
    selected, and no other. A second run selects nothing.
    """
    return _change(
        'lvremove',
        '--autobackup=n',
        '-f',
        f'--select=lv_name={pool} && thin_count=0',
        vg,
        already=_gone(vg),
    )


def vg_remove(vg: str) -> Command:
    """Remove a volume group that holds nothing; one not there is fine."""
    return _change('vgremove', vg, already=_gone(vg))


def pv_remove(device: str) -> Command:
    """Take LVM's label off a device that is in no volume group.

    A device without one is fine.
    """
    return _change('pvremove', device, already='No PV found on device')


def pvs(device: str = '') -> Command:
    """Report physical volumes with their volume groups.

    :param device: this one alone; it fails if it is no physical volume
    """
    return _report('pvs', PV_COLUMNS, device)


def lvs(vg: str = '') -> Command:
    """Report logical volumes, of one volume group or of all."""
    return _report('lvs', LV_COLUMNS, vg)


def _gone(vg: str) -> str:
    return f'Volume group "{vg}" not found'


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(f'--addtag={tag}' for tag in tags)


def _change(verb: str, *arguments: str, already: str) -> Command:
    return Command(
        ('lvm', verb, '-qq', *arguments),
        tolerated=(Tolerance(_FAILED, already),),
    )


def _report(verb: str, columns: tuple[str, ...], subject: str) -> Command:
    argv = ('lvm', verb, *_REPORT, '-o', ','.join(columns))
    return Command(
        (*argv, subject) if subject else argv,
        reads_only=True,
    )
