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


"""What the glusterds of one trusted pool know together."""

import concurrent.futures
import dataclasses
import functools
import hashlib
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.truth import survey

# Whoever can't say what is asked for is followed by some others, not by all
# of a thousand. More are asked if nobody says anything.
MOST_VIEWS = 5
MOST_SILENT = 16
_ASKED_AT_ONCE = 16
_STARTED = 'Started'
_ITSELF = 'localhost'


@dataclasses.dataclass(frozen=True)
class PoolView:
    """A trusted pool as one of its members sees it.

    :ivar host: the one that was asked, by the name that SSH goes to
    :ivar address: where Gluster has it, which calls it "localhost" itself
    :ivar volumes: by name
    :ivar digest: the same for all views that know the same of all volumes
    """

    host: str
    address: str
    peers: tuple[gluster_xml.Peer, ...]
    volumes: Mapping[str, gluster_xml.VolumeInfo]
    digest: bytes

    @functools.cached_property
    def uuid(self) -> str:
        """Of the host that was asked; '' if it does not name itself."""
        own = (peer.uuid for peer in self.peers if _ITSELF in peer.names)
        return next(own, '')

    @functools.cached_property
    def ready(self) -> frozenset[str]:
        """UUIDs of the peers that volumes may have bricks on, and its own."""
        return frozenset(peer.uuid for peer in self.peers if peer.is_ready)

    @functools.cached_property
    def members(self) -> frozenset[str]:
        """All names of all peers."""
        names = {name for peer in self.peers for name in peer.names}
        return frozenset(names | {self.address})

    @functools.cached_property
    def connected(self) -> frozenset[str]:
        """All names of the peers that volumes may have bricks on."""
        names = {
            name for peer in self.peers if peer.is_ready for name in peer.names
        }
        return frozenset(names | {self.address})

    def state_of(self, address: str) -> str:
        """Say what a member is that is not connected."""
        for peer in self.peers:
            if address in peer.names:
                return f'{peer.state}, not connected'
        return 'no such peer'

    @functools.cached_property
    def ours(self) -> frozenset[str]:
        """Names of the volumes that bear our options."""
        return frozenset(
            name
            for name, info in self.volumes.items()
            if names.OPTION_VOLUME_ID in info.options
        )

    def runs(self, name: str) -> bool:
        """Tell whether there is a volume that is started."""
        return name in self.volumes and self.volumes[name].status == _STARTED


Outcome = PoolView | exceptions.HostError


