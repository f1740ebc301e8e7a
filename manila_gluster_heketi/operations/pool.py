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

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.gluster_xml import VolumeInfo
from manila_gluster_heketi.operations.site import Site

LOG = log.getLogger(__name__)

_REJECTED = 'Peer Rejected'

#: What hosts know of a volume; None if it is not there for a host.
Views = Mapping[str, VolumeInfo | None]


def reconcile(
    site: Site, name: str, views: Views, removal: Sequence[Command]
) -> tuple[str, ...]:
    """Have those begin again whom most others reject because of a volume.

    Peers compare what they know of volumes when they connect, and reject each
    other if it differs at the same version. They do not compare it again
    until a glusterd starts. One that is rejected by most takes no part in
    anything, and what it is told to do it does for itself alone.

    :param views: of all hosts that answer
    :param removal: has a host give up the volume
    :returns: who is rejected because of other volumes; a restart would cost
        what they serve, and help nobody
    """
    elsewhere = []
    for host in _rejected(site, views):
        LOG.warning('%s is rejected by its peers', host)
        if all(volume == views[host] for volume in views.values()):
            elsewhere.append(host)
            continue
        if views[host]:
            site.run_gluster([host], removal)
        if _differ_elsewhere(site, name, host, views):
            elsewhere.append(host)
        else:
            site.restart_glusterd(host)
    return tuple(elsewhere)


def _rejected(site: Site, hosts: Iterable[str]) -> tuple[str, ...]:
    """List the hosts that most others reject."""
    found = []
    for host, answer in _ask(site, hosts, gluster.pool_list()).items():
        peers = gluster_xml.peers(host, answer)
        others = [peer for peer in peers if peer.state]
        rejected = [peer for peer in others if peer.state == _REJECTED]
        if 2 * len(rejected) > len(others):
            found.append(host)
    return tuple(found)


def _differ_elsewhere(
    site: Site, name: str, host: str, hosts: Iterable[str]
) -> bool:
    """Tell whether no other host knows all other volumes as one does."""
    known = {
        each: {v.name: v for v in gluster_xml.volumes(each, answer)}
        for each, answer in _ask(site, hosts, gluster.volume_info()).items()
    }
    for volumes in known.values():
        volumes.pop(name, None)
    own = known.pop(host, {})
    return all(volumes != own for volumes in known.values())


def _ask(
    site: Site, hosts: Iterable[str], question: Command
) -> dict[str, str]:
    """Ask hosts; who does not answer is left out."""
    answers = parallel.run_on_hosts(site, dict.fromkeys(hosts, [question]))
    return {
        host: answer[0].stdout
        for host, answer in answers.items()
        if not isinstance(answer, exceptions.HostError)
    }
