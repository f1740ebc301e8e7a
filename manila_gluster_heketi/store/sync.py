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

"""Bringing a database to the present schema, with alembic."""

import os
import threading

import sqlalchemy as sa
from alembic import command
from alembic import config as alembic_config
from alembic import script as alembic_script
from alembic import util as alembic_util
from alembic.runtime import migration

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.store import schema

_MIGRATIONS = os.path.join(os.path.dirname(__file__), 'migrations')
# Alembic's context is one per process.
_ALONE = threading.Lock()
# Any number that all processes of this project agree on.
_POSTGRESQL_LOCK = 4711_0815


def upgrade(connection: sa.Connection, url: str) -> None:
    """Migrate up to the head, in the transaction that is open.

    :param url: what errors call the database
    :raises StoreTooNew: the database is at a revision that is not known here
    :raises StoreError: its revision can't be read
    :raises sqlalchemy.exc.SQLAlchemyError: the database failed
    """
    if connection.dialect.name == 'postgresql':
        connection.execute(
            sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK))
        )
    config = alembic_config.Config()
    # Interpolated as configparser does.
    config.set_main_option('script_location', _MIGRATIONS.replace('%', '%%'))
    config.attributes['connection'] = connection
    with _ALONE:
        try:
            scripts = alembic_script.ScriptDirectory.from_config(config)
            context = migration.MigrationContext.configure(connection)
            found = context.get_current_revision()
            known = {step.revision for step in scripts.walk_revisions()}
            if found is not None and found not in known:
                raise exceptions.StoreTooNew(url=url, found=found)
            command.upgrade(config, 'head')
            # Nothing to migrate proves nothing: SQLite begins a transaction
            # to write on a file that it can't write.
            connection.execute(schema.clusters.delete().where(sa.false()))
        except alembic_util.CommandError as error:
            raise exceptions.StoreError(url=url, reason=str(error)) from error
