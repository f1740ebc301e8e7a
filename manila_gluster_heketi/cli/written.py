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

"""Files that people ask a command to write."""

import os
import secrets

from manila_gluster_heketi import exceptions


def whole(path: str, text: str, field: str) -> None:
    """Write a file: its readers see the old text, or all of the new one.

    :param field: what the path is called where the caller got it
    :raises InvalidInput: it can't be written; what was there stays
    """
    directory, name = os.path.split(os.path.abspath(path))
    # Beside it, since only within a file system can it take its place.
    temporary = os.path.join(directory, f'.{name}.{secrets.token_hex(4)}')
    try:
        _write_new(temporary, text)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise exceptions.InvalidInput(
            field=field, value=path, reason=error.strerror or str(error)
        ) from error


def _write_new(path: str, text: str) -> None:
    # "x": never through a link that somebody else put there.
    with open(path, 'x', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
