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


"""Mending what was found: an operation for each difference.

It is journaled like any other, so that nobody else changes the same volume
meanwhile and everybody can see later what was done. If it fails or its
process dies, what was mended stays, and the next check finds the rest.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Collection
from collections.abc import Mapping

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import OpState
from manila_gluster_heketi.operations import kinds
from manila_gluster_heketi.operations import load_topology
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.findings import Mend
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import reading

LOG = log.getLogger(__name__)

# Subjects whose findings are mended side by side.
_AT_ONCE = 16


def repair(
    engine: Engine, found: Collection[Finding]
) -> dict[Finding, str]:
    """Mend what can be; each subject's findings one after the other.

    :returns: why a finding was not mended, '' if it was; nothing of those
        that are left to people
    """
    by_subject: dict[str, list[Finding]] = collections.defaultdict(list)
    for finding in found:
        if finding.remedy is not None:
            by_subject[finding.remedy.subject].append(finding)

    def mend(findings: Collection[Finding]) -> dict[Finding, str]:
        return _mend_all(engine, findings)

    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
        outcomes = threads.map(mend, by_subject.values())
        return {f: text for each in outcomes for f, text in each.items()}


def close_earlier(engine: Engine) -> None:
    """Give up mends whose process died: what is left of them is found."""
    recovery.recover(engine, lambda each: each.kind is model.OpKind.REPAIR)


def is_orphan(finding: Finding) -> bool:
    """Tell whether to mend it is to destroy data."""
    return finding.code is Code.BRICK_ORPHAN


def _mend_all(
    engine: Engine, findings: Collection[Finding]
) -> dict[Finding, str]:
    """Mend the findings of one subject, then do what closes them."""
    outcomes = {}
    closing: dict[step.Step, list[Finding]] = collections.defaultdict(list)
    for finding in findings:
        remedy = finding.remedy
        assert remedy is not None
        LOG.info('mending %s', finding)
        outcomes[finding] = _mend(engine, remedy)
        for each in remedy.closing if not outcomes[finding] else ():
            closing[each].append(finding)
    for last, concerned in closing.items():
        remedy = concerned[0].remedy
        assert remedy is not None
        remedy = dataclasses.replace(remedy, steps=(last,))
        outcome = _mend(engine, remedy)
        outcomes |= dict.fromkeys(concerned, outcome)
    return outcomes


def _mend(engine: Engine, remedy: Mend) -> str:
    """Do the steps; say why that failed, or ''."""

    def alone() -> None:
        recovery.recover_before(engine, lambda each: _concerns(each, remedy))
        engine.run(_open(engine, remedy))

    try:
        patience.until_free(engine.site, alone)
    except _Changed:
        return 'the store has changed meanwhile'
    except exceptions.GlusterHeketiError as error:
        return str(error)
    return ''


def _concerns(operation: Operation, remedy: Mend) -> bool:
    """Tell whether an operation works on what is to be mended."""
    hosts = {each.host for each in operation.steps}
    return operation.subject == remedy.subject or (
        operation.kind in load_topology.KINDS
        and not hosts.isdisjoint(each.host for each in remedy.steps)
    )


class _Changed(Exception):
    """What was found is no more what is there."""


def _open(engine: Engine, remedy: Mend) -> Operation:

    def attempt(tx: WriteTransaction) -> Operation:
        operation = engine.open(
            tx, model.OpKind.REPAIR, remedy.subject, remedy.cluster_id
        )
        if _rows(tx, remedy) != remedy.rows:
            raise _Changed
        return engine.plan(tx, operation, remedy.steps)

    return engine.store.transact(attempt)


def _rows(tx: Transaction, remedy: Mend) -> tuple[object, ...]:
    """Read again what the store says of the subject."""
    with contextlib.suppress(exceptions.NotFound):
        volume = volumes.volume(tx, remedy.subject)
        return (volume, *volumes.bricks(tx, volume.id))
    with contextlib.suppress(exceptions.NotFound):
        node = topology.node(tx, remedy.subject)
        return (node, *topology.devices(tx, node.id))
    return ()


def settle(
    tx: WriteTransaction, operation: Operation, found: Mapping[int, Found]
) -> None:
    """Record what is new: certificates that were issued, names that went.

    All else is as the store says.
    """
    if operation.state is not OpState.DONE:
        return
    for each in found.values():
        if 'access' in each:
            volume = volumes.volume(tx, operation.subject)
            allowed = dataclasses.replace(volume, access=each['access'])
            volumes.update_volume(tx, allowed)
        record = each.get('certificate')
        if isinstance(record, model.Certificate):
            certificates.add(tx, reading.of_node(record, operation.subject))


kinds.register(model.OpKind.REPAIR, kinds.Kind(settle))