def backing(connected: Set[str], members: Set[str]) -> int:
    """Count the members that one is connected to, up to a majority.

    Beyond that, more of them do not make it more credible.
    """
    return min(len(connected & members), len(members) // 2 + 1)


def volume_of(
    brick: model.Brick,
    address: str,
    volumes: Iterable[gluster_xml.VolumeInfo],
    *,
    elsewhere: Collection[str] = (),
    recorded: Sequence[str] = (),
) -> str:
    """Name the volume that has a brick, or may; '' if none of these does.

    :param address: where Gluster has the brick's host
    :param elsewhere: where it is mounted beside its own mount point
    :param recorded: the bricks on record of the volume with the brick's id,
        as Gluster writes them. If these are all that Gluster has of it too,
        the brick is not one of them
    """
    below = tuple(
        f'{address}:{path}/' for path in (brick.mount_path, *elsewhere)
    )
    for volume in volumes:
        owner = volume.options.get(names.OPTION_VOLUME_ID, '')
        if any(each.startswith(below) for each in volume.addresses) or (
            owner == brick.volume_id and volume.addresses != tuple(recorded)
        ):
            return volume.name
    return ''


def durability_of(
    info: gluster_xml.VolumeInfo,
) -> durability.Durability | None:
    """Say what the brick sets of a volume are; None if nothing of ours."""
    try:
        if info.disperse:
            parts = info.disperse - info.redundancy
            return durability.disperse(parts, info.redundancy)
        if info.arbiter:
            return durability.ARBITER
        return durability.replicate(info.replica)
    except ValueError:
        return None


def look(
    site: Site,
    hosts: Mapping[str, str],
    expected: Set[str],
    volumes: Set[str],
) -> Outcome:
    """Ask hosts about their pool until one knows all of it.

    One that was detached knows nobody, and of no volume. One that is cut off
    knows all members, and not what the others do meanwhile. Another may have
    missed that a volume was created.

    :param hosts: where Gluster has them, by the names that SSH goes to; those
        that are likely to answer first
    :param expected: where Gluster should have all members
    :param volumes: names of those that it should have
    :returns: if none has all, the view with the most members, and then the
        most volumes, of those that are connected to most members; the last
        error if none says anything
    """

    def known(view: PoolView) -> tuple[int, int, int]:
        return (
            backing(view.connected, expected),
            len(view.members & expected),
            len(view.volumes.keys() & volumes),
        )

    everything = backing(expected, expected), len(expected), len(volumes)
    found: list[PoolView] = []
    silent = 0
    error: exceptions.HostError = _nobody()
    for host, address in hosts.items():
        if len(found) == MOST_VIEWS or silent == MOST_SILENT:
            break
        try:
            found.append(_look_from(site, host, address))
        except exceptions.HostError as silence:
            error = silence
            silent += 1
            continue
        if known(found[-1]) == everything:
            return found[-1]
    return max(found, key=known, default=error)


def look_from_each(site: Site, hosts: Mapping[str, str]) -> dict[str, Outcome]:
    """Ask all hosts about their pools; an error of one is its outcome.

    Many know the same, which is kept once.

    :param hosts: where Gluster has them, by the names that SSH goes to
    """
    peers: dict[gluster_xml.Peer, gluster_xml.Peer] = {}
    volumes: dict[bytes, Mapping[str, gluster_xml.VolumeInfo]] = {}

    def ask(host: str) -> Outcome:
        try:
            return _look_from(site, host, hosts[host])
        except exceptions.HostError as error:
            return error

    def lean(view: Outcome) -> Outcome:
        if not isinstance(view, PoolView):
            return view
        return dataclasses.replace(
            view,
            peers=tuple(peers.setdefault(each, each) for each in view.peers),
            volumes=volumes.setdefault(view.digest, view.volumes),
        )

    with concurrent.futures.ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        views = threads.map(ask, hosts)
        return dict(zip(hosts, map(lean, views), strict=True))


def ask_quotas(
    site: Site, questions: Mapping[str, tuple[Sequence[str], str]]
) -> dict[str, survey.Quota]:
    """Ask for limits with patience: Gluster was busy, or a host was out.

    :param questions: hosts that may know it, and the name of the volume, by
        whatever the caller likes
    """

    def ask(key: str) -> survey.Quota:
        hosts, name = questions[key]
        return _ask_quota(site, hosts[:MOST_VIEWS], name)

    with concurrent.futures.ThreadPoolExecutor(_ASKED_AT_ONCE) as threads:
        answers = threads.map(ask, questions)
        return dict(zip(questions, answers, strict=True))


def _ask_quota(site: Site, hosts: Sequence[str], name: str) -> survey.Quota:
    """Ask one host after the other; the last error if none says.

    Even a refusal need not be the last word: one that is no peer any more
    knows of no volume.
    """
    answer: survey.Quota = _nobody()
    for host in hosts:
        try:
            return site.ask_gluster([host], gluster.quota_list(name), _quota)
        except exceptions.HostError as error:
            answer = error
    return answer


def _quota(host: str, output: str) -> int | None:
    found = survey.quota_of(host, output)
    if isinstance(found, exceptions.HostError):
        raise found
    return found


def _nobody() -> exceptions.NoNodeOnline:
    return exceptions.NoNodeOnline(
        host='', cluster='', reason='none of its nodes answers', stderr=''
    )


def _look_from(site: Site, host: str, address: str) -> PoolView:
    peers, volumes = site.run_gluster(
        [host], [gluster.pool_list(), gluster.volume_info()]
    )
    try:
        known, digest = _volumes(volumes.stdout)
    except exceptions.HostError as error:
        raise type(error)(**{**error.fields, 'host': host}) from error
    return PoolView(
        host=host,
        address=address,
        peers=gluster_xml.peers(host, peers.stdout),
        volumes=known,
        digest=digest,
    )


# Most hosts say the same: it is read once.
@functools.lru_cache(maxsize=8)
def _volumes(
    output: str,
) -> tuple[Mapping[str, gluster_xml.VolumeInfo], bytes]:
    """Read what a host knows of volumes, and a digest of it.

    Their order, and that of their options, says nothing.
    """
    known = {each.name: each for each in gluster_xml.volumes('', output)}
    digest = hashlib.sha256()
    for name in sorted(known):
        info = known[name]
        options = sorted(info.options.items())
        plain = dataclasses.replace(info, options={})
        digest.update(f'{plain}{options}'.encode())
    return known, digest.digest()
