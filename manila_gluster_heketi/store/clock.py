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

"""What time it is for all who use a store.

A lease is given by one machine and judged by others, whose clocks need not
agree: so it is the database's server that is asked. SQLite has none, nor other
machines.
"""

import datetime

import sqlalchemy as sa

from manila_gluster_heketi.store.columns import UtcDateTime

# Not that of the transaction, which may have waited for others since.
_WORDS = {
    'postgresql': "clock_timestamp() AT TIME ZONE 'UTC'",
    'mysql': 'UTC_TIMESTAMP(6)',
    'mariadb': 'UTC_TIMESTAMP(6)',
}
_QUESTIONS = {
    dialect: sa.select(sa.literal_column(words, UtcDateTime()))
    for dialect, words in _WORDS.items()
}


def now(connection: sa.Connection) -> datetime.datetime:
    """Tell the time in UTC."""
    question = _QUESTIONS.get(connection.dialect.name)
    if question is None:
        return local()
    return connection.execute(question).scalar_one()


def local() -> datetime.datetime:
    """Tell the time in UTC, by the clock of this machine."""
    return datetime.datetime.now(datetime.timezone.utc)
