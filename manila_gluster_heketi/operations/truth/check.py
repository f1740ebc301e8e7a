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


"""Comparing store and nodes: each difference is seen twice before it is told.

Changes go on meanwhile. What an open operation works on is not compared,
unless it is held; what began and ended while the hosts were looked at shows in
one look and not in the next.
"""

import dataclasses
from collections.abc import Mapping

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.truth import compare_bricks
from manila_gluster_heketi.operations.truth import compare_certificates
from manila_gluster_heketi.operations.truth import compare_devices
from manila_gluster_heketi.operations.truth import compare_nodes
from manila_gluster_heketi.operations.truth import compare_records
from manila_gluster_heketi.operations.truth import compare_volumes
from manila_gluster_heketi.operations.truth import ledger
from manila_gluster_heketi.operations.truth import leftovers
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.operations.truth import survey
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.compare_certificates import Trust
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.ledger import Ledger
from manila_gluster_heketi.operations.truth.ledger import Note
from manila_gluster_heketi.operations.truth.ledger import Scope
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.scene import gluster_hosts
from manila_gluster_heketi.operations.truth.scene import likely

_TOLD_BY_OTHERS = (Code.NODE_NO_PEER, Code.NODE_MISSED)


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What one look, or two, found.

    :ivar findings: in order of code, host and object
    :ivar notes: what was not compared, and what is held
    :ivar nodes, bricks: how many were looked at
    """

    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    nodes: int
    bricks: int


def check(engine: Engine, scope: Scope, trust: Trust) -> Look:
    """Compare; what is found only once is no difference.

    :raises NotFound: there is no such cluster or node
    """
    first = look(engine, scope, trust)
    if not first.findings:
        return first
    again = look(engine, _narrowed(scope, first), trust)
    seen = {each.key for each in first.findings}
    return dataclasses.replace(
        first,
        findings=tuple(each for each in again.findings if each.key in seen),
        notes=tuple(dict.fromkeys((*first.notes, *again.notes))),
    )


def _narrowed(scope: Scope, found: Look) -> Scope:
    """Look only at hosts with findings, if each finding is a host's.

    Whether a host is a peer and what it missed, only others can tell.
    """
    hosts = {
        '' if each.code in _TOLD_BY_OTHERS else each.host
        for each in found.findings
    }
    again = dataclasses.replace(scope, was_there=True)
    if '' in hosts:
        return again
    return dataclasses.replace(again, hosts=tuple(sorted(hosts)))


def look(engine: Engine, scope: Scope, trust: Trust) -> Look:
    """Compare once.

    :raises NotFound: there is no such cluster or node
    """
    with engine.store.read() as tx:
        before = ledger.read(tx, scope)
    scope = dataclasses.replace(scope, was_there=True)
    requests = _requests(before)
    hosts = survey.look(engine.site.executor, requests)
    found = _pools(engine.site, before, hosts)
    quotas = _quotas(engine.site, before, hosts, found)
    with engine.store.read() as tx:
        after = ledger.read(tx, scope, _marked(hosts))
    scene = Scene(
        ledger=after,
        motion=ledger.motion(before, after),
        hosts=hosts,
        pools=found,
        quotas=quotas,
    )
    records = tuple(compare_records.compare(scene))
    overtaken = compare_records.overtaken(scene, records)
    findings = (
        *compare_nodes.compare(scene),
        *records,
        *compare_devices.compare(scene),
        *compare_bricks.compare(scene),
        *leftovers.compare(scene),
        *compare_volumes.compare(scene, overtaken),
        *compare_certificates.compare(scene, trust),
    )
    return Look(
        findings=tuple(sorted(findings, key=lambda each: each.key)),
        notes=scene.motion.notes,
        nodes=len(after.nodes),
        bricks=sum(map(len, after.bricks_by_host().values())),
    )


def _requests(before: Ledger) -> dict[str, survey.Request]:
    bricks = before.bricks_by_host()
    quotas: dict[str, list[str]] = {host: [] for host in before.nodes}
    for volume in before.volumes.values():
        asked = _asked(before, volume)
        if asked:
            quotas[asked].append(volume.name)
    return {
        host: survey.Request(
            directories=tuple(b.brick_path for b in bricks.get(host, ())),
            mount_paths=tuple(b.mount_path for b in bricks.get(host, ())),
            quotas=tuple(quotas[host]),
            tls_directory=node.tls_directory,
        )
        for host, node in before.nodes.items()
    }


def _marked(hosts: Mapping[str, survey.Outcome]) -> frozenset[str]:
    """List the volumes that logical volumes say they are bricks of."""
    return frozenset(
        marks.ids_of(each.tags)[1]
        for view in hosts.values()
        if isinstance(view, survey.HostView)
        for each in view.volumes.values()
    )


def _asked(before: Ledger, volume: model.Volume) -> str:
    """Choose the host that is asked for a quota: one of its bricks."""
    if volume.state is not VolumeState.READY:
        return ''
    for brick in before.bricks[volume.id]:
        if brick.device_id in before.devices:
            return before.host_of(brick)
    return ''


def _pools(
    site: Site, before: Ledger, hosts: Mapping[str, survey.Outcome]
) -> dict[str, pools.Outcome]:
    found = {}
    for cluster_id in before.clusters:
        addresses = before.addresses_of(cluster_id)
        asked = {h: addresses[h] for h in likely(hosts, addresses)}
        volumes = {
            each.name
            for each in before.volumes.values()
            if each.cluster_id == cluster_id
            and each.state is VolumeState.READY
        }
        found[cluster_id] = pools.look(
            site, asked, frozenset(addresses.values()), volumes
        )
    return found


def _quotas(
    site: Site,
    before: Ledger,
    hosts: Mapping[str, survey.Outcome],
    found: Mapping[str, pools.Outcome],
) -> dict[str, survey.Quota]:
    """Gather the limits; ask again for what a host did not say."""
    quotas: dict[str, survey.Quota] = {}
    again = {}
    for volume in before.volumes.values():
        pool = found.get(volume.cluster_id)
        asked = _asked(before, volume)
        if not asked or not isinstance(pool, pools.PoolView):
            continue
        view = hosts[asked]
        quota = (
            view.quotas[volume.name]
            if isinstance(view, survey.HostView)
            else view
        )
        if not isinstance(quota, exceptions.HostError):
            quotas[volume.id] = quota
        elif pool.runs(volume.name):
            others = gluster_hosts(before, volume, hosts)
            again[volume.id] = (others, volume.name)
    return quotas | pools.ask_quotas(site, again)
