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

"""Changes, and what is on record.

Nothing happens here but orchestration: a call waits until nobody else changes
what it is about, runs one operation and gives back a value of the model.
"""

import os
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import topology as documents
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import known_hosts
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.operations import abandon
from manila_gluster_heketi.operations import accept
from manila_gluster_heketi.operations import brick_rows
from manila_gluster_heketi.operations import create_volume
from manila_gluster_heketi.operations import delete_volume
from manila_gluster_heketi.operations import forget
from manila_gluster_heketi.operations import load_topology
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations import resize_volume
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations import update_access
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.inventories import Inventories
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.service import placing
from manila_gluster_heketi.service.capacity import Capacity
from manila_gluster_heketi.service.clients import Clients
from manila_gluster_heketi.service.custody import Custody
from manila_gluster_heketi.service.enrolment import Enrolment
from manila_gluster_heketi.service.hardware import Hardware
from manila_gluster_heketi.service.node_certificates import NodeCertificates
from manila_gluster_heketi.service.plans import Plans
from manila_gluster_heketi.service.revocation import Revocation
from manila_gluster_heketi.service.rotation import Rotations
from manila_gluster_heketi.service.secure_access import SecureAccess
from manila_gluster_heketi.service.truth import Truth
from manila_gluster_heketi.store import history
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls.ca import Authority

LOG = log.getLogger(__name__)

_T = TypeVar('_T')


