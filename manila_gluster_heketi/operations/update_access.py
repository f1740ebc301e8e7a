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
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import access


def update(
    engine: Engine, volume: model.Volume, wanted: Iterable[str]
) -> tuple[str, ...]:
    """Make ``wanted`` the list of names that may mount; return it sorted.

    Nothing is sent to a host if the list is already so.

    :raises AccessListFull: glusterd would not bear the list; nothing changed
    :raises UnderWay: another process changes the volume, or just has
    :raises OperationFailed: the old list stands
    """
    names = tuple(sorted(set(wanted)))
    if volume.state is not VolumeState.READY:
        raise exceptions.Conflict(
            kind='volume', identity=volume.name, reason=volume.state
        )
    if names != volume.access:
        engine.run(
            engine.store.transact(lambda tx: _open(engine, tx, volume, names))
        )
    return names


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
    (record,) = operation.steps
    names = record.params['names']
    assert isinstance(names, (list, tuple))
    volumes.update_volume(tx, dataclasses.replace(volume, access=tuple(names)))


kinds.register(model.OpKind.ACCESS_UPDATE, kinds.Kind(settle))
