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

"""How the allocator speaks to people."""

from collections.abc import Sequence

from manila_gluster_heketi import sizes

_SHOWN = 5
_HUNDREDTH = sizes.GIB // 100


def gib(size_bytes: int) -> str:
    """Show what there is; rounded down, so that it can be asked for."""
    return f'{size_bytes * 100 // sizes.GIB / 100:.2f} GiB'


def gib_needed(size_bytes: int) -> str:
    """Show what has to be; rounded up, since less would be too little."""
    return gib(size_bytes + _HUNDREDTH)


def listing(names: Sequence[str]) -> str:
    """List the first of these, and say how many more there are."""
    shown = ', '.join(names[:_SHOWN])
    left = len(names) - _SHOWN
    return f'{shown} and {left} more' if left > 0 else shown
