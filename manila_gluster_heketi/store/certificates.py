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

"""The certificates that our authority issued, never their keys."""

import datetime

import sqlalchemy as sa

from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

_ALL = schema.certificates.select().order_by(
    schema.certificates.c.not_after, schema.certificates.c.serial
)
_OF_NAME = _ALL.where(
    schema.certificates.c.common_name == sa.bindparam('name')
)
_EXPIRED = _ALL.where(
    schema.certificates.c.not_after <= sa.bindparam('moment')
)


def add(tx: WriteTransaction, new: model.Certificate) -> None:
    """Record a certificate.

    :raises Conflict: its serial number is taken
    """
    tx.insert(schema.certificates, values_of(new))


def all(tx: Transaction) -> tuple[model.Certificate, ...]:
    """List the certificates, the first to expire first."""
    return tx.values(model.Certificate, _ALL)


def by_common_name(
    tx: Transaction, common_name: str
) -> tuple[model.Certificate, ...]:
    """List the certificates of one name, the first to expire first."""
    return tx.values(model.Certificate, _OF_NAME, {'name': common_name})


def expired(
    tx: Transaction, moment: datetime.datetime
) -> tuple[model.Certificate, ...]:
    """List the certificates that hold no more, the first to expire first."""
    return tx.values(model.Certificate, _EXPIRED, {'moment': moment})
