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

"""Places a new volume: in a cluster, or in the best of several."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import explain
from manila_gluster_heketi.allocator import placement
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator import strategies
from manila_gluster_heketi.allocator.inventory import Inventory

_OWN_LABELS = (spread.ZONE, spread.NODE)
_HALVINGS = 8

_NONE: Mapping[str, int] = MappingProxyType({})


def place(
    inventory: Inventory,
    request: requests.Request,
    *,
    strategy: strategies.Strategy = strategies.BALANCED,
    seed: int = 0,
) -> placement.Placement:
    """Find places for sets that a volume needs, new or in addition.

    The same devices, whatever their order, and the same seed give the same
    answer. Nothing is reserved: see :meth:`.Inventory.change`.

    :raises InvalidInput: no device says anything of a tier, or nothing can
        be that large
    :raises NoSpace: nothing meets the constraints; ``fields['explanation']``
        is an :class:`.explain.Explanation`
    """
    request.check()
    ground = inventory.ground(request, seed=seed)
    _check_tiers(ground, request)
    found = strategy.find(ground, request)
    if not found:
        raise _no_space(
            request,
            _given_up(inventory, ground, request, strategy)
            or explain.explain(inventory, request),
        )
    copies = request.copies
    return placement.Placement(
        cluster_id=inventory.cluster.id,
        sets=tuple(
            tuple(
                placement.Slot(room.device_id, room.node_id, size_bytes)
                for room, size_bytes in bricks
            )
            for bricks in found
        ),
        capacity_bytes=sum(
            request.set_data_bytes(min(size for _, size in bricks[:copies]))
            for bricks in found
        ),
    )


def place_anywhere(
    inventories: Sequence[Inventory],
    spec: model.VolumeSpec,
    *,
    strategy: strategies.Strategy = strategies.BALANCED,
    seed: int = 0,
    excluded: frozenset[str] = frozenset(),
    limits: requests.Limits = requests.DEFAULT_LIMITS,
    volumes: Mapping[str, int] = _NONE,
) -> placement.Placement:
    """Find places in the cluster that has most room for such a volume.

    :param volumes: how many each cluster has, by its identity; those that
        are not there have none
    :raises NotFound: the cluster asked for is not among them
    :raises InvalidInput: a tier is unknown in all of them, or nothing can be
        that large
    :raises NoSpace: it fits in none; ``fields['explanation']`` is of the one
        where most would fit
    """
    named = [
        inventory
        for inventory in inventories
        if spec.cluster_id in ('', inventory.cluster.id)
    ]
    if not named:
        raise exceptions.NotFound(
            kind='cluster', identity=spec.cluster_id or 'any'
        )
    request = requests.request_for(spec, excluded, limits)
    refusals: list[exceptions.NoSpace] = []
    unknown: list[exceptions.InvalidInput] = []
    for inventory in _best_first(named, request):
        there = volumes.get(inventory.cluster.id, 0)
        try:
            _check_volumes(inventory, request, there)
            return place(inventory, request, strategy=strategy, seed=seed)
        except exceptions.NoSpace as refusal:
            refusals.append(refusal)
        except exceptions.InvalidInput as error:
            unknown.append(error)
    if not refusals:
        raise unknown[0]
    raise max(refusals, key=lambda r: r.fields['explanation'].largest_bytes)


def _best_first(
    inventories: Sequence[Inventory], request: requests.Request
) -> Sequence[Inventory]:
    if len(inventories) == 1:
        return inventories
    return sorted(
        inventories,
        key=lambda inventory: (
            -capacity.free_data_bytes(inventory, request),
            inventory.cluster.id,
        ),
    )


def _check_volumes(
    inventory: Inventory, request: requests.Request, there: int
) -> None:
    """Refuse a cluster that has as many volumes as it may.

    :raises NoSpace: it does
    """
    most = request.limits.cluster_volumes
    if not most or there < most:
        return
    refusal = explain.Refusal(
        'cluster-volumes',
        len(inventory.snapshot().devices),
        (),
        f'the cluster has {there} volumes and may have {most}',
    )
    advice = 'add a cluster, delete shares, or raise the limit on volumes'
    raise _no_space(request, _explanation(inventory, refusal, 0, advice))


def _given_up(
    inventory: Inventory,
    ground: search.Ground,
    request: requests.Request,
    strategy: strategies.Strategy,
) -> explain.Explanation | None:
    """Say that a strategy finds nothing where there is something."""
    if strategy == strategies.BALANCED or not search.find(ground, request):
        return None
    low, high = 0, request.data_bytes
    for _ in range(_HALVINGS):
        middle = (low + high) // 2
        asked = dataclasses.replace(request, data_bytes=middle)
        if strategy.find(ground, asked):
            low = middle
        else:
            high = middle
    reason = 'the strategy finds no places among them where balanced does'
    refusal = explain.Refusal('strategy', len(ground.either.rooms), (), reason)
    advice = 'choose the strategy balanced, or ask for less'
    return _explanation(inventory, refusal, low, advice)


def _explanation(
    inventory: Inventory,
    refusal: explain.Refusal,
    largest_bytes: int,
    advice: str,
) -> explain.Explanation:
    snapshot = inventory.snapshot()
    return explain.Explanation(
        cluster=snapshot.cluster.name or snapshot.cluster.id,
        devices=len(snapshot.devices),
        refusals=(refusal,),
        largest_bytes=largest_bytes,
        advice=advice,
    )


def _no_space(
    request: requests.Request, explanation: explain.Explanation
) -> exceptions.NoSpace:
    return exceptions.NoSpace(
        wanted=explain.wanted(request.data_bytes, request),
        explanation=explanation,
    )


def _check_tiers(ground: search.Ground, request: requests.Request) -> None:
    for tier in request.spread.tiers:
        if tier.label in _OWN_LABELS or not ground.estate.rooms:
            continue
        groups = ground.estate.groups(tier.label)
        if not any(value for group in groups for value in group.value):
            raise exceptions.InvalidInput(
                field='spread',
                value=str(request.spread),
                reason=f'no device or node has a tag {tier.label!r}',
            )
