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

"""What gluster answers in XML (glusterfs 10.3).

A refusal is an answer too: opRet is not 0 and opErrstr says why, whatever
the exit status of the command is. Each parser raises the error that stands
for it, or OutputNotUnderstood.
"""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Iterator
from typing import TypeVar
from typing import cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import ParseError
from xml.etree.ElementTree import XMLPullParser

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.hostcmd import gluster_errors

_VOLUME_UNKNOWN = '30806'
_NO_LIMIT = 'No quota configured'
_STATUS = 'volStatus/volumes/volume'
# Characters that are parsed before one looks whether they were enough.
_PIECE = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """A member of the trusted pool as one host sees it.

    :ivar names: all names it is known by; ``localhost`` is the host asked
    :ivar state: 'Peer in Cluster' if all is well; '' for localhost
    """

    uuid: str
    names: tuple[str, ...]
    is_connected: bool
    state: str

    @property
    def is_ready(self) -> bool:
        """Whether volumes may have bricks on it."""
        return self.is_connected and self.state in ('', 'Peer in Cluster')


@dataclasses.dataclass(frozen=True, slots=True)
class VolumeInfo:
    """A Gluster volume.

    :ivar status: 'Created', 'Started' or 'Stopped'
    :ivar kind: 'Replicate', 'Distribute', 'Distributed-Replicate'...
    :ivar replica: bricks of a set, arbiters too; 1 if nothing is replicated
    :ivar arbiter: arbiters among them
    :ivar disperse: bricks of a dispersed set; 0 if nothing is dispersed
    :ivar redundancy: how many of those may fail
    :ivar addresses: its bricks, HOST:PATH, set by set
    :ivar options: those that were set, with what gluster set by itself
    """

    name: str
    uuid: str
    status: str
    kind: str
    replica: int
    arbiter: int
    disperse: int
    redundancy: int
    addresses: tuple[str, ...]
    options: dict[str, str]
    snapshots: int


@dataclasses.dataclass(frozen=True, slots=True)
class QuotaLimit:
    """What a directory may hold, and holds."""

    path: str
    limit_bytes: int
    used_bytes: int
    available_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Rebalance:
    """How far a rebalance is, over all nodes.

    :ivar status: 'in progress', 'completed', 'failed', 'stopped'...
    """

    status: str
    files: int
    moved_bytes: int
    failures: int
    skipped: int
    runtime_seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class BrickHealth:
    """What waits to be healed on a brick; None where it does not answer."""

    address: str
    is_connected: bool
    pending: int | None
    split_brain: int | None


Found = TypeVar('Found')


def _parser(
    command: str, tree: Callable[[str], Element] | None = None
) -> Callable[[Callable[[Element], Found]], Callable[[str, str], Found]]:
    """Make a parser of text out of one of a tree that is known to be good.

    :param tree: makes a tree of as much of the text as is needed; by default
        of all
    """

    def decorate(
        read: Callable[[Element], Found],
    ) -> Callable[[str, str], Found]:
        @functools.wraps(read)
        def parse(host: str, output: str) -> Found:
            try:
                return read(_root(host, command, output, tree or _tree))
            except (ParseError, ValueError) as error:
                raise exceptions.OutputNotUnderstood(
                    host=host,
                    command=f'gluster {command}',
                    output=output[-500:],
                    reason=f'{type(error).__name__}: {error}',
                ) from error

        return parse

    return decorate


@_parser('pool list')
def peers(root: Element) -> tuple[Peer, ...]:
    """Read the answer to :func:`gluster.pool_list`."""
    return tuple(
        Peer(
            uuid=_text(each, 'uuid'),
            names=tuple(
                name.text or '' for name in each.iterfind('hostnames/hostname')
            )
            or (_text(each, 'hostname'),),
            is_connected=_text(each, 'connected') == '1',
            state=each.findtext('stateStr', ''),
        )
        for each in root.iterfind('peerStatus/peer')
    )


@_parser('volume info')
def volumes(root: Element) -> tuple[VolumeInfo, ...]:
    """Read the answer to :func:`gluster.volume_info`.

    :returns: nothing if the volume asked for does not exist
    """
    return tuple(
        VolumeInfo(
            name=_text(each, 'name'),
            uuid=_text(each, 'id'),
            status=_text(each, 'statusStr'),
            kind=_text(each, 'typeStr'),
            replica=int(_text(each, 'replicaCount')),
            arbiter=int(_text(each, 'arbiterCount')),
            disperse=int(_text(each, 'disperseCount')),
            redundancy=int(_text(each, 'redundancyCount')),
            addresses=tuple(
                _text(brick, 'name') for brick in each.iterfind('bricks/brick')
            ),
            options={
                _text(option, 'name'): option.findtext('value', '')
                for option in each.iterfind('options/option')
            },
            snapshots=int(_text(each, 'snapshotCount')),
        )
        for each in root.iterfind('volInfo/volumes/volume')
    )


def _tree_of_bricks(text: str) -> Element:
    """Parse the status of a volume up to its first daemon.

    glusterd lists bricks first, and then the daemons of each peer: of a
    thousand peers, all of it takes 10 to 20 ms.
    """
    events = _events(text)
    _, root = next(events)
    for event, element in events:
        if event == 'end' and element.tag == 'node' and not _is_brick(element):
            # More may have been parsed, and the last of it in part.
            nodes = root.find(_STATUS)
            if nodes is not None:
                del nodes[list(nodes).index(element) :]
            break
    return root


def _is_brick(node: Element) -> bool:
    # Daemons have a host in place of a path.
    return _text(node, 'path').startswith('/')


