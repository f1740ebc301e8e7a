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

"""Rights to a certificate that were given as tokens, never the tokens."""

import datetime
from collections.abc import Collection

import sqlalchemy as sa

from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

_TABLE = schema.enrolments
_ALL = _TABLE.select().order_by(
    _TABLE.c.issued_at, _TABLE.c.common_name, _TABLE.c.id
)
_ONE = _TABLE.select().where(_TABLE.c.id == sa.bindparam('the_id'))
_STANDING = _ALL.where(_TABLE.c.voided_at.is_(None))
_OF_SHARE = _STANDING.where(_TABLE.c.share_id == sa.bindparam('share'))
_VOID = _TABLE.update().where(_TABLE.c.voided_at.is_(None))
_VOID_ONE = _VOID.where(_TABLE.c.id == sa.bindparam('the_id')).values(
    voided_at=sa.bindparam('moment')
)
_VOID_NAME = _VOID.where(_TABLE.c.common_name == sa.bindparam('name')).values(
    voided_at=sa.bindparam('moment')
)
_FORGET = _TABLE.delete().where(
    _TABLE.c.voided_at.is_not(None),
    _TABLE.c.expires_at <= sa.bindparam('moment'),
)


def add(tx: WriteTransaction, new: model.Enrolment) -> None:
    """Record one.

    :raises Conflict: its identity is taken
    """
    tx.insert(_TABLE, values_of(new))


def all(tx: Transaction) -> tuple[model.Enrolment, ...]:
    """List them, the oldest first."""
    return tx.values(model.Enrolment, _ALL)


def find(tx: Transaction, identity: str) -> model.Enrolment | None:
    """Find one; in a transaction that writes nobody else changes it then."""
    found = tx.values(model.Enrolment, tx.held(_ONE), {'the_id': identity})
    return found[0] if found else None


def standing(tx: Transaction, share_id: str) -> tuple[model.Enrolment, ...]:
    """List those of a share that were not withdrawn, the oldest first."""
    return tx.values(model.Enrolment, _OF_SHARE, {'share': share_id})


def standing_beside(
    tx: Transaction, share_id: str, names: Collection[str]
) -> tuple[model.Enrolment, ...]:
    """List those of a share that are for none of some names."""
    return tuple(
        each
        for each in standing(tx, share_id)
        if each.common_name not in names
    )


def take(
    tx: WriteTransaction,
    identity: str,
    moment: datetime.datetime,
    serial: str,
    key_digest: str,
) -> None:
    """Record what one was used for.

    :param serial: of the certificate
    :param key_digest: of the public key in it
    """
    tx.change_one(
        _TABLE,
        identity,
        {'used_at': moment, 'serial': serial, 'key_digest': key_digest},
    )


def void(
    tx: WriteTransaction, identity: str, moment: datetime.datetime
) -> None:
    """Withdraw one; that it is withdrawn already is fine."""
    tx.change(_VOID_ONE, {'the_id': identity, 'moment': moment})


def void_name(
    tx: WriteTransaction, common_name: str, moment: datetime.datetime
) -> int:
    """Withdraw all of a name, of every share; return how many."""
    return tx.change(_VOID_NAME, {'name': common_name, 'moment': moment})


def forget(tx: WriteTransaction, moment: datetime.datetime) -> None:
    """Drop those that were withdrawn, once they have expired by a moment."""
    tx.change(_FORGET, {'moment': moment})
