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

"""What would make a request fit that was refused, the cheapest first.

Of each kind of change the least that is enough, as :mod:`.whatif` finds it.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator.adding import add_devices
from manila_gluster_heketi.allocator.changes import BringBack
from manila_gluster_heketi.allocator.changes import Change
from manila_gluster_heketi.allocator.changes import DropTags
from manila_gluster_heketi.allocator.changes import RaiseLimit
from manila_gluster_heketi.allocator.changes import RelaxTiers
from manila_gluster_heketi.allocator.changes import Together
from manila_gluster_heketi.allocator.inventory import Inventory
from manila_gluster_heketi.allocator.request import Limits
from manila_gluster_heketi.allocator.request import Request
from manila_gluster_heketi.allocator.whatif import WhatIf

# How much higher a limit on bricks may be said to have to be; beyond that,
# nobody would raise it.
_TIMES = 4
_MOST_BRICK_BYTES = 2**60

#: Tells whether bricks that are there could grow on devices, within limits.
InPlace = Callable[[filters.Candidates, Limits], bool]


def remedies(
    snapshot: model.Snapshot,
    request: Request,
    in_place: InPlace | None = None,
) -> tuple[Change, ...]:
    """Find changes each of which is enough.

    :param in_place: for a volume that is there, whose tiers and tags stay
    """
    inventory = Inventory(snapshot)
    if search.find(inventory.ground(request), request):
        # It was not for a lack of room that it was refused.
        return ()
    case = WhatIf(inventory, request)
    found: list[Change | None] = [
        _bring_back(case, inventory, request, in_place),
        add_devices(case, request.tags),
        _more_bricks(case, inventory, request),
        _larger_bricks(case, inventory, request, in_place),
    ]
    if not any(found):
        found.append(_all_of_it(case, inventory, request))
    if in_place is None:
        found += [_relax(inventory, request), _drop(inventory, request)]
    return tuple(each for each in found if each is not None)


@dataclasses.dataclass(frozen=True, slots=True)
class _Absent:
    """What may be brought back by one act.

    :ivar devices: that are there then, online
    """

    name: str
    is_node: bool
    devices: tuple[model.DeviceCapacity, ...]

    @property
    def free_bytes(self) -> int:
        """Room on all of them."""
        return sum(each.free_bytes for each in self.devices)


def _bring_back(
    case: WhatIf,
    inventory: Inventory,
    request: Request,
    in_place: InPlace | None,
) -> BringBack | None:
    devices = inventory.snapshot().devices
    online = filters.online(request, devices)
    placeable = filters.Tags(request.tags)

    def fits(
        back: Sequence[_Absent],
        tell: Callable[[filters.Candidates], bool] = case.fits,
    ) -> bool:
        more = [each for absent in back for each in absent.devices]
        if in_place and in_place([*online, *more], request.limits):
            return True
        return tell(placeable.keep(more))

    # By name too: a database gives rows in any order.
    absent = sorted(
        _absent(devices, request),
        key=lambda each: (-each.free_bytes, each.is_node, each.name),
    )
    if not absent or not fits(absent):
        return None
    back = _fewest(case, absent, fits)
    if not fits(back, case.stands):
        return None
    return BringBack(
        nodes=tuple(sorted(each.name for each in back if each.is_node)),
        devices=tuple(sorted(each.name for each in back if not each.is_node)),
    )


def _absent(
    devices: filters.Candidates, request: Request
) -> Iterator[_Absent]:
    """Yield nodes and devices on others that are offline or left out."""
    online = model.EntryState.ONLINE
    nodes: dict[str, list[model.DeviceCapacity]] = {}
    for each in devices:
        host = each.node.manage_host
        away = (
            each.node.state is not online
            or each.node.id in request.excluded
        )
        if away and each.device.state is online:
            node = dataclasses.replace(each.node, state=online)
            back = dataclasses.replace(each, node=node)
            nodes.setdefault(host, []).append(back)
        elif not away and (
            each.device.state is not online
            or each.device.id in request.excluded
        ):
            device = dataclasses.replace(each.device, state=online)
            back = dataclasses.replace(each, device=device)
            yield _Absent(f'{host}:{device.path}', False, (back,))
    for host, theirs in nodes.items():
        yield _Absent(host, True, tuple(theirs))


def _fewest(
    case: WhatIf,
    absent: Sequence[_Absent],
    fits: Callable[[Sequence[_Absent]], bool],
) -> Sequence[_Absent]:
    """Return few of these that are enough, and none that is needless."""
    for each in absent:
        if fits([each]):
            return [each]
    def first(count: int) -> bool:
        return fits(absent[:count])

    enough = absent[: case.least(1, len(absent), first, first)]
    left = list(enough)
    for each in reversed(enough):
        without = [other for other in left if other is not each]
        if fits(without):
            left = without
    return left


def _more_bricks(
    case: WhatIf, inventory: Inventory, request: Request
) -> RaiseLimit | None:
    if not case.may_hold([group.free_bytes for group in case.domains]):
        return None
    most = _most_sets(request)
    larger = WhatIf(inventory, _with_sets(request, most))

    def allowed(sets: int) -> Request:
        return _with_sets(larger.request, sets)

    sets = larger.least(
        request.most_sets,
        most,
        lambda sets: larger.surely_fits(request=allowed(sets)),
        lambda sets: larger.fits(request=allowed(sets)),
    )
    if sets is None or not larger.stands(request=allowed(sets)):
        return None
    needed = _with_sets(request, sets).limits.volume_bricks
    return RaiseLimit('volume_bricks', request.limits.volume_bricks, needed)


def _larger_bricks(
    case: WhatIf,
    inventory: Inventory,
    request: Request,
    in_place: InPlace | None,
) -> RaiseLimit | None:
    online = filters.online(request, inventory.snapshot().devices)
    unit = case.extent_bytes
    now = request.limits.brick_max_bytes

    def fits(
        extents: int, tell: Callable[..., bool] = case.fits
    ) -> bool:
        limits = dataclasses.replace(
            request.limits, brick_max_bytes=extents * unit
        )
        if in_place and in_place(online, limits):
            return True
        return tell(request=dataclasses.replace(case.request, limits=limits))

    needed = case.least(
        now // unit, _MOST_BRICK_BYTES // unit, fits, fits
    )
    if needed is None or not fits(needed, case.stands):
        return None
    return RaiseLimit('brick_max_bytes', now, needed * unit)


def _all_of_it(
    case: WhatIf, inventory: Inventory, request: Request
) -> Together | None:
    """Raise the limit on bricks, and add devices for what it then allows."""
    needed = _sets_needed(case)
    if needed > _most_sets(request):
        return None
    raised = _with_sets(request, needed)
    devices = add_devices(WhatIf(inventory, raised), request.tags)
    if devices is None:
        return None
    limit = RaiseLimit(
        'volume_bricks',
        request.limits.volume_bricks,
        raised.limits.volume_bricks,
    )
    return Together((limit, devices))


def _sets_needed(case: WhatIf) -> int:
    """Say how many sets of the largest bricks hold the data."""
    request = case.request
    most = sizes.round_down(request.limits.brick_max_bytes, case.extent_bytes)
    return -(-request.data_bytes // max(1, request.set_data_bytes(most)))


def _most_sets(request: Request) -> int:
    """Say how many sets a limit may be raised to."""
    bricks = _TIMES * request.limits.volume_bricks - request.bricks_before
    return max(
        request.most_sets + 1, bricks // request.durability.bricks_per_set
    )


def _with_sets(request: Request, sets: int) -> Request:
    """Allow so many sets more than there are."""
    bricks = sets * request.durability.bricks_per_set
    return dataclasses.replace(
        request,
        limits=dataclasses.replace(
            request.limits, volume_bricks=request.bricks_before + bricks
        ),
    )


def _relax(inventory: Inventory, request: Request) -> RelaxTiers | None:
    """Relax the last strict tier that is enough, or as few of the last."""
    strict = request.spread.labels(spreads.Mode.STRICT)
    last = [strict[-count:] for count in range(2, len(strict) + 1)]
    for labels in (*((each,) for each in reversed(strict)), *last):
        tiers = tuple(
            spreads.Tier(tier.label, spreads.Mode.PREFER)
            if tier.label in labels
            else tier
            for tier in request.spread.tiers
        )
        relaxed = dataclasses.replace(request, spread=spreads.Spread(tiers))
        if search.find(inventory.ground(relaxed), relaxed):
            return RelaxTiers(labels)
    return None


def _drop(inventory: Inventory, request: Request) -> DropTags | None:
    any_device = dataclasses.replace(request, tags='')
    if not request.tags or not search.find(
        inventory.ground(any_device), any_device
    ):
        return None
    return DropTags(request.tags)