@_parser('volume status', _tree_of_bricks)
def bricks_online(root: Element) -> frozenset[str]:
    """Read the answer to :func:`gluster.volume_status`.

    :returns: HOST:PATH of the bricks that run; those of a peer that is not
        connected are not mentioned at all
    """
    return frozenset(
        f'{_text(each, "hostname")}:{_text(each, "path")}'
        for each in root.iterfind(f'{_STATUS}/node')
        if _text(each, 'status') == '1'
    )


@_parser('volume status', _tree_of_bricks)
def brick_ports(root: Element) -> dict[str, int]:
    """Read where bricks listen from :func:`gluster.volume_status`.

    :returns: port by HOST:PATH, of the bricks that run
    """
    return {
        f'{_text(each, "hostname")}:{_text(each, "path")}': int(port)
        for each in root.iterfind(f'{_STATUS}/node')
        if _text(each, 'status') == '1'
        and (port := each.findtext('port', '')).isdecimal()
    }


@_parser('volume status')
def daemons_down(root: Element) -> tuple[tuple[str, str], ...]:
    """Read which daemons do not run from :func:`gluster.volume_status`.

    :returns: host and name, as 'Self-heal Daemon'; the host that was asked
        is 'localhost', and one whose glusterd does not answer is not there
    """
    return tuple(
        (_text(each, 'path'), _text(each, 'hostname'))
        for each in root.iterfind(f'{_STATUS}/node')
        if not _is_brick(each) and _text(each, 'status') != '1'
    )


@_parser('volume list')
def volume_names(root: Element) -> tuple[str, ...]:
    """Read the answer to :func:`gluster.volume_list`."""
    return tuple(each.text or '' for each in root.iterfind('volList/volume'))


@_parser('volume get')
def option_value(root: Element) -> str:
    """Read the answer to :func:`gluster.volume_get`."""
    return _text(root, 'volGetopts/Opt/Value')


@_parser('volume quota list')
def quota_limits(root: Element) -> tuple[QuotaLimit, ...]:
    """Read the answer to :func:`gluster.quota_list`.

    :returns: nothing if no limit is set
    """
    return tuple(
        QuotaLimit(
            path=_text(each, 'path'),
            limit_bytes=int(_text(each, 'hard_limit')),
            used_bytes=int(_text(each, 'used_space')),
            available_bytes=int(_text(each, 'avail_space')),
        )
        for each in root.iterfind('volQuota/limit')
        if _text(each, 'hard_limit') != 'N/A'
    )


@_parser('volume rebalance status')
def rebalance(root: Element) -> Rebalance:
    """Read the answer to :func:`gluster.rebalance_status`."""
    return _moved(root, 'volRebalance/aggregate')


@_parser('volume remove-brick status')
def brick_removal(root: Element) -> Rebalance:
    """Read the answer to :func:`gluster.remove_brick_status`."""
    return _moved(root, 'volRemoveBrick/aggregate')


def _moved(root: Element, total: str) -> Rebalance:
    return Rebalance(
        status=_text(root, f'{total}/statusStr'),
        files=int(_text(root, f'{total}/files')),
        moved_bytes=int(_text(root, f'{total}/size')),
        failures=int(_text(root, f'{total}/failures')),
        skipped=int(_text(root, f'{total}/skipped')),
        runtime_seconds=float(_text(root, f'{total}/runtime')),
    )


@_parser('volume heal info')
def brick_healths(root: Element) -> tuple[BrickHealth, ...]:
    """Read the answer to :func:`gluster.heal_info`."""
    return tuple(
        BrickHealth(
            address=_text(each, 'name'),
            is_connected=_text(each, 'status') == 'Connected',
            pending=_count(each, 'totalNumberOfEntries'),
            split_brain=_count(each, 'numberOfEntriesInSplitBrain'),
        )
        for each in root.iterfind('healInfo/bricks/brick')
    )


def _tree(text: str) -> Element:
    """Parse XML that may come from a host that somebody has taken over.

    All that is dangerous in XML needs a document type. Parsers that look for
    it element by element take ten times as long, and a pool of a thousand
    hosts lists as many daemons for each volume.
    """
    _refuse_document_type(text)
    return ElementTree.fromstring(text)  # noqa: S314  (see above)


def _events(text: str) -> Iterator[tuple[str, Element]]:
    """Parse XML bit by bit, with the precaution of :func:`_tree`."""
    _refuse_document_type(text)
    parser: XMLPullParser[Element] = XMLPullParser(('start', 'end'))
    for begin in range(0, len(text), _PIECE):
        parser.feed(text[begin : begin + _PIECE])
        yield from cast('Iterator[tuple[str, Element]]', parser.read_events())
    parser.close()


def _refuse_document_type(text: str) -> None:
    if '<!DOCTYPE' in text:
        raise ValueError('it has a document type')


def _root(
    host: str, command: str, output: str, tree: Callable[[str], Element]
) -> Element:
    # When glusterd does not answer, the CLI says so in plain words.
    reason = output.strip()
    if reason.startswith('<'):
        root = tree(output)
        if _text(root, 'opRet') == '0':
            return root
        reason = root.findtext('opErrstr') or root.findtext('output') or '?'
        if root.findtext('opErrno') == _VOLUME_UNKNOWN or _NO_LIMIT in reason:
            # Not a refusal: an answer with nothing in it.
            return root
    elif not reason:
        raise ValueError('no answer')
    raise gluster_errors.meaning(
        {'host': host, 'command': f'gluster {command}', 'stderr': reason}
    )


def _text(parent: Element, path: str) -> str:
    found = parent.findtext(path)
    if found is None:
        raise ValueError(f'no {path} in {parent.tag}')
    return found


def _count(parent: Element, path: str) -> int | None:
    # A brick that does not answer has '-', or nothing at all.
    text = parent.findtext(path, '-')
    return None if text == '-' else int(text)
