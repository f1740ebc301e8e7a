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
from manila_gluster_heketi.executor.simulated.files import ROOT_DIRECTORIES
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.files import FileSystem
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.outcome import failed

#: mkfs.xfs 6.1 takes no less.
XFS_MIN_BYTES = 300 * 1024 * 1024


class Namespace:
    """All that has a path on a host.

    :ivar root: the file system at /, which outlives a power cut
    :ivar mounts: mount path -> logical volume
    """

    def __init__(self, disks: block.Block) -> None:
        self.disks = disks
        self.root = FileSystem(base=ROOT_DIRECTORIES)
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
        return filesystem.exists(inner) or self.disks.exists(path)

    def mount_of(self, path: str) -> str:
        """Find the mount that a path is in; '' for the root."""
        while path != '/' and path not in self.mounts:
            path = posixpath.dirname(path)
        return '' if path == '/' else path

    def unmount_all(self) -> None:
        """Lose all mounts, as in a power cut."""
        for volume in self.mounts.values():
            volume.mount_path = ''
        self.mounts.clear()

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
        volume.filesystem = FileSystem(volume.size_bytes)
        return DONE

    def grow(self, argv: tuple[str, ...]) -> Outcome:
        """Run xfs_growfs."""
        [path] = outcome.words_of(argv, flags=('-d',)).operands
        volume = self.mounts.get(path)
        if volume is None or volume.filesystem is None:
            return failed(
                1, f'xfs_growfs: {path} is not a mounted XFS filesystem'
            )
        if volume.filesystem.size_bytes == volume.size_bytes:
            return Outcome(stdout='data size unchanged, skipping\n')
        volume.filesystem.size_bytes = volume.size_bytes
        return DONE

    def mkdir(self, argv: tuple[str, ...]) -> Outcome:
        """Run mkdir -p."""
        words = outcome.words_of(argv, flags=('-p',))
        if '-p' not in words.options:
            raise UnknownCommand(argv)
        for path in words.operands:
            if not self.exists(path):
                filesystem, inner = self.resolve(path)
                filesystem.make_directories(inner)
        return DONE

    def rmdir(self, argv: tuple[str, ...]) -> Outcome:
        """Run rmdir."""
        [path] = outcome.words_of(argv).operands
        if path in self.mounts:
            reason = 'Device or resource busy'
        else:
            filesystem, inner = self.resolve(path)
            reason = filesystem.remove_directory(inner)
        if reason:
            return failed(1, f"rmdir: failed to remove '{path}': {reason}")
        return DONE

    def rm(self, argv: tuple[str, ...]) -> Outcome:
        """Run rm -f."""
        words = outcome.words_of(argv, flags=('-f',))
        if '-f' not in words.options:
            raise UnknownCommand(argv)
        for path in words.operands:
            filesystem, inner = self.resolve(path)
            filesystem.files.pop(inner, None)
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
        if volume.filesystem is None:
            return (
                f'wrong fs type, bad option, bad superblock on '
                f'{volume.mapper_path}, missing codepage or helper program, '
                'or other error.'
            )
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

    def add_to_fstab(
        self, path: str, device: str, mount_path: str, rest: str
    ) -> Outcome:
        """Do what the script of mounts.fstab_add does."""
        old = self.root.files[path]
        for line in old.content.splitlines():
            if line.startswith(f'{device} {mount_path} '):
                return DONE
        gap = '' if old.content.endswith('\n') or not old.content else '\n'
        new = f'{old.content}{gap}{device} {mount_path} {rest}\n'
        self.root.files[path] = File(new, old.mode)
        return DONE

    def remove_from_fstab(self, path: str, mount_path: str) -> Outcome:
        """Do what the script of mounts.fstab_remove does."""
        old = self.root.files[path]
        kept = [
            line
            for line in old.content.splitlines()
            if line.lstrip().startswith('#')
            or line.split()[1:2] != [mount_path]
        ]
        new = ''.join(f'{line}\n' for line in kept)
        self.root.files[path] = File(new, old.mode)
        return DONE

    def write(self, path: str, umask: str, content: str) -> Outcome:
        """Do what the script of system.write_file does."""
        filesystem, inner = self.resolve(path)
        if not filesystem.is_directory(posixpath.dirname(inner)):
            return failed(
                1,
                f"dd: failed to open '{path}.1.new': "
                'No such file or directory',
            )
        mode = 0o666 & ~int(umask, 8)
        filesystem.files[inner] = File(content, mode)
        return DONE
