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

"""Hosts that may still run what a step has told them.

Gluster commands go to the first of several hosts that can run them. If it
falls silent, another one can do and undo as well as it; but when it comes back
it may go on with what it was told. So the journal names it, and whoever comes
after that has it hear first that it is superseded: it ends what it is at, and
begins nothing more. What a step says of Gluster before that may not last.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site

#: Does a step, or undoes it.
Act = Callable[[step.Step, Site], Found]
#: Writes down which hosts may run something from now on.
Write = Callable[[Sequence[str]], None]

_HEAR = Command(('true',), reads_only=True)


def act(
    each: step.Step, site: Site, work: Act, *, again: bool, write: Write
) -> Found:
    """Do or undo a step, and have no host do more of it later.

    If a host that may is silent the work is done elsewhere, which is safer
    than not at all, but it does not count: it has to be done again once the
    host has answered.

    :param again: hosts may have been told something in an earlier epoch
    :raises HostError: as ``work`` does; or a host that may still run
        something does not answer, or is at it
    """
    if not isinstance(each, step.GlusterStep):
        return work(each, site)
    told = _Told(each, write)
    silent = told.hear(site) if again else ()
    found = work(each, dataclasses.replace(site, tell=told.tell))
    for error in silent:
        raise error
    return found


class _Told:
    """What the journal says of a step, and whether that is enough."""

    def __init__(self, each: step.GlusterStep, write: Write) -> None:
        self._written = frozenset(each.told or each.hosts[:1])
        self._silent: frozenset[str] = frozenset()
        self._write = write

    def hear(self, site: Site) -> tuple[exceptions.HostError, ...]:
        """Have them hear of the newer epoch; say why some do not.

        :raises CommandStillRuns: one is at it
        :raises CommandFenced: the newer epoch is not ours
        """
        answers = parallel.run_on_hosts(
            site, dict.fromkeys(sorted(self._written), [_HEAR])
        )
        errors = {
            host: answer
            for host, answer in answers.items()
            if isinstance(answer, exceptions.HostError)
        }
        for error in errors.values():
            if isinstance(
                error, exceptions.CommandStillRuns | exceptions.CommandFenced
            ):
                raise error
        self._silent = frozenset(errors)
        return tuple(errors.values())

    def tell(self, host: str) -> None:
        """Have it written down that a host is told something now.

        The others that were are no more of account, unless they are silent:
        it is certain of each that nothing runs there.
        """
        telling = self._silent | {host}
        if not telling <= self._written:
            self._write(sorted(telling))
            self._written = telling
