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


"""Records of nodes: what each says of itself, should the store be lost.

A record that says more than the store does is the only copy of it, so that it
is not written over. Then the store is older than its nodes, and what it says
of quotas and access may be old as well.
"""

from collections.abc import Collection
from collections.abc import Iterator

from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import node_record
from manila_gluster_heketi.operations import node_records
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.operations.truth.survey import HostView

_OBJECT = 'record'


def compare(scene: Scene) -> Iterator[Finding]:
    """Find what differs."""
    for node, view in scene.nodes():
        yield from _compare(scene, node, view)


def overtaken(scene: Scene, found: Collection[Finding]) -> frozenset[str]:
    """Say of which clusters the store is older than the nodes.

    :param found: what :func:`compare` found
    :returns: their identities
    """
    return frozenset(
        scene.ledger.nodes[each.host].cluster_id
        for each in found
        if each.code is Code.NODE_KNOWS_MORE
    )


def _compare(
    scene: Scene, node: model.Node, view: HostView
) -> Iterator[Finding]:
    ledger = scene.ledger
    devices = ledger.devices_of(node)
    text = node_record.write(ledger.clusters[node.cluster_id], node, devices)
    if view.record == text:
        return
    record, error = None, ''
    try:
        record = node_record.parse(view.record or '')
    except ValueError as reason:
        error = 'none' if view.record is None else f'none: {reason}'
    known = {each.id for each in devices}
    named = {each.id for each in record.devices} if record else set()
    if not scene.motion.ids.isdisjoint(known | named):
        return
    more = _more(record, node, known | ledger.removed)
    if more:
        yield Finding(
            Code.NODE_KNOWS_MORE,
            view.host,
            _OBJECT,
            f'nothing beyond node {node.id} of cluster {node.cluster_id} and '
            'its devices',
            more,
        )
        return
    yield Finding(
        Code.NODE_RECORD,
        view.host,
        _OBJECT,
        str(node_record.parse(text)),
        str(record or error),
        scene.mend_node(
            node,
            node_records.RecordNode(
                host=view.host, content=text, old_content=text
            ),
        ),
    )


def _more(
    record: node_record.NodeRecord | None,
    node: model.Node,
    known: Collection[str],
) -> str:
    """Say what a record has that is not on record; '' if nothing.

    :param known: identities of devices
    """
    if record is None:
        return ''
    words = []
    if record.cluster_id != node.cluster_id:
        words.append(f'cluster {record.cluster_id} ({record.cluster_name})')
    if record.node_id != node.id:
        words.append(f'node {record.node_id}')
    words += [
        f'device {each.id} ({each.path})'
        for each in record.devices
        if each.id not in known
    ]
    return ', '.join(words)
