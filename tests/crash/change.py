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

"""What a change of a deployment is, and the volume that it leaves alone."""

import copy
import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from manila_gluster_heketi.model import OpKind
from tests.functional.deployment import Deployment

_BYSTANDER = 'bystander'


def _nothing(d: Deployment) -> None:
    del d


@dataclasses.dataclass(frozen=True)
class Change:
    """A change of a deployment.

    :ivar act: asks for it; asked again once it is done, it does nothing
    :ivar is_done: tells whether it is in force
    :ivar kinds: the operations that it takes
    :ivar hosts: how a deployment is made for it
    :ivar prepare: what has to be there before
    :ivar complete: what has to be there besides, which the volume that has
        nothing to do with it is not to be placed on, or made after
    :ivar bystander: durability of that volume
    :ivar is_one: it is one operation, so that it is done or undone
    :ivar stays_half_way: recovery leaves it as far as it got; who asks again
        finds the rest
    :ivar half_way: ends of differences that may be there until then
    :ivar grows: what is undone of it keeps the room reserved that bricks may
        have grown by
    :ivar lost: hosts that never come back, so that nobody looks at them
    """

    name: str
    act: Callable[[Deployment], object]
    is_done: Callable[[Deployment], bool]
    kinds: frozenset[OpKind]
    hosts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    prepare: Callable[[Deployment], object] = lambda d: d.load()
    complete: Callable[[Deployment], object] = _nothing
    bystander: str = 'replicate:3'
    is_one: bool = True
    stays_half_way: bool = False
    half_way: tuple[str, ...] = ()
    grows: bool = False
    lost: tuple[str, ...] = ()


def bystander(d: Deployment, durability: str = 'replicate:3') -> None:
    """Make a volume that nothing is to happen to, with data in it."""
    volume = d.create(_BYSTANDER, gigabytes=1, durability=durability)
    d.service.change_access(_BYSTANDER, add=['tess'])
    d.gluster(volume).used_bytes = 4711


def untouched(d: Deployment) -> Any:
    """Look at everything of the bystander."""
    volume = d.service.volume(_BYSTANDER)
    bricks = d.bricks(volume)
    found = []
    for brick in bricks:
        for name in d.hosts:
            lv = d.cluster.host(name).disks.volume_at(
                f'/dev/{brick.vg_name}/{brick.lv_name}'
            )
            if lv is not None:
                found.append((name, lv.uuid, lv.size_bytes))
    return copy.deepcopy(
        (volume, bricks, found, dataclasses.asdict(d.gluster(volume)))
    )
