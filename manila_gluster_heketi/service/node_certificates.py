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

"""Certificates of nodes: renewed one node after the other, and shown."""

import dataclasses
import datetime
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.operations import lag as lags
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import renew_certificate
from manila_gluster_heketi.operations import tls_facts
from manila_gluster_heketi.operations import tls_status
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.lag import Lag
from manila_gluster_heketi.operations.tls_status import NodeStatus
from manila_gluster_heketi.service.custody import Custody
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority

LOG = log.getLogger(__name__)


class Outcome(model.Text):
    """What became of a node's certificate. In output that scripts read."""

    RENEWED = 'renewed'
    TRUST_CHANGED = 'trust-changed'
    VALID = 'valid'
    REFUSED = 'refused'
    UNREACHABLE = 'unreachable'
    FAILED = 'failed'
    UNTOUCHED = 'untouched'


_GOOD = frozenset({Outcome.RENEWED, Outcome.TRUST_CHANGED, Outcome.VALID})


@dataclasses.dataclass(frozen=True, slots=True)
class Renewal:
    """One node of a renewal.

    :ivar certificate: that it has now; None if that is not known
    :ivar detail: how it was verified, or what is wrong
    """

    host: str
    outcome: Outcome
    certificate: model.Certificate | None = None
    detail: str = ''

    @property
    def is_good(self) -> bool:
        """Whether nobody need look at the node."""
        return self.outcome in _GOOD


