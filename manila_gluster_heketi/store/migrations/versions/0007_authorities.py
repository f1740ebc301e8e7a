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

"""The certificate authority may be kept here, its key encrypted."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store.migrations import once

revision = '0007_authorities'
down_revision = '0006_claims'
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
_MICROSECONDS = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """Make the table; an authority in files stays there."""
    once.create_table(
        'authorities',
        sa.Column(
            'generation', sa.Integer(), nullable=False, autoincrement=False
        ),
        sa.Column('certificate_pem', _LONG_TEXT, nullable=False),
        sa.Column('key_pem', _LONG_TEXT, nullable=False),
        sa.Column('created_at', _MICROSECONDS, nullable=False),
        sa.PrimaryKeyConstraint('generation', name='pk_authorities'),
    )
