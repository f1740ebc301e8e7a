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

"""Management encryption (GlusterFS "secure-access") of a whole cluster.

There is no way from one to the other but an outage: nodes that differ do not
see each other, and clients that had mounted before have to mount anew. So all
nodes are switched at once, and all are put back if one of them fails.
"""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import members
from manila_gluster_heketi.operations import secure_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.members import Member
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.store import generations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction


@dataclasses.dataclass(frozen=True, slots=True)
class _Whole:
    """A cluster with all that a switch is about."""

    cluster: model.Cluster
    nodes: tuple[model.Node, ...]
    volumes: tuple[model.Volume, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where SSH reaches its nodes."""
        return tuple(node.manage_host for node in self.nodes)

    @property
    def live(self) -> tuple[str, ...]:
        """Name the volumes that somebody may have mounted."""
        return tuple(
            volume.name
            for volume in self.volumes
            if volume.state is VolumeState.READY
        )

    def is_still(self, other: '_Whole') -> bool:
        """Tell whether another look found the same nodes and volumes."""
        return (
            self.nodes == other.nodes
            and self.cluster.secure_access is other.cluster.secure_access
            and {v.id for v in self.volumes} == {v.id for v in other.volumes}
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done.

    :ivar is_mend: the cluster has it on record already
    :ivar switched: the nodes to switch, as they are
    :ivar serving: the bricks to wait for
    """

    wanted: bool
    is_mend: bool
    switched: Sequence[Member]
    serving: members.Serving


def _read(tx: Transaction, cluster_id: str) -> _Whole:
    return _Whole(
        topology.cluster(tx, cluster_id),
        topology.nodes(tx, cluster_id),
        volumes.volumes(tx, cluster_id),
    )


def switch(
    engine: Engine, cluster_id: str, wanted: bool, *, interrupt_mounts: bool
) -> tuple[str, ...]:
    """Switch it on or off; nodes that differ from the record are mended.

    :param interrupt_mounts: even if clients have to mount anew
    :returns: the hosts that were changed, none if all was so already
    :raises MountsWouldBreak: they would; nothing was changed
    :raises TlsNotReady: a node would be cut off; nothing was changed
    :raises PeersApart: a node is, from some other; nothing was changed
    :raises HostError: a node does not answer, or its glusterd does not run;
        nothing was changed
    :raises UnderWay: another process changes the cluster
    :raises OperationFailed: all nodes are as they were
    :raises OperationStuck: but for those that do not answer
    """
    site = engine.site
    with engine.store.read() as tx:
        whole = _read(tx, cluster_id)
    found = members.look(site, whole.hosts)
    differing = [each for each in found if each.is_secure is not wanted]
    switched: Sequence[Member] = found
    serving: members.Serving = {}
    is_mend = _is_mend(whole, wanted, differing)
    if is_mend and not differing:
        return ()
    if is_mend:
        switched = differing
    else:
        members.require_together(found, len(whole.nodes))
        if whole.live and not interrupt_mounts:
            raise exceptions.MountsWouldBreak(
                cluster=whole.cluster.name,
                volumes=len(whole.live),
                wanted='on' if wanted else 'off',
            )
        serving = members.serving(site, whole.hosts, whole.live)
    hosts = {each.host for each in switched}
    if wanted:
        members.require_tls(site, _directories(whole, hosts))
    plan = _Plan(wanted, is_mend, switched, serving)
    engine.run(
        engine.store.transact(lambda tx: _open(engine, tx, whole, plan))
    )
    return tuple(sorted(hosts))


def _is_mend(
    whole: _Whole, wanted: bool, differing: Sequence[Member]
) -> bool:
    """Tell whether it is on record already.

    A glusterd without peers does not tell what it speaks: it is restarted.
    """
    is_lone = len(whole.nodes) == 1 and bool(differing)
    return whole.cluster.secure_access is wanted and not is_lone


def _directories(whole: _Whole, hosts: set[str]) -> dict[str, str]:
    return {
        node.manage_host: node.tls_directory
        for node in whole.nodes
        if node.manage_host in hosts
    }


def _open(
    engine: Engine, tx: WriteTransaction, whole: _Whole, plan: _Plan
) -> Operation:
    cluster_id = whole.cluster.id
    # First: whoever makes a volume at the same time is waited for, or waits.
    generations.reshape(tx, cluster_id)
    operation = engine.open(
        tx,
        OpKind.SECURE_ACCESS,
        cluster_id,
        cluster_id,
        claims=(
            kinds.TOPOLOGY,
            kinds.togetherness(cluster_id),
            *(node.id for node in whole.nodes),
            *(volume.id for volume in whole.volumes),
        ),
    )
    if not whole.is_still(_read(tx, cluster_id)):
        raise exceptions.UnderWay(
            kind='cluster',
            identity=whole.cluster.name,
            reason='another process has just changed it',
        )
    return engine.plan(tx, operation, _steps(whole, plan))


def _steps(whole: _Whole, plan: _Plan) -> list[step.Step]:
    hosts = {each.host for each in plan.switched}
    directories = _directories(whole, hosts) if plan.wanted else {}
    everybody = len(whole.nodes)
    ran = {name: tuple(bricks) for name, bricks in plan.serving.items()}
    return [
        *(
            secure_steps.CheckMember(
                host=each.host,
                directory=directories.get(each.host, ''),
                members=0 if plan.is_mend else everybody,
            )
            for each in plan.switched
        ),
        secure_steps.AwaitReturn(host='', hosts=whole.hosts, serving=ran),
        *(
            secure_steps.SwitchSecureAccess(
                host=each.host,
                wanted=plan.wanted,
                before=each.is_secure,
                # Who sees the others speaks as they do.
                restarts=not plan.is_mend
                or not each.is_connected(everybody),
            )
            for each in plan.switched
        ),
        secure_steps.AwaitMembers(host='', hosts=whole.hosts, serving=ran),
    ]


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record what the cluster has now."""
    if operation.state is not OpState.DONE:
        return
    for record in operation.steps:
        done = step.from_record(record)
        if isinstance(done, secure_steps.SwitchSecureAccess):
            topology.set_secure_access(
                tx, operation.cluster_id, done.wanted
            )
            return


kinds.register(OpKind.SECURE_ACCESS, kinds.Kind(settle))
