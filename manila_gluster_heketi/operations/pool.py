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


"""A trusted pool whose members have fallen out with each other."""

from collections.abc import Callable
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.operations.site import Site

LOG = log.getLogger(__name__)

_REJECTED = 'Peer Rejected'


def reconcile(
    site: Site, hosts: Sequence[str], give_up: Callable[[str], object]
) -> None:
    """Have those begin again whom most others reject.

    Peers compare what they know of volumes when they connect, and reject each
    other if it differs at the same version. They do not compare it again
    until a glusterd starts. One that is rejected by most takes no part in
    anything, and what it is told to do it does for itself alone. A restart
    costs what it still serves some seconds, as after any other, and copies
    elsewhere go on.

    :param give_up: has such a host give up what others have otherwise
    """
    views = parallel.run_on_hosts(
        site.executor, dict.fromkeys(hosts, [gluster.pool_list()])
    )
    for host, outcome in views.items():
        if isinstance(outcome, exceptions.HostError):
            continue
        peers = gluster_xml.peers(host, outcome[0].stdout)
        others = [peer for peer in peers if peer.state]
        rejected = [peer for peer in others if peer.state == _REJECTED]
        if 2 * len(rejected) > len(others):
            LOG.warning('%s is rejected by its peers', host)
            give_up(host)
            site.run(host, [system.service_restart()])
