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
"""What open operations change is claimed, so that no two change the same."""

import sqlalchemy as sa
from alembic import op

from manila_gluster_heketi.store.migrations import once

revision = '0006_claims'
down_revision = '0005_epochs'
branch_labels = None
depends_on = None

# What changes nodes and devices goes one by one, whichever those are.
_TOPOLOGY = 'topology'
_OF_TOPOLOGY = ('node-add', 'device-add', 'node-remove', 'device-remove')

_OPEN = """
SELECT id, kind, subject FROM operations
WHERE finished_at IS NULL ORDER BY started_at, id
"""
_NODES = """
SELECT DISTINCT steps.operation_id, nodes.id
FROM steps JOIN nodes ON nodes.manage_host = steps.host
"""


def upgrade() -> None:
    """Have the operations that are open now claim what they change."""
    once.create_table(
        'claims',
        sa.Column('subject', sa.String(255), nullable=False),
        sa.Column('operation_id', sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint('subject', name='pk_claims'),
        sa.ForeignKeyConstraint(
            ['operation_id'],
            ['operations.id'],
            name='fk_claims_operation_id',
            ondelete='CASCADE',
        ),
    )
    once.create_index('ix_claims_operation_id', 'claims', ['operation_id'])
    _fill()


def _fill() -> None:
    table = sa.table('claims', sa.column('subject'), sa.column('operation_id'))
    # A migration that was cut off may have begun with it.
    op.execute(table.delete())
    connection = op.get_bind()
    holders: dict[str, str] = {}
    opened = connection.execute(sa.text(_OPEN)).all()
    nodes = connection.execute(sa.text(_NODES)).all()
    for identity, kind, subject in opened:
        claimed = [subject] if subject else []
        if kind in _OF_TOPOLOGY:
            claimed += [_TOPOLOGY, *(n for o, n in nodes if o == identity)]
        for each in claimed:
            # Nothing kept two from the same; then the first one has it.
            holders.setdefault(each, identity)
    if holders:
        op.bulk_insert(
            table,
            [
                {'subject': subject, 'operation_id': identity}
                for subject, identity in holders.items()
            ],
        )
