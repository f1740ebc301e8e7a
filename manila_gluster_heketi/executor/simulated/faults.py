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

"""What goes wrong on simulated hosts, and how it is put right.

Everything happens at once and in the same way each time. A fault may also be
appointed: to strike a host when so many more commands have run on it, before
the next one or in the midst of it.
"""

import copy
import dataclasses
import threading
from collections.abc import Callable
from collections.abc import Iterable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.executor.simulated.world import World


@dataclasses.dataclass(slots=True)
class _Appointment:
    """A fault to come.

    :ivar left: commands until then
    :ivar in_midst: of the next command, not before it
    """

    act: Callable[[], None]
    left: int
    in_midst: bool


class Faults:
    """The world of simulated hosts, and everything that befalls it."""

    def __init__(self, specs: Iterable[HostSpec]) -> None:
        self._state = threading.RLock()
        self._world = World(specs)
        self._refusals: dict[str, exceptions.HostError] = {}
        self._appointments: dict[str, list[_Appointment]] = {}
        self._broken: dict[str, int] = {}

    # --- the whole --------------------------------------------------------

    def save(self) -> object:
        """Copy everything that the hosts are, for :meth:`restore`."""
        with self._state:
            return copy.deepcopy(self._world)

    def restore(self, saved: object) -> None:
        """Make the hosts what they were; no fault is to come any more."""
        assert isinstance(saved, World)
        with self._state:
            # In place, for those who hold the world.
            self._world.__dict__.update(copy.deepcopy(saved).__dict__)
            self._refusals.clear()
            self._appointments.clear()
            self._broken.clear()

    def advance(self, seconds: float) -> None:
        """Let time pass on the hosts."""
        with self._state:
            self._world.clock.advance(seconds)

    # --- hosts ------------------------------------------------------------

    def power_off(self, host: str) -> None:
        """Cut a host's power; its peers are not told."""
        with self._state:
            self._world.hosts[host].power_off()
            self._world.late.pop(host, None)
            self._went(host)

    def power_on(self, host: str) -> None:
        """Boot a host again."""
        with self._state:
            found = self._world.hosts[host]
            found.power_on()
            self._came_back(host)
            self._world.glusterd_started(found)

    def hang(self, host: str) -> None:
        """Let a host accept what it is told, and do nothing yet."""
        with self._state:
            self._world.hosts[host].is_hung = True
            self._went(host)

    # --- networks ---------------------------------------------------------

    def cut_network(
        self, host: str, *, controller: bool = True, peers: bool = True
    ) -> None:
        """Take a host off its networks; it runs on.

        :param controller: SSH to it is cut
        :param peers: the storage network is
        """
        with self._state:
            found = self._world.hosts[host]
            found.serves_controller &= not controller
            if peers:
                found.serves_peers = False
                self._went(host)

    def restore_network(self, host: str) -> None:
        """Put a host on all its networks again."""
        with self._state:
            found = self._world.hosts[host]
            found.serves_controller = True
            if not found.serves_peers:
                found.serves_peers = True
                self._came_back(host)

    def cut_link(self, one: str, other: str) -> None:
        """Keep two hosts from reaching each other; others reach both."""
        with self._state:
            self._world.network.cut(one, other)

    def mend_link(self, one: str, other: str) -> None:
        """Let two hosts reach each other again."""
        with self._state:
            self._world.network.mend(one, other)
            self._world.pool(self._world.hosts[one]).resync()

    def slow_reconnects(self, seconds: float) -> None:
        """Have all peers but the first see late who came back."""
        self._world.network.reconnect_seconds = seconds

    def _went(self, host: str) -> None:
        self._world.network.note(self._world.hosts[host], silent=True)

    def _came_back(self, host: str) -> None:
        found = self._world.hosts[host]
        self._world.network.note(found, silent=False)
        self._world.pool(found).resync()

    # --- glusterd ---------------------------------------------------------

    def wedge_glusterd(self, host: str) -> None:
        """Have a glusterd answer nothing until it is restarted."""
        with self._state:
            self._world.hosts[host].glusterd_is_wedged = True

    def restart_glusterd(self, host: str) -> None:
        """Start a glusterd anew: it learns from its peers what it missed."""
        with self._state:
            found = self._world.hosts[host]
            found.start_glusterd()
            self._world.bad_commits.discard(host)
            self._world.glusterd_started(found)

    def change_alone(self, host: str, volume: str) -> None:
        """Have a host make a change of a volume that nobody hears of.

        Its peers learn of it when it connects to them the next time.
        """
        with self._state:
            found = self._world.hosts[host]
            pool = self._world.pool(found)
            pool.part(found, volume)
            record = pool.known(found, volume)
            assert record is not None
            record.options['user.alone'] = 'yes'
            record.version += 1

    def leave_lock(self, host: str, volume: str, seconds: float) -> None:
        """Leave a lock behind in the pool of a host."""
        with self._state:
            pool = self._world.pool(self._world.hosts[host])
            pool.leave_lock(volume, self._world.clock.seconds + seconds)

    def fail_commit(self, host: str) -> None:
        """Have a peer fail to make the next change of a volume."""
        with self._state:
            self._world.bad_commits.add(host)

    # --- disks ------------------------------------------------------------

    def fill_root(self, host: str, *, full: bool = True) -> None:
        """Fill a host's root file system, or make room in it."""
        with self._state:
            self._world.hosts[host].space.root.is_full = full

    def spoil_disks(
        self, host: str, *, root: bool = True, bricks: bool = True
    ) -> None:
        """Have the kernel find errors: file systems become read-only.

        They stay so until they are mounted anew.
        """
        with self._state:
            space = self._world.hosts[host].space
            for filesystem in space.filesystems():
                if root if filesystem is space.root else bricks:
                    filesystem.is_read_only = True

    def repair_disks(self, host: str) -> None:
        """Remount read-only file systems for writing."""
        with self._state:
            for filesystem in self._world.hosts[host].space.filesystems():
                filesystem.is_read_only = False

    def fill_pools(self, host: str, *, full: bool = True) -> None:
        """Fill the thin pools of a host, or make room in them."""
        with self._state:
            for group in self._world.hosts[host].disks.groups.values():
                for volume in group.volumes.values():
                    volume.is_full = full and not volume.pool

    # --- the way to a host ------------------------------------------------

    def refuse(self, host: str, error: exceptions.HostError | None) -> None:
        """Have each batch for a host fail before its first command.

        :param error: what is raised; None to let batches in again
        """
        with self._state:
            self._refusals.pop(host, None)
            if error is not None:
                self._refusals[host] = error

    def fail_after(self, host: str, commands: int, more: int = 0) -> None:
        """Break the connection once, when so many more commands ran.

        The answer of the last of them is lost.

        :param more: so many of the rest the host runs nevertheless
        """
        self.appoint(host, commands, lambda: self._broken.update({host: more}))

    def appoint(
        self,
        host: str,
        commands: int,
        act: Callable[[], None],
        *,
        in_midst: bool = False,
    ) -> None:
        """Have something happen when so many more commands ran on a host.

        :param in_midst: while the next command runs, not before it: of most
            commands nothing is left then if the power goes; a change of
            Gluster's is made by those that are still there
        """
        with self._state:
            self._appointments.setdefault(host, []).append(
                _Appointment(act, commands, in_midst)
            )

    def _count(self, host: str, commands: int) -> None:
        """Count commands that ran; keep the appointments that are due."""
        due = []
        for each in self._appointments.get(host, ()):
            each.left -= commands
            if each.left <= 0 and not each.in_midst:
                due.append(each)
        for each in due:
            self._appointments[host].remove(each)
            each.act()

    def _midst(self, host: str) -> Callable[[], None] | None:
        """Find what is to happen in the midst of the next command."""
        for each in self._appointments.get(host, ()):
            if each.in_midst and each.left <= 0:
                self._appointments[host].remove(each)
                return each.act
        return None
