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

"""The nodes of a cluster together: whether they see each other, and serve."""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.operations import site as sites
from manila_gluster_heketi.operations import tls_facts
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.tls_facts import Facts
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority

LOG = log.getLogger(__name__)

# Four nodes on a busy machine were together again after half a minute, and
# their bricks a while later.
_RETURN_SECONDS = 240.0
_LONGEST_PAUSE = 2.0
# To be told of a volume takes its lock on all nodes.
_VOLUMES_AT_ONCE = 8

#: The bricks that run, HOST:PATH, by the volume's name.
Serving = Mapping[str, Collection[str]]

# While glusterd starts. Who is gone is not waited for: the others serve again
# as soon as they are put back.
_MAY_PASS = (
    exceptions.CommandFailed,
    exceptions.GlusterError,
    exceptions.GlusterdDown,
    exceptions.HostUnfit,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """How a node sees the others.

    :ivar is_secure: it has the file that puts glusterd into TLS, which says
        nothing about the one that runs
    :ivar peers: how many it knows, with itself
    :ivar missing: those that it is not connected to
    """

    host: str
    is_secure: bool
    peers: int
    missing: tuple[str, ...]

    def is_connected(self, members: int) -> bool:
        """Tell whether it sees all nodes.

        :param members: how many there are
        """
        return not self.missing and self.peers >= members


def look(site: Site, hosts: Collection[str]) -> tuple[Member, ...]:
    """Ask nodes, all at once.

    :raises GlusterdDown: glusterd does not run on one of them
    :raises HostError: one does not answer
    """
    batch = [
        sites.GLUSTERD_RUNS,
        gluster.pool_list(),
        system.read_file(names.SECURE_ACCESS),
    ]
    answers = parallel.run_on_hosts(
        site.executor, dict.fromkeys(hosts, batch)
    )
    return tuple(_member(host, answer) for host, answer in answers.items())


def _member(host: str, answer: parallel.Outcome) -> Member:
    if isinstance(answer, exceptions.CommandFailed):
        if not answer.fields['completed']:
            raise exceptions.GlusterdDown(host=host) from answer
        raise gluster.classify(answer) from answer
    if isinstance(answer, exceptions.HostError):
        raise answer
    _, listing, file = answer
    peers = gluster_xml.peers(host, listing.stdout)
    return Member(
        host,
        not file.skipped,
        len(peers),
        tuple(each.names[0] for each in peers if not each.is_ready),
    )


def require_together(found: Collection[Member], members: int) -> None:
    """Make sure that nodes see all others.

    :param members: how many nodes there are
    :raises PeersApart: one does not
    """
    for each in found:
        if not each.is_connected(members):
            missing = ', '.join(each.missing) or (
                f'it knows {each.peers} of {members}'
            )
            raise exceptions.PeersApart(host=each.host, missing=missing)


def require_tls(
    site: Site, directories: Mapping[str, str]
) -> None:
    """Make sure that nodes could speak TLS with each other.

    :param directories: where glusterfs reads its certificate, by host
    :raises TlsNotReady: one could not
    :raises HostError: one does not answer
    """
    authority = site.authority()
    for host, facts in tls_facts.look_in(site.executor, directories).items():
        if isinstance(facts, exceptions.HostError):
            raise facts
        reason = _unready(facts, authority)
        if reason:
            raise exceptions.TlsNotReady(host=host, reason=reason)


def _unready(facts: Facts, authority: Authority) -> str:
    if not facts.trusts(*authority.known):
        return 'it does not trust our certificate authority'
    reason = reading.misfit(
        facts.certificate, facts.public_key, *authority.known
    )
    if reason or facts.certificate is None:
        return reason
    if facts.certificate.not_valid_after_utc <= policy.now():
        return 'its certificate has expired'
    if facts.has_wrong_clock:
        return f'its clock is {facts.clock_offset_seconds:+.0f} s off'
    return ''


# --- bricks ---------------------------------------------------------------


def serving(
    site: Site, hosts: Sequence[str], volumes: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Ask which bricks of volumes run, several volumes at once.

    :param hosts: any nodes of the cluster
    :returns: by name, those that have some
    """
    if not volumes:
        return {}
    ask = functools.partial(_running, site, hosts)
    workers = min(len(volumes), _VOLUMES_AT_ONCE)
    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        found = list(threads.map(ask, volumes))
    return {
        name: bricks
        for name, bricks in zip(volumes, found, strict=True)
        if bricks
    }


def _running(site: Site, hosts: Sequence[str], name: str) -> tuple[str, ...]:
    """List the bricks of a volume that run; none of one that is stopped."""
    try:
        ports = site.ask_gluster(
            hosts, gluster.volume_status(name), gluster_xml.brick_ports
        )
    except exceptions.NoNodeOnline:
        raise
    except exceptions.GlusterError as error:
        LOG.debug('nothing is known of bricks of %s: %s', name, error)
        return ()
    return tuple(sorted(ports))


def await_together(
    site: Site, hosts: Sequence[str], wanted: Serving
) -> None:
    """Wait until all nodes see each other and bricks run.

    :param hosts: all nodes of the cluster
    :param wanted: the bricks
    :raises PeersApart: they still do not
    :raises HostError: one does not answer, or glusterd does not run there
    """
    for pause in site.pauses(_LONGEST_PAUSE, _RETURN_SECONDS):
        try:
            require_together(look(site, hosts), len(hosts))
            _require_bricks(site, hosts, wanted)
        except _MAY_PASS as error:
            if pause is None:
                raise
            LOG.debug('again in %.1f s: %s', pause, error)
            site.sleep(pause)
        else:
            return


def _require_bricks(
    site: Site, hosts: Sequence[str], wanted: Serving
) -> None:
    running = serving(site, hosts, wanted)
    for name, bricks in wanted.items():
        missing = sorted({*bricks} - {*running.get(name, ())})
        if missing:
            raise exceptions.GlusterError(
                host=hosts[0],
                command=str(gluster.volume_status(name)),
                stderr='these do not run: ' + ', '.join(missing),
            )
