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
from collections.abc import Sequence
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.durability import parse
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import pool
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import GLUSTERD_RUNS
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site

_ALLOW = 'auth.ssl-allow'
# How often to look whether data has been moved off bricks.
_LOOK_SECONDS = 2.0
# A brick process needs a moment until glusterd counts it.
_START_SECONDS = 1.0
_START_LOOKS = 10
_UNKNOWN = 'does not exist'


@dataclasses.dataclass(frozen=True)
class _VolumeStep(step.GlusterStep):
    """A step on a volume."""

    name: str

    def _run_and_see_bricks(
        self, site: Site, batch: Sequence[Command], addresses: Sequence[str]
    ) -> None:
        """Run commands after which these bricks have to work.

        Gluster goes on without a peer that dies meanwhile, and the brick
        there may never have been marked as the volume's: it would not ever
        start.

        :raises GlusterError: some do not run
        """
        question = gluster.volume_status(self.name)
        [*_, answer] = site.run_gluster(self.hosts, [*batch, question])
        for _ in range(_START_LOOKS):
            missing = _not_online(answer.stdout, addresses)
            if not missing:
                return
            site.sleep(_START_SECONDS)
            [answer] = site.run_gluster(self.hosts, [question])
        raise exceptions.GlusterError(
            host=self.hosts[0],
            command=str(question),
            stderr='bricks that do not run: ' + ', '.join(missing),
        )

    def _remove(self, site: Site, addresses: Sequence[str] = ()) -> None:
        """Stop and delete the volume, and see that all hosts forget it.

        :param addresses: one with other bricks than these is not meant
        :raises HostError: one of all knows it still, or does not answer
        :raises PeerRejected: one is not heard, because of other volumes
        """
        try:
            if addresses:
                gluster.remove_volume_if_there(
                    lambda batch: site.run_gluster(self.hosts, batch),
                    self.name,
                    addresses,
                )
            else:
                site.run_gluster(self.hosts, self._removal())
        except exceptions.PeersDown as error:
            views = self._views(site, addresses, of_all=False)
            for host in pool.reconcile(
                site, self.name, views, self._removal()
            ):
                raise exceptions.PeerRejected(
                    host=host,
                    command=error.fields['command'],
                    stderr=error.fields['stderr'],
                ) from error
            raise
        self._see_that_it_is_gone(site, addresses)

    def _see_that_it_is_gone(
        self, site: Site, addresses: Sequence[str]
    ) -> None:
        """Have all hosts forget the volume.

        A peer that missed its deletion brings it back for all of them when it
        connects to them the next time. Peers reject each other if one made a
        change alone, such as the last one before its power was cut: then a
        host deletes the volume for those who are with it, and no others.

        :param addresses: one with other bricks than these is not meant
        :raises HostError: one knows it still, or does not answer
        """
        if not self._is_on_record(site):
            return
        views = self._views(site, addresses)
        knows = _first_that_knows_it(views)
        if not knows:
            return
        pool.reconcile(site, self.name, views, self._removal())
        for _ in self.hosts:
            self._remove_on(site, knows)
            views = self._views(site, addresses)
            knows = _first_that_knows_it(views)
            if not knows:
                return
        raise exceptions.GlusterError(
            host=knows,
            command=str(gluster.volume_info(self.name)),
            stderr='it missed that the volume was deleted',
        )

    def _is_on_record(self, site: Site) -> bool:
        """Tell whether any host has a volume of this name on record.

        Each hears of the operation's epoch: none makes the volume later.

        :raises HostError: one does not answer
        """
        answers = parallel.run_on_hosts(
            site,
            dict.fromkeys(self.hosts, [gluster.volume_record(self.name)]),
        )
        for outcome in answers.values():
            if isinstance(outcome, exceptions.HostError):
                raise outcome
            if not outcome[0].skipped:
                return True
        return False

    def _removal(self) -> list[Command]:
        """List what removes the volume wherever it is known."""
        return [
            gluster.volume_stop(self.name),
            gluster.volume_delete(self.name),
        ]

    def _remove_on(self, site: Site, host: str) -> None:
        """Remove the volume from a host that still knows it.

        Its peers refuse what they have deleted already. Once its glusterd has
        begun again they take the volume back from it, and all delete it.
        """
        try:
            site.run_gluster([host], self._removal())
        except exceptions.GlusterError as error:
            if _UNKNOWN in str(error.fields.get('stderr', '')):
                site.restart_glusterd(host)
            raise

    def _views(
        self, site: Site, addresses: Sequence[str], *, of_all: bool = True
    ) -> pool.Views:
        """Ask what hosts know of the volume.

        :raises HostError: one of all does not answer
        """
        answers = parallel.run_on_hosts(
            site, dict.fromkeys(self.hosts, [gluster.volume_info(self.name)])
        )
        views: dict[str, gluster_xml.VolumeInfo | None] = {}
        for host, outcome in answers.items():
            if isinstance(outcome, exceptions.HostError):
                if of_all:
                    raise outcome
                continue
            meant = [
                each
                for each in gluster_xml.volumes(host, outcome[0].stdout)
                if not addresses or each.addresses == tuple(addresses)
            ]
            views[host] = meant[0] if meant else None
        return views


