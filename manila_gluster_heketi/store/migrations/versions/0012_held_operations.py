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

"""Operations that were open in a copy of the store can be held."""

import sqlalchemy as sa
from alembic import op

from manila_gluster_heketi.store.migrations import once

revision = '0012_held_operations'
down_revision = '0011_secure_access'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None is: this store may never have been put back."""
    column = sa.Column(
        'held', sa.SmallInteger(), nullable=False, server_default='0'
    )
    if not once.added('operations', column.name):
        with op.batch_alter_table('operations') as altered:
            altered.add_column(column)
    with op.batch_alter_table('operations') as altered:
        altered.alter_column(
            column.name,
            existing_type=sa.SmallInteger(),
            existing_nullable=False,
            server_default=None,
        )
