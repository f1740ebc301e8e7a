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
one alone is never believed: all are asked, and whatever they do not agree on
is a problem.
"""

import collections
import dataclasses
import itertools
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping

from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.compare_nodes import missed
from manila_gluster_heketi.operations.truth.compare_nodes import unconnected
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.pools import PoolView


def believed(
    views: Collection[PoolView], members: Collection[str]
) -> PoolView:
    """Choose the view of one that is connected to most, as most see it.

    :param views: at least one, of one pool; the first of equals is chosen
    :param members: where Gluster has the nodes of the pool
    """
    majority = len(members) // 2 + 1
    alike = collections.Counter(each.digest for each in views)

    def weight(view: PoolView) -> tuple[int, int]:
        connected = len(view.connected.intersection(members))
        return min(connected, majority), alike[view.digest]

    return max(views, key=weight)


def divided(
    pool: PoolView, views: Collection[PoolView], nodes: Mapping[str, str]
) -> Iterator[Finding]:
    """Find what speaks against a view of a pool.

    :param pool: the one that is believed
    :param views: those of all nodes that say something
    :param nodes: where Gluster has the nodes, by the names that SSH goes to
    """
    yield from _connections(pool, views, nodes)
    foreign = pool.volumes.keys() - pool.ours
    for view in views:
        if view.digest == pool.digest:
            continue
        yield from missed(view.host, view.volumes.keys(), pool.ours, foreign)
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


def _connections(
    pool: PoolView, views: Collection[PoolView], nodes: Mapping[str, str]
) -> Iterator[Finding]:
    """Find nodes that are cut off, and then pairs that are so."""
    for host, address in nodes.items():
        yield from unconnected(host, address, pool)
    inside = [v for v in views if v.address in pool.connected]
    ready = [{p.uuid for p in v.peers if p.is_ready} for v in inside]
    for one, other in itertools.combinations(range(len(inside)), 2):
        # Each may know the other by a name that nobody else has for it.
        if inside[other].uuid not in ready[one]:
            yield from _apart(inside[other], inside[one])
        elif inside[one].uuid not in ready[other]:
            yield from _apart(inside[one], inside[other])


def _apart(view: PoolView, pool: PoolView) -> Iterator[Finding]:
    return unconnected(view.host, view.address, pool)


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
