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

"""Faults on purpose, before and after any command on any host.

An ``Injector`` stands before the executor that reaches the hosts, simulated
or real ones. A batch is one script on a real host, into which nobody can
step: so the commands that a rule is about are sent alone, and what stands
between them in one piece each. Commands share nothing but their order, and
that stays.

There is no option, no variable and no file that turns this on: an injector is
made by whoever makes the :class:`Service`, and nothing but tests does.
"""

import collections
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rest
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.hostcmd.command import Command

LOG = log.getLogger(__name__)

_Batch = Sequence[Command]


class Killed(BaseException):
    """The process is gone, as after SIGKILL: nothing may catch this."""


def die() -> None:
    """Have this process killed, as by the kernel."""
    os.kill(os.getpid(), signal.SIGKILL)
    # Until the signal arrives nothing else is to happen.
    threading.Event().wait()


def play_dead() -> None:
    """Stand for the end of a process within a test's process.

    :raises Killed: always
    """
    raise Killed


class Injector:
    """Lets rules come between commands; see :class:`base.Executor`.

    Safe for many threads. After a KILL that the process survives, because
    ``kill`` raises, every thread that comes along is killed as well.

    :param seed: of what happens with a chance
    :param kill: ends the process; never returns
    :ivar hanging: how many callers wait to be released
    """

    def __init__(
        self,
        inner: base.Executor,
        rules: Sequence[Rule] = (),
        *,
        seed: int = 0,
        kill: Callable[[], None] = die,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inner = inner
        self._kill = kill
        self._sleep = sleep
        self._random = random.Random(seed)  # noqa: S311  (repeatable)
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._late: collections.deque[tuple[str, _Batch]] = collections.deque()
        self._free = threading.Event()
        self._dead = False
        self.hanging = 0
        for rule in rules:
            self.arm(rule)

    def arm(self, rule: Rule) -> None:
        """Add a rule; the first that strikes a command is the only one."""
        with self._lock:
            self._armed.append(_Armed(rule))

    def disarm(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._armed.clear()

    def release(self) -> None:
        """Let everything go on that hangs; what hangs later, hangs."""
        with self._lock:
            free, self._free = self._free, threading.Event()
        free.set()

    def run_late(self) -> None:
        """Have the hosts do what they were to do LATER, oldest first."""
        while self._late:
            host, batch = self._late.popleft()
            self._run_unheard(host, batch)

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        """See :class:`base.Executor`."""
        results: list[base.Result] = []
        at = 0
        while at < len(batch):
            self._live()
            end = self._end_of_piece(host, batch, at)
            alone = end == at
            if alone:
                end = at + 1
                results.append(self._run_alone(host, batch, at))
            else:
                results += self._run(host, batch[at:end], at)
            at = end
        return tuple(results)

    # --- pieces of a batch ------------------------------------------------

    def _run_alone(self, host: str, batch: _Batch, at: int) -> base.Result:
        """Run one command between what is to happen before and after it."""
        failure = self._strike(When.BEFORE, host, batch, at)
        if failure is not None:
            return failure
        [result] = self._run(host, batch[at : at + 1], at)
        return self._strike(When.AFTER, host, batch, at) or result

    def _end_of_piece(self, host: str, batch: _Batch, start: int) -> int:
        """Find how far no rule is concerned: ``start`` if one is at once."""
        with self._lock:
            rules = [each.rule for each in self._armed if not each.is_over]
        for index in range(start, len(batch)):
            if any(r.matches(host, batch[index], index + 1) for r in rules):
                return index
        return len(batch)

    def _run(
        self, host: str, piece: _Batch, before: int
    ) -> tuple[base.Result, ...]:
        """Run a piece; an error tells of the batch, not of the piece."""
        try:
            return self._inner.run_batch(host, piece)
        except exceptions.CommandFailed as error:
            done = before + int(error.fields['completed'])
            raise type(error)(
                **{**error.fields, 'completed': done}
            ) from error

    def _run_unheard(self, host: str, batch: _Batch) -> None:
        try:
            self._inner.run_batch(host, batch)
        except exceptions.HostError as error:
            LOG.debug('nobody hears of it: %s', error)

    # --- faults -----------------------------------------------------------

    def _live(self) -> None:
        if self._dead:
            self._kill()

    def _strike(
        self, when: When, host: str, batch: _Batch, at: int
    ) -> base.Result | None:
        """Have happen what a rule wants at this moment, if one does.

        :returns: a failure that the command tolerates, to be told in place
            of what it really did
        """
        rule = self._choose(when, host, batch[at], at + 1)
        if rule is None:
            return None
        LOG.info('%s %s %s on %s', rule.act, when, batch[at], host)
        if rule.act is Act.DELAY:
            self._sleep(rule.seconds or 0)
            return None
        if rule.act is Act.FAIL:
            return _failure(rule, host, batch[at], at)
        if rule.act is Act.HANG and self._is_released(rule.seconds):
            self._live()
            return None
        self._let_rest(rule.rest, host, batch[at + (when is When.AFTER) :])
        self._fall_silent(rule, host, batch[at])
        raise AssertionError('it fell silent')

    def _choose(
        self, when: When, host: str, command: Command, position: int
    ) -> Rule | None:
        with self._lock:
            for each in self._armed:
                rule = each.rule
                if (
                    rule.when is when
                    and rule.matches(host, command, position)
                    and each.strikes(self._random)
                ):
                    return rule
        return None

    def _is_released(self, seconds: float | None) -> bool:
        """Hang; tell whether it was released before the caller gave up."""
        with self._lock:
            self.hanging += 1
            free = self._free
        try:
            return free.wait(seconds)
        finally:
            with self._lock:
                self.hanging -= 1

    def _let_rest(self, rest: Rest, host: str, batch: _Batch) -> None:
        if rest is Rest.NOW and batch:
            self._run_unheard(host, batch)
        elif rest is Rest.LATER and batch:
            self._late.append((host, batch))

    def _fall_silent(self, rule: Rule, host: str, command: Command) -> None:
        """Give no answer any more: whoever asked is told so, or dies."""
        if rule.act is Act.KILL:
            self._dead = True
            self._kill()
        if rule.act is Act.HANG:
            raise exceptions.CommandTimedOut(
                host=host, command=str(command), seconds=rule.seconds
            )
        raise exceptions.ConnectionLost(
            host=host, command=str(command), reason='injected'
        )


def _failure(
    rule: Rule, host: str, command: Command, before: int
) -> base.Result:
    """Fail as a host would: raise, unless the command tolerates it."""
    result = base.Result(command, rule.status, '', rule.stderr, 0.0)
    if not base.is_fatal(result):
        return result
    raise exceptions.CommandFailed(
        host=host,
        command=str(command),
        status=rule.status,
        stderr=rule.stderr,
        completed=before,
    )


class _Armed:
    """A rule with what it has seen."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._passed = 0
        self._struck = 0

    @property
    def is_over(self) -> bool:
        """Whether it has struck as often as it may."""
        return 0 < self.rule.times <= self._struck

    def strikes(self, dice: random.Random) -> bool:
        """Decide on a command that matches."""
        if self.is_over or (
            self.rule.gate and not os.path.exists(self.rule.gate)
        ):
            return False
        if self._passed < self.rule.skip:
            self._passed += 1
            return False
        if dice.random() >= self.rule.chance:
            return False
        self._struck += 1
        return True
