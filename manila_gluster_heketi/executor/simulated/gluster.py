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
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi.executor.simulated import bricks
from manila_gluster_heketi.executor.simulated import gluster_answers
from manila_gluster_heketi.executor.simulated import gluster_volumes
from manila_gluster_heketi.executor.simulated.gluster_state import Crashed
from manila_gluster_heketi.executor.simulated.gluster_state import Pool
from manila_gluster_heketi.executor.simulated.gluster_state import Refused
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand

_NO_GLUSTERD = Outcome(
    1,
    'Connection failed. Please check if gluster daemon is operational.\n',
)


class Gluster:
    """All glusterds; each host begins in a pool of its own.

    :param state: lock that guards everything simulated
    :param pause: called with argv while the volume's own lock is held
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        state: threading.RLock,
        pause: Callable[[Sequence[str]], None],
    ) -> None:
        self._state = state
        self._pause = pause
        self.addresses: dict[str, Host] = {}
        self._pools: dict[str, Pool] = {}
        for host in hosts:
            for address in (host.name, host.storage):
                self.addresses[address] = host
            host.busy_paths = self._busy(host)

    def pool(self, host: Host) -> Pool:
        """Find the pool that a host is in."""
        with self._state:
            if host.name not in self._pools:
                self._pools[host.name] = Pool(host)
            return self._pools[host.name]

    def run(self, host: Host, argv: tuple[str, ...]) -> Outcome:
        """Run the gluster program on a host."""
        if not host.glusterd_runs:
            return _NO_GLUSTERD
        if argv[1] != '--mode=script':
            raise UnknownCommand(argv)
        xml = argv[2] == '--xml'
        words = argv[3:] if xml else argv[2:]
        try:
            if words[0] == 'volume':
                return self._volume(host, words, xml=xml)
            text = self._peers(host, words)
        except Crashed:
            return _NO_GLUSTERD
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
        pool = self.pool(host)
        return gluster_answers.pool(
            [(m, bricks.is_connected(m.host)) for m in pool.members],
            pool.member(host),
        )

    def _probe(self, host: Host, address: str) -> str:
        peer = self.addresses.get(address)
        if peer is None or not bricks.is_connected(peer):
            raise Refused(
                'Probe returned with Transport endpoint is not connected'
            )
        if peer is host:
            return 'peer probe: Probe on localhost not needed\n'
        pool, other = self.pool(host), self.pool(peer)
        if pool is other:
            names = pool.member(peer).names
            if address not in names:
                names.append(address)
            return (
                f'peer probe: Host {address} port 24007 already in peer list\n'
            )
        if len(other.members) > 1 or other.volumes:
            raise Refused(f'{address} is already part of another cluster')
        other.member(peer).names[:] = [address]
        pool.members += other.members
        self._pools[peer.name] = pool
        return 'peer probe: success\n'

    def _detach(self, host: Host, address: str) -> str:
        pool = self.pool(host)
        peer = self.addresses.get(address)
        if peer is None or self.pool(peer) is not pool or peer is host:
            raise Refused(f'{address} is not part of cluster')
        if any(
            bricks.host_of(self.addresses, each) is peer
            for volume in pool.volumes.values()
            for each in volume.addresses
        ):
            raise Refused(
                f'Peer {address} hosts one or more bricks. If the peer is in '
                'not recoverable state then use either replace-brick or '
                'remove-brick command with force to remove all bricks from '
                'the peer and attempt the peer detach again.'
            )
        pool.members.remove(pool.member(peer))
        del self._pools[peer.name]
        return 'peer detach: success\n'

    # --- volumes ----------------------------------------------------------

    def _volume(
        self, host: Host, words: Sequence[str], *, xml: bool
    ) -> Outcome:
        pool = self.pool(host)
        scene = gluster_volumes.Scene(host, pool, self.addresses)
        question = gluster_volumes.QUESTIONS.get(words[1])
        if question is not None and xml:
            with self._state:
                return Outcome(stdout=question(scene, words))
        verb, name = words[1], words[2]
        if verb in ('quota', 'rebalance'):
            verb = f'{verb} {words[3]}'
        locking = (
            gluster_volumes.LOCKING_QUESTIONS
            if xml
            else (gluster_volumes.CHANGES)
        )
        work = locking.get(verb)
        if work is None:
            raise UnknownCommand(words)
        return Outcome(stdout=self._transact(scene, work, name, words))

    def _transact(
        self,
        scene: gluster_volumes.Scene,
        work: gluster_volumes.Work,
        name: str,
        words: Sequence[str],
    ) -> str:
        with self._state:
            lock = scene.pool.lock(name)
        if not lock.acquire(blocking=False):
            raise Refused(
                f'Another transaction is in progress for {name}. Please try '
                'again after some time.'
            )
        try:
            self._pause(('gluster', *words))
            with self._state:
                return work(scene, words)
        finally:
            lock.release()

    def _busy(self, host: Host) -> Callable[[str], bool]:
        def busy(path: str) -> bool:
            return any(
                bricks.host_of(self.addresses, address) is host
                and bricks.path_of(address).startswith(f'{path}/')
                for volume in self._volumes_of(host)
                for address in volume.addresses
            )

        return busy

    def _volumes_of(self, host: Host) -> list[Volume]:
        return [
            each
            for each in self.pool(host).volumes.values()
            if each.status == 'Started' and host.glusterd_runs
        ]
