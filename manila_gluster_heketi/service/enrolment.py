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

"""Tenants enrol: a token, given with an access rule, for a certificate.

The token of a rule is the same text however often it is asked for, since what
is on record gives it again: so nothing is lost if whoever asked dies, and what
a tenant has stays good when all rules of a share are set anew.
"""

import dataclasses
import datetime
import hashlib
from collections.abc import Callable
from collections.abc import Mapping

from cryptography.hazmat.primitives import serialization
from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.service.clients import Clients
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import enrolments
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import tokens
from manila_gluster_heketi.tls.ca import Authority
from manila_gluster_heketi.tls.issue import Bundle
from manila_gluster_heketi.tls.tokens import Token

LOG = log.getLogger(__name__)

ASKED_BY = 'enrolment'

# How long what was withdrawn stays on record for those who wonder.
_MEMORY = datetime.timedelta(days=30)


@dataclasses.dataclass(frozen=True, slots=True)
class Enrolled:
    """What a tenant gets.

    :ivar bundle: without a key
    :ivar volume: what it may mount
    :ivar secure_access: whoever mounts it needs the file for that
    """

    bundle: Bundle
    volume: model.Volume
    secure_access: bool


class Enrolment:
    """Gives tokens, and certificates for them; safe for threads."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        authority: Callable[[], Authority],
        clients: Clients,
    ) -> None:
        self._store = store
        self._settings = settings
        self._authority = authority
        self._clients = clients

    @property
    def is_on(self) -> bool:
        """Whether tenants can enrol at all."""
        return bool(self._settings.enrolment.url)

    def tokens(
        self, share_id: str, names: Mapping[str, str]
    ) -> dict[str, str]:
        """Give the tokens of access rules, by rule.

        A rule whose token was used, or has expired, has none any more; nor
        has one whose name the share does not let in.

        :param names: of the rules, by rule
        :raises InvalidInput: the share's id is too long for a token
        """
        if not (self.is_on and names):
            return {}
        authority = self._authority()
        now = _whole_seconds(policy.now())
        with self._store.read() as tx:
            given, missing = _given(tx, share_id, names)
        if missing:
            given = self._store.transact(
                lambda tx: self._all_given(tx, share_id, names, now)
            )
        return {
            rule: tokens.write(authority, _token(authority, each))
            for rule, each in given.items()
            if each.used_at is None and each.expires_at > now
        }

    def grant(self, share_id: str, common_name: str) -> str:
        """Give a further token for a name that a share lets in.

        :raises NotFound: the share has no volume
        :raises InvalidInput: the share does not let the name in, or its id is
            too long for a token
        :raises InvalidConfiguration: nobody can enrol
        """
        self._check_on()
        authority = self._authority()
        new = self._new(share_id, common_name, '', policy.now())
        text = tokens.write(authority, _token(authority, new))

        def add(tx: WriteTransaction) -> None:
            volume = volumes.by_share(tx, share_id)
            if volume is None:
                raise exceptions.NotFound(
                    kind='volume of share', identity=share_id
                )
            if common_name not in volume.access:
                raise exceptions.InvalidInput(
                    field='common name',
                    value=common_name,
                    reason='the share does not let it in',
                )
            revocations.check(tx, [common_name])
            enrolments.add(tx, new)

        self._store.transact(add)
        return text

    def listed(self) -> tuple[model.Enrolment, ...]:
        """List what is on record, the oldest first."""
        with self._store.read() as tx:
            return enrolments.all(tx)

    def redeem(
        self, text: str, csr_pem: str, *, share_id: str = ''
    ) -> Enrolled:
        """Give a certificate for a token and a request.

        With the same key again it gives another one: the answer may have been
        lost on its way. With any other key it is refused from then on.

        :param csr_pem: if it has a name, it must be the token's
        :param share_id: the share it must be for; '' for whichever it is
        :raises InvalidToken: we never gave it
        :raises TokenRefused: it was used, has expired or was withdrawn, or is
            for another share or name
        :raises NameRevoked: the name must have access to nothing
        :raises InvalidInput: it is no request, is not signed with its own
            key, or the key is too weak
        """
        token = tokens.read(self._authority(), text)
        key_digest = _check_request(token, csr_pem, share_id)
        with self._store.read() as tx:
            volume = _check(tx, token, key_digest)
            cluster = topology.cluster(tx, volume.cluster_id)

        def take(tx: WriteTransaction, record: model.Certificate) -> None:
            # Of several that come at once one holds the row, and those that
            # wait for it see that it is used.
            _check(tx, token, key_digest)
            enrolments.take(
                tx, token.id, policy.now(), record.serial, key_digest
            )

        bundle = self._clients.sign(
            token.common_name,
            csr_pem,
            share_id=token.share_id,
            asked_by=ASKED_BY,
            also=take,
        )
        return Enrolled(bundle, volume, cluster.secure_access)

    def authority_pem(self) -> str:
        """Give the certificate whose fingerprint is in tokens."""
        return self._authority().certificate_pem

    def endpoint_certificate(self, host: str) -> Bundle:
        """Issue a key and a certificate for the endpoint itself.

        :param host: the name or address that clients know it by
        """
        bundle = issue.issue_endpoint(
            self._authority(),
            host,
            self._settings.node_certificate_days,
            asked_by=ASKED_BY,
        )
        self._store.transact(lambda tx: certificates.add(tx, bundle.record))
        return bundle

    def _all_given(
        self,
        tx: WriteTransaction,
        share_id: str,
        names: Mapping[str, str],
        now: datetime.datetime,
    ) -> dict[str, model.Enrolment]:
        """Give what is missing; list what was given and what is given now."""
        enrolments.forget(tx, now - _MEMORY)
        given, missing = _given(tx, share_id, names)
        for rule in missing:
            given[rule] = self._new(share_id, names[rule], rule, now)
            enrolments.add(tx, given[rule])
        return given

    def _new(
        self, share_id: str, name: str, rule: str, now: datetime.datetime
    ) -> model.Enrolment:
        hours = datetime.timedelta(hours=self._settings.enrolment.hours)
        return model.Enrolment(
            id=model.new_id(),
            share_id=share_id,
            common_name=name,
            rule_id=rule,
            issued_at=now,
            expires_at=_whole_seconds(now + hours),
        )

    def _check_on(self) -> None:
        if not self.is_on:
            raise exceptions.InvalidConfiguration(
                option='gluster_heketi_enrolment_url',
                value='',
                reason='it is empty, so that nobody can enrol',
            )


def _given(
    tx: Transaction, share_id: str, names: Mapping[str, str]
) -> tuple[dict[str, model.Enrolment], list[str]]:
    """Find what was given to rules, and the rules that still need something.

    A rule whose name the share does not let in needs nothing.
    """
    volume = volumes.by_share(tx, share_id)
    allowed = volume.access if volume else ()
    standing = {
        (each.rule_id, each.common_name): each
        for each in enrolments.standing(tx, share_id)
    }
    wanted = {r: (r, name) for r, name in names.items() if name in allowed}
    given = {r: standing[k] for r, k in wanted.items() if k in standing}
    return given, [rule for rule in wanted if rule not in given]


def _check_request(token: Token, csr_pem: str, share_id: str) -> str:
    """Check what needs no store; give the digest of the key."""
    if token.expires_at <= policy.now():
        raise _refused(token, f'it expired at {token.expires_at:%F %T} UTC')
    if share_id and share_id != token.share_id:
        raise _refused(token, f'it is not for share {share_id}')
    key = csr.requested_key(csr_pem)
    name = csr.requested_name(csr_pem)
    if name and name != token.common_name:
        raise _refused(token, f'the request is for another name, {name!a}')
    der = key.public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )
    return hashlib.sha256(der).hexdigest()


def _check(tx: Transaction, token: Token, key_digest: str) -> model.Volume:
    """Check that a token is good now, for this key; give the volume."""
    standing = enrolments.find(tx, token.id)
    if standing is None:
        raise _refused(token, 'it is not on record')
    if standing.voided_at is not None:
        raise _refused(token, 'it was withdrawn with the access')
    if standing.used_at is not None and standing.key_digest != key_digest:
        raise _refused(token, f'it was used at {standing.used_at:%F %T} UTC')
    volume = volumes.by_share(tx, token.share_id)
    if volume is None or volume.state is not VolumeState.READY:
        raise _refused(token, 'the share is gone')
    if token.common_name not in volume.access:
        raise _refused(token, 'the share does not let the name in')
    return volume


def _refused(token: Token, reason: str) -> exceptions.TokenRefused:
    return exceptions.TokenRefused(
        common_name=token.common_name,
        share_id=token.share_id,
        reason=reason,
    )


def _token(authority: Authority, given: model.Enrolment) -> Token:
    return Token(
        id=given.id,
        share_id=given.share_id,
        common_name=given.common_name,
        expires_at=given.expires_at,
        authority=tokens.digest(authority.certificate),
    )


def _whole_seconds(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(microsecond=0)
