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

"""Steps that make hosts into nodes, and devices into room for bricks."""

import dataclasses
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import device as devices
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import hooks
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import lvm_report
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue

# Peers that were just probed, or whose glusterd was just restarted, are
# connected within a few seconds; a transaction before that is refused.
_CONNECT_SECONDS = 60.0
_LONGEST_PAUSE = 1.0

_RESTORE = (system.restore_ping_timeout(), system.service_restart())


@step.persisted
@dataclasses.dataclass(frozen=True)
class PrepareGlusterd(step.Step):
    """Have glusterd notice a peer that died, and flush new bricks.

    Its default ``ping-timeout`` of 0 keeps a dead peer connected, and every
    transaction of the cluster hangs for minutes.

    :ivar ping_timeout: in seconds; 0 leaves the file as it is
    """

    kind: ClassVar[str] = 'prepare-glusterd'
    ping_timeout: int

    def do(self, site: Site) -> Found:
        """Set the time-out; glusterd reads it when it starts."""
        batch: list[Command] = [
            mounts.make_directory(names.MOUNT_ROOT),
            *hooks.install(),
        ]
        if self.ping_timeout:
            batch += [
                system.set_ping_timeout(self.ping_timeout),
                system.service_restart(),
            ]
        site.run(self.host, batch)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Put the host's own files back as they were."""
        batch = [*hooks.remove()]
        if self.ping_timeout:
            batch += _RESTORE
        site.run(self.host, batch)


@step.persisted
@dataclasses.dataclass(frozen=True)
class RestoreGlusterd(step.Step):
    """The end of :class:`PrepareGlusterd` on a node that goes."""

    kind: ClassVar[str] = 'restore-glusterd'

    def do(self, site: Site) -> Found:
        """Put the host's own files back; glusterd reads them again."""
        site.run(self.host, [*hooks.remove(), *_RESTORE])
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: a removal is never taken back."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class JoinPeers(step.Step):
    """New members of the trusted pool.

    :ivar members: SSH hosts of all nodes, the old ones and the new
    :ivar addresses: storage addresses of the new nodes, but for the one that
        the step works on
    :ivar own_address: its own; the last member is told it, a new one if it
        is not alone. New ones know the host that probed them by whatever name
        their resolvers give; what one of them is told, all learn.
    """

    kind: ClassVar[str] = 'join-peers'
    members: tuple[str, ...]
    addresses: tuple[str, ...]
    own_address: str

    def do(self, site: Site) -> Found:
        """Probe the peers and wait until each sees every other.

        :raises PeersApart: one still does not
        """
        site.run_gluster(
            [self.host], [gluster.peer_probe(a) for a in self.addresses]
        )
        for host in self._probing_back():
            site.run_gluster([host], [gluster.peer_probe(self.own_address)])
        self._wait_connected(site)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Detach the peers again.

        :raises HostError: the one that is told to probe back does not answer:
            it may do that yet, until it has heard something later
        """
        try:
            for host in self._probing_back():
                site.run(host, [gluster.pool_list()])
        finally:
            site.run_gluster(
                [self.host],
                [gluster.peer_detach(a) for a in reversed(self.addresses)],
            )

    def _probing_back(self) -> list[str]:
        """Name the member that is told the address of this one, if any."""
        return [each for each in self.members if each != self.host][-1:]

    def _wait_connected(self, site: Site) -> None:
        """Ask every node for its own view: one node's is not enough."""
        for pause in site.pauses(_LONGEST_PAUSE, _CONNECT_SECONDS):
            try:
                self._require_connected(site)
            except exceptions.PeersApart:
                if pause is None:
                    raise
                site.sleep(pause)
            else:
                return

    def _require_connected(self, site: Site) -> None:
        views = parallel.run_on_hosts(
            site.executor,
            {host: [gluster.pool_list()] for host in self.members},
        )
        for host, outcome in views.items():
            if isinstance(outcome, exceptions.HostError):
                raise outcome
            peers = gluster_xml.peers(host, outcome[0].stdout)
            missing = [each.names[0] for each in peers if not each.is_ready]
            if len(peers) < len(self.members):
                missing.append(f'it knows {len(peers)} of {len(self.members)}')
            if missing:
                raise exceptions.PeersApart(
                    host=host, missing=', '.join(missing)
                )


