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

"""The tables. Column names are the field names of ``model``.

A change here needs a migration beside it; a test compares the two.
"""

from collections.abc import Callable

import sqlalchemy as sa

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import spread
from manila_gluster_heketi.store import columns

METADATA = sa.MetaData(
    naming_convention={
        'pk': 'pk_%(table_name)s',
        'fk': 'fk_%(table_name)s_%(column_0_name)s',
        'ix': 'ix_%(table_name)s_%(column_0_N_name)s',
        'uq': 'uq_%(table_name)s_%(column_0_N_name)s',
    }
)


def _table(name: str, kind: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """Define a table whose rows errors call ``kind``."""
    return sa.Table(name, METADATA, *parts, info={'kind': kind})


def _identity() -> sa.Column[str]:
    return sa.Column('id', columns.IDENTITY, primary_key=True)


def _parent(column: str, target: str) -> sa.Column[str]:
    """Refer to a row that can't go while this one is there."""
    return sa.Column(
        column,
        columns.IDENTITY,
        sa.ForeignKey(target, ondelete='RESTRICT'),
        nullable=False,
    )


def _text(column: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(column, sa.String(length), nullable=False)


def _ordered(
    column: str, length: int = 255, primary_key: bool = False
) -> sa.Column[str]:
    """Hold text that lists are in the order of, everywhere the same."""
    return sa.Column(
        column,
        columns.ordered_text(length),
        nullable=False,
        primary_key=primary_key,
    )


def _bytes(column: str) -> sa.Column[int]:
    return sa.Column(column, sa.BigInteger, nullable=False)


def _enum(column: str, members: type[model.Text]) -> sa.Column[model.Text]:
    return sa.Column(column, columns.EnumText(members), nullable=False)


def _spoken(
    column: str, read: Callable[[str], object], length: int
) -> sa.Column[object]:
    return sa.Column(column, columns.SpokenText(read, length), nullable=False)


clusters = _table(
    'clusters',
    'cluster',
    _identity(),
    _ordered('name'),
    sa.Column('generation', sa.BigInteger, nullable=False),
    sa.Column('shape_generation', sa.BigInteger, nullable=False),
    sa.Column('secure_access', columns.Flag, nullable=False),
    sa.UniqueConstraint('name'),
)

nodes = _table(
    'nodes',
    'node',
    _identity(),
    _parent('cluster_id', 'clusters.id'),
    _ordered('manage_host'),
    _text('storage_host'),
    sa.Column('zone', sa.Integer, nullable=False),
    _enum('state', model.EntryState),
    sa.Column('tags', columns.JsonText, nullable=False),
    sa.Column('host_key', columns.LONG_TEXT, nullable=False),
    _text('tls_directory', 1024),
    sa.UniqueConstraint('manage_host'),
    # Clusters on networks of their own may repeat each other's addresses.
    sa.UniqueConstraint('cluster_id', 'storage_host'),
)

devices = _table(
    'devices',
    'device',
    _identity(),
    _parent('node_id', 'nodes.id'),
    _ordered('path'),
    _text('vg_name'),
    _text('pool_name'),
    _bytes('total_bytes'),
    _bytes('extent_bytes'),
    _enum('state', model.EntryState),
    sa.Column('tags', columns.JsonText, nullable=False),
    _text('pv_uuid', 64),
    # The sizes of its bricks together, and the cluster's generation at their
    # last change; see generations.py.
    sa.Column('used_bytes', sa.BigInteger, nullable=False, default=0),
    sa.Column('used_generation', sa.BigInteger, nullable=False, default=0),
    sa.UniqueConstraint('node_id', 'path'),
    sa.UniqueConstraint('node_id', 'vg_name'),
    sa.Index(None, 'node_id', 'used_generation'),
)

volumes = _table(
    'volumes',
    'volume',
    _identity(),
    _parent('cluster_id', 'clusters.id'),
    _text('share_id'),
    # The share_id while the volume belongs to that share, else NULL: a unique
    # column that holds NULLs is a partial unique index on every database.
    sa.Column('live_share_id', sa.String(255), nullable=True),
    _ordered('name'),
    _bytes('size_bytes'),
    _bytes('capacity_bytes'),
    _spoken('durability', durability.parse, 64),
    _spoken('spread', spread.parse, 512),
    _enum('state', model.VolumeState),
    sa.Column('access', columns.JsonText, nullable=False),
    sa.Column('tags', columns.LONG_TEXT, nullable=False),
    _bytes('average_file_bytes'),
    sa.UniqueConstraint('live_share_id'),
    sa.UniqueConstraint('cluster_id', 'name'),
)

bricks = _table(
    'bricks',
    'brick',
    _identity(),
    _parent('volume_id', 'volumes.id'),
    _parent('device_id', 'devices.id'),
    sa.Column('set_index', sa.Integer, nullable=False),
    sa.Column('position', sa.Integer, nullable=False),
    _bytes('size_bytes'),
    _text('vg_name'),
    _text('pool_name'),
    _text('lv_name'),
    _text('mount_path', 1024),
    _text('brick_path', 1024),
    sa.UniqueConstraint('device_id', 'lv_name'),
    # Not unique: while a brick is replaced, two hold the same position.
    sa.Index(None, 'volume_id', 'set_index', 'position'),
    # Covers the sum in generations.add_up, which never touches the table.
    sa.Index(None, 'device_id', 'size_bytes'),
)

# An operation outlives what it changed, as history: so no foreign keys.
operations = _table(
    'operations',
    'operation',
    _identity(),
    _enum('kind', model.OpKind),
    _text('subject'),
    sa.Column('cluster_id', columns.IDENTITY, nullable=False),
    _enum('state', model.OpState),
    _text('owner'),
    sa.Column('lease_until', columns.UtcDateTime, nullable=False),
    sa.Column('epoch', sa.Integer, nullable=False),
    sa.Column('last_command', columns.SaidText, nullable=False),
    sa.Column('held', columns.Flag, nullable=False),
    sa.Column('error', columns.SaidText, nullable=False),
    sa.Column('started_at', columns.UtcDateTime, nullable=False),
    sa.Column('finished_at', columns.UtcDateTime, nullable=True),
    sa.Index(None, 'state'),
    sa.Index(None, 'finished_at'),
)

# What an open operation changes, which no other one may: the key sees to that
# whichever host the other one is on.
claims = _table(
    'claims',
    'claim',
    sa.Column('subject', sa.String(255), primary_key=True),
    sa.Column(
        'operation_id',
        columns.IDENTITY,
        sa.ForeignKey('operations.id', ondelete='CASCADE'),
        nullable=False,
    ),
    sa.Index(None, 'operation_id'),
)

steps = _table(
    'steps',
    'step',
    sa.Column(
        'operation_id',
        columns.IDENTITY,
        sa.ForeignKey('operations.id', ondelete='CASCADE'),
        primary_key=True,
    ),
    # StepRecord.index; INDEX is a word of SQL.
    sa.Column('number', sa.Integer, primary_key=True, autoincrement=False),
    _text('kind', 64),
    _text('host'),
    sa.Column('params', columns.JsonText, nullable=False),
    _enum('state', model.StepState),
    sa.Column('error', columns.SaidText, nullable=False),
)

certificates = _table(
    'certificates',
    'certificate',
    _ordered('serial', 64, primary_key=True),
    _text('common_name'),
    _text('kind', 32),
    sa.Column('not_after', columns.UtcDateTime, nullable=False),
    _text('subject_id'),
    _text('share_id'),
    _text('asked_by'),
    sa.Column('issued_at', columns.UtcDateTime, nullable=True),
    sa.Column('revoked_at', columns.UtcDateTime, nullable=True),
    _text('issuer'),
    sa.Index(None, 'common_name'),
)

# Names, not certificates: Gluster lets names in and knows no certificates.
revoked_names = _table(
    'revoked_names',
    'revoked name',
    _ordered('common_name', 64, primary_key=True),
    sa.Column('revoked_at', columns.UtcDateTime, nullable=False),
    sa.Column('reason', columns.SaidText, nullable=False),
    _text('revoked_by'),
)

# What is needed to refuse a token, and to write the same one again: with the
# authority's key, which is not here.
enrolments = _table(
    'enrolments',
    'enrolment',
    _identity(),
    _text('share_id'),
    _ordered('common_name', 64),
    _text('rule_id'),
    sa.Column('issued_at', columns.UtcDateTime, nullable=False),
    sa.Column('expires_at', columns.UtcDateTime, nullable=False),
    sa.Column('used_at', columns.UtcDateTime, nullable=True),
    sa.Column('voided_at', columns.UtcDateTime, nullable=True),
    _text('serial', 64),
    _text('key_digest', 64),
    sa.Index(None, 'share_id'),
    sa.Index(None, 'common_name'),
    sa.Index(None, 'expires_at'),
)

# Their keys are encrypted; a passphrase never gets here.
authorities = _table(
    'authorities',
    'certificate authority',
    sa.Column('generation', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('certificate_pem', columns.LONG_TEXT, nullable=False),
    sa.Column('key_pem', columns.LONG_TEXT, nullable=False),
    sa.Column('created_at', columns.UtcDateTime, nullable=False),
)

# What everybody may read of them; keys are where the authority is kept.
rotations = _table(
    'rotations',
    'rotation of the certificate authority',
    sa.Column('number', sa.Integer, primary_key=True, autoincrement=False),
    _enum('phase', model.RotationPhase),
    _enum('direction', model.RotationDirection),
    sa.Column('old_pem', columns.LONG_TEXT, nullable=False),
    sa.Column('new_pem', columns.LONG_TEXT, nullable=False),
    sa.Column('link_pem', columns.LONG_TEXT, nullable=False),
    sa.Column('started_at', columns.UtcDateTime, nullable=False),
    sa.Column('ended_at', columns.UtcDateTime, nullable=True),
)

# Of this project's processes, not of what they keep: see receipts.py.
receipts = _table(
    'receipts',
    'receipt',
    _identity(),
    sa.Column('number', sa.BigInteger, nullable=False),
    sa.Column('signed_at', columns.UtcDateTime, nullable=False),
)
