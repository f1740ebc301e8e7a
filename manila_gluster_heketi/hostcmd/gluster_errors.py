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

"""What gluster's refusals mean."""

import re
from collections.abc import Mapping

from manila_gluster_heketi import exceptions

#: After which the gluster CLI stops waiting for glusterd.
CLI_TIMEOUT_SECONDS = 120

# Facts from glusterfs 10.3; the first match counts.
_MEANINGS: tuple[tuple[str, type[exceptions.GlusterError]], ...] = (
    (
        r'Another transaction (is|could be) in progress'
        r'|Locking failed on'
        r'|Unable to acquire lock'
        # The process that moves files ended while it was asked how far it is.
        # The second text stays until glusterd is restarted there if it was
        # killed within the five seconds that glusterd gives it to start.
        r"|brick op 'Rebalance' failed"
        r'|Brick ops failed on \S+\. brick operations failed'
        r'|[Rr]ebalance is in progress\. Please retry',
        exceptions.GlusterBusy,
    ),
    (
        r'Some of the peers are down'
        r'|Host \S+ not connected'
        r'|One or more bricks may be down',
        exceptions.PeersDown,
    ),
)


def meaning(fields: Mapping[str, object]) -> exceptions.HostError:
    """Find the error for what gluster said.

    :param fields: ``host``, ``command`` and ``stderr``
    :returns: a GlusterError or a subclass of it; CommandTimedOut if the CLI
        gave up waiting, so that the outcome is unknown; HostUnfit if glusterd
        does not run
    """
    text = str(fields['stderr'])
    if 'Request timed out' in text:
        return exceptions.CommandTimedOut(
            **{**fields, 'seconds': CLI_TIMEOUT_SECONDS}
        )
    if 'Please check if gluster daemon is operational' in text:
        return exceptions.HostUnfit(
            **{**fields, 'reason': f'glusterd does not answer: {text}'}
        )
    for pattern, kind in _MEANINGS:
        if re.search(pattern, text):
            return kind(**fields)
    return exceptions.GlusterError(**fields)
