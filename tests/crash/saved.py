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

"""A deployment at one moment, to begin from again and again."""

import contextlib
import pathlib
import shutil
import sqlite3

from tests.functional.deployment import Deployment


class Saved:
    """Hosts, store and authority as they were when this was made."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._hosts = deployment.cluster.save()
        deployment.service.store.close()
        self._file = pathlib.Path(deployment.directory, 'store.sqlite')
        with contextlib.closing(sqlite3.connect(self._file)) as connection:
            connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        self._store = self._file.read_bytes()
        self._authority = pathlib.Path(deployment.settings.ca_directory)
        self._kept = {
            path: (path.read_bytes(), path.stat().st_mode)
            for path in self._authority.rglob('*')
            if path.is_file()
        }

    def set_back(self) -> None:
        """Make them so again; nobody else may use the store."""
        self._deployment.service.store.close()
        for end in ('-wal', '-shm'):
            pathlib.Path(f'{self._file}{end}').unlink(missing_ok=True)
        self._file.write_bytes(self._store)
        shutil.rmtree(self._authority, ignore_errors=True)
        for path, (content, mode) in self._kept.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)
        self._deployment.cluster.restore(self._hosts)
