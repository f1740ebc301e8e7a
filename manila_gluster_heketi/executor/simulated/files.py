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

from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated.network import Clock

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
        *(posixpath.dirname(path) for path in names.FLUSH_HOOKS),
    )
)


XFS_BLOCK_BYTES = 4096
# As many allocation groups mkfs.xfs makes on a device without stripes.
_GROUPS = 4

#: After which the kernel writes back what was changed (XFS, as configured).
WRITE_BACK_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file's content and permission."""

    content: str
    mode: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Tree:
    directories: frozenset[str]
    files: dict[str, File]
    bricks: dict[str, str]


class FileSystem:
    """A tree; paths are absolute and begin at its own root.

    What was changed is written back after a while, or by a sync; a power cut
    takes the rest, in one piece: journals keep the order.

    :ivar group_blocks: of an allocation group, which stays as it was made
    :ivar bricks: directories that Gluster marked, with the volume's uuid
    :ivar is_valid: its superblock is whole; mkfs was not cut short
    :ivar is_full: no block is free
    :ivar is_read_only: the kernel found an error
    """

    __slots__ = (
        '_base',
        '_clock',
        '_on_disk',
        '_since',
        'bricks',
        'directories',
        'files',
        'group_blocks',
        'is_full',
        'is_read_only',
        'is_valid',
        'size_bytes',
    )

    def __init__(
        self,
        clock: Clock,
        size_bytes: int = 0,
        base: frozenset[str] = frozenset(('/',)),
    ) -> None:
        self._clock = clock
        self._base = base
        self._on_disk: _Tree | None = None
        self._since = 0.0
        self.size_bytes = size_bytes
        self.group_blocks = -(-size_bytes // XFS_BLOCK_BYTES // _GROUPS)
        self.directories: set[str] = set()
        self.files: dict[str, File] = {}
        self.bricks: dict[str, str] = {}
        self.is_valid = True
        self.is_full = False
        self.is_read_only = False

    @property
    def trouble(self) -> str:
        """Why nothing can be added to it, in the kernel's words; or ''."""
        if self.is_read_only:
            return 'Read-only file system'
        return 'No space left on device' if self.is_full else ''

    def sync(self) -> None:
        """Write back what was changed."""
        self._on_disk = None

    def lose_unsynced(self) -> None:
        """Lose what a power cut takes."""
        if self._on_disk is not None and not self._is_written_back:
            self.directories = set(self._on_disk.directories)
            self.files = dict(self._on_disk.files)
            self.bricks = dict(self._on_disk.bricks)
        self._on_disk = None

    @property
    def _is_written_back(self) -> bool:
        return self._clock.seconds - self._since >= WRITE_BACK_SECONDS

    def _change(self) -> None:
        """Remember what is on the disk, before the first change to it."""
        if self._on_disk is None or self._is_written_back:
            self._on_disk = _Tree(
                frozenset(self.directories),
                dict(self.files),
                dict(self.bricks),
            )
            self._since = self._clock.seconds

    def put(self, path: str, file: File) -> None:
        """Write a file."""
        self._change()
        self.files[path] = file

    def take(self, path: str) -> None:
        """Remove a file; one that is not there is fine."""
        self._change()
        self.files.pop(path, None)

    def mark_brick(self, path: str, volume: str) -> None:
        """Make a directory into a brick of a volume."""
        self.make_directories(path)
        self._change()
        self.bricks[path] = volume

    def is_directory(self, path: str) -> bool:
        """Tell whether there is such a directory."""
        return path in self._base or path in self.directories

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or directory."""
        return path in self.files or self.is_directory(path)

    def make_directories(self, path: str) -> None:
        """Make a directory and those above it."""
        self._change()
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
        self._change()
        self.directories.discard(path)
        self.bricks.pop(path, None)
        return ''