class NodeCertificates:
    """Certificates of all nodes, or of some."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def nodes(self, hosts: Collection[str] = ()) -> tuple[model.Node, ...]:
        """List nodes, those of a cluster together.

        :param hosts: only these; () for all
        :raises NotFound: one of them is no node
        """
        with self._engine.store.read() as tx:
            found = topology.nodes(tx)
        strangers = set(hosts) - {node.manage_host for node in found}
        if strangers:
            raise exceptions.NotFound(
                kind='node', identity=', '.join(sorted(strangers))
            )
        chosen = [n for n in found if not hosts or n.manage_host in hosts]
        return tuple(
            sorted(chosen, key=lambda n: (n.cluster_id, n.manage_host))
        )

    def renew(
        self,
        hosts: Collection[str] = (),
        *,
        every: bool = False,
        within_days: int | None = None,
    ) -> tuple[Renewal, ...]:
        """Renew certificates, each verified before the next is touched.

        The first that fails has its old one again, and ends it.

        :param hosts: only these nodes; () for all
        :param every: however long their certificates hold
        :param within_days: those that end within so many days; None for
            what the option says
        :raises NotFound: a host is no node
        :raises TlsError: the authority can't be read
        :raises UnderWay: another process changes a node all the time
        """
        return self._renew(
            self.nodes(hosts), every=every, within_days=within_days
        )

    def renew_ahead(self) -> tuple[Renewal, ...]:
        """Renew what is due by itself, unless another process is at it.

        :returns: what was looked at; nothing if that is switched off
        :raises TlsError: the authority can't be read
        """
        nodes = self.nodes()
        if not nodes or not self._settings.node_renewal_days:
            return ()
        try:
            return self._renew(nodes, waits=False)
        except exceptions.UnderWay as error:
            LOG.info('certificates are renewed elsewhere: %s', error)
            return ()

    def follow(self) -> tuple[Renewal, ...]:
        """Bring all nodes to where a rotation is, one after the other.

        :returns: one for each node; those that were there are valid
        :raises TlsError: the authority can't be read
        :raises UnderWay: another process changes a node all the time
        """
        return self._renew(self.nodes(), within_days=0)

    def status(self, hosts: Collection[str] = ()) -> tuple[NodeStatus, ...]:
        """Look at the certificates of nodes; nothing is changed.

        :param hosts: only these nodes; () for all
        :raises NotFound: one of them is no node
        """
        nodes = self.nodes(hosts)
        authority, error = None, ''
        try:
            authority = Custody(self._settings, self._engine.store).existing()
        except exceptions.TlsError as reason:
            error = reason.what
        days = datetime.timedelta(days=self._settings.node_warning_days)
        return tls_status.look(
            self._engine.site,
            nodes,
            self._bricks(nodes),
            tls_status.Wanted(authority, error, days, self._volumes()),
        )

    def _volumes(self) -> frozenset[str]:
        with self._engine.store.read() as tx:
            return frozenset(each.name for each in volumes.volumes(tx))

    def _bricks(
        self, nodes: Sequence[model.Node]
    ) -> dict[str, tuple[str, ...]]:
        """List the nodes that have bricks of a volume, by its name."""
        found: dict[str, list[str]] = {}
        with self._engine.store.read() as tx:
            for node in nodes:
                for name in renew_certificate.started_volumes(tx, node):
                    found.setdefault(name, []).append(node.id)
        return {name: tuple(ids) for name, ids in found.items()}

    def _renew(
        self,
        nodes: Sequence[model.Node],
        *,
        every: bool = False,
        within_days: int | None = None,
        waits: bool = True,
    ) -> tuple[Renewal, ...]:
        # To look for an authority must not make one.
        authority = Custody(self._settings, self._engine.store).existing()
        days = within_days
        if days is None:
            days = self._settings.node_renewal_days
        # An absurd number would overflow the calendar.
        soon = datetime.timedelta(days=min(days, 100 * 366))
        within = None if every else soon
        seen = tls_facts.look(self._engine.site.executor, nodes)
        rows: list[Renewal] = []
        for node in nodes:
            failed = [r for r in rows if r.outcome is Outcome.FAILED]
            row = self._judge(node, seen, authority, within)
            if isinstance(row, bool) and failed:
                row = Renewal(
                    node.manage_host,
                    Outcome.UNTOUCHED,
                    detail=f'{failed[0].host} failed',
                )
            if isinstance(row, bool):
                row = self._renew_one(node, authority, within, waits=waits)
            rows.append(row)
        return tuple(rows)

    def _judge(
        self,
        node: model.Node,
        seen: Mapping[str, tls_facts.Outcome],
        authority: Authority,
        within: datetime.timedelta | None,
    ) -> Renewal | bool:
        """Say what becomes of a node that is not touched.

        :returns: of one that has to be, whether to change no more than whom
            it trusts
        :param within: None if the end of its certificate is of no account
        """
        host = node.manage_host
        facts = seen[host]
        if isinstance(facts, exceptions.HostError):
            return Renewal(host, Outcome.UNREACHABLE, detail=facts.what)
        record = None
        if facts.certificate is not None:
            record = reading.record_of_node(facts.certificate, node.id)
        days = self._settings.node_certificate_days
        lag = lags.lag(facts, authority)
        due = within is None or renew_certificate.is_due(
            facts, authority, within, days
        )
        if not due and lag is Lag.NONE:
            return Renewal(host, Outcome.VALID, record)
        reason = renew_certificate.refusal(facts, authority)
        if reason:
            return Renewal(host, Outcome.REFUSED, record, reason)
        return not due

    def _renew_one(
        self,
        node: model.Node,
        authority: Authority,
        within: datetime.timedelta | None,
        *,
        waits: bool,
    ) -> Renewal:
        def attempt() -> Renewal:
            # Those before it took a while, and others may have been quicker.
            seen = tls_facts.look(self._engine.site.executor, [node])
            row = self._judge(node, seen, authority, within)
            if isinstance(row, bool):
                return self._renew_now(node, trust_only=row)
            return row

        if waits:
            return patience.until_free(self._engine.site, attempt)
        return attempt()

    def _renew_now(self, node: model.Node, *, trust_only: bool) -> Renewal:
        host = node.manage_host
        try:
            operation = renew_certificate.begin(
                self._engine, node, trust_only=trust_only
            )
        except exceptions.UnderWay:
            raise
        except (exceptions.Conflict, exceptions.NotFound) as error:
            # Nothing was done, so it tells nothing about the next nodes.
            return Renewal(host, Outcome.REFUSED, detail=str(error))
        try:
            done = renew_certificate.finish(self._engine, operation)
        except exceptions.GlusterHeketiError as error:
            LOG.error('the certificate of %s was not renewed: %s', host, error)
            return Renewal(host, Outcome.FAILED, detail=str(error))
        if trust_only:
            LOG.info('%s trusts other authorities, %s', host, done.verified)
            return Renewal(
                host, Outcome.TRUST_CHANGED, done.certificate, done.verified
            )
        LOG.info(
            'the certificate of %s was renewed, serial %s, %s',
            host,
            done.certificate.serial,
            done.verified,
        )
        return Renewal(host, Outcome.RENEWED, done.certificate, done.verified)
