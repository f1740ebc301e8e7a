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


"""Databases to test the store on: files of SQLite, and on servers.

A process of tests starts one server of a kind, when it is first asked for,
and each test has a database of its own on it.
"""

import atexit
import functools
import os
import sys
import tempfile
import unittest
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import fixtures

from manila_gluster_heketi.store import session
from tests.functional import galera
from tests.functional import servers

SERVERS: dict[str, type[servers.Server]] = {
    'postgresql': servers.Postgresql,
    'mariadb': servers.Mariadb,
}

_Case = TypeVar('_Case', bound=type[unittest.TestCase])


def on(*engines: str) -> Callable[[_Case], _Case]:
    """Run a class of tests on these engines.

    The class has an attribute ``engine`` and uses a ``Database`` of that.
    """

    def multiply(case: _Case) -> _Case:
        module = sys.modules[case.__module__]
        for engine in engines[1:]:
            name = f'{case.__name__}On{engine.capitalize()}'
            attributes = {
                '__module__': case.__module__,
                '__doc__': case.__doc__,
            }
            further = type(name, (case,), attributes)
            setattr(module, name, _for_engine(further, engine))
        return _for_engine(case, engines[0])

    return multiply


def _for_engine(case: Any, engine: str) -> Any:
    case.engine = engine
    if engine != 'sqlite':
        case.allow_processes = case.allow_sockets = True
    return case


ENGINES = ('sqlite', *SERVERS)
#: Two nodes of MariaDB that replicate to each other; started in ten seconds.
GALERA = 'galera'

on_each_engine = on(*ENGINES)
on_servers = on(*SERVERS)
on_each_engine_and_galera = on(*ENGINES, GALERA)


@functools.cache
def server(engine: str) -> servers.Server:
    """Give this process's server of a kind; it is started once.

    :raises NotInstalled: there is none
    """
    made = SERVERS[engine]()
    made.start()
    atexit.register(remove, made, os.getpid())
    return made


@functools.cache
def pair() -> galera.Galera:
    """Give this process's cluster of MariaDB; it is started once.

    :raises NotInstalled: there is no MariaDB
    """
    made = galera.Galera()
    atexit.register(remove, made, os.getpid())
    return made


def remove(made: servers.Server | galera.Galera, pid: int) -> None:
    """Remove servers at the end of the process that made them.

    A child inherits what its parent has to do at its end.
    """
    if os.getpid() == pid:
        made.remove()


@functools.cache
def _synced_file() -> bytes:
    """Give what a file of SQLite with the present schema has in it."""
    with tempfile.TemporaryDirectory() as directory:
        path = f'{directory}/store.db'
        store = session.Store(f'sqlite:///{path}')
        store.sync()
        store.close()
        with open(path, 'rb') as file:
            return file.read()


class Database(fixtures.Fixture):
    """A database for one test, which is skipped if there is no such server.

    :ivar url: as the option for the store takes it
    :ivar urls: the same, one for each node of a cluster
    :ivar directory: of a file of SQLite
    """

    def __init__(self, engine: str, *, synced: bool) -> None:
        """Remember what is wanted.

        :param synced: with the present schema, else empty
        """
        self.engine = engine
        self._synced = synced
        if engine == 'sqlite':
            return
        # Not in _setUp: a fixture makes an error of what is raised there.
        try:
            self.servers = (
                tuple(pair().nodes) if engine == GALERA else (server(engine),)
            )
        except servers.NotInstalled as error:
            raise unittest.SkipTest(str(error)) from error

    def _setUp(self) -> None:
        if self.engine == 'sqlite':
            self.directory = self.useFixture(fixtures.TempDir()).path
            self.url = f'sqlite:///{self.directory}/store.db'
            self.urls: tuple[str, ...] = (self.url,)
            if self._synced:
                with open(f'{self.directory}/store.db', 'wb') as file:
                    file.write(_synced_file())
            return
        self.server = self.servers[0]
        self.name = (
            self.server.new_store()
            if self._synced
            else self.server.new_database()
        )
        self.addCleanup(self.server.drop, self.name)
        self.urls = tuple(each.url(self.name) for each in self.servers)
        self.url = self.urls[0]
