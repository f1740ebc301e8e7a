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


"""Store and nodes compared, mended, and the store rebuilt."""

import dataclasses
import datetime
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.executor import known_hosts
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.truth import check
from manila_gluster_heketi.operations.truth import rebuild
from manila_gluster_heketi.operations.truth import repair
from manila_gluster_heketi.operations.truth.check import Look
from manila_gluster_heketi.operations.truth.compare_certificates import Trust
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.ledger import Note
from manila_gluster_heketi.operations.truth.ledger import Scope
from manila_gluster_heketi.operations.truth.meanings import Severity
from manila_gluster_heketi.operations.truth.rebuild import Rebuilt
from manila_gluster_heketi.service.custody import Custody


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """A difference, and what became of it.

    :ivar mended: it is no more
    :ivar failure: why it could not be mended; '' if that was not tried
    """

    finding: Finding
    mended: bool = False
    failure: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and what differs.

    :ivar notes: what was not compared, since it is being changed, and what is
        held
    """

    checked: tuple[Checked, ...]
    notes: tuple[Note, ...]
    nodes: int
    bricks: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing that matters is left."""
        return all(
            each.mended or each.finding.severity is Severity.INFO
            for each in self.checked
        )


class Truth:
    """What the nodes say, beside what the store says."""

    def __init__(
        self, engine: Engine, settings: Settings
    ) -> None:
        self._engine = engine
        self._settings = settings

    def check(self, cluster: str = '', hosts: Sequence[str] = ()) -> Report:
        """Compare the store with the nodes; nothing is changed.

        :param cluster: name of the only cluster to look at; '' for all
        :param hosts: the only nodes to look at; () for all
        :raises NotFound: there is no such cluster or node
        """
        return _report(self._look(Scope(cluster, tuple(hosts))))

    def repair(
        self,
        cluster: str = '',
        hosts: Sequence[str] = (),
        *,
        remove_orphans: bool = False,
    ) -> Report:
        """Mend what can be mended without a doubt, and look again.

        What is new by then is told as well.

        :param remove_orphans: destroy bricks that are on record no more,
            with the data on them
        :raises NotFound: there is no such cluster or node
        """
        scope = Scope(cluster, tuple(hosts))
        repair.close_earlier(self._engine)
        found = self._look(scope)
        outcomes = repair.repair(
            self._engine,
            [
                each
                for each in found.findings
                if remove_orphans or not repair.is_orphan(each)
            ],
        )
        if not outcomes:
            return _report(found)
        return _mended(found, outcomes, self._look(scope))

    def plan_rebuild(self, hosts: Sequence[str]) -> Rebuilt:
        """Say what could be restored of a lost store from its nodes.

        :param hosts: some nodes of each cluster; Gluster names the others
        """
        ssh = self._settings.ssh
        return rebuild.plan(
            self._engine.site,
            hosts,
            lambda host: known_hosts.line_of(ssh.known_hosts, host, ssh.port),
        )

    def rebuild(
        self, hosts: Sequence[str], *, leave_out: bool = False
    ) -> Rebuilt:
        """Restore a lost store from its nodes.

        :param hosts: some nodes of each cluster; Gluster names the others
        :param leave_out: do without what there is a problem with
        :raises StoreInUse: the store is not empty
        :raises RebuildRefused: there are problems; nothing was written
        """
        rebuild.check_empty(self._engine.store)
        rebuilt = self.plan_rebuild(hosts)
        if rebuilt.problems and not leave_out:
            raise exceptions.RebuildRefused(
                url=self._engine.store.url,
                count=len(rebuilt.problems),
                rebuilt=rebuilt,
            )
        rebuild.write(self._engine.store, rebuilt)
        return rebuilt

    def _look(self, scope: Scope) -> Look:
        return check.check(self._engine, scope, self._trust())

    def _trust(self) -> Trust:
        """Read the authority; to look for it must not make one."""
        renewal = datetime.timedelta(days=self._settings.node_warning_days)
        try:
            authority = Custody(self._settings, self._engine.store).existing()
        except (exceptions.TlsError, exceptions.InvalidConfiguration) as error:
            return Trust(None, error.what, renewal=renewal)
        return Trust(
            authority.certificate,
            above=authority.above,
            other=authority.beside,
            renewal=renewal,
        )


def _report(found: Look) -> Report:
    checked = tuple(map(Checked, found.findings))
    return Report(checked, found.notes, found.nodes, found.bricks)


def _mended(
    found: Look, outcomes: Mapping[Finding, str], left: Look
) -> Report:
    """Say what became of all that either look found.

    :param outcomes: why a finding of the first look was not mended, '' if it
        was; nothing of those that were left alone
    :param left: what was found after that
    """
    before = {each.key for each in found.findings}
    after = {each.key for each in left.findings}
    checked = []
    for each in found.findings:
        failure = outcomes.get(each)
        if failure == '' and each.key in after:
            failure = 'it is still so'
        checked.append(Checked(each, failure == '', failure or ''))
    checked += [Checked(e) for e in left.findings if e.key not in before]
    return Report(
        checked=tuple(sorted(checked, key=lambda each: each.finding.key)),
        notes=tuple(dict.fromkeys((*found.notes, *left.notes))),
        nodes=found.nodes,
        bricks=found.bricks,
    )
