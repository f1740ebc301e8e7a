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

"""The authority that is to come, in a directory below that of the other.

Whoever changes one of the two holds the lock of the directory above.
"""

import contextlib
import os

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import keystore

DIRECTORY = 'next'


def read(directory: str) -> keystore.Pair | None:
    """Read the pair that is to come, if there is one.

    :raises InsecureFile: others may read the key
    """
    below = os.path.join(directory, DIRECTORY)
    if not all(keystore.present(below)):
        # It is being written or removed, or there never was one.
        return None
    return keystore.read(below)


def create(directory: str, pair: keystore.Pair) -> None:
    """Keep the pair that is to come, unless there is one.

    :raises AuthorityExists: there is one
    :raises TlsError: it can't be written
    """
    below = os.path.join(directory, DIRECTORY)
    try:
        with keystore.locked(directory):
            os.makedirs(below, mode=0o700, exist_ok=True)
            if all(keystore.present(below)):
                raise exceptions.AuthorityExists(path=below)
            keystore.write_pair(below, pair)
    except OSError as error:
        raise keystore.not_written(below, error) from error


def promote(directory: str) -> None:
    """Put the pair that is to come in the place of the other one.

    That one is gone then. After a crash it is done again to the end; between
    key and certificate the pair that is to come is still there too.

    :raises TlsError: it can't be written
    """
    try:
        with keystore.locked(directory):
            pair = read(directory)
            if pair is not None:
                keystore.write_pair(directory, pair)
            _remove(directory)
    except OSError as error:
        raise keystore.not_written(directory, error) from error


def discard(directory: str) -> None:
    """Remove the pair that is to come, if there is one.

    :raises TlsError: it can't be removed
    """
    try:
        with keystore.locked(directory):
            _remove(directory)
    except OSError as error:
        raise keystore.not_written(directory, error) from error


def _remove(directory: str) -> None:
    below = os.path.join(directory, DIRECTORY)
    # Without its key it is nothing that anybody would read.
    for name in (keystore.KEY, keystore.CERTIFICATE):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(below, name))
    if os.path.isdir(below):
        keystore.sync_directory(below)
        # An operator may have put something there.
        with contextlib.suppress(OSError):
            os.rmdir(below)
