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

"""The gluster program of simulated hosts (glusterfs 10.3)."""

import threading
from collections.abc import Callable
from collections.abc import Sequence

from manila_gluster_heketi.executor.simulated import gluster_answers
from manila_gluster_heketi.executor.simulated import gluster_volumes
from manila_gluster_heketi.executor.simulated import transactions
from manila_gluster_heketi.executor.simulated.gluster_state import Crashed
from manila_gluster_heketi.executor.simulated.gluster_state import Refused
from manila_gluster_heketi.executor.simulated.gluster_state import TimedOut
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.transactions import Missed
from manila_gluster_heketi.executor.simulated.transactions import Scene
from manila_gluster_heketi.executor.simulated.world import World

_NO_GLUSTERD = Outcome(
    1,
    'Connection failed. Please check if gluster daemon is operational.\n',
)
_TIMED_OUT = Outcome(1, 'Error : Request timed out\n')

#: Something that happens while all peers have agreed on a change, and none
#: has made it yet.
Strike = Callable[[], None]


class Gluster:
    """All glusterds.

    :param state: lock that guards the world
    :param pause: called with argv while the volume's own lock is held
    """

    def __init__(
        self,
        world: World,
        state: threading.RLock,
        pause: Callable[[Sequence[str]], None],
    ) -> None:
        self._world = world
        self._state = state
        self._pause = pause

    def run(
        self, host: Host, argv: tuple[str, ...], strike: Strike | None = None
    ) -> Outcome:
        """Run the gluster program on a host."""
        if not host.glusterd_runs:
            return _NO_GLUSTERD
        if host.glusterd_is_wedged:
            self._world.clock.advance(transactions.CLI_SECONDS)
            return _TIMED_OUT
        if argv[1] != '--mode=script':
            raise UnknownCommand(argv)
        xml = argv[2] == '--xml'
        words = argv[3:] if xml else argv[2:]
        try:
            if words[0] == 'volume':
                return self._volume(host, words, xml=xml, strike=strike)
            text = self._peers(host, words)
        except Crashed:
            return _NO_GLUSTERD
        except TimedOut:
            return _TIMED_OUT
        except Refused as reason:
            return gluster_answers.refusal(words, str(reason), xml=xml)
        return Outcome(stdout=text)

    # --- peers ------------------------------------------------------------

    def _peers(self, host: Host, words: Sequence[str]) -> str:
        with self._state:
            if words == ('pool', 'list'):
                return self._pool_list(host)
            if words[:2] == ('peer', 'probe'):
                return self._probe(host, words[2])
            if words[:2] == ('peer', 'detach'):
                return self._detach(host, words[2])
        raise UnknownCommand(words)

    def _pool_list(self, host: Host) -> str:
        scene = self._world.scene(host)
        return gluster_answers.pool(
            [
                gluster_answers.Seen(
                    m.host.uuid,
                    tuple(scene.pool.names(host, m.host)),
                    connected=scene.sees(m.host),
                    rejected=scene.rejects(m.host),
                )
                for m in scene.pool.members
            ],
            host.uuid,
        )

    def _probe(self, host: Host, address: str) -> str:
        peer = self._world.addresses.get(address)
        if peer is host:
            return 'peer probe: Probe on localhost not needed\n'
        if peer is None or not self._world.network.reaches(host, peer):
            raise Refused(
                'Probe returned with Transport endpoint is not connected'
            )
        pool, other = self._world.pool(host), self._world.pool(peer)
        if pool is other:
            # What it knows, it tells nobody.
            if address not in pool.names(host, peer):
                pool.tell(peer, address)
            return (
                f'peer probe: Host {address} port 24007 already in peer list\n'
            )
        if len(other.members) > 1 or other.volumes:
            raise Refused(f'{address} is already part of another cluster')
        other.member(peer).names[:] = [address]
        pool.join(other.member(peer), host)
        self._world.join(peer, pool)
        return 'peer probe: success\n'

    def _detach(self, host: Host, address: str) -> str:
        scene = self._world.scene(host)
        pool = scene.pool
        peer = self._world.addresses.get(address)
        if peer is None or self._world.pool(peer) is not pool or peer is host:
            raise Refused(f'{address} is not part of cluster')
        if any(
            scene.host_of(each) is peer
            for volume in scene.volumes.values()
            for each in volume.addresses
        ):
            raise Refused(
                f'Peer {address} hosts one or more bricks. If the peer is in '
                'not recoverable state then use either replace-brick or '
                'remove-brick command with force to remove all bricks from '
                'the peer and attempt the peer detach again.'
            )
        pool.part_with(peer)
        self._world.leave(peer)
        return 'peer detach: success\n'

    # --- volumes ----------------------------------------------------------

    def _volume(
        self,
        host: Host,
        words: Sequence[str],
        *,
        xml: bool,
        strike: Strike | None,
    ) -> Outcome:
        question = gluster_volumes.QUESTIONS.get(words[1])
        if question is not None and xml:
            with self._state:
                text = question(self._world.scene(host), words)
            return Outcome(stdout=text)
        verb, name = words[1], words[2]
        if verb in ('quota', 'rebalance'):
            verb = f'{verb} {words[3]}'
        locking = (
            gluster_volumes.LOCKING_QUESTIONS
            if xml
            else gluster_volumes.CHANGES
        )
        work = locking.get(verb)
        if work is None:
            raise UnknownCommand(words)
        with self._state:
            scene = self._world.scene(host)
            transactions.begin(scene, name)
        try:
            self._pause(('gluster', *words))
            with self._state:
                return Outcome(
                    stdout=self._change(scene, work, name, words, strike)
                )
        finally:
            scene.pool.give_lock(name)

    def _change(
        self,
        scene: Scene,
        work: gluster_volumes.Work,
        name: str,
        words: Sequence[str],
        strike: Strike | None,
    ) -> str:
        """Do the work on all members but those that are struck."""
        bad = self._world.bad_commits
        if strike is None and not bad and scene.is_peaceful:
            return work(scene, words)
        peers = scene.peers()
        if strike is not None:
            strike()
        if peers and not scene.host.answers_peers:
            transactions.commit_alone(scene, name, lambda s: work(s, words))
            transactions.await_silent(scene, name, peers)
            raise Refused('Commit failed on localhost.')
        missing = [
            each
            for each in peers
            if each.name in bad or not scene.reaches(each)
        ]
        missed = Missed.by(scene, name, missing)
        text = work(scene, words)
        transactions.repeat_on_copies(scene, name, lambda s: work(s, words))
        if missing:
            bad.clear()
            missed.leave_behind(scene.pool, name)
            transactions.await_silent(scene, name, missing)
            raise missed.refusal
        return text
