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

"""Where bricks listen, and which daemons do not run, on many nodes."""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.operations.presented import Door
from manila_gluster_heketi.operations.site import Site

_ITSELF = 'localhost'


@dataclasses.dataclass(frozen=True, slots=True)
class _Question:
    """A volume, and the node that is asked for its state."""

    volume: str
    node: model.Node


@dataclasses.dataclass(frozen=True, slots=True)
class _Answer:
    """What a node said of a volume; nothing if Gluster refused."""

    question: _Question
    ports: Mapping[str, int]
    down: Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class PoolStatus:
    """What Gluster says of bricks and daemons.

    One volume for each node, no more: to be told locks the volume.
    """

    answers: Sequence[_Answer]

    def door(self, node: model.Node) -> Door:
        """Say where a node can be connected to."""
        port = self._ports.get((node.cluster_id, node.storage_host), 0)
        return Door(
            node.storage_host,
            port,
            '' if port else 'no brick runs on the node',
        )

    def down(self, node: model.Node) -> tuple[tuple[str, str], ...]:
        """List the daemons of a node that do not run, each once.

        :returns: a volume that it is for, and its name as Gluster has it
        """
        found: dict[str, str] = {}
        for answer in self.answers:
            asked = answer.question.node
            for host, daemon in answer.down:
                address = asked.storage_host if host == _ITSELF else host
                if (asked.cluster_id, address) == (
                    node.cluster_id,
                    node.storage_host,
                ):
                    found.setdefault(daemon, answer.question.volume)
        return tuple((found[daemon], daemon) for daemon in sorted(found))

    @functools.cached_property
    def _ports(self) -> Mapping[tuple[str, str], int]:
        return {
            (answer.question.node.cluster_id, brick.partition(':')[0]): port
            for answer in self.answers
            for brick, port in answer.ports.items()
        }


def look(
    site: Site,
    nodes: Sequence[model.Node],
    bricks: Mapping[str, Sequence[str]],
) -> PoolStatus:
    """Ask for as few volumes as show each node, side by side.

    :param nodes: those that answer
    :param bricks: ids of the nodes that have bricks of a volume, by its name
    """
    questions = _questions(nodes, bricks)
    if not questions:
        return PoolStatus(())
    workers = min(len(questions), parallel.MAX_PARALLEL)
    ask = functools.partial(_ask, site)
    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        return PoolStatus(tuple(threads.map(ask, questions)))


def _questions(
    nodes: Sequence[model.Node], bricks: Mapping[str, Sequence[str]]
) -> list[_Question]:
    by_id = {node.id: node for node in nodes}
    unseen = set(by_id)
    questions = []
    for volume, holders in sorted(bricks.items()):
        there = [each for each in holders if each in by_id]
        if unseen.intersection(there):
            questions.append(_Question(volume, by_id[there[0]]))
            unseen.difference_update(there)
    return questions


def _ask(site: Site, question: _Question) -> _Answer:
    def read(host: str, output: str) -> _Answer:
        return _Answer(
            question,
            gluster_xml.brick_ports(host, output),
            gluster_xml.daemons_down(host, output),
        )

    try:
        return site.ask_gluster(
            [question.node.manage_host],
            gluster.volume_status(question.volume),
            read,
        )
    except exceptions.HostError:
        # That the volume, or the host, is ill is told elsewhere.
        return _Answer(question, {}, ())
