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

"""Another certificate authority, without an outage: forward, or back.

The phases are trust-both, re-sign, trust-new; then the old key is destroyed.
Clients that know only the old authority accept nodes up to the end of
re-sign, since the old one vouches for the new one.
"""

import dataclasses
from collections.abc import Callable
from collections.abc import Collection

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.operations import lag as lags
from manila_gluster_heketi.operations import patience
from manila_gluster_heketi.operations import rotate_authority
from manila_gluster_heketi.operations import tls_facts
from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.operations.lag import Lag
from manila_gluster_heketi.service import locked_out
from manila_gluster_heketi.service.custody import Custody
from manila_gluster_heketi.service.node_certificates import NodeCertificates
from manila_gluster_heketi.service.node_certificates import Outcome
from manila_gluster_heketi.service.node_certificates import Renewal
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import imported
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import standing
from manila_gluster_heketi.tls import succession

LOG = log.getLogger(__name__)

_KIND = locked_out.KIND
_FORWARD, _BACK = RotationDirection.FORWARD, RotationDirection.BACK

#: Is told what has just been done.
Told = Callable[[str], object]


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Files with an operator's own authority; '' to have one made."""

    certificate: str = ''
    key: str = ''
    chain: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """How far a rotation is.

    :ivar behind: what nodes lack, by the name that SSH goes to
    :ivar old_clients: certificates of clients that the old authority signed,
        which hold and were not revoked
    """

    rotation: model.Rotation
    behind: dict[str, str]
    old_clients: tuple[model.Certificate, ...]

    @property
    def fingerprints(self) -> tuple[str, str]:
        """Those of the old authority and of the new one."""
        return (
            _fingerprint(self.rotation.old_pem),
            _fingerprint(self.rotation.new_pem),
        )


