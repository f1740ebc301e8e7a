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

"""From one phase of a rotation to the next, when all nodes are through.

What nodes are brought to is told by the phase on record and by nothing else,
and whether they are there by their files. So whoever comes, after whatever
crash, goes on from there.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import Rotation
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations import rotation_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import rotations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import policy

SUBJECT = 'certificate-authority'
PHASES = tuple(RotationPhase)


def beside(
    rotation: Rotation, direction: RotationDirection
) -> RotationPhase | None:
    """Name the phase that follows in a direction; None after the last."""
    ahead = 1 if direction is RotationDirection.FORWARD else -1
    at = PHASES.index(rotation.phase) + ahead
    return PHASES[at] if 0 <= at < len(PHASES) else None


def begin(
    engine: Engine, rotation: Rotation, keep: Callable[[], None]
) -> None:
    """Begin one, unless there is one.

    :param keep: puts the new key where the authority is kept; of several who
        begin at the same time only one is at it
    :raises UnderWay: another process has just begun one
    """
    recovery.recover_before(engine, lambda o: o.subject == SUBJECT)

    def reserve(tx: WriteTransaction) -> Operation:
        operation = engine.open(tx, OpKind.CA_ROTATION, SUBJECT, '')
        last = rotations.latest(tx)
        if last is not None and last.number >= rotation.number:
            raise _changed(rotation)
        return engine.plan(
            tx,
            operation,
            [
                rotation_steps.BeginRotation(
                    host='',
                    number=rotation.number,
                    old_pem=rotation.old_pem,
                    new_pem=rotation.new_pem,
                    link_pem=rotation.link_pem,
                )
            ],
        )

    operation = engine.store.transact(reserve)
    try:
        keep()
    except exceptions.GlusterHeketiError:
        engine.undo(operation, {})
        raise
    engine.run(operation)


def turn(
    engine: Engine,
    rotation: Rotation,
    direction: RotationDirection,
    away: Collection[str] = (),
) -> None:
    """Let the next phase begin, or the rotation end after the last one.

    Nodes may be at the phase that begins or at the one before it, since these
    accept each other. So all have to be through, unless it is turned round:
    then they are at one of the two already. No certificate is given to any
    node meanwhile.

    :param away: ids of nodes that need not be through
    :raises UnderWay: another process changes a node, or the rotation
    :raises Conflict: an earlier change of a node is not finished yet
    :raises OperationFailed: a node is not through; the phase stays
    """
    recovery.recover_before(engine, lambda o: o.subject == SUBJECT)
    checked = direction is rotation.direction
    operation = engine.store.transact(
        lambda tx: _open(engine, tx, rotation, direction, away, checked)
    )
    engine.run(operation)


def _open(
    engine: Engine,
    tx: WriteTransaction,
    rotation: Rotation,
    direction: RotationDirection,
    away: Collection[str],
    checked: bool,
) -> Operation:
    nodes = [n for n in topology.nodes(tx) if n.id not in away]
    if rotation.phase is RotationPhase.DESTROY_OLD:
        # Nodes are left as they are.
        nodes = []
    operation = engine.open(
        tx,
        OpKind.CA_ROTATION,
        SUBJECT,
        '',
        claims=(kinds.TOPOLOGY, *(node.id for node in nodes)),
    )
    if rotations.latest(tx) != rotation:
        raise _changed(rotation)
    next_phase = beside(rotation, direction)
    return engine.plan(
        tx,
        operation,
        [
            *(
                rotation_steps.CheckPhase(
                    host=node.manage_host, directory=node.tls_directory
                )
                for node in nodes
                if checked
            ),
            rotation_steps.TurnPhase(
                host='',
                number=rotation.number,
                phase=rotation.phase.value,
                direction=rotation.direction.value,
                next_phase=next_phase.value if next_phase else '',
                next_direction=direction.value,
            ),
        ],
    )


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record that it begins, or the phase that begins now."""
    if operation.state is not OpState.DONE:
        return
    last = step.from_record(operation.steps[-1])
    if isinstance(last, rotation_steps.BeginRotation):
        rotations.begin(tx, _begun(last))
    elif isinstance(last, rotation_steps.TurnPhase):
        _turned(tx, operation, last)


def _begun(begin: rotation_steps.BeginRotation) -> Rotation:
    return Rotation(
        number=begin.number,
        phase=RotationPhase.TRUST_BOTH,
        direction=RotationDirection.FORWARD,
        old_pem=begin.old_pem,
        new_pem=begin.new_pem,
        link_pem=begin.link_pem,
        started_at=policy.now(),
    )


def _turned(
    tx: WriteTransaction,
    operation: Operation,
    turn: rotation_steps.TurnPhase,
) -> None:
    known = rotations.latest(tx)
    if known is None or (known.number, known.phase, known.direction) != (
        turn.number,
        RotationPhase(turn.phase),
        RotationDirection(turn.direction),
    ):
        raise exceptions.Conflict(
            kind='operation',
            identity=operation.id,
            reason='the rotation was changed meanwhile',
        )
    direction = RotationDirection(turn.next_direction)
    new = dataclasses.replace(known, direction=direction)
    if turn.next_phase:
        phase = RotationPhase(turn.next_phase)
        new = dataclasses.replace(new, phase=phase)
    else:
        new = dataclasses.replace(new, ended_at=policy.now())
    rotations.change(tx, known, new)


def _changed(rotation: Rotation) -> exceptions.UnderWay:
    return exceptions.UnderWay(
        kind='rotation of the certificate authority',
        identity=rotation.number,
        reason='another process has just changed it',
    )


kinds.register(OpKind.CA_ROTATION, kinds.Kind(settle))
