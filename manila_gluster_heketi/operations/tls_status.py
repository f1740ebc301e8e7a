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

"""How it stands with the certificates of nodes: files, use, daemons."""

import concurrent.futures
import dataclasses
import datetime
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.operations import lag as lags
from manila_gluster_heketi.operations import pool_status
from manila_gluster_heketi.operations import presented
from manila_gluster_heketi.operations import tls_facts
from manila_gluster_heketi.operations.pool_status import PoolStatus
from manila_gluster_heketi.operations.presented import Door
from manila_gluster_heketi.operations.site import Site
from manila_gluster_heketi.operations.tls_facts import Facts
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority
from manila_gluster_heketi.tls.distribute import HandshakeResult

_DAEMONS = {'glustershd': 'Self-heal Daemon', 'quotad': 'Quota Daemon'}

#: What a brick presented, why it did not, or where there is none to ask.
Shaken = HandshakeResult | exceptions.HostError | Door


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, and what puts it right."""

    text: str
    mend: str


@dataclasses.dataclass(frozen=True, slots=True)
class NodeStatus:
    """How it stands with a node.

    :ivar facts: None if it does not answer
    :ivar handshake: what came of a connection to a brick, in words
    :ivar trusts_us: it has our authority, or the other one of a rotation
    """

    node: model.Node
    facts: Facts | None
    handshake: str
    trusts_us: bool
    troubles: tuple[Trouble, ...]

    @property
    def days_left(self) -> int | None:
        """Whole days until the certificate ends, below 0 if it has."""
        if self.facts is None or self.facts.certificate is None:
            return None
        end = self.facts.certificate.not_valid_after_utc
        return (end - policy.now()).days


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What certificates should be like.

    :ivar authority: None if it can't be read
    :ivar error: why not
    :ivar renewal: how long before its end a certificate is to be renewed
    :ivar volumes: names of those that daemons should be connected to
    """

    authority: Authority | None
    error: str
    renewal: datetime.timedelta
    volumes: frozenset[str]


def look(
    site: Site,
    nodes: Sequence[model.Node],
    bricks: Mapping[str, Sequence[str]],
    wanted: Wanted,
) -> tuple[NodeStatus, ...]:
    """Look at nodes, all at once; one that does not answer has a row too.

    :param bricks: ids of the nodes that have bricks of a volume, by its name
    """
    seen = tls_facts.look(site.executor, nodes)
    answering = [n for n in nodes if isinstance(seen[n.manage_host], Facts)]
    pools = pool_status.look(site, answering, bricks)

    def shake(node: model.Node) -> Shaken:
        door = pools.door(node)
        if not door.port or wanted.authority is None:
            return door
        try:
            return presented.shake(site, door, node.cluster_id)
        except exceptions.HostError as error:
            return error

    shaken = dict(
        zip(
            [each.id for each in answering],
            _at_once(shake, answering),
            strict=True,
        )
    )
    return tuple(
        _status(
            node,
            seen[node.manage_host],
            shaken.get(node.id),
            pools,
            wanted,
        )
        for node in nodes
    )


def _at_once(
    act: Callable[[model.Node], Shaken], nodes: Sequence[model.Node]
) -> list[Shaken]:
    if not nodes:
        return []
    workers = min(len(nodes), parallel.MAX_PARALLEL)
    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        return list(threads.map(act, nodes))


def _status(
    node: model.Node,
    outcome: tls_facts.Outcome,
    shaken: Shaken | None,
    pools: PoolStatus,
    wanted: Wanted,
) -> NodeStatus:
    if isinstance(outcome, exceptions.HostError) or shaken is None:
        text = outcome.what if isinstance(outcome, Exception) else ''
        trouble = Trouble(text, 'start it, or restore the network')
        return NodeStatus(node, None, '', False, (trouble,))
    troubles = (
        *_Files(node, outcome, wanted).troubles(),
        *_clock(outcome),
        *_use(outcome, shaken),
        *_daemons(node, outcome, pools, wanted.volumes),
    )
    authority = wanted.authority
    trusts_us = authority is not None and outcome.trusts(*authority.known)
    return NodeStatus(node, outcome, _told(shaken), trusts_us, troubles)


