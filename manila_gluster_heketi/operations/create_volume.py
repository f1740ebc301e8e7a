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
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations import volume_options
from manila_gluster_heketi.operations import volume_steps
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

LOG = log.getLogger(__name__)

_RESERVE_ATTEMPTS = 10


@dataclasses.dataclass(frozen=True)
class Policy:
    """How volumes are made when the request does not say.

    :ivar quota_timeouts: soft and hard, in seconds
    :ivar attempts: placements tried, each without the hosts that failed
    """

    quota_timeouts: tuple[int, int] = (2, 1)
    extra_options: Mapping[str, str] = dataclasses.field(default_factory=dict)
    attempts: int = 3


def create(
    engine: Engine, spec: model.VolumeSpec, policy: Policy
) -> model.Volume:
    """Create the volume of a share, or find the one made before.

    :raises NoSpace: with the explanation per constraint
    :raises OperationFailed: no placement that was tried worked
    """
    failed_nodes: frozenset[str] = frozenset()
    failure: exceptions.OperationFailed | None = None
    for _ in range(policy.attempts):
        try:
            volume, operation = _reserve(engine, spec, policy, failed_nodes)
        except exceptions.NoSpace as error:
            # Without the hosts that failed there is no room: what failed
            # first is what the reader must know.
            raise failure or error from error
        if operation is None:
            return volume
        try:
            engine.run(operation)
        except exceptions.OperationFailed as error:
            failure = error
            culprits = _culprits(engine, volume.cluster_id, error)
            if not culprits - failed_nodes:
                raise
            failed_nodes |= culprits
            LOG.warning('placing %s anew: %s', spec.name, error)
            continue
        return dataclasses.replace(volume, state=VolumeState.READY)
    assert failure is not None
    raise failure


def _reserve(
    engine: Engine,
    spec: model.VolumeSpec,
    policy: Policy,
    failed_nodes: frozenset[str],
) -> tuple[model.Volume, Operation | None]:
    """Place and reserve in one transaction; None if the volume is there."""
    for _ in range(_RESERVE_ATTEMPTS):
        try:
            with engine.store.write() as tx:
                there = volumes.by_share(tx, spec.share_id)
                if there is not None:
                    return _usable(there), None
                placement = _place(tx, spec, failed_nodes)
                cluster = topology.cluster(tx, placement.cluster_id)
                topology.bump_generation(tx, cluster.id, cluster.generation)
                volume, bricks = _rows(tx, spec, placement)
                volumes.add_volume(tx, volume)
                volumes.add_bricks(tx, bricks)
                operation = engine.open(
                    tx,
                    model.OpKind.VOLUME_CREATE,
                    volume.id,
                    volume.cluster_id,
                    _steps(tx, volume, bricks, policy),
                )
                return volume, operation
        except exceptions.StaleGeneration as error:
            LOG.debug('placing again: %s', error)
    raise exceptions.StaleGeneration(
        url='', cluster='', attempts=_RESERVE_ATTEMPTS
    )


def _usable(there: model.Volume) -> model.Volume:
    if there.state is VolumeState.READY:
        return there
    raise exceptions.Conflict(
        kind='share',
        identity=there.share_id,
        reason='its volume is being created by another request',
    )


def _place(
    tx: Transaction, spec: model.VolumeSpec, failed_nodes: frozenset[str]
) -> allocator.Placement:
    there = topology.clusters(tx)
    clusters = [c for c in there if spec.cluster_id in ('', c.id)]
    if not there:
        raise exceptions.NoSpace(
            wanted=f'{spec.size_bytes} bytes',
            explanation='there is no cluster yet; "gluster-heketi topology '
            'load" makes one',
        )
    return allocator.place_anywhere(
        tuple(topology.snapshot(tx, each.id) for each in clusters),
        spec,
        exclude_nodes=failed_nodes,
    )


def _rows(
    tx: Transaction, spec: model.VolumeSpec, placement: allocator.Placement
) -> tuple[model.Volume, tuple[model.Brick, ...]]:
    volume = model.Volume(
        id=model.new_id(),
        cluster_id=placement.cluster_id,
        share_id=spec.share_id,
        name=_free_name(
            spec.name, volumes.names_in_use(tx, placement.cluster_id)
        ),
        size_bytes=spec.size_bytes,
        capacity_bytes=placement.capacity_bytes,
        durability=spec.durability,
        spread=spec.spread,
        state=VolumeState.CREATING,
    )
    return volume, brick_rows.from_placement(tx, volume.id, placement)


def _free_name(wanted: str, used: Iterable[str]) -> str:
    """Give the name a number while a condemned volume still has it."""
    taken = frozenset(used)
    name, number = wanted, 1
    while name in taken:
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
) -> list[step.Step]:
    by_host = brick_rows.by_host(tx, bricks)
    hosts = brick_rows.gluster_hosts(tx, volume.cluster_id, tuple(by_host))
    return [
        *(
            brick_steps.MakeBricks(host=host, bricks=tuple(theirs))
            for host, theirs in by_host.items()
        ),
        volume_steps.MakeVolume(
            host=hosts[0],
            hosts=hosts,
            name=volume.name,
            replica=volume.durability.replica,
            addresses=brick_rows.addresses(tx, bricks),
            options=volume_options.born_with(
                volume, policy.quota_timeouts, policy.extra_options
            ),
            quota_bytes=volume.size_bytes,
        ),
        *(
            brick_steps.FlushBricks(host=host, bricks=tuple(theirs))
            for host, theirs in by_host.items()
        ),
    ]


def _culprits(
    engine: Engine, cluster_id: str, failure: exceptions.OperationFailed
) -> frozenset[str]:
    """Find the nodes that the errors are about.

    Gluster names the peer that it could not work with by its address, such
    as in "Locking failed on 10.77.0.13".
    """
    errors = failure.fields.get('errors', ())
    with engine.store.read() as tx:
        nodes = topology.nodes(tx, cluster_id)
    about: set[str] = set()
    for error in errors:
        if not isinstance(error, exceptions.HostError):
            continue
        if isinstance(error, exceptions.GlusterError):
            text = str(error.fields.get('stderr', ''))
            about |= {n.id for n in nodes if _names(n.storage_host, text)}
        else:
            host = error.fields['host']
            about |= {n.id for n in nodes if n.manage_host == host}
    return frozenset(about)


def _names(address: str, text: str) -> bool:
    return bool(re.search(rf'(?<![\w.-]){re.escape(address)}(?![\w-])', text))


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
