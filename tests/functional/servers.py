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


"""Database servers of one's own, from the packages of this machine.

They live in a directory in memory, have no disk to wait for, and are reached
through a Unix socket alone. No service of the machine is touched.
"""

import abc
import concurrent.futures
import contextlib
import functools
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import Any
from typing import ClassVar

import sqlalchemy as sa

from manila_gluster_heketi.store import session

_MEMORY = '/dev/shm'
_PREFIX = 'gluster-heketi-server-'
_START_SECONDS = 60
# What a thread started ends with that thread, and so with this process; this
# one lives as long.
_SPAWNER = concurrent.futures.ThreadPoolExecutor(1)


class NotInstalled(Exception):
    """The server is not on this machine; says how to get it."""


class Server(abc.ABC):
    """A private server: started, stopped and killed by its process id.

    :cvar account: of the package; who the server runs as if root starts it
    :cvar stop_signal: which shuts it down at once, but cleanly
    :cvar end_signal: which ends it and its children, and no more
    :ivar directory: holds all that it has
    """

    account: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    end_signal: ClassVar[signal.Signals]

    def __init__(self, *settings: str, durable: bool = False) -> None:
        """Make the files of a server that is not started yet.

        :param settings: further arguments for it
        :param durable: wait for the disk at each commit, as in production
        :raises NotInstalled: there is no such server
        """
        self.program = self.find(self.program_name)
        self._settings = settings
        self.durable = durable
        self.directory = self._new_directory()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        # Who starts it looks until it answers; one that was stopped meanwhile
        # would be started once more, beside the next one.
        self._turn = threading.RLock()
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self.remove()
            raise RuntimeError(f'{error}: {error.stderr.decode()}') from error

    def _new_directory(self) -> pathlib.Path:
        in_memory = os.access(_MEMORY, os.W_OK) and not self.durable
        parent = _MEMORY if in_memory else tempfile.gettempdir()
        for path in pathlib.Path(parent).glob(f'{_PREFIX}*'):
            # Tests that were killed did not get to it.
            if not os.path.exists(f'/proc/{path.name.split("-")[-2]}'):
                shutil.rmtree(path, ignore_errors=True)
        made = tempfile.mkdtemp(prefix=f'{_PREFIX}{os.getpid()}-', dir=parent)
        if os.geteuid() == 0:
            shutil.chown(made, self.account, self.account)
        return pathlib.Path(made)

    # --- what differs -----------------------------------------------------

    program_name: ClassVar[str]

    @classmethod
    @abc.abstractmethod
    def find(cls, name: str) -> str:
        """Find a program of the server.

        :raises NotInstalled: it is not there
        """

    @abc.abstractmethod
    def _make(self) -> None:
        """Make the files."""

    @abc.abstractmethod
    def _arguments(self) -> Sequence[str]:
        """Say what to start."""

    @abc.abstractmethod
    def url(self, database: str) -> str:
        """Name a database as SQLAlchemy does."""

    # --- life -------------------------------------------------------------

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self._turn:
            self._start()

    def _start(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                log = (self.directory / 'log').read_text(errors='replace')
                self.remove()
                raise RuntimeError(f'{self.program} does not start:\n{log}')
            # PostgreSQL waits for no children of one that was killed.
            if self._process is None or self._process.poll() is not None:
                self._process = _SPAWNER.submit(self._spawn).result()
            time.sleep(0.05)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with open(self.directory / 'log', 'ab') as log:
            return subprocess.Popen(
                self.as_account(*self._arguments(), *self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
            )

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stop it; what it holds stays.

        :param how: another signal than the one for a clean stop
        """
        with self._turn:
            if self._process is not None:
                self._process.send_signal(how or self.stop_signal)
                self._process.wait(_START_SECONDS)
                self._process = None

    def kill(self) -> None:
        """Let it die as by a loss of power."""
        self.stop(signal.SIGKILL)

    def remove(self) -> None:
        """End it and forget what it held."""
        self.stop(self.end_signal)
        shutil.rmtree(self.directory)

    def as_account(self, *command: str) -> list[str]:
        """Let a command run as who may, and end when this process does.

        PostgreSQL refuses root.
        """
        identity = ()
        if os.geteuid() == 0:
            identity = (
                f'--reuid={self.account}',
                f'--regid={self.account}',
                '--init-groups',
            )
        how = f'--pdeathsig={self.stop_signal.name.removeprefix("SIG")}'
        return ['setpriv', *identity, how, *command]

    def _answers(self) -> bool:
        try:
            self.ask('SELECT 1')
        except sa.exc.OperationalError:
            return False
        return True

    # --- databases --------------------------------------------------------

    #: The database that is always there.
    own: ClassVar[str]

    def ask(self, statement: str, **values: Any) -> Sequence[sa.Row[Any]]:
        """Execute a statement as the server's administrator."""
        with self._administrator.connect() as connection:
            found = connection.execute(sa.text(statement), values)
            return found.all() if found.returns_rows else ()

    @functools.cached_property
    def _administrator(self) -> sa.Engine:
        return sa.create_engine(
            self.url(self.own),
            isolation_level='AUTOCOMMIT',
            pool_pre_ping=True,
            pool_size=1,
        )

    def new_database(self) -> str:
        """Make an empty database; return its name."""
        name = f'test_{next(self._names)}'
        self.ask(f'CREATE DATABASE {name}')
        return name

    def new_store(self) -> str:
        """Make a database with the present schema; return its name."""
        name = f'test_{next(self._names)}'
        self._copy(self._template, name)
        return name

    @functools.cached_property
    def _template(self) -> str:
        name = self.new_database()
        store = session.Store(self.url(name))
        store.sync()
        store.close()
        return name

    @abc.abstractmethod
    def _copy(self, template: str, name: str) -> None:
        """Make a database with the tables of another and their rows."""

    @abc.abstractmethod
    def drop(self, name: str) -> None:
        """Remove a database, whoever uses it."""

    @abc.abstractmethod
    def disconnect(self, database: str) -> int:
        """End the connections to a database; return how many there were."""


class Postgresql(Server):
    """PostgreSQL, as Debian packages it."""

    account = 'postgres'
    stop_signal = signal.SIGINT
    end_signal = signal.SIGQUIT
    program_name = 'postgres'
    own = 'postgres'

    @classmethod
    def find(cls, name: str) -> str:
        """Find a program; Debian keeps them out of the way."""
        versions = sorted(
            pathlib.Path('/usr/lib/postgresql').glob(f'*/bin/{name}'),
            key=lambda path: float(path.parts[-3]),
        )
        found = shutil.which(name) or (versions and str(versions[-1]))
        if not found:
            raise NotInstalled(
                'PostgreSQL is not installed: apt-get install postgresql'
            )
        return found

    def _make(self) -> None:
        command = self.as_account(
            self.find('initdb'),
            f'--pgdata={self.directory}/data',
            f'--username={self.account}',
            '--auth=trust',
            '--encoding=UTF8',
            # Where a plain ORDER BY would go by the language.
            '--locale-provider=icu',
            '--icu-locale=en-US',
            '--locale=C',
            '--no-sync',
        )
        subprocess.run(
            command, check=True, capture_output=True, cwd=self.directory
        )

    def _arguments(self) -> Sequence[str]:
        return (
            self.program,
            '-D',
            f'{self.directory}/data',
            *(() if self.durable else ('-F',)),
            '-clisten_addresses=',
            f'-cunix_socket_directories={self.directory}',
            '-cmax_connections=200',
        )

    def url(self, database: str) -> str:
        """Name a database."""
        return (
            f'postgresql+psycopg://{self.account}@/{database}'
            f'?host={self.directory}'
        )

    def _copy(self, template: str, name: str) -> None:
        self.ask(f'CREATE DATABASE {name} TEMPLATE {template}')

    def drop(self, name: str) -> None:
        """Remove a database."""
        self.ask(f'DROP DATABASE {name} WITH (FORCE)')

    def disconnect(self, database: str) -> int:
        """Terminate what serves a database."""
        return len(
            self.ask(
                'SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
                'WHERE datname = :name',
                name=database,
            )
        )


class Mariadb(Server):
    """MariaDB, as Debian packages it."""

    account = 'mysql'
    stop_signal = signal.SIGTERM
    end_signal = signal.SIGKILL
    program_name = 'mariadbd'
    own = 'mysql'

    @classmethod
    def find(cls, name: str) -> str:
        """Find a program; sbin may not be in the path."""
        found = shutil.which(name, path=f'{os.environ["PATH"]}:/usr/sbin')
        if not found:
            raise NotInstalled(
                'MariaDB is not installed: apt-get install mariadb-server'
            )
        return found

    @property
    def _storage(self) -> Sequence[str]:
        small = ('--innodb-log-file-size=16M', '--skip-name-resolve')
        if self.durable:
            return small
        return (
            *small,
            # What was committed survives the death of the server alone.
            '--innodb-flush-log-at-trx-commit=2',
            '--innodb-flush-method=nosync',
            '--skip-innodb-doublewrite',
        )

    def _make(self) -> None:
        command = self.as_account(
            self.find('mariadb-install-db'),
            '--no-defaults',
            f'--datadir={self.directory}/data',
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
            *self._storage,
        )
        subprocess.run(
            command, check=True, capture_output=True, cwd=self.directory
        )

    def _arguments(self) -> Sequence[str]:
        return (
            self.program,
            '--no-defaults',
            f'--datadir={self.directory}/data',
            f'--socket={self.directory}/socket',
            f'--pid-file={self.directory}/pid',
            '--skip-networking',
            '--max-connections=200',
            *self._storage,
        )

    def url(self, database: str) -> str:
        """Name a database."""
        # To read this machine's certificates takes longer than all the rest.
        return (
            f'mariadb+pymysql://root@/{database}'
            f'?unix_socket={self.directory}/socket&ssl_disabled=true'
        )

    def _copy(self, template: str, name: str) -> None:
        self.ask(f'CREATE DATABASE {name}')
        with self._administrator.connect() as connection:
            run = connection.exec_driver_sql
            run('SET foreign_key_checks = 0')
            run(f'USE {name}')
            for (table,) in run(f'SHOW TABLES FROM {template}').all():
                _, made = run(f'SHOW CREATE TABLE {template}.{table}').one()
                run(made.replace('%', '%%'))
            old = f'{template}.alembic_version'
            run(f'INSERT INTO alembic_version SELECT * FROM {old}')  # noqa: S608
            run(f'USE {self.own}')
            run('SET foreign_key_checks = 1')

    def drop(self, name: str) -> None:
        """Remove a database."""
        self.disconnect(name)
        self.ask(f'DROP DATABASE {name}')

    def disconnect(self, database: str) -> int:
        """Kill the connections to a database."""
        found = self.ask(
            'SELECT id FROM information_schema.processlist WHERE db = :name',
            name=database,
        )
        for row in found:
            # It may have gone by itself.
            with contextlib.suppress(sa.exc.DBAPIError):
                self.ask(f'KILL CONNECTION {row.id}')
        return len(found)
