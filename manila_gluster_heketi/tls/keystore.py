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

"""Secret files: written so that no crash and no other process spoils them.

Nothing here is logged, so that no key can get into a log.
"""

import contextlib
import dataclasses
import fcntl
import os
import secrets
import stat
from collections.abc import Callable
from collections.abc import Iterator

from manila_gluster_heketi import exceptions

CERTIFICATE = 'ca.pem'
KEY = 'ca.key'
_LOCK = '.lock'
# Both halves are complete under these names before the first one is moved to
# its place, so that a crash between the two moves is made good by the next
# process that wants to create an authority.
_NEW = '.{}.new'

PUBLIC_MODE = 0o644
SECRET_MODE = 0o600
_DIRECTORY_MODE = 0o700


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM.

    :ivar certificate_pem: of the authority, and those above it up to the root
    """

    certificate_pem: str
    key_pem: str = dataclasses.field(repr=False)


def read(directory: str) -> Pair:
    """Read the pair of a directory.

    :raises InsecureFile: the key is missing, or others may read it
    :raises TlsError: there is no pair, or half of one
    """
    has_certificate, has_key = present(directory)
    if not has_certificate and not has_key:
        raise exceptions.TlsError(
            path=directory, reason='there is none; it is made at first use'
        )
    if not has_certificate:
        raise exceptions.TlsError(
            path=directory,
            reason=f'{KEY} is there, but {CERTIFICATE} is missing; put it '
            'back, or remove the key to start a new authority, which makes '
            'all certificates issued so far worthless',
        )
    if not has_key:
        raise exceptions.InsecureFile(
            path=os.path.join(directory, KEY),
            reason=f'it is missing, but {CERTIFICATE} is there',
        )
    return Pair(
        certificate_pem=read_text(os.path.join(directory, CERTIFICATE)),
        key_pem=read_secret(os.path.join(directory, KEY)),
    )


def read_or_create(
    directory: str, make: Callable[[], Pair]
) -> tuple[Pair, bool]:
    """Read the pair of a directory; make one if there is none.

    Of several processes or threads that come at the same time one makes the
    pair and the others read it.

    :return: the pair, and whether it was made by this call
    :raises InsecureFile: the key is missing, or others may read it
    :raises TlsError: half a pair is there, or it can't be written
    """
    # Without the lock first: a directory that the operator filled may be one
    # that we can't write to.
    if all(present(directory)):
        return read(directory), False
    try:
        with locked(directory):
            finish_interrupted(directory)
            if any(present(directory)):
                return read(directory), False
            pair = make()
            write_pair(directory, pair)
            return pair, True
    except OSError as error:
        raise not_written(directory, error) from error


def create(directory: str, pair: Pair) -> None:
    """Write a pair into a directory that has none.

    :raises AuthorityExists: it has one, or half of one
    :raises TlsError: it can't be written
    """
    try:
        with locked(directory):
            finish_interrupted(directory)
            if any(present(directory)):
                raise exceptions.AuthorityExists(path=directory)
            write_pair(directory, pair)
    except OSError as error:
        raise not_written(directory, error) from error


def replace_key(directory: str, pair: Pair, key_pem: str) -> None:
    """Put another text of the same key into its place, in one step.

    It keeps the owner of the old one: root may do this for the service.

    :param pair: what the directory has by now
    :raises TlsError: it has another pair, or can't be written
    """
    target = os.path.join(directory, KEY)
    new = os.path.join(directory, _NEW.format(KEY))
    try:
        with locked(directory):
            if read(directory) != pair:
                raise exceptions.TlsError(
                    path=directory, reason='it was changed meanwhile'
                )
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
            try:
                write_new(new, key_pem, SECRET_MODE)
                owner = os.stat(target)
                if owner.st_uid != os.geteuid():
                    os.chown(new, owner.st_uid, owner.st_gid)
                os.rename(new, target)
            except OSError:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(new)
                raise
            sync_directory(directory)
    except OSError as error:
        raise not_written(directory, error) from error


def write_new(path: str, text: str, mode: int) -> None:
    """Write a file that is not there yet, down to the disk.

    It has its final mode before it has its first byte.

    :raises FileExistsError: it is there already
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(path, flags, mode)
    with os.fdopen(descriptor, 'w', encoding='ascii') as stream:
        # The umask may have taken bits away, never added any.
        os.fchmod(descriptor, mode)
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)


