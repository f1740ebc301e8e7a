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

"""A new certificate for a node that serves meanwhile."""

import dataclasses
import datetime
from collections.abc import Mapping

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import certificate_steps
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import lag as lags
from manila_gluster_heketi.operations import load_topology
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.lag import Lag
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.tls_facts import Facts
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls.ca import Authority

# One is enough; the others are for a volume that is ill.
_VOLUMES_ASKED = 3
# To be worth it, a new certificate holds so much longer than the old one.
_GAIN = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Renewed:
    """What a node has now.

    :ivar verified: how the new certificate was seen in use, or why not
    """

    certificate: model.Certificate
    verified: str


def refusal(facts: Facts, authority: Authority) -> str:
    """Say why a node must not be given a certificate now; '' if it may."""
    if facts.has_wrong_clock:
        return (
            f'its clock is {facts.clock_offset_seconds:+.0f} s off: it could '
            'take certificates for expired or not yet valid'
        )
    if facts.authorities and not facts.trusts(*authority.known):
        return (
            'it trusts another authority, whose clients would be locked out: '
            + ', '.join(facts.authority_names)
        )
    return ''


def is_due(
    facts: Facts,
    authority: Authority,
    within: datetime.timedelta,
    new_days: int,
) -> bool:
    """Tell whether a certificate ends so soon that it is to be renewed.

    One that ends with its authority is not: a new one would end with it too.
    So the same node is not given one each hour.
    """
    if (
        facts.certificate is None
        or lags.lag(facts, authority) is Lag.CERTIFICATE
    ):
        return True
    end = facts.certificate.not_valid_after_utc
    if end - policy.now() >= within:
        return False
    _, new_end = policy.validity(
        new_days, authority.not_after
    )
    return new_end - end >= _GAIN


def begin(
    engine: Engine, node: model.Node, *, trust_only: bool = False
) -> Operation:
    """Journal that a node is to get a new certificate; nothing is done yet.

    :param trust_only: it keeps the one it has, and trusts others
    :raises UnderWay: another process changes the node
    :raises Conflict: an earlier change of it is not finished yet
    :raises NotFound: it is no node any more
    """
    recovery.recover_before(engine, lambda each: _concerns(each, node))
    return engine.store.transact(
        lambda tx: _open(engine, tx, node, trust_only=trust_only)
    )


def finish(engine: Engine, operation: Operation) -> Renewed:
    """Give a node a new certificate, and see it in use.

    :raises OperationFailed: it has its old files again
    :raises OperationStuck: it does not answer; it has the new certificate or
        gets its old files back when it does
    :raises Conflict: another process has taken this over
    """
    found: dict[str, object] = {}
    for each in engine.run(operation).values():
        found.update(each)
    record = found.get('certificate')
    if not isinstance(record, model.Certificate):
        raise exceptions.CertificateNotServed(
            host=operation.steps[0].host, reason='it is gone again'
        )
    return Renewed(record, str(found['verified']))


def _concerns(operation: Operation, node: model.Node) -> bool:
    """Tell whether an operation changes a node."""
    return operation.subject == node.id or (
        operation.kind in load_topology.KINDS
        and node.manage_host in {each.host for each in operation.steps}
    )


def _open(
    engine: Engine,
    tx: WriteTransaction,
    node: model.Node,
    *,
    trust_only: bool,
) -> Operation:
    operation = engine.open(
        tx, OpKind.NODE_CERTIFICATE, node.id, node.cluster_id
    )
    # It may be gone, or have another state, since it was read.
    node = topology.node(tx, node.id)
    replace = (
        certificate_steps.ReplaceTrust
        if trust_only
        else certificate_steps.ReplaceCertificate
    )
    return engine.plan(
        tx,
        operation,
        [
            certificate_steps.KeepCertificate(
                host=node.manage_host, directory=node.tls_directory
            ),
            replace(
                host=node.manage_host,
                cluster_id=node.cluster_id,
                directory=node.tls_directory,
                address=node.storage_host,
                volumes=started_volumes(tx, node)[:_VOLUMES_ASKED],
            ),
            certificate_steps.RetireCertificate(
                host=node.manage_host,
                node_id=node.id,
                directory=node.tls_directory,
            ),
        ],
    )


def started_volumes(tx: Transaction, node: model.Node) -> tuple[str, ...]:
    """List the volumes with bricks on a node, sorted by name."""
    ids = {
        brick.volume_id
        for device in topology.devices(tx, node.id)
        for brick in volumes.bricks_of_device(tx, device.id)
    }
    found = [volumes.volume(tx, each) for each in ids]
    return tuple(sorted(v.name for v in found if v.state is VolumeState.READY))


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record the certificate that the node has now."""
    if operation.state is not OpState.DONE:
        return
    for each in found.values():
        record = each.get('certificate')
        if isinstance(record, model.Certificate) and not _is_known(tx, record):
            certificates.add(tx, record)


def _is_known(tx: Transaction, record: model.Certificate) -> bool:
    known = certificates.by_common_name(tx, record.common_name)
    return record.serial in {each.serial for each in known}


kinds.register(
    OpKind.NODE_CERTIFICATE,
    kinds.Kind(settle, no_return=certificate_steps.RetireCertificate.kind),
)
