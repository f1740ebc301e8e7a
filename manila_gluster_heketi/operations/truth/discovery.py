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
import itertools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import node_record
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.truth import agreement
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.operations.truth import survey
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.compare_nodes import unseen
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.pools import PoolView
from manila_gluster_heketi.operations.truth.sighted import Sighted


@dataclasses.dataclass(frozen=True, slots=True)
class Pool:
    """A trusted pool, and those of its members that were looked at.

    :ivar view: of the node that is believed
    :ivar quotas: by the name of the volume
    :ivar disputed: names of volumes that nodes know differently
    """

    view: PoolView
    nodes: tuple[Sighted, ...]
    quotas: Mapping[str, survey.Quota]
    disputed: frozenset[str]


def discover(
    site: Site, hosts: Sequence[str]
) -> tuple[tuple[Pool, ...], tuple[Finding, ...]]:
    """Look at hosts and at all their peers; say what is unclear about them.

    The hosts named are looked at first. Each of their peers is reached at
    the address that Gluster has, unless one of those named has it. Some of
    each pool are asked what they know of it, since one may be cut off.
    """
    found = _Discovery(site)
    found.look(hosts)
    while found.ask():
        pass
    complete = tuple(found.arrange())
    return complete, tuple(found.problems)


class _Discovery:
    """What was seen so far."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.problems: list[Finding] = []
        self._nodes: list[Sighted] = []
        self._by_id: dict[str, list[Sighted]] = {}
        self._views: dict[str, pools.Outcome] = {}
        self._sought: set[str] = set()

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

    def ask(self) -> bool:
        """Ask the nodes whose turn it is; look at peers that they name.

        :returns: whether there were any
        """
        chosen = self._chosen()
        views = pools.look_from_each(
            self._site, {each.host: each.address for each in chosen}
        )
        self._views |= views
        for view in views.values():
            if isinstance(view, PoolView):
                self._sought.add(view.uuid)
                self._look_at_peers(self._strangers(view), view)
        return bool(chosen)

    def _chosen(self) -> list[Sighted]:
        """Choose whom to ask: one that nobody names tells of its pool."""
        groups, outside = self._arranged()
        chosen = [
            each
            for _, nodes in groups
            for each in agreement.next_asked(nodes, self._views)
        ]
        left = [each for each in outside if each.host not in self._views]
        likely = [each for each in left if each.view.known is not None]
        return chosen or likely[:1] or left

    def _strangers(self, view: PoolView) -> list[gluster_xml.Peer]:
        """List the peers that nobody looked for yet."""
        known = {each.address for each in self._nodes}
        found = [
            peer
            for peer in view.peers
            if peer.uuid not in self._sought and known.isdisjoint(peer.names)
        ]
        self._sought.update(peer.uuid for peer in found)
        return found

    def _look_at_peers(
        self, peers: Sequence[gluster_xml.Peer], pool: PoolView
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
            self._nodes.append(sighted)

    def arrange(self) -> Iterator[Pool]:
        """Arrange the nodes by their pools; say who is in none."""
        groups, outside = self._arranged()
        self.problems += map(self._outside, outside)
        for views, nodes in groups:
            yield self._pool(views, nodes)

    def _arranged(
        self,
    ) -> tuple[
        list[tuple[list[PoolView], list[Sighted]]],
        list[Sighted],
    ]:
        """Put nodes together that are in one pool, with what they say of it.

        :returns: these, and the nodes that nobody names who said something
        """
        groups = _groups(
            [v for v in self._views.values() if isinstance(v, PoolView)]
        )
        places: dict[str, int] = {}
        for place, views in enumerate(groups):
            for name in itertools.chain(*(each.members for each in views)):
                places.setdefault(name, place)
        own = {v.host: place for place, g in enumerate(groups) for v in g}
        nodes_of: list[list[Sighted]] = [[] for _ in groups]
        outside = []
        for node in self._nodes:
            found = own.get(node.host, places.get(node.address))
            if found is None:
                outside.append(node)
            else:
                nodes_of[found].append(node)
        return list(zip(groups, nodes_of, strict=True)), outside

    def _outside(self, node: Sighted) -> Finding:
        """Say that nobody tells about a node's pool."""
        silence = self._views[node.host]
        assert not isinstance(silence, PoolView)
        return Finding(
            Code.POOL_SILENT,
            node.host,
            'trusted pool',
            'an answer',
            silence.what,
        )

    def _pool(
        self, views: Sequence[PoolView], nodes: Sequence[Sighted]
    ) -> Pool:
        """Choose what to believe of a pool; say what speaks against it."""
        view = agreement.believed(views, nodes)
        self.problems += agreement.divided(view, views, nodes)
        connected = [each for each in nodes if each.address in view.connected]
        for node in connected:
            silence = self._views.get(node.host)
            if isinstance(silence, exceptions.HostError):
                self.problems.append(unseen(node.host, silence))
        return Pool(
            view=view,
            nodes=tuple(nodes),
            quotas=self._quotas(view, connected),
            disputed=frozenset(agreement.disputed(view, views)),
        )

    def _quotas(
        self, pool: PoolView, nodes: Sequence[Sighted]
    ) -> dict[str, survey.Quota]:
        """Gather the quotas of a pool's volumes; ask for what is not known.

        :param nodes: those that are connected
        """
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
        return quotas | pools.ask_quotas(self._site, again)


def _groups(views: Sequence[PoolView]) -> list[list[PoolView]]:
    """Put views together of which one names another."""
    groups: list[tuple[set[str], list[PoolView]]] = []
    for view in views:
        uuids = {peer.uuid for peer in view.peers}
        apart = [each for each in groups if uuids.isdisjoint(each[0])]
        together = [each for each in groups if each not in apart]
        merged = (
            uuids.union(*(known for known, _ in together)),
            [*(each for _, known in together for each in known), view],
        )
        groups = [*apart, merged]
    order = {view.host: place for place, view in enumerate(views)}
    found = [members for _, members in groups]
    return sorted(found, key=lambda members: order[members[0].host])


def _nameless(sighted: Sighted) -> survey.HostView:
    return dataclasses.replace(sighted.view, host='', quotas={})


def _no_node(view: survey.HostView, error: ValueError) -> Finding:
    found = 'none' if view.record is None else str(error)
    return Finding(Code.NO_NODE, view.host, 'record', names.NODE_RECORD, found)


def _names_of(peer: gluster_xml.Peer, pool: PoolView) -> list[str]:
    """List the names of a peer, those that volumes use first."""
    used = {
        address.partition(':')[0]
        for info in pool.volumes.values()
        for address in info.addresses
    }
    return sorted(peer.names, key=lambda name: name not in used)


def _asked_of(peer: gluster_xml.Peer, pool: PoolView) -> Iterable[str]:
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
    return [each.host for each in nodes if each.address in addresses]
