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

"""Names that must have access to nothing any more.

The ban comes first, in one transaction: from then on nobody issues a
certificate for the name or lets it in. What it had access to is taken from it
afterwards; if that is cut short, asking again does what is left.
"""

import concurrent.futures
import dataclasses
from collections.abc import Callable
from collections.abc import Collection

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import states
from manila_gluster_heketi.operations import update_access
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import enrolments
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import revocations
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.store.session import Store
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.tls import policy

LOG = log.getLogger(__name__)

# Volumes that are changed side by side; each takes Gluster a second.
_AT_ONCE = 16
_REASON_LIMIT = 255


@dataclasses.dataclass(frozen=True, slots=True)
class Withdrawal:
    """What became of a volume that a revoked name had access to.

    :ivar failure: why the name still has access; '' if it has none
    """

    volume: model.Volume
    failure: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Revoked:
    """A name that was revoked, and what was taken from it.

    :ivar certificates: how many are revoked that were not before
    """

    name: model.RevokedName
    certificates: int
    withdrawals: tuple[Withdrawal, ...]

    @property
    def is_complete(self) -> bool:
        """Whether it has access to nothing."""
        return not any(each.failure for each in self.withdrawals)


class Revocation:
    """Revokes names, and lifts that.

    :param withdraw: takes a name's access to a share
    """

    def __init__(
        self, store: Store, withdraw: Callable[[str, str], object]
    ) -> None:
        self._store = store
        self._withdraw = withdraw

    def names(self) -> tuple[model.RevokedName, ...]:
        """List the names that are revoked."""
        with self._store.read() as tx:
            return revocations.all(tx)

    def refused(self, names: Collection[str]) -> dict[str, str]:
        """Say which of some names may not be let in, and why.

        :param names: each a valid one
        """
        with self._store.read() as tx:
            found = revocations.among(tx, names)
        return {n: str(revocations.refusal(r)) for n, r in found.items()}

    def revoke(
        self, common_name: str, reason: str = '', asked_by: str = ''
    ) -> Revoked:
        """Ban a name, and take it from every volume that lets it in.

        Asked again it does what was left.

        :param asked_by: the user who wants that
        :returns: with each volume; what fails on one disturbs no other
        :raises InvalidCommonName: no client can have the name
        :raises InvalidInput: the reason is no line of text
        """
        policy.check_common_name(common_name)
        _check_reason(reason)
        wanted = model.RevokedName(
            common_name, policy.now(), reason, asked_by
        )

        def ban(tx: WriteTransaction) -> tuple[model.RevokedName, int]:
            standing = revocations.ban(tx, wanted)
            # Else they would be good again once the ban is lifted.
            enrolments.void_name(tx, common_name, wanted.revoked_at)
            return standing, _revoke_certificates(tx, wanted)

        standing, count = self._store.transact(ban)
        LOG.info('common name %s is revoked by %r', common_name, asked_by)
        # What others had begun before they could see the ban.
        count += self._store.transact(
            lambda tx: _revoke_certificates(tx, wanted)
        )
        return Revoked(standing, count, self._withdraw_all(common_name))

    def unrevoke(self, common_name: str, *, force: bool = False) -> None:
        """Let a name be used again; its certificates stay revoked.

        :param force: even if somebody can mount with one of them
        :raises NotFound: it is not revoked
        :raises RevokedStillHolds: one of them has not expired
        """

        def lift(tx: WriteTransaction) -> None:
            revocations.lift(tx, common_name)
            if not force:
                _check_expired(tx, common_name)

        policy.check_common_name(common_name)
        self._store.transact(lift)
        LOG.info('common name %s is revoked no more', common_name)

    def _withdraw_all(self, common_name: str) -> tuple[Withdrawal, ...]:
        with self._store.read() as tx:
            concerned = _concerned(tx, common_name)

        def attempt(volume: model.Volume) -> Withdrawal:
            return Withdrawal(volume, self._attempt(volume, common_name))

        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
            return tuple(threads.map(attempt, concerned))

    def _attempt(self, volume: model.Volume, common_name: str) -> str:
        """Take a name's access to a volume; say why that failed, or ''."""
        if volume.state is not VolumeState.READY:
            return f'the volume is {volume.state}; it may be served until gone'
        try:
            self._withdraw(volume.share_id, common_name)
        except exceptions.NotFound:
            # Deleted meanwhile.
            return ''
        except exceptions.GlusterHeketiError as error:
            LOG.error('volume %s: %s', volume.name, error)
            return str(error)
        return ''


def _revoke_certificates(
    tx: WriteTransaction, wanted: model.RevokedName
) -> int:
    return revocations.revoke_certificates(
        tx, wanted.common_name, wanted.revoked_at
    )


def _concerned(tx: Transaction, common_name: str) -> list[model.Volume]:
    """List the volumes that let a name in, or are just about to."""
    about_to = {
        each.subject
        for each in journal.operations(tx, states=tuple(states.OPEN))
        if common_name in update_access.names_in(each)
    }
    return [
        each
        for each in volumes.volumes(tx)
        if common_name in each.access or each.id in about_to
    ]


def _check_expired(tx: Transaction, common_name: str) -> None:
    now = policy.now()
    holding = [
        each
        for each in certificates.by_common_name(tx, common_name)
        if each.revoked_at is not None and each.not_after > now
    ]
    if holding:
        last = holding[-1]
        raise exceptions.RevokedStillHolds(
            kind='common name',
            identity=common_name,
            serial=last.serial,
            until=f'{last.not_after:%Y-%m-%d %H:%M} UTC',
            count=len(holding),
        )


def _check_reason(reason: str) -> None:
    if len(reason) > _REASON_LIMIT or not (reason or ' ').isprintable():
        raise exceptions.InvalidInput(
            field='reason',
            value=reason,
            reason=f'it is not one line of at most {_REASON_LIMIT} characters',
        )
