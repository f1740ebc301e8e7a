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

"""The certificate authority, where it is kept in the store."""

from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of


def add(tx: WriteTransaction, new: model.StoredAuthority) -> None:
    """Keep an authority.

    :raises Conflict: there is one of this generation
    """
    tx.insert(schema.authorities, values_of(new))


def all(tx: Transaction) -> tuple[model.StoredAuthority, ...]:
    """List the authority, and the one that is to take its place, if any."""
    table = schema.authorities
    return tx.values(
        model.StoredAuthority, table.select().order_by(table.c.generation)
    )


def remove(tx: WriteTransaction, generation: int) -> None:
    """Forget an authority and its key, if it is there."""
    table = schema.authorities
    tx.change(table.delete().where(table.c.generation == generation))
