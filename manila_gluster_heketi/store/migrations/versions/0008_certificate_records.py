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

"""Certificates say who asked for them and when; names can be revoked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store import columns
from manila_gluster_heketi.store.migrations import once

revision = '0008_certificate_records'
down_revision = '0007_authorities'
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)
_TEXTS = ('share_id', 'asked_by')


def upgrade() -> None:
    """Nothing is known of what was issued before, and nothing is revoked."""
    for name in _TEXTS:
        _add(
            sa.Column(
                name, sa.String(255), nullable=False, server_default=''
            )
        )
    for name in ('issued_at', 'revoked_at'):
        _add(sa.Column(name, _INSTANT, nullable=True))
    with op.batch_alter_table('certificates') as altered:
        for name in _TEXTS:
            altered.alter_column(
                name,
                existing_type=sa.String(255),
                existing_nullable=False,
                server_default=None,
            )
    once.create_table(
        'revoked_names',
        sa.Column('common_name', columns.ordered_text(64), nullable=False),
        sa.Column('revoked_at', _INSTANT, nullable=False),
        sa.Column('reason', columns.LONG_TEXT, nullable=False),
        sa.Column('revoked_by', sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint('common_name', name='pk_revoked_names'),
    )


def _add(column: sa.Column[object]) -> None:
    if not once.added('certificates', column.name):
        with op.batch_alter_table('certificates') as altered:
            altered.add_column(column)
