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

"""File systems of a simulated host: mkfs, mounts, directories, fstab."""

import posixpath

from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated import block
from manila_gluster_heketi.executor.simulated import outcome
from manila_gluster_heketi.executor.simulated import xfs_report
from manila_gluster_heketi.executor.simulated.files import ROOT_DIRECTORIES
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.files import FileSystem
from manila_gluster_heketi.executor.simulated.network import Clock
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import failed

#: mkfs.xfs 6.1 takes no less.
XFS_MIN_BYTES = 300 * 1024 * 1024

_MOUNT_TABLE = '/proc/mounts'


class Namespace:
    """All that has a path on a host.

    :ivar root: the file system at /, which outlives a power cut
    :ivar mounts: mount path -> logical volume
    """

    def __init__(self, disks: block.Block, clock: Clock) -> None:
        self.disks = disks
        self._clock = clock
        self.root = FileSystem(clock, base=ROOT_DIRECTORIES)
        self.root.files[names.FSTAB] = File('', 0o644)
        self.mounts: dict[str, block.LogicalVolume] = {}

    def resolve(self, path: str) -> tuple[FileSystem, str]:
        """Find the file system that a path is in, and the path there."""
        at = path
        while at != '/':
            volume = self.mounts.get(at)
            if volume is not None and volume.filesystem is not None:
                return volume.filesystem, path[len(at) :] or '/'
            at = posixpath.dirname(at)
        return self.root, path

    def exists(self, path: str) -> bool:
        """Tell whether a path leads anywhere."""
        filesystem, inner = self.resolve(path)
        return (
            filesystem.exists(inner)
            or self.disks.exists(path)
            or path == _MOUNT_TABLE
        )

    def mount_of(self, path: str) -> str:
        """Find the mount that a path is in; '' for the root."""
        while path != '/' and path not in self.mounts:
            path = posixpath.dirname(path)
        return '' if path == '/' else path

    def cut_power(self) -> None:
        """Lose all mounts, and what was not written back yet."""
        for filesystem in self.filesystems():
            filesystem.lose_unsynced()
            # Mounting it again replays its journal.
            filesystem.is_read_only = False
        for volume in self.mounts.values():
            volume.mount_path = ''
        self.mounts.clear()

    def filesystems(self) -> list[FileSystem]:
        """List the file systems that are mounted, the root's first."""
        mounted = [each.filesystem for each in self.mounts.values()]
        return [self.root, *(each for each in mounted if each is not None)]

    def sync(self, argv: tuple[str, ...]) -> Outcome:
        """Run sync: nothing is left for a power cut to take."""
        if argv[1:]:
            raise UnknownCommand(argv)
        for filesystem in self.filesystems():
            filesystem.sync()
        return DONE

    def mount_fstab(self) -> None:
        """Mount what fstab says, as at boot; what can't be is left out."""
        for line in self.root.files[names.FSTAB].content.splitlines():
            fields = line.split()
            if len(fields) > 2 and fields[2] == 'xfs':
                self._attach(fields[0], fields[1])

    def mkfs(self, argv: tuple[str, ...]) -> Outcome:
        """Run mkfs.xfs."""
        words = outcome.words_of(
            argv, flags=('-q', '-K'), separate=('-i', '-n')
        )
        [path] = words.operands
        volume = self.disks.volume_at(path)
        if volume is None:
            return failed(
                1,
                f'Error accessing specified device {path}: '
                'No such file or directory',
                'Usage: mkfs.xfs',
            )
        if volume.mount_path:
            return failed(
                1,
                f'mkfs.xfs: {path} contains a mounted filesystem',
                'Usage: mkfs.xfs',
            )
        if volume.filesystem is not None:
            return failed(
                1,
                f'mkfs.xfs: {path} appears to contain an existing '
                'filesystem (xfs).',
                'mkfs.xfs: Use the -f option to force overwrite.',
            )
        if volume.size_bytes < XFS_MIN_BYTES:
            return failed(
                1, 'Filesystem must be larger than 300MB.', 'Usage: mkfs.xfs'
            )
        volume.filesystem = FileSystem(self._clock, volume.size_bytes)
        if self.disks.pool_of(volume).is_full:
            volume.filesystem.is_valid = False
            return failed(
                1, 'mkfs.xfs: pwrite failed: No space left on device'
            )
        return DONE

    def break_off_mkfs(self, path: str) -> None:
        """Leave a file system whose making was cut short."""
        volume = self.disks.volume_at(path)
        if volume is not None and volume.filesystem is None:
            volume.filesystem = FileSystem(self._clock, volume.size_bytes)
            volume.filesystem.is_valid = False

    def grow(self, argv: tuple[str, ...]) -> Outcome:
        """Run xfs_growfs."""
        words = outcome.words_of(argv, flags=('-d', '-n'))
        [path] = words.operands
        volume = self.mounts.get(path)
        if volume is None or volume.filesystem is None:
            return failed(
                1, f'xfs_growfs: {path} is not a mounted XFS filesystem'
            )
        if '-n' in words.options:
            return Outcome(stdout=xfs_report.of(volume))
        if volume.filesystem.size_bytes == volume.size_bytes:
            return Outcome(stdout='data size unchanged, skipping\n')
        if volume.filesystem.is_read_only:
            return failed(
                1,
                'xfs_growfs: XFS_IOC_FSGROWFSDATA xfsctl failed: '
                + volume.filesystem.trouble,
            )
        volume.filesystem.size_bytes = volume.size_bytes
        return DONE

    def mkdir(self, argv: tuple[str, ...]) -> Outcome:
        """Run mkdir -p."""
        words = outcome.words_of(argv, flags=('-p',))
        if '-p' not in words.options:
            raise UnknownCommand(argv)
        for path in words.operands:
            if self.exists(path):
                continue
            filesystem, inner = self.resolve(path)
            if filesystem.trouble:
                first = self._first_missing(path)
                return failed(
                    1,
                    f"mkdir: cannot create directory '{first}': "
                    + filesystem.trouble,
                )
            filesystem.make_directories(inner)
        return DONE

    def _first_missing(self, path: str) -> str:
        """Find the topmost directory of a path that is not there."""
        above = posixpath.dirname(path)
        return path if self.exists(above) else self._first_missing(above)

    def rmdir(self, argv: tuple[str, ...]) -> Outcome:
        """Run rmdir."""
        [path] = outcome.words_of(argv).operands
        if path in self.mounts:
            reason = 'Device or resource busy'
        else:
            filesystem, inner = self.resolve(path)
            reason = (
                filesystem.trouble
                if filesystem.is_read_only
                else filesystem.remove_directory(inner)
            )
        if reason:
            return failed(1, f"rmdir: failed to remove '{path}': {reason}")
        return DONE

    def cat(self, argv: tuple[str, ...]) -> Outcome:
        """Run cat on one file."""
        [path] = outcome.words_of(argv).operands
        if path == _MOUNT_TABLE:
            return Outcome(
                stdout=''.join(
                    f'{volume.mapper_path} {at} xfs rw,noatime 0 0\n'
                    for at, volume in self.mounts.items()
                )
            )
        filesystem, inner = self.resolve(path)
        if inner not in filesystem.files:
            return failed(1, f'cat: {path}: No such file or directory')
        return Outcome(stdout=filesystem.files[inner].content)

    def chmod(self, argv: tuple[str, ...]) -> Outcome:
        """Run chmod on one file."""
        mode, path = outcome.words_of(argv).operands
        filesystem, inner = self.resolve(path)
        if filesystem.is_read_only:
            return failed(
                1,
                f"chmod: changing permissions of '{path}': "
                + filesystem.trouble,
            )
        content = filesystem.files[inner].content
        filesystem.put(inner, File(content, int(mode, 8)))
        return DONE

    def mount(self, argv: tuple[str, ...]) -> Outcome:
        """Run mount."""
        words = outcome.words_of(argv, separate=('-t', '-o'))
        device, path = words.operands
        error = self._attach(device, path)
        if error:
            return failed(
                32,
                f'mount: {path}: {error}',
                '       dmesg(1) may have more information after failed '
                'mount system call.',
            )
        return DONE

    def _attach(self, device: str, path: str) -> str:
        volume = self.disks.volume_at(device)
        filesystem, inner = self.resolve(path)
        if not filesystem.is_directory(inner):
            return 'mount point does not exist.'
        if volume is None:
            return f'special device {device} does not exist.'
        if path in self.mounts or volume.mount_path:
            at = volume.mount_path or path
            return f'{volume.mapper_path} already mounted on {at}.'
        if volume.filesystem is None or not volume.filesystem.is_valid:
            return (
                f'wrong fs type, bad option, bad superblock on '
                f'{volume.mapper_path}, missing codepage or helper program, '
                'or other error.'
            )
        volume.filesystem.is_read_only = False
        volume.mount_path = path
        self.mounts[path] = volume
        return ''

    def umount(self, argv: tuple[str, ...], *, busy: bool) -> Outcome:
        """Run umount.

        :param busy: a brick process has its working directory there
        """
        [path] = outcome.words_of(argv).operands
        volume = self.mounts.get(path)
        if volume is None:
            text = 'not mounted.'
            if not self.exists(path):
                text = 'no mount point specified.'
            return failed(32, f'umount: {path}: {text}')
        if busy:
            return failed(32, f'umount: {path}: target is busy.')
        volume.mount_path = ''
        del self.mounts[path]
        return DONE
