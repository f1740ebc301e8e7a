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


"""Finding all nodes from some, and looking at them."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import node_record
from manila_gluster_heketi.hostcmd.node_record import NodeRecord
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.operations.truth import survey
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.compare_nodes import missed
from manila_gluster_heketi.operations.truth.compare_nodes import unseen
from manila_gluster_heketi.operations.truth.findings import Finding

_ITSELF = 'localhost'


@dataclasses.dataclass(frozen=True, slots=True)
class Sighted:
    """A host that is a node by its own record."""

    view: survey.HostView
    record: NodeRecord


@dataclasses.dataclass(frozen=True, slots=True)
class Pool:
    """A trusted pool, and those of its members that were looked at.

    :ivar quotas: by the name of the volume
    """

    view: pools.PoolView
    nodes: tuple[Sighted, ...]
    quotas: Mapping[str, survey.Quota]


def discover(
    site: Site, hosts: Sequence[str]
) -> tuple[tuple[Pool, ...], tuple[Finding, ...]]:
    """Look at hosts and at all their peers; say who could not be looked at.

    The hosts named are looked at first. Each of their peers is reached at
    the address that Gluster has, unless one of those named has it.
    """
    found = _Discovery(site)
    found.look(hosts)
    for sighted in tuple(found.nodes):
        if found.pool_of(sighted) is None:
            found.ask(sighted)
    for sighted in found.nodes:
        if found.pool_of(sighted) is None:
            found.problems.append(found.outside(sighted))
    complete = tuple(found.complete(pool) for pool in found.pools)
    divided = (each for pool in complete for each in _divided(pool))
    return complete, (*found.problems, *divided)


class _Discovery:
    """What was seen so far."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.nodes: list[Sighted] = []
        self.pools: list[pools.PoolView] = []
        self.problems: list[Finding] = []
        self._silence: dict[str, str] = {}
        self._by_id: dict[str, list[Sighted]] = {}

    def look(self, hosts: Sequence[str]) -> None:
        """Look at hosts that were not seen yet."""
        requests = {host: survey.Request() for host in dict.fromkeys(hosts)}
        for host, error in self._look(requests).items():
            self.problems.append(unseen(host, error))

    def _look(
        self, requests: Mapping[str, survey.Request]
    ) -> dict[str, exceptions.HostError]:
        """Look at hosts; say why some of them could not be looked at."""
        unseen: dict[str, exceptions.HostError] = {}
        outcomes = survey.look(self._site.executor, requests)
        for host, outcome in outcomes.items():
            if not isinstance(outcome, survey.HostView):
                unseen[host] = outcome
                continue
            try:
                record = node_record.parse(outcome.record or '')
            except ValueError as error:
                self.problems.append(_no_node(outcome, error))
                continue
            self._add(Sighted(outcome, record))
        return unseen

    def _look_at_peers(
        self, peers: Sequence[gluster_xml.Peer], pool: pools.PoolView
    ) -> None:
        """Look at peers by the first of their names that leads to them.

        Some are names that only a peer's resolver knows. Where bricks have
        their hosts is right.
        """
        left = {peer: _names_of(peer, pool) for peer in peers}
        errors: dict[gluster_xml.Peer, exceptions.HostError] = {}
        while left:
            asked = {names.pop(0): peer for peer, names in left.items()}
            silent = self._look(
                {
                    name: survey.Request(quotas=tuple(_asked_of(peer, pool)))
                    for name, peer in asked.items()
                }
            )
            for name, peer in asked.items():
                if name not in silent:
                    errors.pop(peer, None)
                    del left[peer]
                    continue
                errors.setdefault(peer, silent[name])
                if not left[peer]:
                    del left[peer]
        for peer, error in errors.items():
            self.problems.append(unseen(error.fields['host'], error))

    def _add(self, sighted: Sighted) -> None:
        """Add a node, unless it is one that has two names for SSH."""
        same = self._by_id.setdefault(sighted.record.node_id, [])
        nameless = _nameless(sighted)
        if all(nameless != _nameless(each) for each in same):
            same.append(sighted)
            self.nodes.append(sighted)

    def pool_of(self, sighted: Sighted) -> pools.PoolView | None:
        """Find the pool that a node is in."""
        for pool in self.pools:
            if sighted.record.storage_host in pool.members:
                return pool
        return None

    def ask(self, sighted: Sighted) -> None:
        """Ask a node about its pool, and look at the peers it names."""
        host = sighted.view.host
        pool = pools.look(self._site, {host: sighted.record.storage_host})
        if not isinstance(pool, pools.PoolView):
            self._silence[host] = pool.what
            return
        self.pools.append(pool)
        known = {each.record.storage_host for each in self.nodes}
        strangers = [
            peer
            for peer in pool.peers
            if not known & set(peer.names) and _ITSELF not in peer.names
        ]
        self._look_at_peers(strangers, pool)

    def outside(self, sighted: Sighted) -> Finding:
        """Say that nobody tells about a node's pool."""
        host = sighted.view.host
        return Finding(
            Code.POOL_SILENT,
            host,
            'trusted pool',
            'an answer',
            self._silence.get(host, 'no peer knows it'),
        )

    def complete(self, pool: pools.PoolView) -> Pool:
        """Gather the quotas of a pool's volumes, and its nodes."""
        nodes = tuple(
            each for each in self.nodes if self.pool_of(each) is pool
        )
        quotas: dict[str, survey.Quota] = {}
        for each in nodes:
            quotas |= each.view.quotas
        again = {
            name: (_hosts_of(info, nodes) or [pool.host], name)
            for name, info in pool.volumes.items()
            if name in pool.ours
            and pool.runs(name)
            and (
                name not in quotas
                or isinstance(quotas[name], exceptions.HostError)
            )
        }
        return Pool(pool, nodes, quotas | pools.ask_quotas(self._site, again))


def _divided(pool: Pool) -> Iterator[Finding]:
    """Find nodes that know other volumes than the one that was asked."""
    foreign = pool.view.volumes.keys() - pool.view.ours
    for node in pool.nodes:
        if node.view.known is not None:
            yield from missed(
                node.view.host, node.view.known, pool.view.ours, foreign
            )


def _nameless(sighted: Sighted) -> survey.HostView:
    return dataclasses.replace(sighted.view, host='', quotas={})


def _no_node(view: survey.HostView, error: ValueError) -> Finding:
    found = 'none' if view.record is None else str(error)
    return Finding(Code.NO_NODE, view.host, 'record', names.NODE_RECORD, found)


def _names_of(peer: gluster_xml.Peer, pool: pools.PoolView) -> list[str]:
    """List the names of a peer, those that volumes use first."""
    used = {
        address.partition(':')[0]
        for info in pool.volumes.values()
        for address in info.addresses
    }
    return sorted(peer.names, key=lambda name: name not in used)


def _asked_of(peer: gluster_xml.Peer, pool: pools.PoolView) -> Iterable[str]:
    """Choose the volumes whose quota a peer is asked for."""
    return (
        name
        for name, info in pool.volumes.items()
        if name in pool.ours
        and info.addresses[0].partition(':')[0] in peer.names
    )


def _hosts_of(
    info: gluster_xml.VolumeInfo, nodes: Iterable[Sighted]
) -> list[str]:
    """List the hosts of a volume's bricks, of those seen."""
    addresses = {each.partition(':')[0] for each in info.addresses}
    return [
        each.view.host
        for each in nodes
        if each.record.storage_host in addresses
    ]
