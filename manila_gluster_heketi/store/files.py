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


"""Files that hold the store, or a copy of it: for its owner alone."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

from manila_gluster_heketi import exceptions

_MODE = 0o600


@contextlib.contextmanager
def new(path: str) -> Iterator[str]:
    """Give the path of a file that becomes ``path`` if all goes well.

    It appears at once and complete, on the disk, and replaces nothing.

    :raises InvalidInput: there is such a file, or it can't be written
    """
    directory = os.path.dirname(os.path.abspath(path))
    try:
        if os.path.lexists(path):
            raise FileExistsError
        # Its mode is 0600.
        descriptor, made = tempfile.mkstemp(prefix='.new-', dir=directory)
        os.close(descriptor)
        try:
            yield made
            _to_disk(made)
            _name(made, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(made)
        _to_disk(directory)
    except FileExistsError as error:
        raise exceptions.InvalidInput(
            field='file', value=path, reason='it is there already'
        ) from error
    except OSError as error:
        raise exceptions.InvalidInput(
            field='file', value=path, reason=f'{error.strerror}'
        ) from error


def _name(made: str, path: str) -> None:
    """Give a file its name, unless another one has it by now."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:
        # There are file systems without links.
        if os.path.lexists(path):
            raise FileExistsError from None
        os.rename(made, path)


def _to_disk(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(path: str) -> None:
    """Make an empty file that others can't read, unless there is one.

    :raises OSError: it can't be made
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))