class Rotations:
    """The way from one authority to the next, and back."""

    def __init__(
        self, engine: Engine, custody: Custody, nodes: NodeCertificates
    ) -> None:
        self._engine = engine
        self._custody = custody
        self._nodes = nodes

    def status(self) -> Status | None:
        """Look how far it is; None if there never was one."""
        rotation = self._custody.rotation()
        if rotation is None:
            return None
        behind: dict[str, str] = {}
        if rotation.ended_at is None:
            behind = self._behind(self._custody.current())
        with self._engine.store.read() as tx:
            left = locked_out.of_the_old_one(tx, rotation)
        return Status(rotation, behind, left)

    def rotate(
        self,
        until: RotationPhase | None = None,
        *,
        force: bool = False,
        source: Source = Source(),
        told: Told = LOG.info,
    ) -> model.Rotation:
        """Begin, or go on, until a phase is through on all nodes.

        :param until: None to go to the end, where the old key is destroyed
        :param force: even if clients are locked out
        :param source: of the new authority, if it is to begin
        :raises InvalidInput: a file is not fit, or there is one already
        :raises NodesBehind: a phase is not through on all nodes
        :raises OldCertificatesHold: clients would be locked out
        :raises TlsError: an authority can't be read or written
        :raises UnderWay: another process changes a node all the time
        """
        rotation = self._open(source)
        if rotation is None:
            rotation = self._begin(source)
            told('the new authority is made; the old one signs for now')
        if rotation.direction is _BACK:
            rotation = self._turn(rotation, _FORWARD, told)
        while rotation.phase is not RotationPhase.DESTROY_OLD:
            away = self._follow(rotation, told)
            if until is not None and _reaches(rotation.phase, until):
                return rotation
            self._check_clients(rotation, _FORWARD, force)
            self._check_key(rotation)
            rotation = self._turn(rotation, _FORWARD, told, away)
        self._custody.place().promote()
        rotation = self._turn(rotation, _FORWARD, told)
        told('the old key is destroyed')
        return rotation

    def back(
        self, *, force: bool = False, told: Told = LOG.info
    ) -> model.Rotation:
        """Bring all nodes back to the old authority; the new one goes.

        :param force: even if clients are locked out
        :raises NoRotation: there is none, or the old key is destroyed
        :raises NodesBehind: a phase is not through on all nodes
        :raises OldCertificatesHold: clients would be locked out
        :raises TlsError: an authority can't be read or written
        :raises UnderWay: another process changes a node all the time
        """
        rotation = self._open()
        if rotation is None:
            return self._back_again()
        if rotation.phase is RotationPhase.DESTROY_OLD:
            raise exceptions.NoRotation(
                kind=_KIND,
                reason='the old key may be destroyed by now, there is no way '
                'back',
            )
        if rotation.direction is _FORWARD:
            self._check_clients(rotation, _BACK, force)
            rotation = self._turn(rotation, _BACK, told)
        while rotation.phase is not RotationPhase.TRUST_OLD:
            self._follow(rotation, told)
            self._check_clients(rotation, _BACK, force)
            rotation = self._turn(rotation, _BACK, told)
        self._follow(rotation, told)
        rotation = self._turn(rotation, _BACK, told)
        # From here on nobody else goes forward with it.
        self._custody.place().discard_next()
        told('all is as it was before; the new key is destroyed')
        return rotation

    def _back_again(self) -> model.Rotation:
        """Destroy the new key, if a process died before it did.

        :raises NoRotation: none went back
        """
        last = self._custody.rotation()
        if last is None or last.direction is _FORWARD:
            raise exceptions.NoRotation(kind=_KIND, reason='there is none')
        self._custody.place().discard_next()
        return last

    # --- the beginning ----------------------------------------------------

    def _open(self, source: Source = Source()) -> model.Rotation | None:
        """Find the one that is under way.

        :raises InvalidInput: it has a new authority, and is given another
        """
        rotation = self._custody.rotation()
        if rotation is None or rotation.ended_at is not None:
            return None
        if source != Source():
            raise exceptions.InvalidInput(
                field='--certificate',
                value=source.certificate,
                reason='a rotation is under way, with the authority that it '
                'began with; "--back" ends it',
            )
        return rotation

    def _begin(self, source: Source) -> model.Rotation:
        """Make the new authority, and record that it is there."""
        place, secret = self._custody.place(), self._custody.passphrase()
        old = self._custody.existing()
        pair = self._new_pair(old, source, secret)
        new = ca.Authority.of(place.name, pair, secret)
        if new.certificate == old.certificate:
            raise exceptions.InvalidInput(
                field='--certificate',
                value=source.certificate,
                reason='it is the authority that there is',
            )
        link = succession.link(old, new)
        last = self._custody.rotation()
        number = last.number + 1 if last else 1

        def keep() -> None:
            # One that nobody heard of is of a process that died here.
            place.discard_next()
            place.create_next(pair)

        rotate_authority.begin(
            self._engine, standing.new_rotation(number, old, new, link), keep
        )
        return self._last()

    def _new_pair(
        self, old: ca.Authority, source: Source, secret: bytes | None
    ) -> keystore.Pair:
        if source == Source():
            return succession.make(old, self._custody.key_type, secret)
        return imported.read(
            source.certificate, source.key, source.chain, secret
        )

    # --- a phase ----------------------------------------------------------

    def _follow(self, rotation: model.Rotation, told: Told) -> frozenset[str]:
        """Bring nodes to the phase; give the ids of those that are away.

        :raises NodesBehind: another one is not there
        """
        rows = self._nodes.follow()
        for row in rows:
            told(f'{rotation.phase}: {row.host}: {_said(row)}')
        away = frozenset[str]()
        if self._may_go_without(rotation):
            hosts = {r.host for r in rows if r.outcome is Outcome.UNREACHABLE}
            away = frozenset(
                n.id for n in self._nodes.nodes() if n.manage_host in hosts
            )
            rows = tuple(r for r in rows if r.host not in hosts)
        left = [f'{r.host}: {_said(r)}' for r in rows if not r.is_good]
        if left:
            raise exceptions.NodesBehind(
                kind=_KIND,
                identity=rotation.number,
                phase=rotation.phase,
                reason='; '.join(each.rstrip('.') for each in left),
            )
        return away

    @staticmethod
    def _may_go_without(rotation: model.Rotation) -> bool:
        """Tell whether the next phase may begin without a node.

        One that trusts the old authority alone accepts those that the new one
        signed, through the link; and they accept it.
        """
        return (
            rotation.phase is RotationPhase.TRUST_BOTH
            and rotation.direction is _FORWARD
            and standing.link(rotation) is not None
        )

    def _turn(
        self,
        rotation: model.Rotation,
        direction: RotationDirection,
        told: Told,
        away: Collection[str] = (),
    ) -> model.Rotation:
        """Go on to the next phase, in either direction."""

        def turn() -> None:
            rotate_authority.turn(self._engine, rotation, direction, away)

        try:
            patience.until_free(self._engine.site, turn)
        except exceptions.OperationFailed as error:
            raise exceptions.NodesBehind(
                kind=_KIND,
                identity=rotation.number,
                phase=rotation.phase,
                reason=error.fields['reason'].rstrip('.'),
            ) from error
        turned = self._last()
        if turned.ended_at is None:
            told(f'{turned.phase}: begins')
        return turned

    def _last(self) -> model.Rotation:
        found = self._custody.rotation()
        assert found is not None
        return found

    def _behind(self, authority: ca.Authority) -> dict[str, str]:
        nodes = self._nodes.nodes()
        seen = tls_facts.look(self._engine.site.executor, nodes)
        found = {}
        for host, facts in seen.items():
            if isinstance(facts, exceptions.HostError):
                found[host] = facts.what
            elif (lag := lags.lag(facts, authority)) is not Lag.NONE:
                found[host] = lag.value
        return found

    def _check_clients(
        self,
        rotation: model.Rotation,
        direction: RotationDirection,
        force: bool,
    ) -> None:
        if not force:
            with self._engine.store.read() as tx:
                locked_out.check(tx, rotation, direction)

    def _check_key(self, rotation: model.Rotation) -> None:
        """See whether the new authority is here before it is to sign.

        :raises AuthorityElsewhere: it is not
        """
        if rotation.phase is RotationPhase.TRUST_BOTH:
            standing.require_new(self._custody.place(), rotation)


def _reaches(phase: RotationPhase, until: RotationPhase) -> bool:
    order = rotate_authority.PHASES
    return order.index(phase) >= order.index(until)


def _said(row: Renewal) -> str:
    return ', '.join(filter(None, (str(row.outcome), row.detail)))


def _fingerprint(pem: str) -> str:
    return reading.fingerprint(reading.certificates(pem)[0])
