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

"""A Keystone and a Barbican of one's own, each a process on loopback.

They run from an environment of theirs, keep all that they have in a directory
and are as they come, with SQLite below.
"""

import atexit
import base64
import functools
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from typing import NamedTuple

import requests
from barbicanclient import client as barbican_client
from keystoneauth1 import adapter
from keystoneauth1 import session
from keystoneauth1.identity import v3

# Names the environment that has both.
_ENVIRONMENT_VARIABLE = 'BARBICAN_VENV'

_HOST = '127.0.0.1'
_REGION = 'RegionOne'
_COMMAND_SECONDS = 300
_STOP_SECONDS = 60

_KEYSTONE = """
[database]
connection = sqlite:///{directory}/keystone.sqlite
[fernet_tokens]
key_repository = {directory}/tokens
[fernet_receipts]
key_repository = {directory}/receipts
"""
_BARBICAN = """
[DEFAULT]
host_href = {barbican}
[database]
connection = sqlite:///{directory}/barbican.sqlite
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = {key}
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
username = {administrator.user}
password = {administrator.password}
project_name = {administrator.project}
user_domain_name = Default
project_domain_name = Default
"""


class Account(NamedTuple):
    """Somebody whom Keystone knows; all are in the domain Default."""

    user: str
    password: str
    project: str


MANILA = Account('manila', 'open sesame', 'service')
ADMINISTRATOR = Account('admin', 'open the gates', 'admin')


class _Server:
    """One process that serves on a port of loopback, which it keeps.

    :ivar url: where it is reached, whether it runs or not
    """

    def __init__(
        self, name: str, python: pathlib.Path, environment: dict[str, str]
    ) -> None:
        self._name = name
        self._python = python
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._listening: socket.socket | None = self._listen(0)
        self._port = self._listening.getsockname()[1]
        self.url = f'http://{_HOST}:{self._port}'

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server((_HOST, port), backlog=64)

    def start(self) -> None:
        """Start it; who asks something meanwhile waits for the answer."""
        with (
            self._listening or self._listen(self._port) as listening,
            open(f'{self._environment["HOME"]}/{self._name}.log', 'ab') as log,
        ):
            program = pathlib.Path(__file__).with_name('serve.py')
            self._process = subprocess.Popen(
                [
                    # It ends when this process does, however that ends.
                    *('setpriv', '--pdeathsig=KILL', str(self._python)),
                    *(str(program), self._name, str(listening.fileno())),
                ],
                pass_fds=(listening.fileno(),),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._listening = None

    def stop(self) -> None:
        """Stop it; from now on connections are refused."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_STOP_SECONDS)
            self._process = None


class Site:
    """Both, which know Manila's user and an administrator.

    :ivar user: the id of the former, once all is started
    """

    def __init__(self, environment: pathlib.Path) -> None:
        """Make the files and ports; nothing is started yet.

        :param environment: has the programs
        """
        self._programs = environment / 'bin'
        self._directory = tempfile.mkdtemp(prefix='gluster-heketi-barbican-')
        # Their configuration files are looked for at home.
        self._environment = {
            'HOME': self._directory,
            'NO_PROXY': _HOST,
            'PATH': os.environ['PATH'],
            'PYTHONWARNINGS': 'ignore',
        }
        python = self._programs / 'python'
        self.keystone = _Server('keystone', python, self._environment)
        self.barbican = _Server('barbican', python, self._environment)
        self.auth_url = f'{self.keystone.url}/v3'

    def start(self) -> None:
        """Start both, and make what an operator makes."""
        self._configure('keystone', _KEYSTONE)
        self._configure('barbican', _BARBICAN)
        self._run('keystone-manage', 'db_sync')
        self._run(
            'keystone-manage',
            'fernet_setup',
            f'--keystone-user={os.geteuid()}',
            f'--keystone-group={os.getegid()}',
        )
        self._run(
            'keystone-manage',
            'bootstrap',
            f'--bootstrap-password={ADMINISTRATOR.password}',
            f'--bootstrap-region-id={_REGION}',
            f'--bootstrap-public-url={self.auth_url}',
            f'--bootstrap-internal-url={self.auth_url}',
        )
        self._run('barbican-db-manage', 'upgrade')
        self.keystone.start()
        self.barbican.start()
        try:
            self._register()
        except Exception as error:
            raise RuntimeError(f'{error}\n{self._logs()}') from error

    def remove(self) -> None:
        """Stop both, and forget what they had."""
        self.barbican.stop()
        self.keystone.stop()
        shutil.rmtree(self._directory)

    def _configure(self, name: str, text: str) -> None:
        path = pathlib.Path(self._directory, f'{name}.conf')
        path.write_text(
            text.format(
                directory=self._directory,
                keystone=self.auth_url,
                barbican=self.barbican.url,
                administrator=ADMINISTRATOR,
                key=base64.urlsafe_b64encode(os.urandom(32)).decode(),
            )
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f'{program} {arguments[0]}:\n{done.stderr}')

    def _logs(self) -> str:
        return '\n'.join(
            path.read_text(errors='replace')
            for path in sorted(pathlib.Path(self._directory).glob('*.log'))
        )

    def _register(self) -> None:
        service = self._create(
            'services', 'service', name='barbican', type='key-manager'
        )
        self._create(
            'endpoints',
            'endpoint',
            interface='public',
            region_id=_REGION,
            service_id=service,
            url=self.barbican.url,
        )
        project = self._create(
            'projects', 'project', name=MANILA.project, domain_id='default'
        )
        self.user = self._create(
            'users',
            'user',
            name=MANILA.user,
            password=MANILA.password,
            domain_id='default',
        )
        identity = self._identity()
        [role] = identity.get('/roles?name=member').json()['roles']
        identity.put(
            f'/projects/{project}/users/{self.user}/roles/{role["id"]}'
        )

    def _create(self, collection: str, kind: str, **fields: str) -> str:
        """Make something in Keystone; return its id."""
        answer = self._identity().post(f'/{collection}', json={kind: fields})
        return str(answer.json()[kind]['id'])

    def _identity(self) -> adapter.Adapter:
        return adapter.Adapter(
            self._session(ADMINISTRATOR),
            service_type='identity',
            interface='public',
        )

    def _session(self, account: Account) -> session.Session:
        web = requests.Session()
        # A proxy does not know this machine's loopback.
        web.trust_env = False
        auth = v3.Password(
            self.auth_url,
            username=account.user,
            password=account.password,
            project_name=account.project,
            user_domain_name='Default',
            project_domain_name='Default',
        )
        return session.Session(auth=auth, session=web)

    def keep(self, payload: str | bytes, kind: str = 'passphrase') -> str:
        """Keep a secret, as Manila's user; return its id.

        :param payload: plain text, or octets
        :param kind: ``passphrase`` or ``opaque``
        """
        client = barbican_client.Client(session=self._session(MANILA))
        made = client.secrets.create(payload=payload, secret_type=kind)
        return str(made.store()).rpartition('/')[-1]


@functools.cache
def running() -> Site:
    """Give this process's servers; they are started once.

    :raises SkipTest: it is not said what from
    """
    environment = os.environ.get(_ENVIRONMENT_VARIABLE)
    if not environment:
        raise unittest.SkipTest(
            'needs Keystone and Barbican: run tools/barbican-tests'
        )
    site = Site(pathlib.Path(environment))
    atexit.register(site.remove)
    site.start()
    return site
