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

"""Steps that put the glusterd of nodes into TLS, or out of it.

It reads when it starts whether it speaks TLS, and then speaks nothing else.
So nodes that were switched are cut off from those that were not, and what
comes before the switch of the first one must hold for all.
"""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import members
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site

# What there is in the file is of no account.
_CONTENT = '\n'


@step.persisted
@dataclasses.dataclass(frozen=True)
class CheckMember(step.Step):
    """A node that has to be fit before any is switched.

    :ivar directory: where glusterfs reads its certificate; '' if that is of
        no account
    :ivar members: how many nodes it must be connected to, with itself; 0 if
        it may be cut off
    """

    kind: ClassVar[str] = 'check-member'
    directory: str
    members: int

    def do(self, site: Site) -> Found:
        """Look at its files and its peers.

        :raises TlsNotReady: it could not speak TLS
        :raises PeersApart: it is not connected to all others
        :raises HostError: it does not answer
        """
        found = members.look(site, [self.host])
        if self.members:
            members.require_together(found, self.members)
        if self.directory:
            members.require_tls(site, {self.host: self.directory})
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing was changed."""


@step.persisted
@dataclasses.dataclass(frozen=True)
class AwaitReturn(step.Step):
    """The way back ends here, when all that was switched is put back.

    :ivar hosts: all nodes of the cluster
    :ivar serving: the bricks that ran before, by the volume's name
    """

    kind: ClassVar[str] = 'await-return'
    hosts: tuple[str, ...]
    serving: Mapping[str, tuple[str, ...]]

    def do(self, site: Site) -> Found:
        """Nothing: no node has been switched yet."""
        return NOTHING

    def undo(self, site: Site) -> None:
        """Wait until all see each other and serve as before.

        :raises HostError: they do not
        """
        members.await_together(site, self.hosts, self.serving)


@step.persisted
@dataclasses.dataclass(frozen=True)
class SwitchSecureAccess(step.Step):
    """The file that puts a glusterd into TLS, and a glusterd that knows it.

    :ivar wanted: whether there is to be a file
    :ivar before: whether there was one
    :ivar restarts: glusterd is to know it now; its bricks may go with it
    """

    kind: ClassVar[str] = 'switch-secure-access'
    wanted: bool
    before: bool
    restarts: bool

    def do(self, site: Site) -> Found:
        """Make or remove the file, and restart glusterd once."""
        self._have(site, self.wanted)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Put the file back as it was, and restart glusterd once more."""
        self._have(site, self.before)

    def _have(self, site: Site, wanted: bool) -> None:
        batch: list[Command] = [
            system.write_file(names.SECURE_ACCESS, _CONTENT)
            if wanted
            else system.remove_file(names.SECURE_ACCESS)
        ]
        if self.restarts:
            # By what it is to know: where nothing was switched there is no
            # second restart on the way back.
            batch.append(site.restart_once('tls' if wanted else 'plain'))
        site.run(self.host, batch)


@step.persisted
@dataclasses.dataclass(frozen=True)
class AwaitMembers(step.Step):
    """Nodes that were switched, together again.

    :ivar hosts: all nodes of the cluster
    :ivar serving: the bricks that ran before, by the volume's name
    """

    kind: ClassVar[str] = 'await-members'
    hosts: tuple[str, ...]
    serving: Mapping[str, tuple[str, ...]]

    def do(self, site: Site) -> Found:
        """Wait until all see each other and serve as before.

        :raises HostError: they do not
        """
        members.await_together(site, self.hosts, self.serving)
        return NOTHING

    def undo(self, site: Site) -> None:
        """Nothing: the switch is undone next, and that is waited for."""
