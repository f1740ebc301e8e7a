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


def latest(tx: Transaction) -> model.StoredAuthority | None:
    """Find the authority of the highest generation, if there is any."""
    table = schema.authorities
    found = tx.values(
        model.StoredAuthority,
        table.select().order_by(table.c.generation.desc()).limit(1),
    )
    return found[0] if found else None
