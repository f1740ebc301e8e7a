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

"""The certificate authority can be changed; certificates say who signed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store.migrations import once

revision = '0010_rotations'
down_revision = '0009_enrolments'
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
_MICROSECONDS = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """What was issued so far is of an authority that is not told."""
    once.create_table(
        'rotations',
        sa.Column('number', sa.Integer(), nullable=False, autoincrement=False),
        sa.Column('phase', sa.String(32), nullable=False),
        sa.Column('direction', sa.String(32), nullable=False),
        sa.Column('old_pem', _LONG_TEXT, nullable=False),
        sa.Column('new_pem', _LONG_TEXT, nullable=False),
        sa.Column('link_pem', _LONG_TEXT, nullable=False),
        sa.Column('started_at', _MICROSECONDS, nullable=False),
        sa.Column('ended_at', _MICROSECONDS, nullable=True),
        sa.PrimaryKeyConstraint('number', name='pk_rotations'),
    )
    issuer = sa.Column(
        'issuer', sa.String(255), nullable=False, server_default=''
    )
    if not once.added('certificates', issuer.name):
        with op.batch_alter_table('certificates') as altered:
            altered.add_column(issuer)
    with op.batch_alter_table('certificates') as altered:
        altered.alter_column(
            issuer.name,
            existing_type=sa.String(255),
            existing_nullable=False,
            server_default=None,
        )