def place(source: str, target: str, *, overwrite: bool) -> None:
    """Move a complete file to its name in one step.

    :raises FileExistsError: ``target`` is there and may not be replaced
    """
    if overwrite:
        os.rename(source, target)
        return
    # Unlike rename(2), link(2) fails if the name is taken.
    os.link(source, target, follow_symlinks=False)
    os.unlink(source)


def temporary(path: str) -> str:
    """Name a file beside ``path`` that nobody else writes."""
    directory, name = os.path.split(path)
    return os.path.join(directory, f'.{name}.{secrets.token_hex(8)}')


def sync_directory(directory: str) -> None:
    """Make new names in a directory outlast a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_text(path: str) -> str:
    """Read a file that everybody may read.

    :raises TlsError: it can't be read, or is not text
    """
    try:
        # What is around the certificates may be in any language.
        with open(path, encoding='utf-8') as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise exceptions.TlsError(
            path=path, reason=f'it can not be read: {error}'
        ) from error


def read_secret(path: str) -> str:
    """Read a file that only its owner may read.

    :raises InsecureFile: others may, or it can't be read, or is not PEM
    """
    try:
        with open(path, encoding='ascii') as stream:
            # The open file is asked, not the name, which could change.
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                raise exceptions.InsecureFile(
                    path=path,
                    reason=f'its mode {mode:04o} lets others use it',
                )
            return stream.read()
    except OSError as error:
        raise exceptions.InsecureFile(
            path=path, reason=f'it can not be read: {error.strerror}'
        ) from error
    except UnicodeDecodeError:
        # The text of the error would show bytes of the key.
        raise exceptions.InsecureFile(
            path=path, reason='it is not PEM'
        ) from None


def present(directory: str) -> tuple[bool, bool]:
    """Say whether a directory has a certificate, and whether a key."""
    return (
        os.path.exists(os.path.join(directory, CERTIFICATE)),
        os.path.exists(os.path.join(directory, KEY)),
    )


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """Keep other processes out, and other threads of this one.

    Each call opens the file anew, and flock(2) keeps two open files apart
    even in one process. The kernel frees the lock of a process that died.
    """
    os.makedirs(directory, mode=_DIRECTORY_MODE, exist_ok=True)
    descriptor = os.open(
        os.path.join(directory, _LOCK),
        os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW,
        SECRET_MODE,
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_pair(directory: str, pair: Pair) -> None:
    """Write a pair, key first; what was there is replaced.

    For those who hold the lock of the directory.
    """
    for name, text, mode in (
        (KEY, pair.key_pem, SECRET_MODE),
        (CERTIFICATE, pair.certificate_pem, PUBLIC_MODE),
    ):
        new = os.path.join(directory, _NEW.format(name))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        write_new(new, text, mode)
    sync_directory(directory)
    # The key first: finish_interrupted relies on it.
    for name in (KEY, CERTIFICATE):
        os.rename(
            os.path.join(directory, _NEW.format(name)),
            os.path.join(directory, name),
        )
    sync_directory(directory)


def finish_interrupted(directory: str) -> None:
    """Do the second move if a crash came between the two."""
    has_certificate, has_key = present(directory)
    new = os.path.join(directory, _NEW.format(CERTIFICATE))
    if has_key and not has_certificate and os.path.exists(new):
        os.rename(new, os.path.join(directory, CERTIFICATE))
        sync_directory(directory)


def not_written(directory: str, error: OSError) -> exceptions.TlsError:
    """Say why a directory could not be written."""
    return exceptions.TlsError(
        path=directory, reason=f'can not be written: {error.strerror}'
    )
