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

"""Changing who may mount a volume: one ``volume set``, or the old list."""

import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import volume_steps
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import enrolments
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import access
from manila_gluster_heketi.tls import policy


def change(
    engine: Engine,
    volume: model.Volume,
    *,
    add: Collection[str],
    remove: Collection[str],
    keep: bool,
) -> tuple[str, ...]:
    """Change the list of names that may mount; return the new one, sorted.

    A name that was revoked goes from the list with the first change. Tokens
    of names that are not on the new list are void from now on.

    :param keep: what else is on the list
    :raises InvalidCommonName: a name would match others than itself
    :raises NameRevoked: one of those to add is; nothing changed
    :raises AccessListFull: glusterd would not bear the list; nothing changed
    :raises UnderWay: another process changes the volume, or just has
    :raises OperationFailed: the old list stands
    """
    for name in add:
        policy.check_common_name(name)
    kept = volume.access if keep else ()
    with engine.store.read() as tx:
        revocations.check(tx, add)
        revoked = revocations.among(tx, kept)
        wanted = {*kept, *add} - {*remove, *revoked}
        over = enrolments.standing_beside(tx, volume.share_id, wanted)
    if over:
        _withdraw(engine, over)
    return update(engine, volume, wanted)


def _withdraw(engine: Engine, over: Collection[model.Enrolment]) -> None:
    """Void the tokens of names that are about to lose their access.

    Before they lose it: the token of a name that is let in again later must
    not come to life again.
    """
    moment = policy.now()

    def void(tx: WriteTransaction) -> None:
        for each in over:
            enrolments.void(tx, each.id, moment)

    engine.store.transact(void)


def update(
    engine: Engine, volume: model.Volume, wanted: Iterable[str]
) -> tuple[str, ...]:
    """Make ``wanted`` the list of names that may mount; return it sorted.

    Nothing is sent to a host if the list is already so.

    :raises AccessListFull: glusterd would not bear the list; nothing changed
    :raises UnderWay: another process changes the volume, or just has, or has
        just revoked one of the names
    :raises OperationFailed: the old list stands
    """
    names = tuple(sorted(set(wanted)))
    if volume.state is not VolumeState.READY:
        raise exceptions.Conflict(
            kind='volume', identity=volume.name, reason=volume.state
        )
    if names == volume.access:
        return names
    operation = engine.store.transact(
        lambda tx: _open(engine, tx, volume, names)
    )
    # Now whoever revokes one of them finds the operation. Who did so before
    # it was committed did not, but can be seen here.
    with engine.store.read() as tx:
        revoked = revocations.among(tx, names)
    if revoked:
        engine.undo(operation, {})
        raise exceptions.UnderWay(
            kind='volume',
            identity=volume.name,
            reason=f'{", ".join(revoked)} has just been revoked',
        )
    engine.run(operation)
    return names


def names_in(operation: Operation) -> tuple[str, ...]:
    """List the names that an operation is about to let in."""
    if operation.kind is not model.OpKind.ACCESS_UPDATE:
        return ()
    (record,) = operation.steps
    names = record.params['names']
    assert isinstance(names, (list, tuple))
    return tuple(names)


def _open(
    engine: Engine,
    tx: WriteTransaction,
    volume: model.Volume,
    names: tuple[str, ...],
) -> Operation:
    operation = patience.open_on(
        engine, tx, model.OpKind.ACCESS_UPDATE, volume
    )
    bricks = volumes.bricks(tx, volume.id)
    homes = brick_rows.homes(tx, bricks)
    hosts = brick_rows.gluster_hosts(tx, volume.cluster_id, homes)
    cluster = volume.cluster_id
    return engine.plan(
        tx,
        operation,
        [
            volume_steps.SetAccess(
                host=hosts[0],
                hosts=hosts,
                name=volume.name,
                names=names,
                value=access.allow_value(cluster, names, volume=volume.name),
                old_value=access.allow_value(
                    cluster, volume.access, volume=volume.name
                ),
            )
        ],
    )


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record the new list once Gluster has it."""
    if operation.state is not OpState.DONE:
        return
    volume = volumes.volume(tx, operation.subject)
    volumes.update_volume(
        tx, dataclasses.replace(volume, access=names_in(operation))
    )


kinds.register(model.OpKind.ACCESS_UPDATE, kinds.Kind(settle))
