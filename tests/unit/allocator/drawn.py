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

"""Clusters and requests that hypothesis draws, and what changes them."""

import dataclasses
from collections.abc import Iterable

from hypothesis import strategies as st

from manila_gluster_heketi import allocator
from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.sizes import GIB
from tests.unit.allocator import clusters

KINDS = (
    'distribute',
    'replicate:2',
    'replicate:3',
    'arbiter',
    'disperse:2+1',
    'disperse:4+2',
)
TIERS = (
    'none',
    'zone:prefer',
    'zone:strict',
    'rack:strict',
    'zone:strict,rack:strict',
    'rack:prefer,zone:strict',
)
_ONLINE = (True, True, True, True, False)


@st.composite
def states(draw: st.DrawFn, nodes: int = 7) -> model.Snapshot:
    """Draw nodes in zones, and in racks that may go through them."""
    disks: list[clusters.Disk] = []
    tags = {}
    for number in range(draw(st.integers(1, nodes))):
        zone = draw(st.integers(1, 3))
        online = draw(st.sampled_from(_ONLINE))
        tags[f'n{number}'] = {
            'rack': draw(st.sampled_from('abcd')),
            'disk': draw(st.sampled_from(['ssd', 'ssd', 'hdd'])),
            'arbiter': draw(
                st.sampled_from(['required', 'supported', 'disabled'])
            ),
        }
        for _ in range(draw(st.integers(1, 3))):
            total = draw(st.integers(1, 30))
            disks.append(
                clusters.Disk(
                    f'n{number}',
                    zone,
                    total,
                    used=draw(st.integers(0, total)),
                    online=draw(st.sampled_from(_ONLINE)),
                    node_online=online,
                )
            )
    state = clusters.snapshot(disks)
    return dataclasses.replace(
        state,
        devices=tuple(
            dataclasses.replace(
                c, node=dataclasses.replace(c.node, tags=tags[c.node.id])
            )
            for c in state.devices
        ),
    )


def request(
    kind: str,
    tiers: str,
    gib: float,
    tags: str = '',
    bricks: int = 60,
    brick_gib: int = 4096,
) -> allocator.Request:
    """Ask for sets that hold so many GiB."""
    return allocator.Request(
        data_bytes=int(gib * GIB),
        durability=durability.parse(kind),
        spread=spread.parse(tiers),
        limits=allocator.Limits(
            brick_max_bytes=brick_gib * GIB, volume_bricks=bricks
        ),
        tags=tags,
    )


def requests(
    kinds: Iterable[str] = KINDS, tiers: Iterable[str] = TIERS
) -> st.SearchStrategy[allocator.Request]:
    """Draw requests; limits are low in some."""
    return st.builds(
        request,
        kind=st.sampled_from(tuple(kinds)),
        tiers=st.sampled_from(tuple(tiers)),
        gib=st.floats(0.5, 60),
        tags=st.sampled_from(['', '', 'disk = ssd']),
        bricks=st.sampled_from([60, 60, 12, 6]),
        brick_gib=st.sampled_from([4096, 4096, 8]),
    )


def placed(
    state: model.Snapshot, wanted: allocator.Request
) -> allocator.Placement | None:
    """Place in a cluster; None if that is refused."""
    try:
        return allocator.place(allocator.Inventory(state), wanted)
    except exceptions.NoSpace:
        return None


def explanation(
    state: model.Snapshot, wanted: allocator.Request
) -> allocator.Explanation | None:
    """Explain a refusal; None if there is none."""
    try:
        allocator.place(allocator.Inventory(state), wanted)
    except exceptions.NoSpace as refusal:
        found: allocator.Explanation = refusal.fields['explanation']
        return found
    return None
