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

"""Statements that are compiled once, though each test has engines of its own.

SQLAlchemy keeps what it compiled with the engine that it was compiled for. A
test of crashes starts thousands of processes, each with a store and so with an
engine; without this, a third of its time went into compiling the same again.
"""

import functools
from typing import Any

import fixtures
import sqlalchemy as sa

from manila_gluster_heketi.store import engines

_compiled: dict[Any, Any] = {}


class SharedStatements(fixtures.Fixture):
    """Have all engines of SQLite use what one of them has compiled."""

    def _setUp(self) -> None:
        create = engines.create

        def sharing(address: sa.URL, url: str) -> sa.Engine:
            engine = create(address, url)
            if engines.is_sqlite(address):
                # Compiled statements are found by their dialect.
                engine.dialect = _dialect()
                engine.update_execution_options(compiled_cache=_compiled)
            return engine

        self.useFixture(
            fixtures.MonkeyPatch(f'{engines.__name__}.create', sharing)
        )


@functools.cache
def _dialect() -> sa.Dialect:
    """Give the dialect of an engine that has been connected once."""
    engine = sa.create_engine('sqlite://')
    engine.connect().close()
    return engine.dialect
