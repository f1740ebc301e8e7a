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

"""What steps work with: the hosts, and the authority that signs."""

import dataclasses
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Fence
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls.ca import Authority
from manila_gluster_heketi.tls.distribute import Handshake

LOG = log.getLogger(__name__)

# Gluster refuses at once while another transaction holds its lock; the first
# retry comes soon since most transactions take about a second.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0

#: What each batch of gluster commands begins with.
GLUSTERD_RUNS = system.service_is_active()

Answer = TypeVar('Answer')


@dataclasses.dataclass(frozen=True)
class Site:
    """Hosts and authority, as every step sees them.

    :ivar busy_timeout_seconds: how long others that change the same thing
        are waited for, here or in Gluster
    :ivar permit: is told host and commands of each batch before it is sent;
        raises Conflict if another process may work on this
    :ivar tell: is told the host before gluster commands that change
        something go there
    :ivar fence: what hosts are to ask, for the same reason
    :ivar authority: gives the certificate authority, made at first use
    :ivar handshake: how a brick is connected to as its clients do
    """

    executor: base.Executor
    authority: Callable[[], Authority]
    busy_timeout_seconds: float = 180.0
    node_certificate_days: int = 365
    sleep: Callable[[float], None] = time.sleep
    permit: Callable[[str, Sequence[Command]], None] = lambda host, batch: None
    tell: Callable[[str], None] = lambda host: None
    fence: Fence | None = None
    handshake: Handshake = distribute.verify_handshake

    def run(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        """Run a batch on one host; see :class:`base.Executor`."""
        self.permit(host, batch)
        return self._send(host, batch)

    # Many hosts at once are asked through an executor.
    run_batch = run

    def _send(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        return self.executor.run_batch(
            host, [dataclasses.replace(c, fence=self.fence) for c in batch]
        )

    def run_gluster(
        self, hosts: Sequence[str], batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        """Run gluster commands on the first of ``hosts`` that can.

        Another one is tried only if it is certain that nothing was begun on
        the one before: it can't be reached, or it says itself that glusterd
        does not run, which each batch begins with the question for. A command
        that finds out by itself may have been the one that ended it, and must
        not be repeated elsewhere.

        A lock that another transaction holds is waited for; the batch goes on
        from the command that was refused.

        :raises GlusterBusy: the lock did not come free in time
        :raises PeersDown: the command needs every peer
        :raises GlusterError: gluster refused for another reason
        :raises NoNodeOnline: none of the hosts answers, or glusterd runs on
            none of those that do
        """
        unreachable: exceptions.HostError | None = None
        for host in hosts:
            try:
                return self._run_gluster_on(host, batch)
            except (
                exceptions.HostUnreachable,
                exceptions.GlusterdDown,
                exceptions.FenceFailed,
            ) as error:
                LOG.warning('gluster commands go to another host: %s', error)
                unreachable = error
        raise exceptions.NoNodeOnline(
            host=', '.join(hosts),
            cluster='of ' + ', '.join(hosts),
            reason=unreachable.what.rstrip('.')
            if unreachable
            else 'it has no nodes',
        )

    def ask_gluster(
        self,
        hosts: Sequence[str],
        question: Command,
        read: Callable[[str, str], Answer],
    ) -> Answer:
        """Ask in XML, where a refusal is an answer too.

        :param read: parses what a host said, or raises what it means
        :raises GlusterError: as for :meth:`run_gluster`
        """
        for pause in self.pauses():
            [result] = self.run_gluster(hosts, [question])
            try:
                return read(hosts[0], result.stdout)
            except exceptions.GlusterBusy as busy:
                if pause is None:
                    raise
                LOG.debug('again in %.1f s: %s', pause, busy)
                self.sleep(pause)
        raise AssertionError('the last pause is None')

    def _run_gluster_on(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        left = list(batch)
        if not all(each.reads_only for each in batch):
            self.tell(host)
        for pause in self.pauses():
            try:
                self.permit(host, left)
                _, *results = self._send(host, [GLUSTERD_RUNS, *left])
            except exceptions.CommandFailed as error:
                # One more than of what is left: the question comes first.
                completed = error.fields['completed'] - 1
                if completed < 0:
                    raise exceptions.GlusterdDown(host=host) from error
                refusal = gluster.classify(error)
                busy = isinstance(refusal, exceptions.GlusterBusy)
                if not busy or pause is None:
                    raise refusal from error
                left = left[completed:]
                LOG.debug('again in %.1f s: %s', pause, refusal)
                self.sleep(pause)
            else:
                return tuple(results)
        raise AssertionError('the last pause is None')

    def restart_glusterd(self, host: str) -> None:
        """Restart glusterd on a host, once for this operation."""
        self.run(host, [self.restart_once()])

    def restart_once(self, aim: str = '') -> Command:
        """Give what restarts glusterd, once for this operation.

        It may end what serves clients there, and an operation that is stuck is
        tried every minute.

        :param aim: a word, if the operation has several restarts
        """
        reason = self.fence.operation if self.fence else 'no-operation'
        if aim:
            reason = f'{reason}-{aim}'
        return system.service_restart_once(reason)

    def pauses(
        self,
        longest: float = _LONGEST_PAUSE,
        patience: float | None = None,
    ) -> Iterator[float | None]:
        """Yield how long to wait for others to be done; None: no longer.

        :param longest: how many seconds it is at most from one to the next
        :param patience: how many it is together; those for others at work
            unless given
        """
        pause = _FIRST_PAUSE
        if patience is None:
            patience = self.busy_timeout_seconds
        while patience > 0:
            yield pause
            patience -= pause
            pause = min(pause * 2, longest)
        yield None


#: What a step found on its way, for the transaction that settles it.
Found = Mapping[str, Any]
NOTHING: Found = {}
