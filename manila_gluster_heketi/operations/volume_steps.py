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

"""Steps that are gluster commands: one batch on one host of the cluster."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site

_ALLOW = 'auth.ssl-allow'
# How often to look whether data has been moved off bricks.
_LOOK_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class _VolumeStep(step.Step):
    """A step on a volume.

    :ivar hosts: where its commands may run, the first that answers is used
    """

    hosts: tuple[str, ...]
    name: str


@step.persisted
@dataclasses.dataclass(frozen=True)
class MakeVolume(_VolumeStep):
    """The volume on its bricks: sealed before its first start, then sized.

    :ivar addresses: the bricks, set by set
    """

    kind: ClassVar[str] = 'make-volume'
    replica: int
    addresses: tuple[str, ...]
    options: Mapping[str, str]
    quota_bytes: int

    def do(self, site: Site) -> Found:
        """Create, seal, start and size the volume."""
        site.run_gluster(
            self.hosts,
            [
                gluster.volume_create(self.name, self.replica, self.addresses),
                gluster.volume_set(self.name, self.options),
                gluster.volume_start(self.name),
                gluster.quota_enable(self.name),
                gluster.quota_limit(self.name, self.quota_bytes),
            ],
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Stop and delete the volume if it is there and is this one."""
        gluster.remove_volume_if_there(
            lambda batch: site.run_gluster(self.hosts, batch),
            self.name,
            self.addresses,
        )


@step.persisted
@dataclasses.dataclass(frozen=True)
class RemoveVolume(_VolumeStep):
    """The end of a volume in Gluster; its bricks stay."""

    kind: ClassVar[str] = 'remove-volume'

    def do(self, site: Site) -> Found:
        """Stop and delete the volume if it is there.

        A stopped volume serves nobody: if Gluster refuses to delete it while
        a peer is down, it waits sealed.
        """
        site.run_gluster(
            self.hosts,
            [gluster.volume_stop(self.name), gluster.volume_delete(self.name)],
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: a deletion is never taken back."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class AddBrickSets(_VolumeStep):
    """More brick sets for a volume that is in use.

    :ivar addresses: the new bricks, set by set
    """

    kind: ClassVar[str] = 'add-brick-sets'
    replica: int
    addresses: tuple[str, ...]

    def do(self, site: Site) -> Found:
        """Add the sets and let Gluster move data to them."""
        site.run_gluster(
            self.hosts,
            [
                gluster.add_brick(self.name, self.replica, self.addresses),
                gluster.rebalance_start(self.name),
            ],
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Take the sets out again if they are in, once they are empty."""
        gluster.remove_sets_if_there(
            lambda batch: site.run_gluster(self.hosts, batch),
            self.name,
            self.replica,
            self.addresses,
            pause=lambda: site.sleep(_LOOK_SECONDS),
        )


@step.persisted
@dataclasses.dataclass(frozen=True)
class SetQuota(_VolumeStep):
    """What the share may hold."""

    kind: ClassVar[str] = 'set-quota'
    quota_bytes: int
    old_quota_bytes: int

    def do(self, site: Site) -> Found:
        """Set the new limit."""
        site.run_gluster(
            self.hosts, [gluster.quota_limit(self.name, self.quota_bytes)]
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Set the old limit again."""
        site.run_gluster(
            self.hosts, [gluster.quota_limit(self.name, self.old_quota_bytes)]
        )


@step.persisted
@dataclasses.dataclass(frozen=True)
class SetAccess(_VolumeStep):
    """Who may mount.

    :ivar names: the clients' common names, for the store
    :ivar value: the whole list, the nodes' own name included
    """

    kind: ClassVar[str] = 'set-access'
    names: tuple[str, ...]
    value: str
    old_value: str

    def do(self, site: Site) -> Found:
        """Set the new list; who is not in it is cut off at once."""
        self._set(site, self.value)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Set the old list again."""
        self._set(site, self.old_value)

    def _set(self, site: Site, value: str) -> None:
        site.run_gluster(
            self.hosts, [gluster.volume_set(self.name, {_ALLOW: value})]
        )
