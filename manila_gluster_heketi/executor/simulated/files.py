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

"""Directories and files of one file system of a simulated host."""

import dataclasses
import posixpath

#: Directories that a storage node has, shared by all simulated hosts.
ROOT_DIRECTORIES = frozenset(
    (
        '/',
        '/etc',
        '/etc/glusterfs',
        '/etc/ssl',
        '/run',
        '/run/lock',
        '/srv',
        '/usr',
        '/usr/lib',
        '/usr/lib/ssl',
        '/var',
        '/var/lib',
        '/var/lib/glusterd',
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file's content and permission."""

    content: str
    mode: int


class FileSystem:
    """A tree; paths are absolute and begin at its own root.

    :ivar bricks: directories that Gluster marked, with the volume's uuid
    """

    __slots__ = ('_base', 'bricks', 'directories', 'files', 'size_bytes')

    def __init__(
        self, size_bytes: int = 0, base: frozenset[str] = frozenset(('/',))
    ) -> None:
        self._base = base
        self.size_bytes = size_bytes
        self.directories: set[str] = set()
        self.files: dict[str, File] = {}
        self.bricks: dict[str, str] = {}

    def is_directory(self, path: str) -> bool:
        """Tell whether there is such a directory."""
        return path in self._base or path in self.directories

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or directory."""
        return path in self.files or self.is_directory(path)

    def make_directories(self, path: str) -> None:
        """Make a directory and those above it."""
        while not self.is_directory(path):
            self.directories.add(path)
            path = posixpath.dirname(path)

    def remove_directory(self, path: str) -> str:
        """Remove an empty directory.

        :returns: why not, or ''
        """
        if not self.is_directory(path):
            return 'No such file or directory'
        below = path.rstrip('/') + '/'
        if any(
            each.startswith(below) for each in (*self.directories, *self.files)
        ):
            return 'Directory not empty'
        self.directories.discard(path)
        self.bricks.pop(path, None)
        return ''
