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

"""The first schema."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from manila_gluster_heketi.store.migrations import once

revision = '0001_initial'
down_revision = None
branch_labels = None
depends_on = None

_LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
_INSTANT = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)


def upgrade() -> None:
    """Create every table."""
    _clusters()
    _nodes()
    _devices()
    _volumes()
    _bricks()
    _operations()
    _steps()
    _certificates()


def _text(name: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _long_text(name: str) -> sa.Column[str]:
    return sa.Column(name, _LONG_TEXT, nullable=False)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big_integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _clusters() -> None:
    once.create_table(
        'clusters',
        _text('id', 32),
        _text('name'),
        _big_integer('generation'),
        sa.PrimaryKeyConstraint('id', name='pk_clusters'),
        sa.UniqueConstraint('name', name='uq_clusters_name'),
    )


def _nodes() -> None:
    once.create_table(
        'nodes',
        _text('id', 32),
        _text('cluster_id', 32),
        _text('manage_host'),
        _text('storage_host'),
        _integer('zone'),
        _text('state', 32),
        _long_text('tags'),
        _long_text('host_key'),
        _text('tls_directory', 1024),
        sa.PrimaryKeyConstraint('id', name='pk_nodes'),
        sa.ForeignKeyConstraint(
            ['cluster_id'],
            ['clusters.id'],
            name='fk_nodes_cluster_id',
            ondelete='RESTRICT',
        ),
        sa.UniqueConstraint('manage_host', name='uq_nodes_manage_host'),
        sa.UniqueConstraint(
            'cluster_id',
            'storage_host',
            name='uq_nodes_cluster_id_storage_host',
        ),
    )


def _devices() -> None:
    once.create_table(
        'devices',
        _text('id', 32),
        _text('node_id', 32),
        _text('path'),
        _text('vg_name'),
        _text('pool_name'),
        _big_integer('total_bytes'),
        _big_integer('extent_bytes'),
        _text('state', 32),
        _long_text('tags'),
        _text('pv_uuid', 64),
        sa.PrimaryKeyConstraint('id', name='pk_devices'),
        sa.ForeignKeyConstraint(
            ['node_id'],
            ['nodes.id'],
            name='fk_devices_node_id',
            ondelete='RESTRICT',
        ),
        sa.UniqueConstraint('node_id', 'path', name='uq_devices_node_id_path'),
        sa.UniqueConstraint(
            'node_id', 'vg_name', name='uq_devices_node_id_vg_name'
        ),
    )


def _volumes() -> None:
    once.create_table(
        'volumes',
        _text('id', 32),
        _text('cluster_id', 32),
        _text('share_id'),
        sa.Column('live_share_id', sa.String(255), nullable=True),
        _text('name'),
        _big_integer('size_bytes'),
        _big_integer('capacity_bytes'),
        _integer('replica'),
        _text('spread', 32),
        _text('state', 32),
        _long_text('access'),
        sa.PrimaryKeyConstraint('id', name='pk_volumes'),
        sa.ForeignKeyConstraint(
            ['cluster_id'],
            ['clusters.id'],
            name='fk_volumes_cluster_id',
            ondelete='RESTRICT',
        ),
        sa.UniqueConstraint('live_share_id', name='uq_volumes_live_share_id'),
        sa.UniqueConstraint(
            'cluster_id', 'name', name='uq_volumes_cluster_id_name'
        ),
    )


def _bricks() -> None:
    once.create_table(
        'bricks',
        _text('id', 32),
        _text('volume_id', 32),
        _text('device_id', 32),
        _integer('set_index'),
        _integer('position'),
        _big_integer('size_bytes'),
        _text('vg_name'),
        _text('pool_name'),
        _text('lv_name'),
        _text('mount_path', 1024),
        _text('brick_path', 1024),
        sa.PrimaryKeyConstraint('id', name='pk_bricks'),
        sa.ForeignKeyConstraint(
            ['volume_id'],
            ['volumes.id'],
            name='fk_bricks_volume_id',
            ondelete='RESTRICT',
        ),
        sa.ForeignKeyConstraint(
            ['device_id'],
            ['devices.id'],
            name='fk_bricks_device_id',
            ondelete='RESTRICT',
        ),
        sa.UniqueConstraint(
            'device_id', 'lv_name', name='uq_bricks_device_id_lv_name'
        ),
    )
    once.create_index(
        'ix_bricks_volume_id_set_index_position',
        'bricks',
        ['volume_id', 'set_index', 'position'],
    )
    once.create_index(
        'ix_bricks_device_id_size_bytes', 'bricks', ['device_id', 'size_bytes']
    )


def _operations() -> None:
    once.create_table(
        'operations',
        _text('id', 32),
        _text('kind', 32),
        _text('subject'),
        _text('cluster_id', 32),
        _text('state', 32),
        _text('owner'),
        sa.Column('lease_until', _INSTANT, nullable=False),
        _long_text('error'),
        sa.Column('started_at', _INSTANT, nullable=False),
        sa.Column('finished_at', _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_operations'),
    )
    once.create_index('ix_operations_state', 'operations', ['state'])
    once.create_index(
        'ix_operations_finished_at', 'operations', ['finished_at']
    )


def _steps() -> None:
    once.create_table(
        'steps',
        _text('operation_id', 32),
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
        _text('kind', 64),
        _text('host'),
        _long_text('params'),
        _text('state', 32),
        _long_text('error'),
        sa.PrimaryKeyConstraint('operation_id', 'number', name='pk_steps'),
        sa.ForeignKeyConstraint(
            ['operation_id'],
            ['operations.id'],
            name='fk_steps_operation_id',
            ondelete='CASCADE',
        ),
    )


def _certificates() -> None:
    once.create_table(
        'certificates',
        _text('serial', 64),
        _text('common_name'),
        _text('kind', 32),
        sa.Column('not_after', _INSTANT, nullable=False),
        _text('subject_id'),
        sa.PrimaryKeyConstraint('serial', name='pk_certificates'),
    )
    once.create_index(
        'ix_certificates_common_name', 'certificates', ['common_name']
    )
