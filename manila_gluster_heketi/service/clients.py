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

"""Certificates of tenants' clients."""

from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import rotations
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import standing
from manila_gluster_heketi.tls.ca import Authority
from manila_gluster_heketi.tls.issue import Bundle
from manila_gluster_heketi.tls.keys import KeyType

Also = Callable[[WriteTransaction, model.Certificate], None]


def _nothing(tx: WriteTransaction, record: model.Certificate) -> None:
    pass


class Clients:
    """Issues certificates, and says which ones there are."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        authority: Callable[[], Authority],
    ) -> None:
        self._store = store
        self._settings = settings
        self._authority = authority

    def issue(
        self,
        common_name: str,
        days: int | None = None,
        *,
        key_type: KeyType = KeyType.EC_P256,
        share_id: str = '',
        asked_by: str = '',
    ) -> Bundle:
        """Issue a key and a certificate.

        :param days: how long it holds; None for as long as configured
        :param share_id: the share that it is for, if it is for one, and
        :param asked_by: who asked for it, both for the record
        :raises InvalidCommonName: it would not be one name for Gluster
        :raises NameRevoked: the name must have access to nothing
        :raises InvalidInput: ``days`` is less than 1
        """
        self._check_name(common_name)
        return self._record(
            issue.issue_client(
                self._authority(),
                common_name,
                self._days(days),
                key_type=key_type,
                share_id=share_id,
                asked_by=asked_by,
            )
        )

    def sign(
        self,
        common_name: str,
        csr_pem: str,
        days: int | None = None,
        *,
        share_id: str = '',
        asked_by: str = '',
        also: Also = _nothing,
    ) -> Bundle:
        """Certify a key that stays with its owner.

        :param csr_pem: a request, of which nothing but the key is taken
        :param days: how long it holds; None for as long as configured
        :param share_id: the share that it is for, if it is for one, and
        :param asked_by: who asked for it, both for the record
        :param also: what is to be on record with it or not at all; what it
            raises leaves nothing
        :raises InvalidCommonName: it would not be one name for Gluster
        :raises NameRevoked: the name must have access to nothing
        :raises InvalidInput: it is no request, is not signed with its own
            key, the key is too weak, or ``days`` is less than 1
        """
        self._check_name(common_name)
        # Before an authority is made for a request that is refused.
        csr.requested_key(csr_pem)
        return self._record(
            issue.sign_csr(
                self._authority(),
                csr_pem,
                common_name,
                self._days(days),
                share_id=share_id,
                asked_by=asked_by,
            ),
            also,
        )

    def certificates(
        self, common_name: str = '', *, expired: bool = False
    ) -> tuple[model.Certificate, ...]:
        """List certificates on record, the first to expire first.

        :param common_name: whose; '' for everybody's
        :param expired: only those that hold no more
        """
        now = policy.now()
        with self._store.read() as tx:
            if common_name:
                found = certificates.by_common_name(tx, common_name)
                return tuple(
                    c for c in found if not expired or c.not_after <= now
                )
            if expired:
                return certificates.expired(tx, now)
            return certificates.all(tx)

    def _days(self, wanted: int | None) -> int:
        if wanted is None:
            return self._settings.client_certificate_days
        return wanted

    def _check_name(self, common_name: str) -> None:
        """Refuse a name before an authority or a key is made for it."""
        policy.check_common_name(common_name)
        with self._store.read() as tx:
            revocations.check(tx, [common_name])

    def _record(self, bundle: Bundle, also: Also = _nothing) -> Bundle:
        """Put a certificate on record before anybody gets it.

        :raises NameRevoked: the name was revoked meanwhile
        :raises UnderWay: another authority signs by now
        """
        record = bundle.record
        name = record.common_name

        def add(tx: WriteTransaction) -> None:
            also(tx, record)
            _check_signer(tx, record)
            certificates.add(tx, record)

        self._store.transact(add)
        try:
            with self._store.read() as tx:
                revocations.check(tx, [name])
        except exceptions.NameRevoked:
            moment = policy.now()
            self._store.transact(
                lambda tx: revocations.revoke_certificates(tx, name, moment)
            )
            raise
        return bundle


def _check_signer(tx: WriteTransaction, record: model.Certificate) -> None:
    """Keep what the old authority signs from coming after it was counted."""
    rotation = rotations.latest(tx)
    if rotation is None or rotation.ended_at is not None:
        return
    if record.issuer != ca.fingerprint(standing.signer(rotation)):
        raise exceptions.UnderWay(
            kind='rotation of the certificate authority',
            identity=rotation.number,
            reason='another authority signs since a moment ago',
        )
