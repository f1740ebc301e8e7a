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

"""A file of SQLite that is migrated already.

All migrations take longer than most tests, and have tests of their own.
"""

import functools
import os
import tempfile

from manila_gluster_heketi.store import files
from manila_gluster_heketi.store.session import Store


def put(path: str) -> None:
    """Have an empty store there."""
    files.make_private(path)
    with open(path, 'wb') as file:
        file.write(_content())


@functools.cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'store.sqlite')
        store = Store(f'sqlite:///{path}')
        store.sync()
        store.close()
        with open(path, 'rb') as file:
            return file.read()
