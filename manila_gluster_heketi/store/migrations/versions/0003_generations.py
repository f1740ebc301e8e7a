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

"""Devices say what they hold, clusters when they last changed shape."""

import sqlalchemy as sa
from alembic import op

from manila_gluster_heketi.store.migrations import once

revision = '0003_generations'
down_revision = '0002_kinds_of_volumes'
branch_labels = None
depends_on = None

_NEW = (
    ('clusters', 'shape_generation'),
    ('devices', 'used_bytes'),
    ('devices', 'used_generation'),
)

_FILL = """
UPDATE devices SET used_bytes = (
    SELECT COALESCE(SUM(bricks.size_bytes), 0) FROM bricks
    WHERE bricks.device_id = devices.id
)
"""


def upgrade() -> None:
    """Add up what there is; nobody knows an older generation by now."""
    for table, column in _NEW:
        if once.added(table, column):
            continue
        with op.batch_alter_table(table) as altered:
            altered.add_column(
                sa.Column(
                    column,
                    sa.BigInteger(),
                    nullable=False,
                    server_default='0',
                )
            )
    op.execute(_FILL)
    for table, column in _NEW:
        with op.batch_alter_table(table) as altered:
            altered.alter_column(
                column,
                existing_type=sa.BigInteger(),
                existing_nullable=False,
                server_default=None,
            )
    once.create_index(
        'ix_devices_node_id_used_generation',
        'devices',
        ['node_id', 'used_generation'],
    )
