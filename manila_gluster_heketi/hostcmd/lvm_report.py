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

"""What LVM reports."""

import dataclasses
import json

from manila_gluster_heketi import exceptions


@dataclasses.dataclass(frozen=True, slots=True)
class PhysicalVolume:
    """A device that LVM uses, with its volume group.

    :ivar vg_name: '' and zeros if it is in none
    """

    device: str
    uuid: str
    vg_name: str
    device_bytes: int
    vg_bytes: int
    vg_free_bytes: int
    extent_bytes: int
    vg_tags: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class LogicalVolume:
    """A logical volume, thin or not, or a thin pool.

    :ivar pool: the thin pool it is in, or ''
    :ivar data_percent: used, of a thin volume or pool, else None
    :ivar metadata_percent: used, of a thin pool, else None
    """

    name: str
    vg_name: str
    uuid: str
    size_bytes: int
    pool: str
    tags: tuple[str, ...]
    is_pool: bool
    is_active: bool
    data_percent: float | None
    metadata_percent: float | None
    metadata_bytes: int


def physical_volumes(host: str, output: str) -> tuple[PhysicalVolume, ...]:
    """Read the answer to :func:`lvm.pvs`.

    :raises OutputNotUnderstood: not what LVM 2.03 says
    """
    return tuple(
        PhysicalVolume(
            device=row['pv_name'],
            uuid=row['pv_uuid'],
            vg_name=row['vg_name'],
            device_bytes=_bytes(row['dev_size']),
            vg_bytes=_bytes(row['vg_size']),
            vg_free_bytes=_bytes(row['vg_free']),
            extent_bytes=_bytes(row['vg_extent_size']),
            vg_tags=_tags(row['vg_tags']),
        )
        for row in _rows(host, 'pv', output)
    )


def logical_volumes(host: str, output: str) -> tuple[LogicalVolume, ...]:
    """Read the answer to :func:`lvm.lvs`.

    :raises OutputNotUnderstood: not what LVM 2.03 says
    """
    return tuple(
        LogicalVolume(
            name=row['lv_name'],
            vg_name=row['vg_name'],
            uuid=row['lv_uuid'],
            size_bytes=_bytes(row['lv_size']),
            pool=row['pool_lv'],
            tags=_tags(row['lv_tags']),
            # lvs(8), "lv_attr bits": 1 is the type, 5 the state.
            is_pool=row['lv_attr'][:1] == 't',
            is_active=row['lv_attr'][4:5] == 'a',
            data_percent=_percent(row['data_percent']),
            metadata_percent=_percent(row['metadata_percent']),
            metadata_bytes=_bytes(row['lv_metadata_size']),
        )
        for row in _rows(host, 'lv', output)
    )


class _Row(dict[str, str]):
    """A row of a report, which says itself what it lacks."""

    def __init__(self, values: dict[str, str], host: str, kind: str) -> None:
        super().__init__(values)
        self._origin = (host, kind)

    def __missing__(self, column: str) -> str:
        host, kind = self._origin
        raise exceptions.OutputNotUnderstood(
            host=host,
            command=f'lvm {kind}s',
            output=str(dict(self)),
            reason=f'no column {column}',
        )


def _rows(host: str, kind: str, output: str) -> list[_Row]:
    try:
        [report] = json.loads(output)['report']
        return [_Row(values, host, kind) for values in report[kind]]
    except (KeyError, TypeError, ValueError) as error:
        raise exceptions.OutputNotUnderstood(
            host=host,
            command=f'lvm {kind}s',
            output=output[-500:],
            reason=f'{type(error).__name__}: {error}',
        ) from error


def _bytes(text: str) -> int:
    return int(text or 0)


def _percent(text: str) -> float | None:
    return float(text) if text else None


def _tags(text: str) -> tuple[str, ...]:
    return tuple(text.split(',')) if text else ()
