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


"""What is mounted, and what is to be mounted at boot."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line of fstab(5), or of /proc/mounts, which is written alike.

    :ivar device: as it is written there
    """

    device: str
    path: str
    kind: str


def parse(text: str) -> tuple[Entry, ...]:
    """Read the lines of either; comments and broken lines are left out."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith('#'):
            found.append(Entry(*map(_spoken, fields[:3])))
    return tuple(found)


def devices_of(vg: str, lv: str) -> tuple[str, str]:
    """Give the names of a logical volume's device: in fstab, and mounted.

    The second is the device mapper's, which doubles dashes; the kernel knows
    no other.
    """
    group, volume = (each.replace('-', '--') for each in (vg, lv))
    return f'/dev/{vg}/{lv}', f'/dev/mapper/{group}-{volume}'


def _spoken(field: str) -> str:
    """Undo what is done to blanks in the tables."""
    return re.sub(r'\\([0-7]{3})', lambda each: chr(int(each[1], 8)), field)
