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

"""Tokens with which tenants enrol are on record, but for what is secret."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store import columns
from manila_gluster_heketi.store.migrations import once

revision = '0009_enrolments'
down_revision = '0008_certificate_records'
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """No token was given before."""
    once.create_table(
        'enrolments',
        sa.Column('id', sa.String(32), nullable=False),
        sa.Column('share_id', sa.String(255), nullable=False),
        sa.Column('common_name', columns.ordered_text(64), nullable=False),
        sa.Column('rule_id', sa.String(255), nullable=False),
        sa.Column('issued_at', _INSTANT, nullable=False),
        sa.Column('expires_at', _INSTANT, nullable=False),
        sa.Column('used_at', _INSTANT, nullable=True),
        sa.Column('voided_at', _INSTANT, nullable=True),
        sa.Column('serial', sa.String(64), nullable=False),
        sa.Column('key_digest', sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint('id', name='pk_enrolments'),
    )
    for column in ('share_id', 'common_name', 'expires_at'):
        once.create_index(f'ix_enrolments_{column}', 'enrolments', [column])
