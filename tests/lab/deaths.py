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

"""Processes of the control plane that work on real nodes, and are killed."""

import concurrent.futures
import dataclasses
import os
import pathlib
import signal
import threading
from collections.abc import Callable

from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.service import Service
from tests.crash import forked
from tests.crash import stage

Task = Callable[[Service], object]

# Longer than the 180 s that a lock of Gluster is waited for.
_SECONDS = 400

def prepare() -> None:
    """Start the process that others are forked from."""
    forked.prepare(__name__)


@dataclasses.dataclass(frozen=True)
class Death:
    """SIGKILL, and when it comes.

    :ivar name: for people
    :ivar when: before the command it is about takes effect, or after
    :ivar skip: so many commands are let pass before that one, while the
        process works on one host after the other; negative if it comes at a
        moment, whatever goes on then on all hosts at once
    :ivar seconds: how long after its beginning that moment is
    """

    name: str
    when: When = When.BEFORE
    skip: int = -1
    seconds: float = 0.0

    @property
    def is_at_moment(self) -> bool:
        """Whether it does not wait for a command."""
        return self.skip < 0


def after(seconds: float) -> Death:
    """Make a death that comes at a moment."""
    return Death(f'after {seconds:.2f} s', seconds=seconds)


def live(
    settings: Settings,
    task: Task,
    log: pathlib.Path,
    death: Death | None = None,
) -> bool:
    """Have a new process do something; tell whether it lived.

    :param log: what the process says is written there
    :raises AssertionError: it failed, or did not end
    """
    process = forked.Forked(log, _work, settings, task, death)
    code = process.wait(_SECONDS)
    if code not in (0, -signal.SIGKILL):
        raise AssertionError(process.said)
    return code == 0


def _work(settings: Settings, task: Task, death: Death | None) -> None:
    injector = inject.Injector(openssh.OpenSshExecutor(settings.ssh))
    service = Service(settings, executor=injector)
    service.prepare()
    if death is not None and death.is_at_moment:
        threading.Timer(death.seconds, inject.die).start()
    elif death is not None:
        setattr(concurrent.futures, 'ThreadPoolExecutor', stage.InTurn)
        injector.arm(Rule(Act.KILL, death.when, skip=death.skip))
    task(service)
    # What still waits to kill must not keep the process alive.
    os._exit(0)
