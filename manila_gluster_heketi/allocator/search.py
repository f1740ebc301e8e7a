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

"""Finds the places for brick sets.

With bricks of one size no search tree is needed. :mod:`.domains` counts
whether sets fit at all; each choice then goes by score alone, except that a
domain without which the remaining sets would not fit is taken first. What can
be placed is placed, without trying anything twice.
"""

import dataclasses
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi.allocator import capacity
from manila_gluster_heketi.allocator import domains
from manila_gluster_heketi.allocator import explain
from manila_gluster_heketi.allocator import filters
from manila_gluster_heketi.allocator import placement
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator import scoring


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """How many sets of which bricks, over zones or only over nodes."""

    zones: bool
    sets: int
    brick_bytes: int


def place(
    snapshot: model.Snapshot,
    spec: model.VolumeSpec,
    *,
    seed: int = 0,
    exclude_nodes: frozenset[str] = frozenset(),
    limits: requests.Limits = requests.DEFAULT_LIMITS,
) -> placement.Placement:
    """Find places for a new volume in one cluster.

    The same snapshot, whatever the order of its rows, and the same seed give
    the same answer.

    :param exclude_nodes: identities of nodes to leave out
    :raises NoSpace: nothing meets the constraints; ``fields['explanation']``
        is an :class:`.explain.Explanation`
    """
    request = requests.request_for(spec, exclude_nodes, limits)
    return place_request(snapshot, request, seed=seed)


def place_anywhere(
    snapshots: Sequence[model.Snapshot],
    spec: model.VolumeSpec,
    *,
    seed: int = 0,
    exclude_nodes: frozenset[str] = frozenset(),
    limits: requests.Limits = requests.DEFAULT_LIMITS,
) -> placement.Placement:
    """Find places in the cluster that has most room for such a volume.

    :raises NotFound: the cluster asked for is not among them
    :raises NoSpace: it fits in none; ``fields['explanation']`` is of the one
        where most would fit
    """
    named = [
        snapshot
        for snapshot in snapshots
        if spec.cluster_id in ('', snapshot.cluster.id)
    ]
    if not named:
        raise exceptions.NotFound(
            kind='cluster', identity=spec.cluster_id or 'any'
        )
    ranked = sorted(
        named,
        key=lambda snapshot: (
            -capacity.free_data_bytes(snapshot, spec.durability, spec.spread),
            snapshot.cluster.id,
        ),
    )
    refusals = []
    for snapshot in ranked:
        try:
            return place(
                snapshot,
                spec,
                seed=seed,
                exclude_nodes=exclude_nodes,
                limits=limits,
            )
        except exceptions.NoSpace as refusal:
            refusals.append(refusal)
    raise max(refusals, key=lambda r: r.fields['explanation'].largest_bytes)


def place_request(
    snapshot: model.Snapshot, request: requests.Request, *, seed: int = 0
) -> placement.Placement:
    """Find places for sets that a volume needs, new or in addition.

    :raises NoSpace: nothing meets the constraints
    """
    estate = domains.Estate(filters.usable(request, snapshot.devices))
    plan = _plan(estate, request)
    if plan is None:
        raise exceptions.NoSpace(
            wanted=explain.wanted(request.data_bytes, request),
            explanation=explain.explain(snapshot, request),
        )
    filling = _Filling(estate, plan, request, scoring.Scoring(seed))
    return placement.Placement(
        cluster_id=snapshot.cluster.id,
        sets=filling.sets(),
        brick_bytes=plan.brick_bytes,
        capacity_bytes=plan.sets * sizes.data_bytes_of(plan.brick_bytes),
    )


def _plan(estate: domains.Estate, request: requests.Request) -> _Plan | None:
    """Find the first division that fits, over zones if possible."""
    ways = {
        model.ZoneSpread.STRICT: (True,),
        model.ZoneSpread.PREFER: (True, False),
        model.ZoneSpread.NONE: (False,),
    }
    for zones in ways[request.spread]:
        over = estate.domains(zones=zones)
        for sets, brick in request.divisions(estate.extent_bytes):
            if brick <= domains.largest_brick(over, request.copies, sets):
                return _Plan(zones, sets, brick)
    return None


class _Filling:
    """Puts brick sets into an estate, best places first."""

    def __init__(
        self,
        estate: domains.Estate,
        plan: _Plan,
        request: requests.Request,
        score: scoring.Scoring,
    ) -> None:
        self._estate = estate
        self._plan = plan
        self._copies = request.copies
        self._spread = request.spread
        self._score = score
        self._over = [
            domain
            for domain in estate.domains(zones=plan.zones)
            if domain.most_bytes >= plan.brick_bytes
        ]

    def sets(self) -> tuple[tuple[placement.Slot, ...], ...]:
        """Fill all sets of the plan."""
        left = range(self._plan.sets, 0, -1)
        return tuple(self._set(remaining) for remaining in left)

    def _set(self, remaining: int) -> tuple[placement.Slot, ...]:
        """Fill one set, of which ``remaining`` are to come with this one."""
        places = [
            (domain, domain.places(self._plan.brick_bytes, remaining))
            for domain in self._over
        ]
        open_ = [domain for domain, count in places if count]
        # A domain with a place for each set to come loses one if this set
        # passes it over. The surplus says how often that may happen.
        full = [domain for domain, count in places if count == remaining]
        surplus = sum(count for _, count in places) - remaining * self._copies
        due = len(full) - surplus
        chosen: list[domains.Node] = []
        for left in range(self._copies, 0, -1):
            best = self._best(full if due >= left else open_, chosen)
            open_.remove(best)
            if best in full:
                full.remove(best)
                due -= 1
            chosen.append(self._node(best))
        return tuple(self._slot(node) for node in chosen)

    def _best(
        self,
        among: Sequence[domains.Domain],
        chosen: Sequence[domains.Node],
    ) -> domains.Domain:
        """Return the domain that scores best beside those chosen."""
        used = {node.zone_number for node in chosen}
        zones = self._estate.zones

        def rank(domain: domains.Domain) -> scoring.Rank:
            own = self._score.domain(domain)
            if self._spread is model.ZoneSpread.NONE:
                return own
            number = domain.zone_number
            return (number in used, *self._score.domain(zones[number]), *own)

        return self._score.best(among, rank, lambda d: d.identity)

    def _node(self, domain: domains.Domain) -> domains.Node:
        """Return the best node of a domain."""
        roomy = [
            node
            for node in domain.nodes()
            if node.most_bytes >= self._plan.brick_bytes
        ]
        return self._score.best(
            roomy, self._score.domain, lambda node: node.identity
        )

    def _slot(self, node: domains.Node) -> placement.Slot:
        """Take the best device of a node."""
        size = self._plan.brick_bytes
        rooms = node.rooms()
        index = self._score.best(
            [index for index, room in enumerate(rooms) if room >= size],
            lambda index: self._score.device(
                node.candidates[index], rooms[index], size
            ),
            lambda index: node.candidates[index].device.id,
        )
        self._estate.take(node, index, size)
        device_id = node.candidates[index].device.id
        return placement.Slot(device_id, node.identity, size)
