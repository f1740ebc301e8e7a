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


"""What database servers need: receipts of commits, one order of texts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store.migrations import once

revision = '0004_servers'
down_revision = '0003_generations'
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)
_ORDERED = (
    ('clusters', 'name', 255),
    ('nodes', 'manage_host', 255),
    ('devices', 'path', 255),
    ('volumes', 'name', 255),
    ('certificates', 'serial', 64),
)


def upgrade() -> None:
    """Add the table; sort as the other databases do."""
    once.create_table(
        'receipts',
        sa.Column('id', sa.String(32), nullable=False),
        sa.Column('number', sa.BigInteger(), nullable=False),
        sa.Column('signed_at', _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_receipts'),
    )
    if op.get_bind().dialect.name != 'postgresql':
        return
    for table, column, length in _ORDERED:
        op.alter_column(
            table,
            column,
            existing_type=sa.String(length),
            existing_nullable=False,
            type_=sa.String(length, collation='C'),
        )
