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

"""One change at a time on a volume; volumes side by side.

Gluster refuses a second transaction on a volume at once, so that waiting here
is cheaper than being refused there.
"""

import contextlib
from collections.abc import Iterator

from oslo_concurrency import lockutils


class Locks:
    """Locks of the processes of one machine that share a lock directory.

    :param directory: holds the lock files; made at first use
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def share(self, share_id: str) -> Iterator[None]:
        """Hold the lock of a share and of its volume."""
        with lockutils.lock(
            f'share-{share_id}',
            lock_file_prefix='gluster-heketi-',
            external=True,
            lock_path=self._directory,
        ):
            yield

    @contextlib.contextmanager
    def topology(self) -> Iterator[None]:
        """Hold the lock under which nodes and devices are added."""
        with lockutils.lock(
            'topology',
            lock_file_prefix='gluster-heketi-',
            external=True,
            lock_path=self._directory,
        ):
            yield
