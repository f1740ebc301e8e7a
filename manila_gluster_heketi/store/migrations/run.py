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

"""Running migrations with alembic; ``store.sync`` says when."""

import os
import threading

import sqlalchemy as sa
from alembic import command
from alembic import config

SCRIPTS = os.path.dirname(__file__)
# Alembic's context is one per process.
_ALONE = threading.Lock()


def upgrade(connection: sa.Connection, to: str) -> None:
    """Migrate up to a revision, in the transaction that is open.

    :raises sqlalchemy.exc.SQLAlchemyError: the database failed
    """
    options = config.Config()
    # Interpolated as configparser does.
    options.set_main_option('script_location', SCRIPTS.replace('%', '%%'))
    options.attributes['connection'] = connection
    with _ALONE:
        command.upgrade(options, to)
