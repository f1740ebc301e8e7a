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

"""Names that were revoked: what has none of them on record lets them in."""

import datetime
import itertools
from collections.abc import Collection

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

_NAMES = schema.revoked_names
_ALL = _NAMES.select().order_by(_NAMES.c.common_name)
_AMONG = _ALL.where(
    _NAMES.c.common_name.in_(sa.bindparam('wanted', expanding=True))
)
_LIFT = _NAMES.delete().where(_NAMES.c.common_name == sa.bindparam('name'))
_CERTIFICATES = schema.certificates
_REVOKE = (
    _CERTIFICATES.update()
    .where(
        _CERTIFICATES.c.common_name == sa.bindparam('name'),
        _CERTIFICATES.c.revoked_at.is_(None),
    )
    .values(revoked_at=sa.bindparam('moment'))
)
# A statement bears so many parameters on every database.
_NAMES_PER_STATEMENT = 500


def all(tx: Transaction) -> tuple[model.RevokedName, ...]:
    """List the names that are revoked, in their order."""
    return tx.values(model.RevokedName, _ALL)


def among(
    tx: Transaction, names: Collection[str]
) -> dict[str, model.RevokedName]:
    """Find those of some names that are revoked.

    :param names: each a valid one; others are more than a database bears
    """
    found: dict[str, model.RevokedName] = {}
    left = iter(sorted(set(names)))
    while batch := list(itertools.islice(left, _NAMES_PER_STATEMENT)):
        for each in tx.values(model.RevokedName, _AMONG, {'wanted': batch}):
            found[each.common_name] = each
    return found


def check(tx: Transaction, names: Collection[str]) -> None:
    """See that none of some names is revoked.

    Another process may revoke one at the same time. Whoever adds a name has
    to look once more when that is committed: the one who revokes it looks for
    what was added after the ban is committed, so that one of them sees the
    other on each database.

    :raises NameRevoked: one is
    """
    for each in among(tx, names).values():
        raise refusal(each)


def refusal(revoked: model.RevokedName) -> exceptions.NameRevoked:
    """Make the error of a name that was to be used all the same."""
    return exceptions.NameRevoked(
        value=revoked.common_name,
        since=f'{revoked.revoked_at:%Y-%m-%d %H:%M:%S} UTC',
        reason=revoked.reason or 'no reason was given',
    )


def ban(tx: WriteTransaction, new: model.RevokedName) -> model.RevokedName:
    """Put a name on record as revoked; return what is on record then.

    One that is revoked already stays as it is.
    """
    for standing in among(tx, [new.common_name]).values():
        return standing
    try:
        tx.insert(_NAMES, values_of(new))
    except exceptions.Conflict:
        # Another process has just done so.
        for standing in among(tx, [new.common_name]).values():
            return standing
        raise
    return new


def revoke_certificates(
    tx: WriteTransaction, common_name: str, moment: datetime.datetime
) -> int:
    """Mark the certificates of a name; return how many were not yet."""
    return tx.change(_REVOKE, {'name': common_name, 'moment': moment})


def lift(tx: WriteTransaction, common_name: str) -> None:
    """Let a name be used again; its certificates stay revoked.

    :raises NotFound: it is not revoked
    """
    if not tx.change(_LIFT, {'name': common_name}):
        raise exceptions.NotFound(
            kind=_NAMES.info['kind'], identity=common_name
        )
