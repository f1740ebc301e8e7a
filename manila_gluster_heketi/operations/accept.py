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

"""Taking a held operation for done, since its volume is there as on record.

A creation that was under way when the store was copied may have ended well
minutes later, and hold a tenant's data by now. To undo it would destroy them;
so an operator may end it on the record alone, as it has ended in Gluster.
"""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import abandon
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import WriteTransaction

# What they leave can be read from the store and the bricks in Gluster.
_KINDS = frozenset(
    {OpKind.VOLUME_CREATE, OpKind.VOLUME_RESIZE, OpKind.ACCESS_UPDATE}
)
_NOTE = 'Accepted: the store was put back from a copy.'


def accept(engine: Engine, operation_id: str) -> Operation:
    """Record that a held operation on a volume has ended well.

    Hosts are asked, and left as they are. What else differs, such as a quota,
    is found by a check.

    :raises NotFound: there is no such operation
    :raises Conflict: it is not held, is of another kind, was being undone, or
        Gluster has no volume of this id with these bricks
    :raises HostError: no host of the cluster can say what Gluster has
    """
    with engine.store.read() as tx:
        operation = journal.operation(tx, operation_id)
        _check(operation)
        volume = volumes.volume(tx, operation.subject)
        there = brick_rows.homes(tx, volumes.bricks(tx, volume.id))
        hosts = brick_rows.gluster_hosts(tx, volume.cluster_id, there)
    found = engine.site.ask_gluster(
        hosts, gluster.volume_info(volume.name), gluster_xml.volumes
    )
    if not any(_is(each, volume, there) for each in found):
        raise exceptions.Conflict(
            kind='volume',
            identity=volume.name,
            reason='Gluster has none with its id and the bricks on record, '
            f'so that operation {operation_id} can not be taken for done',
        )
    return engine.store.transact(lambda tx: _end(tx, operation_id))


def _check(operation: Operation) -> None:
    """See whether what became of an operation can be found out."""
    reason = ''
    if not operation.held:
        reason = f'it is {operation.state} and not held'
    elif operation.kind not in _KINDS:
        reason = f'nobody can see of a {operation.kind} whether it is done'
    elif operation.state is not OpState.RUNNING:
        reason = 'it was being undone'
    if reason:
        raise exceptions.Conflict(
            kind='operation', identity=operation.id, reason=reason
        )


def _is(
    found: gluster_xml.VolumeInfo,
    volume: model.Volume,
    there: brick_rows.Homes,
) -> bool:
    return (
        found.options.get(names.OPTION_VOLUME_ID) == volume.id
        and found.addresses == there.addresses()
    )


def _end(tx: WriteTransaction, operation_id: str) -> Operation:
    operation = journal.operation(tx, operation_id)
    _check(operation)
    abandon.claim(tx, operation)
    kinds.behaviour_of(operation.kind).settle(
        tx, abandon.as_if_ended(operation, is_done=True), {}
    )
    journal.set_state(tx, operation_id, OpState.DONE, _NOTE)
    journal.close_operation(tx, operation_id)
    return journal.operation(tx, operation_id)
