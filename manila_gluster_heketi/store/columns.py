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

"""Column types that hold the values of ``model`` on every database."""

import datetime
import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from manila_gluster_heketi import model

# MariaDB's TEXT ends at 64 KiB and its DATETIME at the second.
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
MICROSECONDS = sa.DateTime().with_variant(
    mysql.DATETIME(fsp=6), 'mysql', 'mariadb'
)
IDENTITY = sa.String(32)


class EnumText(sa.types.TypeDecorator[model.Text]):
    """A member of an enumeration, stored as its value."""

    impl = sa.String(32)
    cache_ok = True

    def __init__(self, members: type[model.Text]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(
        self, value: model.Text | None, dialect: sa.Dialect
    ) -> str | None:
        return None if value is None else str(value.value)

    def process_result_value(
        self, value: str | None, dialect: sa.Dialect
    ) -> model.Text | None:
        return None if value is None else self.members(value)


class JsonText(sa.types.TypeDecorator[Any]):
    """A JSON document, stored as text: it is never searched in SQL."""

    impl = LONG_TEXT
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str:
        return json.dumps(value, sort_keys=True)

    def process_result_value(
        self, value: str | None, dialect: sa.Dialect
    ) -> Any:
        # NULL comes of outer joins.
        return None if value is None else json.loads(value)


class UtcDateTime(sa.types.TypeDecorator[datetime.datetime]):
    """An instant: aware outside, UTC without a zone in the database."""

    impl = MICROSECONDS
    cache_ok = True

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f'{value} has no time zone')
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=datetime.timezone.utc)
