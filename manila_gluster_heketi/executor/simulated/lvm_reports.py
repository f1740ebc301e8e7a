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

"""Reports of the lvm program of a simulated host."""

import json
from collections.abc import Sequence

from manila_gluster_heketi.executor.simulated import block
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import failed

_REPORT = ('--reportformat', 'json', '--units', 'b', '--nosuffix', '-o')


def no_group(name: str) -> Outcome:
    """Complain of a volume group that is not there."""
    return failed(
        5,
        f'  Volume group "{name}" not found',
        f'  Cannot process volume group {name}',
    )


def run(disks: block.Block, argv: tuple[str, ...]) -> Outcome:
    """Run ``lvm pvs`` or ``lvm lvs``."""
    if argv[2:8] != _REPORT:
        raise UnknownCommand(argv)
    columns = argv[8].split(',')
    subject = argv[9] if len(argv) > 9 else ''
    if argv[1] == 'lvs':
        if subject and subject not in disks.groups:
            return _answer('lv', [], columns, no_group(subject))
        rows = [
            _lv_row(each)
            for group in disks.groups.values()
            if subject in ('', group.name)
            for each in group.volumes.values()
        ]
        return _answer('lv', rows, columns, DONE)
    return _report_devices(disks, columns, subject)


def _report_devices(
    disks: block.Block, columns: Sequence[str], subject: str
) -> Outcome:
    if subject and subject not in disks.devices:
        missing = failed(5, f'  Cannot use {subject}: device not found')
        return _answer('pv', [], columns, missing)
    rows = [
        _pv_row(device, disks.group_on(device))
        for device in disks.devices.values()
        if 'LVM2_member' in device.signatures and subject in ('', device.path)
    ]
    if subject and not rows:
        missing = failed(5, f'  Failed to find physical volume "{subject}".')
        return _answer('pv', [], columns, missing)
    return _answer('pv', rows, columns, DONE)


def _pv_row(
    device: block.Device, group: block.VolumeGroup | None
) -> dict[str, object]:
    return {
        'pv_name': device.path,
        'pv_uuid': group.pv_uuid if group else block.lvm_uuid(),
        'vg_name': group.name if group else '',
        'dev_size': device.size_bytes,
        'vg_size': group.size_bytes if group else 0,
        'vg_free': group.free_bytes if group else 0,
        'vg_extent_size': group.extent_bytes if group else 0,
        'vg_tags': ','.join(group.tags) if group else '',
    }


def _lv_row(volume: block.LogicalVolume) -> dict[str, object]:
    is_pool = not volume.pool
    state = 'o' if volume.mount_path or is_pool else '-'
    return {
        'lv_name': volume.name,
        'vg_name': volume.vg,
        'lv_uuid': volume.uuid,
        'lv_size': volume.size_bytes,
        'pool_lv': volume.pool,
        'lv_attr': f'{"t" if is_pool else "V"}wi-a{state}t---',
        'lv_tags': ','.join(volume.tags),
        'data_percent': '100.00' if volume.is_full else '0.00',
        'metadata_percent': '10.00' if is_pool else '',
        'lv_metadata_size': volume.metadata_bytes if is_pool else '',
    }


def _answer(
    kind: str,
    rows: Sequence[dict[str, object]],
    columns: Sequence[str],
    end: Outcome,
) -> Outcome:
    chosen = [{name: str(row[name]) for name in columns} for row in rows]
    text = json.dumps({'report': [{kind: chosen}]})
    return Outcome(end.status, text, end.stderr)
