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


"""Keeping the record that each node has of itself in step with the store."""

import dataclasses
from collections.abc import Collection
from collections.abc import Iterable
from typing import ClassVar

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import node_record
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import NOTHING
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store.transaction import Transaction


@step.persisted
@dataclasses.dataclass(frozen=True)
class RecordNode(step.Step):
    """What a node says of itself, as a whole.

    :ivar content: '' for a node that is none any more
    :ivar old_content: what it said before; '' if there was no record
    """

    kind: ClassVar[str] = 'record-node'
    content: str
    old_content: str

    def do(self, site: Site) -> Found:
        """Write the new record, or have none."""
        site.run(self.host, [_kept(self.content)])
        return NOTHING

    def undo(self, site: Site) -> None:
        """Write the old record again, or have none again."""
        site.run(self.host, [_kept(self.old_content)])


def of(
    tx: Transaction,
    node: model.Node,
    *,
    plus: Iterable[model.Device] = (),
    minus: str = '',
) -> str:
    """Write down what the store says of a node.

    :param plus: devices that it is about to have besides
    :param minus: id of one that it is about to lose
    """
    devices = (*topology.devices(tx, node.id), *plus)
    return node_record.write(
        topology.cluster(tx, node.cluster_id),
        node,
        [each for each in devices if each.id != minus],
    )


def refresh(engine: Engine, nodes: Iterable[model.Node]) -> tuple[str, ...]:
    """Write the records of nodes anew after a change of the store alone.

    A record that can't be written now is out of date until ``check`` mends
    it; that matters only if the store is lost before.

    Others may do the same meanwhile. The last one to write sees afterwards
    what all of them have changed.

    :returns: what to warn of
    """
    ids = frozenset(node.id for node in nodes)
    outcomes: dict[str, parallel.Outcome] = {}
    written: dict[str, str] = {}
    while stale := _texts(engine, ids).items() - written.items():
        batches = {host: [_kept(text)] for host, text in stale}
        outcomes |= parallel.run_on_hosts(engine.site.executor, batches)
        written |= stale
    return tuple(
        f'node {host} has an old record of itself; "gluster-heketi check '
        f'--repair" writes the new one: {outcome}'
        for host, outcome in outcomes.items()
        if isinstance(outcome, exceptions.HostError)
    )


def _texts(engine: Engine, ids: Collection[str]) -> dict[str, str]:
    """Write down what the store says of nodes now, by host."""
    with engine.store.read() as tx:
        return {
            node.manage_host: of(tx, node)
            for node in topology.nodes(tx)
            if node.id in ids
        }


def _kept(content: str) -> Command:
    if not content:
        return system.remove_file(names.NODE_RECORD)
    return system.write_file(names.NODE_RECORD, content)