@step.persisted
@dataclasses.dataclass(frozen=True)
class LeavePool(step.GlusterStep):
    """A member less in the trusted pool; ``hosts`` are others.

    :ivar address: storage address of the node that goes
    :ivar force: even if that node is down
    """

    kind: ClassVar[str] = 'leave-pool'
    address: str
    force: bool

    def do(self, site: Site) -> Found:
        """Detach the peer; that it is none any more is fine."""
        site.run_gluster(
            self.hosts, [gluster.peer_detach(self.address, force=self.force)]
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: a removal is never taken back."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class WithdrawCertificate(step.Step):
    """The end of a node's key and certificate."""

    kind: ClassVar[str] = 'withdraw-certificate'
    directory: str

    def do(self, site: Site) -> Found:
        """Remove the files; those that are gone already are fine."""
        site.run(self.host, distribute.remove_commands(self.directory))
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: a removal is never taken back."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class DeployCertificate(step.Step):
    """The node's key and certificate, and whom it trusts."""

    kind: ClassVar[str] = 'deploy-certificate'
    cluster_id: str
    directory: str

    def do(self, site: Site) -> Found:
        """Issue a certificate and write it where glusterfs reads it."""
        bundle = issue.issue_node(
            site.authority(),
            self.cluster_id,
            days=site.node_certificate_days,
            asked_by=model.OpKind.NODE_ADD.value,
        )
        site.run(
            self.host, distribute.deploy_commands(bundle, self.directory)
        )
        return {'certificate': bundle.record}

    def undo(self, site: Site) -> None:
        """Remove the files; there were none before."""
        site.run(self.host, distribute.remove_commands(self.directory))


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceFound:
    """What LVM made of a device.

    :ivar total_bytes: data size of the thin pool
    """

    pv_uuid: str
    extent_bytes: int
    total_bytes: int


@step.persisted
@dataclasses.dataclass(frozen=True)
class MakeDevice(step.Step):
    """A volume group and a thin pool on a device.

    :ivar metadata_bytes: size of the pool's metadata, and of its spare
    :ivar destroy: wipe what is on the device first
    """

    kind: ClassVar[str] = 'make-device'
    device_id: str
    path: str
    vg_name: str
    pool_name: str
    data_bytes: int
    metadata_bytes: int
    destroy: bool

    def do(self, site: Site) -> Found:
        """Make group and pool; say what LVM made of them."""
        tags = marks.device_tags(self.device_id)
        wipe = [devices.wipe(self.path)] if self.destroy else []
        results = site.run(
            self.host,
            [
                *wipe,
                lvm.vg_create(self.vg_name, self.path, tags),
                lvm.thin_pool_create(
                    self.vg_name,
                    self.pool_name,
                    self.data_bytes,
                    self.metadata_bytes,
                ),
                lvm.pvs(self.path),
                lvm.lvs(self.vg_name),
            ],
        )
        (volume,) = lvm_report.physical_volumes(self.host, results[-2].stdout)
        pools = [
            each
            for each in lvm_report.logical_volumes(
                self.host, results[-1].stdout
            )
            if each.is_pool and each.name == self.pool_name
        ]
        return dataclasses.asdict(
            DeviceFound(
                pv_uuid=volume.uuid,
                extent_bytes=volume.extent_bytes,
                total_bytes=pools[0].size_bytes,
            )
        )

    def undo(self, site: Site) -> None:
        """Remove pool, group and label; what was wiped stays wiped."""
        site.run(
            self.host, _unmake(self.path, self.vg_name, self.pool_name)
        )


@step.persisted
@dataclasses.dataclass(frozen=True)
class RemoveDevice(step.Step):
    """The end of a device that holds no bricks."""

    kind: ClassVar[str] = 'remove-device'
    device_id: str
    path: str
    vg_name: str
    pool_name: str

    def do(self, site: Site) -> Found:
        """Remove pool, group and label; LVM refuses if something is left."""
        site.run(
            self.host,
            [
                *_unmake(self.path, self.vg_name, self.pool_name),
                mounts.remove_directory(names.device_path(self.device_id)),
            ],
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: a removal is never taken back."""


def _unmake(path: str, vg_name: str, pool_name: str) -> list[Command]:
    return [
        lvm.pool_remove(vg_name, pool_name),
        lvm.vg_remove(vg_name),
        lvm.pv_remove(path),
    ]
