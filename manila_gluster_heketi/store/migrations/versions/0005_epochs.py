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


"""Operations say their epoch, and what a host was told last."""

import sqlalchemy as sa
from alembic import op

from manila_gluster_heketi.store import columns
from manila_gluster_heketi.store.migrations import once

revision = '0005_epochs'
down_revision = '0004_servers'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Begin to count; nothing is known of what was told before."""
    if not once.added('operations', 'epoch'):
        with op.batch_alter_table('operations') as altered:
            altered.add_column(
                sa.Column(
                    'epoch', sa.Integer(), nullable=False, server_default='0'
                )
            )
    # MySQL knows no default for long texts.
    if not once.added('operations', 'last_command'):
        with op.batch_alter_table('operations') as altered:
            altered.add_column(
                sa.Column('last_command', columns.LONG_TEXT, nullable=True)
            )
    op.execute(
        "UPDATE operations SET last_command = '' WHERE last_command IS NULL"
    )
    with op.batch_alter_table('operations') as altered:
        altered.alter_column(
            'epoch',
            existing_type=sa.Integer(),
            existing_nullable=False,
            server_default=None,
        )
        altered.alter_column(
            'last_command',
            existing_type=columns.LONG_TEXT,
            nullable=False,
        )
