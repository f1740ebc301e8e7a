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


"""What a migration that was cut off has done already.

MariaDB commits each change of a table at once, so that a migration which is
killed is begun anew on what it left. So what can't be repeated is asked for
first. The other databases undo what is cut off, and there the answer is
always no: what is there must not be.
"""

import sqlalchemy as sa
from alembic import op


def create_table(name: str, *parts: sa.schema.SchemaItem) -> None:
    """Create a table that was not created yet; one like it is taken for it."""
    columns = {part.name for part in parts if isinstance(part, sa.Column)}
    if _is_resumable() and columns == _columns(name):
        return
    op.create_table(
        name,
        *parts,
        # Under both names that a URL calls MariaDB by; its defaults compare
        # without regard to case.
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
        mariadb_engine='InnoDB',
        mariadb_charset='utf8mb4',
        mariadb_collate='utf8mb4_bin',
    )


def added(table: str, column: str) -> bool:
    """Say whether a column was added."""
    return _is_resumable() and column in _columns(table)


def dropped(table: str, column: str) -> bool:
    """Say whether a column was dropped."""
    return _is_resumable() and column not in _columns(table)


def create_index(name: str, table: str, columns: list[str]) -> None:
    """Create an index that was not created yet."""
    indexes = sa.inspect(op.get_bind()).get_indexes(table)
    if not _is_resumable() or name not in {i['name'] for i in indexes}:
        op.create_index(name, table, columns)


def _is_resumable() -> bool:
    return op.get_bind().dialect.name in ('mysql', 'mariadb')


def _columns(table: str) -> set[str]:
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table(table):
        return set()
    return {column['name'] for column in inspector.get_columns(table)}
