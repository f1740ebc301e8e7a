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

"""The identity of this host: what its glusterfs reads, and how it changes.

Files are kept, replaced and put back by the very commands that do so on nodes.
The key is there before the token is used, under a name of its own, so that
whatever is cut short can be done again with the same token.
"""

import contextlib
import os
import subprocess

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore

_FILES = (issue.KEY_FILE, issue.CERTIFICATE_FILE, issue.AUTHORITY_FILE)
# Others may have to read what else is there, in time.
_DIRECTORY_MODE = 0o755


def directory_of_glusterfs() -> str:
    """Ask this host's glusterfs where it looks for its certificate.

    :raises InvalidInput: there is no glusterfs, or it does not say
    """
    try:
        return system.parse_tls_directory('', _run(system.tls_directory()))
    except (exceptions.OutputNotUnderstood, _Failed) as error:
        raise exceptions.InvalidInput(
            field='--directory',
            value='',
            reason='glusterfs of this host does not say where it reads '
            'certificates; install it, or name the directory',
        ) from error


def expect_tls(path: str = names.SECURE_ACCESS) -> None:
    """Have this host's glusterfs speak TLS with every glusterd.

    :param path: of the file that says so
    :raises InvalidInput: it can't be written
    """
    if os.path.exists(path):
        return
    try:
        for command in (
            mounts.make_directory(os.path.dirname(path)),
            system.write_file(path, '\n'),
        ):
            _run(command)
    except _Failed as error:
        raise exceptions.InvalidInput(
            field='file for management encryption',
            value=path,
            reason=str(error),
        ) from error


class Identity:
    """The files in a directory, and a key that is to get there.

    :param directory: where glusterfs looks
    :param token_id: of the token that the key is for
    """

    def __init__(self, directory: str, token_id: str) -> None:
        self.directory = directory
        self._pending = os.path.join(
            directory, f'.{issue.KEY_FILE}.{token_id[:16]}'
        )
        self._kept = os.path.join(directory, names.KEPT_IDENTITY)

    def prepare(self, *, overwrite: bool) -> None:
        """See whether an identity may be put there, and can be.

        One that was left half way is taken away first.

        :raises InvalidInput: there is one and ``overwrite`` is false, or it
            is no directory that can be written
        """
        if os.path.isdir(self._kept):
            self._put_back()
        issue.check_directory(
            self.directory,
            has_key=True,
            overwrite=overwrite or self._is_ours(),
        )

    def key(self) -> keys.SigningKey:
        """Give the key that was made for the token, or make it.

        :raises InvalidInput: it can't be written
        """
        try:
            return keys.load(keystore.read_secret(self._pending), None)
        except (exceptions.InsecureFile, keys.Unusable):
            # There is none. One that is not whole was never used.
            self.forget_key()
        key = keys.make(keys.KeyType.EC_P256)
        try:
            os.makedirs(self.directory, _DIRECTORY_MODE, exist_ok=True)
            keystore.write_new(
                self._pending, keys.pem(key), keystore.SECRET_MODE
            )
            keystore.sync_directory(self.directory)
        except OSError as error:
            self.forget_key()
            raise self._not_written(error.strerror or str(error)) from error
        return key

    def forget_key(self) -> None:
        """Remove the key that was made for the token."""
        with contextlib.suppress(OSError):
            os.unlink(self._pending)

    def install(self, bundle: issue.Bundle) -> None:
        """Put an identity in the place of what is there.

        :raises InvalidInput: it can't be written; what was there is there
        """
        try:
            _run(
                tls_files.keep(
                    self.directory, _FILES, kept=names.KEPT_IDENTITY
                )
            )
            for command in distribute.deploy_commands(bundle, self.directory):
                _run(command)
        except _Failed as error:
            self._put_back()
            raise self._not_written(str(error)) from error
        try:
            self._discard()
        except _Failed as error:
            raise self._not_written(
                f'{error}; the new identity is there; remove {self._kept}'
            ) from error
        self.forget_key()

    def _put_back(self) -> None:
        try:
            _run(
                tls_files.restore(
                    self.directory, _FILES, kept=names.KEPT_IDENTITY
                )
            )
            self._discard()
        except _Failed as error:
            raise self._not_written(
                f'{error}; what was there before is in {self._kept}'
            ) from error

    def _discard(self) -> None:
        _run(tls_files.discard(self.directory, kept=names.KEPT_IDENTITY))

    def _is_ours(self) -> bool:
        """Whether what is there came of the same token, just before."""
        path = os.path.join(self.directory, issue.KEY_FILE)
        try:
            texts = [keystore.read_secret(p) for p in (path, self._pending)]
        except exceptions.InsecureFile:
            return False
        return texts[0] == texts[1]

    def _not_written(self, reason: str) -> exceptions.InvalidInput:
        return exceptions.InvalidInput(
            field='directory', value=self.directory, reason=reason
        )


class _Failed(Exception):
    """A command of this host failed; says what it said."""


def _run(command: Command) -> str:
    """Run a host command here, as the executors do on nodes."""
    guard = command.guard
    if guard is not None:
        assert guard.condition in (Condition.EXISTS, Condition.MISSING)
        wanted = guard.condition is Condition.EXISTS
        if os.path.exists(guard.path) is not wanted:
            return ''
    try:
        done = subprocess.run(
            command.argv,
            input=command.stdin,
            env={**os.environ, 'LC_ALL': 'C'},
            capture_output=True,
            text=True,
            timeout=command.timeout_seconds,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _Failed(f'{command}: {error}') from error
    if done.returncode:
        raise _Failed(done.stderr.strip() or f'{command} failed')
    return done.stdout
