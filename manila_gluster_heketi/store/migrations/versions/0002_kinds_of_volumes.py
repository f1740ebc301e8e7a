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

"""Durability and spread are texts; what devices and arbiters must be like."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store.migrations import once

revision = '0002_kinds_of_volumes'
down_revision = '0001_initial'
branch_labels = None
depends_on = None

_DURABILITY = sa.String(64)
_TAGS = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')

# What the columns meant, as SQL that all databases know.
_FILL = """
UPDATE volumes SET
    durability = CASE replica
        WHEN 1 THEN 'distribute'
        WHEN 2 THEN 'replicate:2'
        ELSE 'replicate:3'
    END,
    spread = CASE spread
        WHEN 'strict' THEN 'zone:strict'
        WHEN 'none' THEN 'zone:none'
        ELSE 'zone:prefer'
    END,
    tags = '',
    average_file_bytes = 65536
WHERE durability IS NULL
"""


def upgrade() -> None:
    """Widen volumes; those there are keep what they have."""
    if once.dropped('volumes', 'replica'):
        return
    _widen()
    op.execute(_FILL)
    with op.batch_alter_table('volumes') as volumes:
        volumes.alter_column(
            'durability', existing_type=_DURABILITY, nullable=False
        )
        volumes.alter_column('tags', existing_type=_TAGS, nullable=False)
        volumes.alter_column(
            'average_file_bytes',
            existing_type=sa.BigInteger(),
            nullable=False,
        )
        # Last, so that it tells that all is done.
        volumes.drop_column('replica')


def _widen() -> None:
    with op.batch_alter_table('volumes') as volumes:
        for column in (
            sa.Column('durability', _DURABILITY),
            sa.Column('tags', _TAGS),
            sa.Column('average_file_bytes', sa.BigInteger()),
        ):
            if not once.added('volumes', column.name):
                volumes.add_column(column)
        volumes.alter_column(
            'spread',
            existing_type=sa.String(32),
            existing_nullable=False,
            type_=sa.String(512),
        )
