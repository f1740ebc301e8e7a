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

"""What the gluster program of a simulated host writes (glusterfs 10.3)."""

import dataclasses
import zlib
from collections.abc import Mapping
from collections.abc import Sequence
from xml.sax.saxutils import escape

from manila_gluster_heketi.durability import Kind
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import failed

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cliOutput>'
_UNKNOWN_VOLUME = 30806
_REFUSED = 30800

#: How a refusal begins, by the words of the command before the name.
PREFIXES = {
    ('peer', 'probe'): 'peer probe: failed: ',
    ('peer', 'detach'): 'peer detach: failed: ',
    ('volume', 'add-brick'): 'volume add-brick: failed: ',
    ('volume', 'quota'): 'quota command failed : ',
    ('volume', 'remove-brick'): 'volume remove-brick: failed: ',
    ('volume', 'set'): 'volume set: failed: ',
}


_IN_CLUSTER = '<state>3</state><stateStr>Peer in Cluster</stateStr>'
_REJECTED = '<state>6</state><stateStr>Peer Rejected</stateStr>'


def answer(
    body: str, *, code: int = 0, number: int = 0, text: str = ''
) -> str:
    """Write an answer in XML."""
    return (
        f'{_HEAD}<opRet>{code}</opRet><opErrno>{number}</opErrno>'
        f'<opErrstr>{escape(text)}</opErrstr>{body}</cliOutput>\n'
    )