def _first_that_knows_it(views: pool.Views) -> str:
    """Find a host that knows the volume; '' if none does."""
    return next((host for host, volume in views.items() if volume), '')


def _not_online(output: str, addresses: Sequence[str]) -> list[str]:
    try:
        online = gluster_xml.bricks_online('', output)
    except exceptions.GlusterBusy:
        online = frozenset()
    return [each for each in addresses if each not in online]


@step.persisted
@dataclasses.dataclass(frozen=True)
class MakeVolume(_VolumeStep):
    """The volume on its bricks: sealed before its first start, then sized.

    :ivar durability: as text
    :ivar addresses: the bricks, set by set
    """

    kind: ClassVar[str] = 'make-volume'
    durability: str
    addresses: tuple[str, ...]
    options: Mapping[str, str]
    quota_bytes: int

    def do(self, site: Site) -> Found:
        """Create, seal, start and size the volume; see that it runs."""
        _, *changes, _ = self.commands()
        self._run_and_see_bricks(site, changes, self.addresses)
        return NOTHING

    def commands(self) -> tuple[Command, ...]:
        """List what is run on one host; last, the look at the bricks."""
        return (
            GLUSTERD_RUNS,
            gluster.volume_create(
                self.name, parse(self.durability), self.addresses
            ),
            gluster.volume_set(self.name, self.options),
            gluster.volume_start(self.name),
            gluster.quota_enable(self.name),
            gluster.quota_limit(self.name, self.quota_bytes),
            gluster.volume_status(self.name),
        )

    def undo(self, site: Site) -> None:
        """Stop and delete the volume if it is there and is this one."""
        self._remove(site, self.addresses)


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
        self._remove(site)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: a deletion is never taken back."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class AddBrickSets(_VolumeStep):
    """More brick sets for a volume that is in use.

    :ivar durability: the volume's, as text
    :ivar addresses: the new bricks, set by set
    """

    kind: ClassVar[str] = 'add-brick-sets'
    durability: str
    addresses: tuple[str, ...]

    def do(self, site: Site) -> Found:
        """Add the sets and let Gluster move data to them."""
        self._run_and_see_bricks(
            site,
            [
                gluster.add_brick(
                    self.name, parse(self.durability), self.addresses
                ),
                gluster.rebalance_start(self.name),
            ],
            self.addresses,
        )
        return NOTHING

    def undo(self, site: Site) -> None:
        """Take the sets out again if they are in, once they are empty.

        A host that was cut off may be the only one that has added them. Its
        peers learn of it when it comes back.

        :raises GlusterBusy: glusterd may still be adding them
        :raises HostError: one does not answer
        """
        self._wait_for_lock(site)
        for host, volume in self._views(site, ()).items():
            if volume and set(self.addresses) & set(volume.addresses):
                self._take_out_on(site, host)

    def _wait_for_lock(self, site: Site) -> None:
        """Have glusterd end what it was at when the program gave up on it.

        :raises GlusterBusy: it does not in time
        """
        try:
            site.run_gluster(self.hosts, [gluster.volume_status(self.name)])
        except exceptions.GlusterBusy:
            raise
        except exceptions.GlusterError:
            # It has had the lock: it refuses because the volume rests, say.
            return

    def _take_out_on(self, site: Site, host: str) -> None:
        gluster.remove_sets_if_there(
            lambda batch: site.run_gluster([host], batch),
            self.name,
            parse(self.durability).bricks_per_set,
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
        site.run_gluster(self.hosts, [self._change(self.value)])
        return NOTHING

    def undo(self, site: Site) -> None:
        """Set the old list again.

        A host whose power was cut in the midst of the change may be the only
        one to have made it. Its peers accept it again if their record is
        newer, not if it is as new and says something else: so they make one
        change more than it.
        """
        site.run_gluster(self.hosts, 2 * [self._change(self.old_value)])

    def _change(self, value: str) -> Command:
        return gluster.volume_set(self.name, {_ALLOW: value})
