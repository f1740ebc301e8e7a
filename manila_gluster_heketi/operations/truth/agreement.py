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


"""Whom of a trusted pool to believe, and what the others know differently.

A glusterd that is cut off goes on to answer, with what was true before. So
one alone is never believed. But those that are connected compare what they
know of volumes as they connect, and reject each other if it differs: so some
of them speak for all, and only others have to be asked one by one.
"""

import collections
import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.compare_nodes import missed
from manila_gluster_heketi.operations.truth.compare_nodes import unconnected
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.pools import PoolView
from manila_gluster_heketi.operations.truth.sighted import Sighted

_ENOUGH_ALIKE = 2


def next_asked(
    nodes: Sequence[Sighted], outcomes: Mapping[str, pools.Outcome]
) -> list[Sighted]:
    """Choose the nodes of a pool that are asked next for all they know.

    First some, until two that most are connected to say the same. Then those
    that may know something else, or have not said anything yet.

    :param nodes: all that were looked at, those to be asked first in front
    :param outcomes: what came of those that were asked, by host; one of this
        pool did say something
    """
    answers = [outcomes[n.host] for n in nodes if n.host in outcomes]
    views = [each for each in answers if isinstance(each, PoolView)]
    left = [each for each in nodes if each.host not in outcomes]
    missing = _ENOUGH_ALIKE - _alike(views)
    if (
        missing > 0
        and len(views) < pools.MOST_VIEWS
        and len(answers) - len(views) < pools.MOST_SILENT
    ):
        chosen = sorted(left, key=_lateness(views))[:missing]
        if chosen:
            return chosen
    pool = believed(views, nodes)
    return [
        each
        for each in left
        if each.view.known is None or each.address not in pool.connected
    ]


def believed(
    views: Collection[PoolView], nodes: Iterable[Sighted]
) -> PoolView:
    """Choose the view of one that is connected to most, as most see it.

    :param views: at least one, of one pool; the first of equals is chosen
    :param nodes: of that pool; all say which volumes there are, if not more
    """
    members = _members(views)
    naming = collections.Counter(each.view.known for each in nodes)
    alike = collections.Counter(each.digest for each in views)

    def weight(view: PoolView) -> tuple[int, int, int]:
        return (
            pools.backing(view.ready, members),
            naming[frozenset(view.volumes)],
            alike[view.digest],
        )

    return max(views, key=weight)


def divided(
    pool: PoolView, views: Collection[PoolView], nodes: Sequence[Sighted]
) -> Iterator[Finding]:
    """Find what speaks against a view of a pool.

    :param pool: the one that is believed
    :param views: those of all nodes that were asked and say something
    :param nodes: of that pool
    """
    yield from _connections(pool, views, nodes)
    yield from _names(pool, views, nodes)
    for view in views:
        for name in disputed(pool, [view]):
            yield Finding(
                Code.VOLUME_DISPUTED,
                view.host,
                f'volume {name}',
                f'as on {pool.host}',
                _difference(pool.volumes[name], view.volumes[name]),
            )


def disputed(pool: PoolView, views: Collection[PoolView]) -> list[str]:
    """Name our volumes that some know in another way."""
    return sorted(
        {
            name
            for view in views
            if view.digest != pool.digest
            for name in pool.ours & view.volumes.keys()
            if view.volumes[name] != pool.volumes[name]
        }
    )


def _members(views: Iterable[PoolView]) -> frozenset[str]:
    """List the UUIDs of all that any of a pool takes for its member."""
    return frozenset(peer.uuid for view in views for peer in view.peers)


def _alike(views: Collection[PoolView]) -> int:
    """Count those that most are connected to and that say the same."""
    members = _members(views)
    said = collections.Counter(
        each.digest for each in views if _has_majority(each, members)
    )
    return max(said.values(), default=0)


def _has_majority(view: PoolView, members: frozenset[str]) -> bool:
    return pools.backing(view.ready, members) == pools.backing(
        members, members
    )


def _lateness(
    views: Collection[PoolView],
) -> Callable[[Sighted], tuple[bool, bool]]:
    """Say which nodes are asked later.

    Those whose glusterd was silent; and those that are connected to somebody
    who is connected to few, since they may be cut off together.
    """
    members = _members(views)
    few = [each for each in views if not _has_majority(each, members)]

    def lateness(node: Sighted) -> tuple[bool, bool]:
        return (
            node.view.known is None,
            any(node.address in each.connected for each in few),
        )

    return lateness


def _names(
    pool: PoolView, views: Iterable[PoolView], nodes: Iterable[Sighted]
) -> Iterator[Finding]:
    """Find nodes that know other volumes, by their names alone."""
    said = {each.host: each.view.known for each in nodes}
    said |= {each.host: frozenset(each.volumes) for each in views}
    names = frozenset(pool.volumes)
    for host, known in said.items():
        if known is not None and known != names:
            yield from missed(host, known, pool.ours, names - pool.ours)


def _connections(
    pool: PoolView, views: Iterable[PoolView], nodes: Iterable[Sighted]
) -> Iterator[Finding]:
    """Find nodes that are cut off, and then pairs that are so."""
    # Each may know another by a name that nobody else has for it.
    uuids = {name: peer.uuid for peer in pool.peers for name in peer.names}
    uuids[pool.address] = pool.uuid
    uuids |= {each.address: each.uuid for each in views}
    pairs: set[frozenset[str]] = set()
    inside = [each for each in views if each.address in pool.connected]
    for node in nodes:
        if node.address not in pool.connected:
            yield from unconnected(node.host, node.address, pool)
            continue
        uuid = uuids[node.address]
        for view in inside:
            pair = frozenset((uuid, view.uuid))
            if uuid not in view.ready and pair not in pairs:
                pairs.add(pair)
                yield from unconnected(node.host, node.address, view)


def _difference(
    one: gluster_xml.VolumeInfo, other: gluster_xml.VolumeInfo
) -> str:
    """Say what of a volume is different, and how the other has it."""
    names = [each.name for each in dataclasses.fields(one)]
    fields = {
        name: getattr(other, name)
        for name in names
        if name != 'options' and getattr(one, name) != getattr(other, name)
    }
    if 'addresses' in fields:
        fields['addresses'] = ' '.join(other.addresses)
    options = {
        name: other.options.get(name, 'not set')
        for name in sorted(one.options.keys() | other.options.keys())
        if one.options.get(name) != other.options.get(name)
    }
    return ', '.join(f'{k} {value}' for k, value in (fields | options).items())