def refusal(words: Sequence[str], reason: str, *, xml: bool) -> Outcome:
    """Refuse a command in the way of that command."""
    if xml:
        number = _REFUSED
        body = ''
        if words[1] == 'info':
            number, reason = _UNKNOWN_VOLUME, 'Volume does not exist'
            body = '<volInfo><volumes><count>0</count></volumes></volInfo>'
        text = answer(body, code=-1, number=number, text=reason)
        # There is no rule to it; these are as recorded.
        status = {'rebalance': 1, 'heal': 254, 'get': 1}.get(words[1], 0)
        return Outcome(status, text)
    prefix = PREFIXES.get(
        (words[0], words[1]), f'volume {words[1]}: {words[2]}: failed: '
    )
    return failed(1, f'{prefix}{reason}')


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A member of a pool as another one sees it."""

    uuid: str
    names: tuple[str, ...]
    connected: bool
    rejected: bool


def pool(members: Sequence[Seen], asked: str) -> str:
    """Answer ``pool list``.

    :param asked: the uuid of the member that answers
    """
    parts = []
    for member in members:
        if member.uuid == asked:
            parts.append(
                f'<peer><uuid>{member.uuid}</uuid>'
                '<hostname>localhost</hostname><connected>1</connected></peer>'
            )
            continue
        names = ''.join(f'<hostname>{n}</hostname>' for n in member.names)
        parts.append(
            f'<peer><uuid>{member.uuid}</uuid>'
            f'<hostname>{member.names[0]}</hostname>'
            f'<hostnames>{names}</hostnames>'
            f'<connected>{int(member.connected)}</connected>'
            f'{_REJECTED if member.rejected else _IN_CLUSTER}</peer>'
        )
    return answer(f'<peerStatus>{"".join(parts)}</peerStatus>')


def info(volumes: Sequence[Volume]) -> str:
    """Answer ``volume info``."""
    parts = ''.join(_volume(each) for each in volumes)
    return answer(
        f'<volInfo><volumes>{parts}<count>{len(volumes)}</count></volumes>'
        '</volInfo>'
    )


def _volume(volume: Volume) -> str:
    kind = volume.durability
    per_set = kind.bricks_per_set
    bricks = ''.join(
        f'<brick>{address}<name>{address}</name>'
        f'<isArbiter>{int(kind.is_arbiter(index % per_set))}</isArbiter>'
        '</brick>'
        for index, address in enumerate(volume.addresses)
    )
    disperses = kind.kind is Kind.DISPERSE
    options = ''.join(
        f'<option><name>{escape(name)}</name><value>{escape(value)}</value>'
        '</option>'
        for name, value in volume.options.items()
    )
    number = ('Created', 'Started', 'Stopped').index(volume.status)
    return (
        f'<volume><name>{volume.name}</name><id>{volume.uuid}</id>'
        f'<status>{number}</status><statusStr>{volume.status}</statusStr>'
        '<snapshotCount>0</snapshotCount>'
        f'<brickCount>{len(volume.addresses)}</brickCount>'
        f'<distCount>{volume.sets}</distCount>'
        f'<replicaCount>{1 if disperses else per_set}</replicaCount>'
        f'<arbiterCount>{int(kind.has_arbiter)}</arbiterCount>'
        f'<disperseCount>{per_set if disperses else 0}</disperseCount>'
        f'<redundancyCount>{kind.redundancy if disperses else 0}'
        '</redundancyCount>'
        f'<typeStr>{volume.kind}</typeStr>'
        f'<bricks>{bricks}</bricks><optCount>{len(volume.options)}</optCount>'
        f'<options>{options}</options></volume>'
    )


HEALER = 'Self-heal Daemon'


def brick_port(path: str) -> int:
    """Say where a brick listens: glusterd draws it, here by the path."""
    return 49152 + zlib.crc32(path.encode()) % 10000


def status(
    name: str, online: Sequence[str], healers: Mapping[str, bool]
) -> str:
    """Answer ``volume status NAME``: bricks that run, and a daemon.

    :param healers: by host whether its heal daemon runs
    """
    nodes = []
    for address in online:
        hostname, _, path = address.partition(':')
        nodes.append(
            f'<node><hostname>{hostname}</hostname><path>{path}</path>'
            f'<status>1</status><port>{brick_port(path)}</port></node>'
        )
    nodes += [
        f'<node><hostname>{HEALER}</hostname><path>{host}</path>'
        f'<status>{runs:d}</status><port>N/A</port></node>'
        for host, runs in healers.items()
    ]
    return answer(
        f'<volStatus><volumes><volume><volName>{name}</volName>'
        f'<nodeCount>{len(nodes)}</nodeCount>{"".join(nodes)}'
        '</volume></volumes></volStatus>'
    )


def listing(names: Sequence[str]) -> str:
    """Answer ``volume list``."""
    parts = ''.join(f'<volume>{each}</volume>' for each in names)
    return answer(f'<volList><count>{len(names)}</count>{parts}</volList>')


def option(name: str, value: str) -> str:
    """Answer ``volume get``."""
    return answer(
        f'<volGetopts><count>1</count><Opt><Option>{escape(name)}</Option>'
        f'<Value>{escape(value)}</Value></Opt></volGetopts>'
    )


def quota(volume: Volume) -> str:
    """Answer ``volume quota NAME list /``."""
    limit = available = 'N/A'
    if volume.quota_bytes is not None:
        limit = str(volume.quota_bytes)
        available = str(max(0, volume.quota_bytes - volume.used_bytes))
    return answer(
        '<volQuota><limit><path>/</path>'
        f'<hard_limit>{limit}</hard_limit>'
        f'<used_space>{volume.used_bytes}</used_space>'
        f'<avail_space>{available}</avail_space></limit></volQuota>'
    )


def rebalance() -> str:
    """Answer ``volume rebalance NAME status`` of one that is done."""
    return _moved('volRebalance')


def brick_removal() -> str:
    """Answer ``volume remove-brick NAME ... status`` of one that is done."""
    return _moved('volRemoveBrick')


def _moved(element: str) -> str:
    return answer(
        f'<{element}><aggregate><files>0</files><size>0</size>'
        '<lookups>0</lookups><failures>0</failures><skipped>0</skipped>'
        '<status>3</status><statusStr>completed</statusStr>'
        f'<runtime>1.00</runtime></aggregate></{element}>'
    )


def heal(bricks: Sequence[tuple[str, bool]]) -> str:
    """Answer ``volume heal NAME info summary``."""
    parts = []
    for address, connected in bricks:
        counts = (
            '<status>Connected</status>'
            '<totalNumberOfEntries>0</totalNumberOfEntries>'
            '<numberOfEntriesInSplitBrain>0</numberOfEntriesInSplitBrain>'
        )
        if not connected:
            counts = (
                '<status>Failed to process entries completely. (Transport '
                'endpoint is not connected)totalNumberOfEntries0</status>'
            )
        parts.append(f'<brick><name>{address}</name>{counts}</brick>')
    return answer(f'<healInfo><bricks>{"".join(parts)}</bricks></healInfo>')