class _Files:
    """What is wrong with the files of a node."""

    def __init__(self, node: model.Node, facts: Facts, wanted: Wanted) -> None:
        self._node = node
        self._facts = facts
        self._wanted = wanted
        self._renew = (
            f'"gluster-heketi tls renew --all --node {node.manage_host}"'
        )

    def troubles(self) -> Iterator[Trouble]:
        """Go through them."""
        yield from self._key()
        authority = self._wanted.authority
        if authority is None:
            yield Trouble(
                f'our authority can not be read: {self._wanted.error}',
                'put it back from a backup',
            )
            return
        if not self._facts.authorities:
            yield Trouble('it trusts no authority', self._renew)
        elif not self._facts.trusts(*authority.known):
            found = ', '.join(self._facts.authority_names)
            yield Trouble(
                f'it does not trust our authority, but {found}',
                'put the right authority back here; if the one here is '
                'right, deploy certificates anew on all nodes and clients',
            )
        reason = reading.misfit(
            self._facts.certificate, self._facts.public_key, *authority.known
        )
        if reason:
            yield Trouble(reason, self._renew)
        elif lag := lags.lag(self._facts, authority).value:
            yield Trouble(
                f'the rotation of the authority has not come here: {lag}',
                '"gluster-heketi ca rotate --status" tells how far it is',
            )
        yield from self._certificate()

    def _certificate(self) -> Iterator[Trouble]:
        certificate = self._facts.certificate
        if certificate is None:
            return
        name = names.node_common_name(self._node.cluster_id)
        if reading.name_of(certificate) != name:
            yield Trouble(
                f'its name is {reading.name_of(certificate)}, not {name}',
                self._renew,
            )
        left = certificate.not_valid_after_utc - policy.now()
        if left <= datetime.timedelta():
            yield Trouble('the certificate has expired', self._renew)
        elif left < self._wanted.renewal:
            yield Trouble(
                f'the certificate ends in {left.days} days', self._renew
            )

    def _key(self) -> Iterator[Trouble]:
        permission = self._facts.permission
        if permission is None or permission.is_secret:
            return
        key, _, _ = distribute.paths(self._node.tls_directory)
        yield Trouble(
            f'the key has mode {permission}, not 0600, owner 0',
            f'"chown root {key}; chmod 600 {key}"; if anybody may have read '
            f'it: {self._renew}',
        )


def _clock(facts: Facts) -> Iterator[Trouble]:
    if facts.has_wrong_clock:
        yield Trouble(
            f'its clock is {facts.clock_offset_seconds:+.0f} s off',
            'set it, and have it follow a time server',
        )


def _told(shaken: Shaken) -> str:
    if isinstance(shaken, Door):
        return shaken.obstacle or 'not tried: our authority can not be read'
    if isinstance(shaken, exceptions.HostError):
        return shaken.what
    return f'{shaken.tls_version}, serial {shaken.serial}'


def _use(facts: Facts, shaken: Shaken) -> Iterator[Trouble]:
    """Say what is wrong with what a brick presents.

    A port that we don't get through to says nothing about the node.
    """
    if isinstance(shaken, Door | exceptions.PortUnreachable):
        return
    if isinstance(shaken, exceptions.HostError):
        yield Trouble(
            f'a brick does not take a connection of ours: {shaken.what}',
            'see what else is listed; if nothing is, whether the volume has '
            'its own options ssl.*, and the log of that brick',
        )
        return
    found = facts.certificate
    if found is not None and shaken.serial != reading.serial_of(found):
        yield Trouble(
            'a brick presents another certificate than the one in the file',
            'see whether the volume has an option ssl.own-cert; if not, '
            'restart that brick',
        )


def _daemons(
    node: model.Node,
    facts: Facts,
    pools: PoolStatus,
    volumes: Collection[str],
) -> Iterator[Trouble]:
    """Say which daemons take no part.

    One that was refused once is shown as running, but never tries again.
    """
    for each in facts.refused:
        if each.volume not in volumes:
            continue
        daemon = _DAEMONS.get(each.daemon, each.daemon)
        yield Trouble(
            f'{daemon}: a brick of {each.volume} refused it, and it does not '
            'try again',
            f'end its process there (the PID is in "gluster volume status '
            f'{each.volume}"), then "gluster volume start {each.volume} '
            'force"',
        )
    for volume, daemon in pools.down(node):
        yield Trouble(
            f'{daemon} does not run',
            f'"gluster volume start {volume} force"',
        )
