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

"""Deleting a volume: it only ever goes forward.

The volume is condemned, which no one can take back, before the first command;
what a dead host keeps is finished when the host is back.
"""

import dataclasses
from collections.abc import Mapping

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import owner
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations import volume_steps
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction

LOG = log.getLogger(__name__)


def delete(engine: Engine, volume_id: str) -> None:
    """Delete a volume and its bricks; what can't be done now is done later.

    :raises NotFound: there is no such volume
    :raises UnderWay: it is being changed at this moment
    """
    operation = engine.store.transact(
        lambda tx: _condemn(engine, tx, volume_id)
    )
    try:
        engine.run(operation)
    except exceptions.OperationStuck as error:
        LOG.warning('the deletion is finished later: %s', error)


def _condemn(
    engine: Engine, tx: WriteTransaction, volume_id: str
) -> Operation:
    volume = volumes.volume(tx, volume_id)
    _supersede(tx, volume)
    operation = engine.open(
        tx, model.OpKind.VOLUME_DELETE, volume.id, volume.cluster_id
    )
    # What was just closed may have changed it.
    volume = volumes.volume(tx, volume_id)
    volumes.update_volume(
        tx, dataclasses.replace(volume, state=VolumeState.CONDEMNED)
    )
    bricks = volumes.bricks(tx, volume.id)
    homes = brick_rows.homes(tx, bricks)
    by_host = homes.by_host()
    hosts = brick_rows.gluster_hosts(tx, volume.cluster_id, homes)
    return engine.plan(
        tx,
        operation,
        [
            volume_steps.RemoveVolume(
                host=hosts[0], hosts=hosts, name=volume.name
            ),
            *(
                brick_steps.DestroyBricks(host=host, bricks=tuple(theirs))
                for host, theirs in by_host.items()
            ),
        ],
    )


def _supersede(tx: WriteTransaction, volume: model.Volume) -> None:
    """End changes of the volume that wait for a host to be undone.

    Whatever they left there goes with the volume, new bricks included.
    """
    moment = tx.now()
    for each in journal.operations(tx, states=tuple(states.OPEN)):
        if each.subject != volume.id:
            continue
        expired = owner.expired_at(each, moment)
        if not journal.take_over(tx, each.id, owner.new(), expired, moment):
            raise journal.in_the_way(each)
        journal.set_state(tx, each.id, OpState.UNDONE)
        journal.close_operation(tx, each.id)


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Forget what is gone; the volume itself when all of it is."""
    brick_rows.release_destroyed(tx, operation)
    if operation.state is OpState.DONE:
        volumes.remove_volume(tx, operation.subject)


kinds.register(
    model.OpKind.VOLUME_DELETE, kinds.Kind(settle, forward_only=True)
)