class Service:
    """Everything that can be asked of the project; safe for threads.

    :param executor: how commands reach hosts; OpenSSH unless given
    :raises InvalidConfiguration: the strategy can't be used
    :ivar authority: who signs certificates
    :ivar capacity: what there is room for
    :ivar clients: certificates of tenants' clients
    :ivar enrolment: how tenants get them by themselves
    :ivar hardware: single nodes and devices
    :ivar plans: what changes would do
    :ivar revocation: names that must have access to nothing
    :ivar truth: what the nodes say, beside what the store says
    :ivar node_certificates: renewed and shown
    :ivar rotations: from one authority to the next
    :ivar secure_access: management encryption of clusters
    """

    def __init__(
        self, settings: Settings, executor: base.Executor | None = None
    ) -> None:
        self.settings = settings
        self._creation = placing.policy(settings)
        self.store = Store(settings.store_connection)
        self.executor = executor or openssh.OpenSshExecutor(settings.ssh)
        self.authority = Custody(settings, self.store)
        self.engine = Engine(
            self.store,
            Site(
                executor=self.executor,
                authority=self._authority,
                busy_timeout_seconds=settings.gluster_busy_timeout,
                node_certificate_days=settings.node_certificate_days,
                handshake=distribute.verify_handshake,
            ),
            settings.cluster_operations,
        )
        self._inventories = Inventories()
        self.capacity = Capacity(
            self.store, settings, self._inventories, self._creation.limits
        )
        self.clients = Clients(self.store, settings, self._authority)
        self.enrolment = Enrolment(
            self.store, settings, self._authority, self.clients
        )
        self.hardware = Hardware(self.engine)
        self.plans = Plans(
            self.store, self._inventories, self._creation, settings
        )
        self.revocation = Revocation(
            self.store,
            lambda share, name: self.change_access(share, remove=[name]),
        )
        self.secure_access = SecureAccess(self.engine)
        self.truth = Truth(self.engine, settings)
        self.node_certificates = NodeCertificates(self.engine, settings)
        self.rotations = Rotations(
            self.engine, self.authority, self.node_certificates
        )

    def prepare(self) -> None:
        """Bring the store up to date, and learn the host keys on record.

        :raises InvalidConfiguration: the state directory can not be used
        :raises StoreError: it can not be reached or written
        :raises StoreTooNew: a newer release wrote it
        """
        try:
            os.makedirs(self.settings.state_path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise exceptions.InvalidConfiguration(
                option='gluster_heketi_state_path',
                value=self.settings.state_path,
                reason=error.strerror or str(error),
            ) from error
        self.store.sync()
        with self.store.read() as tx:
            keys = [n.host_key for n in topology.nodes(tx) if n.host_key]
        known_hosts.ensure(self.settings.ssh.known_hosts, keys)

    # --- topology ---------------------------------------------------------

    def load_topology(
        self, text: str, source: str = 'document'
    ) -> load_topology.Report:
        """Add the nodes and devices of a document that are not there yet.

        :param source: where the text comes from, for messages
        :raises InvalidTopology: nothing was changed
        :raises HostError: a new host or device is unfit; nothing was changed
        :raises Conflict: an earlier load is not undone yet
        """
        wanted = documents.parse(text, source)
        rules = load_topology.Rules(
            ping_timeout=self.settings.peer_ping_timeout,
            known_hosts=self.settings.ssh.known_hosts,
            ssh_port=self.settings.ssh.port,
        )
        return load_topology.load(self.engine, wanted, rules)

    def topology_document(self) -> dict[str, Any]:
        """Describe what is there as a topology document."""
        with self.store.read() as tx:
            return documents.document(load_topology.current(tx))

    def clusters(self) -> tuple[model.Snapshot, ...]:
        """Show every cluster with its devices and what they hold."""
        with self.store.read() as tx:
            return tuple(
                topology.snapshot(tx, each.id)
                for each in topology.clusters(tx)
            )

    def nodes(self) -> tuple[model.Node, ...]:
        """List all nodes."""
        with self.store.read() as tx:
            return topology.nodes(tx)

    def cluster_named(self, name: str) -> model.Cluster:
        """Find a cluster by the name that its pool has.

        :raises NotFound: there is none
        """
        with self.store.read() as tx:
            return topology.cluster_by_name(tx, name)

    # --- volumes ----------------------------------------------------------

    def create_volume(self, spec: model.VolumeSpec) -> model.Volume:
        """Create the volume of a share, or find the one made before.

        :raises NoSpace: with the explanation per constraint
        :raises OperationFailed: undone everywhere
        :raises OperationStuck: undone but on hosts that do not answer
        """
        return self._change(
            spec.share_id,
            lambda: create_volume.create(
                self.engine, self._inventories, spec, self._creation
            ),
        )

    def delete_volume(self, share_id: str) -> None:
        """Delete the volume of a share.

        What a host that does not answer keeps is deleted when it is back.

        :raises NotFound: the share has no volume
        :raises UnderWay: others change it all the time
        """
        patience.until_free(
            self.engine.site, lambda: self._delete_volume(share_id)
        )

    def _delete_volume(self, share_id: str) -> None:
        volume = self.volume(share_id)
        # What was cut short may still run on hosts; they let go of it when
        # it is undone. To undo a creation is to delete the volume.
        recovery.recover(self.engine, lambda o: o.subject == volume.id)
        if self.find_volume(share_id) is None:
            return
        delete_volume.delete(self.engine, volume.id)

    def extend_volume(self, share_id: str, size_bytes: int) -> model.Volume:
        """Let a volume hold more, in place where its devices have room.

        :raises NotFound: the share has no volume
        :raises NoSpace: with the explanation per constraint
        :raises OperationFailed: the old size stands
        """
        return self._change(
            share_id,
            lambda: resize_volume.extend(
                self.engine,
                self._inventories,
                self.volume(share_id),
                size_bytes,
                self._creation,
            ),
        )

    def shrink_volume(self, share_id: str, size_bytes: int) -> model.Volume:
        """Let a volume hold less; its bricks stay as they are.

        :raises NotFound: the share has no volume
        :raises InvalidInput: the size is larger; nothing was changed
        :raises ShrinkWouldLoseData: it holds more; nothing was changed
        """
        return self._change(
            share_id,
            lambda: resize_volume.shrink(
                self.engine, self.volume(share_id), size_bytes
            ),
        )

    def change_access(
        self,
        share_id: str,
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
        names: Collection[str] | None = None,
    ) -> tuple[str, ...]:
        """Change who may mount a volume; give back who may.

        :param names: exactly these; None to only ``add`` and ``remove``
        :raises NotFound: the share has no volume
        :raises NameRevoked: one of the names that are asked for is
        :raises AccessListFull: the list would be too long; the old one stands
        :raises OperationFailed: the old list stands
        """
        return self._change(
            share_id,
            lambda: update_access.change(
                self.engine,
                self.volume(share_id),
                add={*add, *(names or ())} - {*remove},
                remove=remove,
                keep=names is None,
            ),
        )

    def _change(self, share_id: str, work: Callable[[], _T]) -> _T:
        """Do something to a share when nothing on it is half-way.

        :raises UnderWay: others change it all the time
        :raises Conflict: an earlier change is not finished or undone yet
        """

        def alone() -> _T:
            volume = self.find_volume(share_id)
            if volume is not None:
                recovery.recover_before(
                    self.engine, lambda o: o.subject == volume.id
                )
            return work()

        return patience.until_free(self.engine.site, alone)

    def find_volume(self, share_id: str) -> model.Volume | None:
        """Find the volume of a share, if it has one."""
        with self.store.read() as tx:
            return volumes.by_share(tx, share_id)

    def volume(self, share_id: str) -> model.Volume:
        """Find the volume of a share.

        :raises NotFound: it has none
        """
        volume = self.find_volume(share_id)
        if volume is None:
            raise exceptions.NotFound(
                kind='volume of share', identity=share_id
            )
        return volume

    def volumes(self) -> tuple[model.Volume, ...]:
        """List all volumes, the condemned ones too."""
        with self.store.read() as tx:
            return volumes.volumes(tx)

    def bricks(self, volume: model.Volume) -> Sequence[str]:
        """List a volume's bricks as gluster writes them."""
        with self.store.read() as tx:
            return brick_rows.homes(
                tx, volumes.bricks(tx, volume.id)
            ).addresses()

    def export_hosts(self, volume: model.Volume) -> tuple[str, ...]:
        """List the servers that clients may mount a volume from.

        The first one differs from volume to volume, so that mounts spread.
        """
        with self.store.read() as tx:
            hosts = [
                n.storage_host for n in topology.nodes(tx, volume.cluster_id)
            ]
        first = int(volume.id, 16) % len(hosts)
        return tuple(hosts[first:] + hosts[:first])

    def servers(self) -> tuple[str, ...]:
        """List every server that export locations may name."""
        return tuple(sorted(node.storage_host for node in self.nodes()))

    # --- operations -------------------------------------------------------

    def operations(self, every: bool = False) -> tuple[model.Operation, ...]:
        """List the operations that are not closed, or all on record."""
        wanted = frozenset(model.OpState) if every else states.OPEN
        with self.store.read() as tx:
            return journal.operations(tx, states=tuple(wanted))

    def summaries(
        self, every: bool = False, limit: int = 0
    ) -> tuple[history.Summary, ...]:
        """List the operations that are not closed, or all, without steps.

        :param limit: how many, the newest ones; 0 for all
        """
        wanted = frozenset(model.OpState) if every else states.OPEN
        with self.store.read() as tx:
            return history.summaries(tx, tuple(wanted), limit)

    def forget_history(self) -> int:
        """Forget what was closed longer ago than the options say.

        :returns: how many operations
        """
        return forget.forget(self.engine, self.settings.history_days)

    def operation(self, operation_id: str) -> model.Operation:
        """Find an operation, open or closed.

        :raises NotFound: there is none
        """
        with self.store.read() as tx:
            return journal.operation(tx, operation_id)

    def recover(self) -> tuple[recovery.Recovered, ...]:
        """Try once to close what crashes and dead hosts left open."""
        return recovery.recover(self.engine)

    def resume(self, operation_id: str) -> recovery.Recovered:
        """Try once to close one operation, held or not.

        :raises NotFound: there is none
        :raises Conflict: it is closed, or a process is at work on it
        """
        return recovery.resume(self.engine, operation_id)

    def abandon(self, operation_id: str) -> model.Operation:
        """End a stuck operation whose hosts are lost for good, or a held one.

        :raises NotFound: there is none
        :raises Conflict: it is neither, or a process is at work on it
        """
        return abandon.abandon(self.engine, operation_id)

    def accept(self, operation_id: str) -> model.Operation:
        """Take a held operation for done, if Gluster has what it made.

        :raises NotFound: there is none
        :raises Conflict: it is not held, or Gluster says otherwise
        """
        return accept.accept(self.engine, operation_id)

    def hold_open(self) -> int:
        """Hold what is open in a store that was put back from a copy.

        :returns: how many operations
        """
        return self.store.transact(journal.hold_open)

    def _authority(self) -> Authority:
        return self.authority.current()
