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

"""Who holds the lease of an operation, and whether that process is dead.

Each lease has a name of its own, since a process may lose an operation to
itself: one of its threads recovers what another was too slow with.

A lease runs out in time wherever its owner is. An owner that died on this
machine need not be waited for: after a restart of the service, what it was
doing is recovered at once.
"""

import datetime
import os
import socket

from manila_gluster_heketi import model

# Process ids mean something within one of these alone: a container beside
# ours may have the same host name.
_PID_NAMESPACE = '/proc/self/ns/pid'
_INSTANT = datetime.timedelta(microseconds=1)


def new() -> str:
    """Name this process, and one lease that it holds."""
    return f'{_machine()}:{os.getpid()}:{model.new_id()}'


def expired_at(
    operation: model.Operation, moment: datetime.datetime
) -> datetime.datetime:
    """Say as of when to ask for the lease: a dead owner's has run out.

    Should someone else take the operation over meanwhile, then that lease is
    longer than this one and the asker is refused.
    """
    if _is_dead(operation.owner):
        return max(moment, operation.lease_until + _INSTANT)
    return moment


def _is_dead(owner: str) -> bool:
    machine, _, rest = owner.rpartition(':')[0].rpartition(':')
    if machine != _machine() or not rest.isdecimal():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    try:
        namespace = os.readlink(_PID_NAMESPACE)
    except OSError:
        namespace = 'unknown'
    return f'{socket.gethostname()}:{namespace}'
