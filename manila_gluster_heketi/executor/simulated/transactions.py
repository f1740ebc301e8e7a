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

"""Transactions of simulated glusterds: locks, peers that miss them.

Facts of glusterfs 10.3. glusterd locks a volume's name on every peer that it
believes connected, so that one that fell silent holds all transactions up:
until glusterd notices, or until the gluster program gives up and leaves the
locks to their timer.
"""

import contextlib
import copy
import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi.executor.simulated.gluster_state import Pool
from manila_gluster_heketi.executor.simulated.gluster_state import Refused
from manila_gluster_heketi.executor.simulated.gluster_state import TimedOut
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.network import Clock
from manila_gluster_heketi.executor.simulated.network import Network

#: After which the gluster program gives up, and a lock comes free.
CLI_SECONDS = 120.0
LOCK_SECONDS = 180.0


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """Where a command runs.

    :ivar host: the host that was asked
    :ivar addresses: all hosts by their addresses
    :ivar alone: the host makes the change for itself, nobody hears of it
    """

    host: Host
    pool: Pool
    addresses: Mapping[str, Host]
    network: Network
    clock: Clock
    alone: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether no other host makes the change."""
        return self.alone or self.pool.is_rejected(self.host)

    @property
    def volumes(self) -> dict[str, Volume]:
        """The volumes that the host knows."""
        return self.pool.known_to(self.host)

    def volume(self, name: str) -> Volume:
        """Find a volume that the host knows.

        :raises Refused: it knows none of that name
        """
        found = self.pool.known(self.host, name)
        if found is None:
            raise Refused(f'Volume {name} does not exist')
        return found

    def host_of(self, address: str) -> Host | None:
        """Find the host of a brick."""
        return self.addresses.get(address.partition(':')[0])

    def sees(self, other: Host) -> bool:
        """Tell whether the host believes to be connected to another."""
        return other is self.host or self.network.sees(self.host, other)

    def reaches(self, other: Host) -> bool:
        """Tell whether packets from the host get through to another."""
        return other is self.host or self.network.reaches(self.host, other)

    def rejects(self, other: Host) -> bool:
        """Tell whether the host and another know a volume differently."""
        return other is not self.host and any(
            self.pool.is_rejected(each) for each in (self.host, other)
        )

    def works_with(self, other: Host) -> bool:
        """Tell whether another host takes part in what the host does."""
        return self.sees(other) and not self.rejects(other)

    @property
    def is_peaceful(self) -> bool:
        """Whether nothing is wrong anywhere; most of the time nothing is."""
        return (
            self.network.is_calm
            and not self.pool.is_divided
            and not any(each.host.troubles for each in self.pool.members)
        )

    def peers(self) -> list[Host]:
        """List the peers that take part in what the host does."""
        others = [m.host for m in self.pool.members if m.host is not self.host]
        if self.is_peaceful:
            return others
        return [each for each in others if self.works_with(each)]

    def add(self, volume: Volume) -> None:
        """Make a volume known."""
        if self.is_alone:
            self.pool.know_alone(self.host, volume.name, volume)
        else:
            self.pool.add(volume)

    def drop(self, name: str) -> None:
        """Have a volume forgotten."""
        if self.is_alone:
            self.pool.know_alone(self.host, name, None)
        else:
            self.pool.drop(name)


def begin(scene: Scene, name: str) -> None:
    """Lock a volume's name on all peers.

    :raises Refused: another transaction has it, or a peer fell silent
    :raises TimedOut: a peer does not answer; the locks stay behind
    """
    if not scene.pool.take_lock(name, scene.clock.seconds):
        raise Refused(
            f'Another transaction is in progress for {name}. Please try '
            'again after some time.'
        )
    if scene.is_peaceful:
        return
    try:
        silent = [each for each in scene.peers() if not _answers(scene, each)]
        if silent:
            await_silent(scene, name, silent)
            raise Refused(
                f'Locking failed on {silent[0].storage}. Please check log '
                'file for details.'
            )
    except (Refused, TimedOut):
        scene.pool.give_lock(name)
        raise


def _answers(scene: Scene, peer: Host) -> bool:
    return scene.reaches(peer) and not peer.glusterd_is_wedged


def await_silent(scene: Scene, name: str, peers: Sequence[Host]) -> None:
    """Wait until glusterd knows that peers which do not answer are gone.

    :raises TimedOut: the gluster program gives up first
    """
    seconds = max(_silence(scene, each) for each in peers)
    if seconds < CLI_SECONDS:
        scene.clock.advance(seconds)
        return
    scene.pool.leave_lock(name, scene.clock.seconds + LOCK_SECONDS)
    scene.clock.advance(CLI_SECONDS)
    raise TimedOut


def _silence(scene: Scene, peer: Host) -> float:
    """Say how long a peer is waited for."""
    if not scene.host.is_up:
        return 0.0
    if scene.reaches(peer):
        return CLI_SECONDS if peer.glusterd_is_wedged else 0.0
    return scene.network.notices_in(scene.host, peer)


@dataclasses.dataclass(frozen=True, slots=True)
class Missed:
    """Members that missed a change, and what they knew before it."""

    hosts: tuple[Host, ...]
    before: tuple[Volume | None, ...]

    @classmethod
    def by(cls, scene: Scene, name: str, hosts: Sequence[Host]) -> 'Missed':
        """Keep what these members know of a volume before it changes."""
        return cls(
            tuple(hosts),
            tuple(copy.deepcopy(scene.pool.known(h, name)) for h in hosts),
        )

    def leave_behind(self, pool: Pool, name: str) -> None:
        """Have them know no more than before."""
        for host, old in zip(self.hosts, self.before, strict=True):
            pool.leave_behind(host, name, old)

    @property
    def refusal(self) -> Refused:
        """What the gluster program says then."""
        return Refused(
            '\n'.join(
                f'Commit failed on {host.storage}. Please check log file for '
                'details.'
                for host in self.hosts
            )
        )


def repeat_on_copies(
    scene: Scene, name: str, work: Callable[[Scene], object]
) -> None:
    """Have members that missed something make a change to what they know."""
    if not scene.pool.is_divided:
        return
    for peer in scene.peers():
        if scene.pool.known(peer, name) is not scene.volumes.get(name):
            with contextlib.suppress(Refused):
                work(dataclasses.replace(scene, host=peer))


def commit_alone(
    scene: Scene, name: str, work: Callable[[Scene], object]
) -> None:
    """Have a host that is cut off make a change: it is the first to do so."""
    scene.pool.part(scene.host, name)
    with contextlib.suppress(Refused):
        work(dataclasses.replace(scene, alone=True))


def require_all(scene: Scene) -> None:
    """Check that each member sees every other, as a deletion does.

    :raises Refused: in glusterd's words
    """
    if scene.is_peaceful:
        return
    down = 'Some of the peers are down'
    members = [each.host for each in scene.pool.members]
    if not all(scene.sees(each) for each in members):
        raise Refused(down)
    # All others have seen each other since the beginning.
    moved = [each for each in members if scene.network.has_moved(each)]
    for one in members:
        for other in moved:
            for peer, its in ((one, other), (other, one)):
                if peer is not its and not scene.network.sees(peer, its):
                    raise Refused(
                        f'Staging failed on {peer.storage}. Error: {down}'
                    )


def require_agreement(scene: Scene, name: str, *, status: bool = True) -> None:
    """Check that no peer knows a volume in another way than the host.

    :param status: whether it is started has to be the same, too
    :raises Refused: in glusterd's words
    """
    if not scene.pool.is_divided:
        return
    mine = scene.pool.known(scene.host, name)
    for peer in scene.peers():
        difference = _difference(name, mine, scene.pool.known(peer, name))
        if difference and (status or difference[0] == 'Staging'):
            stage, reason = difference
            raise Refused(f'{stage} failed on {peer.storage}. {reason}')


def _difference(
    name: str, mine: Volume | None, theirs: Volume | None
) -> tuple[str, str] | None:
    """Say at which stage a peer refuses, and in which words."""
    if mine is None and theirs is not None:
        return 'Staging', f'Error: Volume {name} already exists'
    if mine is not None and theirs is None:
        return 'Staging', f'Error: Volume {name} does not exist'
    if mine is None or theirs is None or mine.status == theirs.status:
        return None
    state = 'already started'
    if mine.status == 'Started':
        state = 'is not in the started state'
    return 'Pre Validation', f'Volume {name} {state}'
