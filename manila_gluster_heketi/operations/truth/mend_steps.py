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


"""Steps that put right what differs.

None is ever taken back: a mend that stopped half-way is found by the next
check. So they have nothing to undo, and each may be repeated.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import mount_table
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import brick_steps
from manila_gluster_heketi.operations import certificate_steps
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.tls import access
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue


@dataclasses.dataclass(frozen=True)
class _MendStep(step.Step):
    """A step that is never taken back."""

    def undo(self, site: Site) -> None:
        """Nothing: what is mended by then may stay so."""


@dataclasses.dataclass(frozen=True)
class _VolumeMend(_MendStep, step.GlusterStep):
    """A step on a volume."""

    name: str

    def _run(self, site: Site, *batch: Command) -> Found:
        site.run_gluster(self.hosts, batch)
        return NOTHING


@step.persisted
@dataclasses.dataclass(frozen=True)
class AddTags(_MendStep):
    """The marks of a volume group, or of a logical volume in it.

    :ivar lv_name: '' for the group itself
    """

    kind: ClassVar[str] = 'add-tags'
    vg_name: str
    lv_name: str
    tags: tuple[str, ...]

    def do(self, site: Site) -> Found:
        """Add the tags; those that are there are fine."""
        command = lvm.vg_tag(self.vg_name, self.tags)
        if self.lv_name:
            command = lvm.lv_tag(self.vg_name, self.lv_name, self.tags)
        site.run(self.host, [command])
        return NOTHING


@step.persisted
@dataclasses.dataclass(frozen=True)
class MountBricks(_MendStep):
    """The file systems of bricks, as they are."""

    kind: ClassVar[str] = 'mount-bricks'
    bricks: tuple[model.Brick, ...]

    def do(self, site: Site) -> Found:
        """Mount what is not mounted."""
        batch: list[Command] = []
        for brick in self.bricks:
            batch += [
                mounts.make_directory(brick.mount_path),
                mounts.mount(_device(brick), brick.mount_path),
            ]
        site.run(self.host, batch)
        return NOTHING


@step.persisted
@dataclasses.dataclass(frozen=True)
class EnterFstab(_MendStep):
    """The lines of bricks in fstab."""

    kind: ClassVar[str] = 'enter-fstab'
    bricks: tuple[model.Brick, ...]

    def do(self, site: Site) -> Found:
        """Add the lines that are not there."""
        site.run(
            self.host,
            [mounts.fstab_add(_device(b), b.mount_path) for b in self.bricks],
        )
        return NOTHING


@step.persisted
@dataclasses.dataclass(frozen=True)
class DestroyOrphans(brick_steps.DestroyBricks):
    """The end of bricks that are on record no more.

    A node that missed the deletion of their volume brings it back for all
    when it connects to them, and then they are missed. So each is asked.

    :ivar address: where Gluster has the host
    :ivar hosts: all nodes of the cluster
    :ivar elsewhere: where somebody mounted them beside their mount points;
        these directories are none of ours, and stay
    :ivar recorded: the bricks on record of the volume that they were made
        for, as Gluster writes them
    """

    kind: ClassVar[str] = 'destroy-orphans'
    address: str
    hosts: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()

    def do(self, site: Site) -> Found:
        """Destroy them if no node knows a volume of them.

        :raises Conflict: one does
        :raises HostError: one does not say
        """
        views = parallel.run_on_hosts(
            site.executor, dict.fromkeys(self.hosts, [gluster.volume_info()])
        )
        for host, view in views.items():
            if isinstance(view, exceptions.HostError):
                raise view
            known = gluster_xml.volumes(host, view[0].stdout)
            for brick in self.bricks:
                name = self.hindrance(brick, known)
                if name:
                    raise exceptions.Conflict(
                        kind='brick',
                        identity=brick.id,
                        reason=f'{host} has it in volume {name}',
                    )
        if self.elsewhere:
            site.run(self.host, [mounts.unmount(p) for p in self.elsewhere])
        return super().do(site)

    def hindrance(
        self, brick: model.Brick, known: Iterable[gluster_xml.VolumeInfo]
    ) -> str:
        """Name the one of these volumes that has a brick; '' if none has."""
        return pools.volume_of(
            brick,
            self.address,
            known,
            elsewhere=self.elsewhere,
            recorded=self.recorded,
        )


@step.persisted
@dataclasses.dataclass(frozen=True)
class LeaveFstab(_MendStep):
    """The line of a brick that is gone."""

    kind: ClassVar[str] = 'leave-fstab'
    path: str

    def do(self, site: Site) -> Found:
        """Take it out of fstab."""
        site.run(self.host, [mounts.fstab_remove(self.path)])
        return NOTHING


@step.persisted
@dataclasses.dataclass(frozen=True)
class RemoveMountPoint(_MendStep):
    """The directory that a brick was mounted on."""

    kind: ClassVar[str] = 'remove-mount-point'
    path: str

    def do(self, site: Site) -> Found:
        """Remove it; what is not empty is refused."""
        site.run(self.host, [mounts.remove_directory(self.path)])
        return NOTHING


@step.persisted
@dataclasses.dataclass(frozen=True)
class StartMissing(_VolumeMend):
    """Bricks and daemons of a started volume that do not run."""

    kind: ClassVar[str] = 'start-missing'

    def do(self, site: Site) -> Found:
        """Start them; what runs is left alone."""
        return self._run(site, gluster.volume_start_force(self.name))


@step.persisted
@dataclasses.dataclass(frozen=True)
class SetOptions(_VolumeMend):
    """Options that a running volume may get."""

    kind: ClassVar[str] = 'set-options'
    options: Mapping[str, str]

    def do(self, site: Site) -> Found:
        """Set them in one transaction."""
        return self._run(site, gluster.volume_set(self.name, self.options))


@step.persisted
@dataclasses.dataclass(frozen=True)
class WithdrawNames(_VolumeMend):
    """Names that were revoked, on the list of who may mount.

    :ivar names: the clients' names that stay, for the store
    :ivar value: the whole list, the nodes' own name included
    """

    kind: ClassVar[str] = 'withdraw-names'
    names: tuple[str, ...]
    value: str

    def do(self, site: Site) -> Found:
        """Set the list without them; they are cut off at once."""
        self._run(
            site, gluster.volume_set(self.name, {access.OPTION: self.value})
        )
        return {'access': self.names}


@step.persisted
@dataclasses.dataclass(frozen=True)
class RestoreQuota(_VolumeMend):
    """The quota, switched on if it is off."""

    kind: ClassVar[str] = 'restore-quota'
    quota_bytes: int

    def do(self, site: Site) -> Found:
        """Set the limit."""
        return self._run(
            site,
            gluster.quota_enable(self.name),
            gluster.quota_limit(self.name, self.quota_bytes),
        )


@step.persisted
@dataclasses.dataclass(frozen=True)
class RenewCertificate(_MendStep):
    """A new key and a certificate for it."""

    kind: ClassVar[str] = 'renew-certificate'
    cluster_id: str
    directory: str

    def do(self, site: Site) -> Found:
        """Issue them and put them in the place of what is there."""
        bundle = issue.issue_node(
            site.authority(),
            self.cluster_id,
            days=site.node_certificate_days,
            asked_by=model.OpKind.REPAIR.value,
        )
        site.run(self.host, distribute.deploy_commands(bundle, self.directory))
        return {'certificate': bundle.record}


@step.persisted
@dataclasses.dataclass(frozen=True)
class RecordCertificate(_MendStep):
    """The certificate that a node has, on record."""

    kind: ClassVar[str] = 'record-certificate'
    node_id: str
    directory: str

    def do(self, site: Site) -> Found:
        """Read it; the host is left as it is."""
        _, path, _ = distribute.paths(self.directory)
        [read] = site.run(self.host, [tls_files.certificate(path)])
        return certificate_steps.now_there(site, read.stdout, self.node_id)


def _device(brick: model.Brick) -> str:
    name, _ = mount_table.devices_of(brick.vg_name, brick.lv_name)
    return name
