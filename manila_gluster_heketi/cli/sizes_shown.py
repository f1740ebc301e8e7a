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

"""Sizes for people in tables, and as bytes for programs."""

from collections.abc import Callable

from manila_gluster_heketi import sizes

_UNITS = (
    ('PiB', 1024 * sizes.TIB),
    ('TiB', sizes.TIB),
    ('GiB', sizes.GIB),
    ('MiB', sizes.MIB),
    ('KiB', sizes.KIB),
)


def for_formatter(name: str) -> Callable[[int], str | int]:
    """Choose how to show sizes: cliff's table is for people."""
    return for_people if name == 'table' else int


def parts_for_formatter(name: str) -> Callable[[float], str | float]:
    """Choose how to show parts of a whole, which are 0 to 1."""
    if name == 'table':
        return lambda part: f'{100 * part:.1f} %'
    return lambda part: round(part, 4)


def for_people(size_bytes: int) -> str:
    """Write a size with the largest unit that it fills.

    >>> for_people(1610612736)
    '1.50 GiB'
    """
    for unit, unit_bytes in _UNITS:
        if size_bytes >= unit_bytes:
            return f'{size_bytes / unit_bytes:.2f} {unit}'
    return f'{size_bytes} B'
