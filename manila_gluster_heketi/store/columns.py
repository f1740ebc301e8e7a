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
from collections.abc import Callable
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


def ordered_text(length: int) -> sa.String:
    """Make a type of text that is in the order of its code points.

    PostgreSQL would go by a language; the others never do, as set up here.
    """
    return sa.String(length).with_variant(
        sa.String(length, collation='C'), 'postgresql'
    )


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


class Flag(sa.types.TypeDecorator[bool]):
    """Yes or no; an integer, since not all databases have anything else."""

    impl = sa.SmallInteger
    cache_ok = True

    def process_bind_param(
        self, value: bool | None, dialect: sa.Dialect
    ) -> int | None:
        return None if value is None else int(value)

    def process_result_value(
        self, value: int | None, dialect: sa.Dialect
    ) -> bool | None:
        return None if value is None else bool(value)


class SpokenText(sa.types.TypeDecorator[Any]):
    """A value that has a text of its own, stored as that.

    :ivar read: makes the value of its text
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, read: Callable[[str], object], length: int) -> None:
        super().__init__(length)
        self.read = read
        self.length = length

    def process_bind_param(
        self, value: object | None, dialect: sa.Dialect
    ) -> str | None:
        return None if value is None else str(value)

    def process_result_value(
        self, value: str | None, dialect: sa.Dialect
    ) -> object | None:
        return None if value is None else self.read(value)


class SaidText(sa.types.TypeDecorator[str]):
    """What others said, who may say anything.

    PostgreSQL refuses the character zero, and all refuse what is no text.
    """

    impl = LONG_TEXT
    cache_ok = True

    def process_bind_param(
        self, value: str | None, dialect: sa.Dialect
    ) -> str | None:
        if value is None:
            return None
        text = value.replace('\0', '\N{REPLACEMENT CHARACTER}')
        return text.encode(errors='replace').decode()


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
