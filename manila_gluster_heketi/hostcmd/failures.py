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


"""What the words of a command that failed mean, whatever the program."""

import re

from manila_gluster_heketi import exceptions

# As the C library says it, and LVM 2.03 of groups and of thin pools.
_MEANINGS: tuple[tuple[str, type[exceptions.CommandFailed]], ...] = (
    (
        r'No space left on device'
        r'|insufficient free space'
        r'|free space in thin pool \S+ reached threshold'
        r'|Insufficient suitable allocatable extents',
        exceptions.DiskFull,
    ),
    (r'Read-only file system', exceptions.DiskReadOnly),
)


def kind_of(said: str) -> type[exceptions.CommandFailed]:
    """Find the kind of error for what a command said on standard error."""
    for pattern, kind in _MEANINGS:
        if re.search(pattern, said):
            return kind
    return exceptions.CommandFailed
