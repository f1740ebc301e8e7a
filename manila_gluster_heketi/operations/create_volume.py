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

"""Creating a volume: place, reserve, make bricks, make the volume."""

import dataclasses
import re
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.allocator.strategies import BALANCED
from manila_gluster_heketi.allocator.strategies import Strategy
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import attempts
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import volume_options
from manila_gluster_heketi.operations import volume_steps
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

LOG = log.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Policy:
    """How volumes are made when the request does not say.

    :ivar quota_timeouts: soft and hard, in seconds
    :ivar attempts: placements tried, each without what failed
    :ivar strategy: chooses places
    :ivar limits: on bricks, and on volumes of a cluster
    """

    quota_timeouts: tuple[int, int] = (2, 1)
    extra_options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    attempts: int = 3
    strategy: Strategy = BALANCED
    limits: allocator.Limits = allocator.Limits()


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedStep:
    """What one step would run.

    :ivar host: where; the first of several that would do
    """

    host: str
    commands: tuple[Command, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A volume that could be created now; nothing of it is there.

    :ivar volume: with identities that a real creation does not use
    :ivar bricks: one for each slot of the placement, in its order
    :ivar hosts: of each brick, where its commands would run
    :ivar choices: of each brick, why it would be there
    :ivar steps: those on different hosts of bricks would run at once
    """

    volume: model.Volume
    placement: allocator.Placement
    bricks: tuple[model.Brick, ...]
    hosts: tuple[str, ...]
    choices: tuple[allocator.Choice, ...]
    steps: tuple[PlannedStep, ...]


def plan(
    store: Store,
    inventories: Inventories,
    spec: model.VolumeSpec,
    policy: Policy,
) -> Plan:
    """Say what creating a volume would do; nothing is reserved.

    :raises NoSpace: with the explanation per constraint
    :raises Conflict: the share has a volume
    """
    with store.read() as tx:
        if volumes.by_share(tx, spec.share_id) is not None:
            raise exceptions.Conflict(
                kind='share',
                identity=spec.share_id,
                reason='it has a volume already',
            )
        placement, _ = _place(tx, inventories, spec, policy, frozenset())
        volume, bricks = _rows(tx, spec, placement)
        host_of = {
            brick.id: host
            for host, theirs in brick_rows.homes(tx, bricks).by_host().items()
            for brick in theirs
        }
        return Plan(
            volume=volume,
            placement=placement,
            bricks=bricks,
            hosts=tuple(host_of[brick.id] for brick in bricks),
            choices=_choices(tx, inventories, spec, placement),
            steps=tuple(
                PlannedStep(each.host, each.commands())
                for each in _steps(tx, volume, bricks, policy)
            ),
        )


def _choices(
    tx: Transaction,
    inventories: Inventories,
    spec: model.VolumeSpec,
    placement: allocator.Placement,
) -> tuple[allocator.Choice, ...]:
    with inventories.of(tx, (placement.cluster_id,)) as (inventory,):
        return allocator.explain_placement(
            inventory, allocator.request_for(spec), placement
        )


def create(
    engine: Engine,
    inventories: Inventories,
    spec: model.VolumeSpec,
    policy: Policy,
) -> model.Volume:
    """Create the volume of a share, or find the one made before.

    :raises NoSpace: with the explanation per constraint
    :raises OperationFailed: no placement that was tried worked
    """
    volume = attempts.run(
        engine,
        lambda excluded: reserve(engine, inventories, spec, policy, excluded),
        attempts=policy.attempts,
        beside_stuck=True,
    )
    return dataclasses.replace(volume, state=VolumeState.READY)


def reserve(
    engine: Engine,
    inventories: Inventories,
    spec: model.VolumeSpec,
    policy: Policy,
    excluded: frozenset[str] = frozenset(),
) -> tuple[model.Volume, Operation | None]:
    """Place and reserve in one transaction, before any host is touched.

    :param excluded: identities of nodes and devices to leave out
    :returns: the operation that makes the volume; None if it is there
    :raises NoSpace: with the explanation per constraint
    :raises UnderWay: another request is creating it, or the nodes of its
        cluster are apart for a while
    """

    def attempt(
        tx: WriteTransaction, alone: bool
    ) -> tuple[model.Volume, Operation | None]:
        there = volumes.by_share(tx, spec.share_id)
        if there is not None:
            return _usable(there), None
        if alone:
            generations.lock(tx, _wanted_clusters(tx, spec))
        placement, seen = _place(tx, inventories, spec, policy, excluded)
        generations.claim(tx, placement.cluster_id, seen)
        # After that: who parts the nodes has counted a change, too.
        journal.check_free(tx, kinds.togetherness(placement.cluster_id))
        volume, bricks = _rows(tx, spec, placement)
        _add_volume(tx, volume)
        volumes.add_bricks(tx, bricks)
        operation = engine.open(
            tx, model.OpKind.VOLUME_CREATE, volume.id, volume.cluster_id
        )
        steps = _steps(tx, volume, bricks, policy)
        return volume, engine.plan(tx, operation, steps)

    try:
        return engine.store.transact(lambda tx: attempt(tx, alone=False))
    except exceptions.StaleGeneration as error:
        LOG.debug('placing again, alone: %s', error)
        return engine.store.transact(lambda tx: attempt(tx, alone=True))


def _usable(there: model.Volume) -> model.Volume:
    if there.state is VolumeState.READY:
        return there
    raise _is_being_created(there.share_id)


def _is_being_created(share_id: str) -> exceptions.UnderWay:
    return exceptions.UnderWay(
        kind='share',
        identity=share_id,
        reason='its volume is being created by another request',
    )


def _add_volume(tx: WriteTransaction, volume: model.Volume) -> None:
    """Record a volume, unless its share got one in another cluster."""
    try:
        volumes.add_volume(tx, volume)
    except exceptions.Conflict as clash:
        if volumes.by_share(tx, volume.share_id) is None:
            raise
        raise _is_being_created(volume.share_id) from clash


def _place(
    tx: Transaction,
    inventories: Inventories,
    spec: model.VolumeSpec,
    policy: Policy,
    excluded: frozenset[str],
) -> tuple[allocator.Placement, int]:
    """Find places, and say at which generation of their cluster."""
    with inventories.of(tx, _wanted_clusters(tx, spec)) as found:
        # After the generation: who makes a volume since makes it stale.
        limits = policy.limits
        there_are = volumes.counts(tx) if limits.cluster_volumes else {}
        placement = allocator.place_anywhere(
            found,
            spec,
            strategy=policy.strategy,
            excluded=excluded,
            limits=limits,
            volumes=there_are,
        )
        seen = {each.cluster.id: each.cluster.generation for each in found}
        return placement, seen[placement.cluster_id]


def _wanted_clusters(tx: Transaction, spec: model.VolumeSpec) -> list[str]:
    there = topology.clusters(tx)
    if not there:
        raise exceptions.NoSpace(
            wanted=f'{spec.size_bytes} bytes',
            explanation='there is no cluster yet; "gluster-heketi topology '
            'load" makes one',
        )
    return [c.id for c in there if spec.cluster_id in ('', c.id)]


def _rows(
    tx: Transaction, spec: model.VolumeSpec, placement: allocator.Placement
) -> tuple[model.Volume, tuple[model.Brick, ...]]:
    volume = model.Volume(
        id=model.new_id(),
        cluster_id=placement.cluster_id,
        share_id=spec.share_id,
        name=_free_name(tx, placement.cluster_id, spec.name),
        size_bytes=spec.size_bytes,
        capacity_bytes=placement.capacity_bytes,
        durability=spec.durability,
        spread=spec.spread,
        state=VolumeState.CREATING,
        tags=spec.tags,
        average_file_bytes=spec.average_file_bytes,
    )
    return volume, brick_rows.from_placement(tx, volume.id, placement)


def _free_name(tx: Transaction, cluster_id: str, wanted: str) -> str:
    """Give the name a number while a condemned volume still has it."""
    name, number = wanted, 1
    while not volumes.is_name_free(tx, cluster_id, name):
        number += 1
        name = f'{wanted}-{number}'
    if not re.fullmatch(r'[A-Za-z0-9_-]+', name) or (
        len(name) > names.VOLUME_NAME_LIMIT
    ):
        raise exceptions.InvalidInput(
            field='volume name',
            value=name,
            reason='Gluster takes letters, digits, _ and -, and at most '
            f'{names.VOLUME_NAME_LIMIT} of them are used here',
        )
    return name


def _steps(
    tx: Transaction,
    volume: model.Volume,
    bricks: Sequence[model.Brick],
    policy: Policy,
) -> list[brick_steps.MakeBricks | volume_steps.MakeVolume]:
    homes = brick_rows.homes(tx, bricks)
    hosts = brick_rows.gluster_hosts(tx, volume.cluster_id, homes)
    return [
        *(
            brick_steps.MakeBricks(host=host, bricks=tuple(theirs))
            for host, theirs in homes.by_host().items()
        ),
        volume_steps.MakeVolume(
            host=hosts[0],
            hosts=hosts,
            name=volume.name,
            durability=str(volume.durability),
            addresses=homes.addresses(),
            options=volume_options.born_with(
                volume, policy.quota_timeouts, policy.extra_options
            ),
            quota_bytes=volume.size_bytes,
        ),
    ]


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record how the creation ended."""
    volume = volumes.volume(tx, operation.subject)
    if operation.state is OpState.DONE:
        volumes.update_volume(
            tx, dataclasses.replace(volume, state=VolumeState.READY)
        )
        return
    brick_rows.release_undone(tx, operation)
    if operation.state is OpState.UNDONE:
        volumes.remove_volume(tx, volume.id)
    else:
        volumes.update_volume(
            tx, dataclasses.replace(volume, state=VolumeState.CONDEMNED)
        )


kinds.register(model.OpKind.VOLUME_CREATE, kinds.Kind(settle))
