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

"""What the scripts in ``hostcmd`` do to the files of a simulated host."""

import posixpath
import re

from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.files import FileSystem
from manila_gluster_heketi.executor.simulated.filesystem import Namespace
from manila_gluster_heketi.executor.simulated.outcome import DONE
from manila_gluster_heketi.executor.simulated.outcome import Outcome
from manila_gluster_heketi.executor.simulated.outcome import failed

_PING_TIMEOUT = re.compile(r'(?m)^[ \t]*option[ \t]+ping-timeout[ \t].*\n')
_BACKUP = f'{names.GLUSTERD_VOL}.before-gluster-heketi'


def add_to_fstab(
    space: Namespace, path: str, device: str, mount_path: str, rest: str
) -> Outcome:
    """Do what the script of mounts.fstab_add does."""
    root = space.root
    old = root.files[path]
    for line in old.content.splitlines():
        if line.startswith(f'{device} {mount_path} '):
            return DONE
    if root.is_read_only:
        return failed(1, f'fstab_add: 6: cannot create {path}: {root.trouble}')
    if root.is_full:
        return failed(1, 'fstab_add: 6: printf: printf: I/O error')
    gap = '' if old.content.endswith('\n') or not old.content else '\n'
    new = f'{old.content}{gap}{device} {mount_path} {rest}\n'
    root.put(path, File(new, old.mode))
    root.sync()
    return DONE


def remove_from_fstab(space: Namespace, path: str, mount_path: str) -> Outcome:
    """Do what the script of mounts.fstab_remove does."""
    old = space.root.files[path]
    lines = old.content.splitlines()
    kept = [
        line
        for line in lines
        if line.lstrip().startswith('#') or line.split()[1:2] != [mount_path]
    ]
    if kept == lines:
        return DONE
    return _replace(space.root, path, ''.join(f'{line}\n' for line in kept))


def write_file(
    space: Namespace, path: str, umask: str, content: str
) -> Outcome:
    """Do what the script of system.write_file does."""
    filesystem, inner = space.resolve(path)
    if not filesystem.is_directory(posixpath.dirname(inner)):
        return failed(
            1, f"dd: failed to open '{path}.1.new': No such file or directory"
        )
    if filesystem.trouble:
        verb = 'failed to open' if filesystem.is_read_only else 'error writing'
        return failed(1, f"dd: {verb} '{path}.1.new': {filesystem.trouble}")
    filesystem.put(inner, File(content, 0o666 & ~int(umask, 8)))
    filesystem.sync()
    return DONE


def remove_file(space: Namespace, path: str) -> Outcome:
    """Do what the script of system.remove_file does."""
    filesystem, inner = space.resolve(path)
    if filesystem.is_read_only:
        return failed(1, f"rm: cannot remove '{path}': {filesystem.trouble}")
    filesystem.take(inner)
    filesystem.sync()
    return DONE


def set_ping_timeout(space: Namespace, seconds: str) -> Outcome:
    """Do what the script of system.set_ping_timeout does."""
    root = space.root
    old = root.files[names.GLUSTERD_VOL]
    line = f'    option ping-timeout {seconds}\n'
    if line in old.content:
        return DONE
    if _BACKUP not in root.files:
        if root.trouble:
            return _no_copy(root, names.GLUSTERD_VOL, _BACKUP)
        root.put(_BACKUP, old)
        root.sync()
    text = _PING_TIMEOUT.sub('', old.content)
    text = text.replace('end-volume', f'{line}end-volume')
    return _replace(root, names.GLUSTERD_VOL, text)


def restore_ping_timeout(space: Namespace) -> Outcome:
    """Do what the script of system.restore_ping_timeout does."""
    root = space.root
    if root.is_read_only:
        return failed(
            1,
            f"mv: cannot move '{_BACKUP}' to '{names.GLUSTERD_VOL}': "
            + root.trouble,
        )
    root.put(names.GLUSTERD_VOL, root.files[_BACKUP])
    root.take(_BACKUP)
    root.sync()
    return DONE


def ping_timeout(space: Namespace) -> float:
    """Read glusterd's ping time-out, as it does when it starts."""
    found = re.search(
        r'option[ \t]+ping-timeout[ \t]+(\d+)',
        space.root.files[names.GLUSTERD_VOL].content,
    )
    return float(found[1]) if found else 0.0


def _replace(root: FileSystem, path: str, text: str) -> Outcome:
    """Do what shell.REPLACE_FILE does."""
    if root.trouble:
        return _no_copy(root, path, path)
    root.put(path, File(text, root.files[path].mode))
    root.sync()
    return DONE


def _no_copy(root: FileSystem, path: str, copy: str) -> Outcome:
    if root.is_read_only:
        return failed(
            1, f"cp: cannot create regular file '{copy}.new': {root.trouble}"
        )
    return failed(
        1, f"cp: error copying '{path}' to '{copy}.new': {root.trouble}"
    )


def show_geometries(space: Namespace, *paths: str) -> Outcome:
    """Do what the script of xfs.geometries does."""
    return Outcome(
        stdout=''.join(
            f'== {path}\n{space.grow(("xfs_growfs", "-n", path)).stdout}'
            for path in paths
        )
    )


def list_directories(space: Namespace, root: str, *paths: str) -> Outcome:
    """Do what the script of mounts.directories does."""
    level = root.count('/') + 2
    below = {
        each
        for each in (*space.root.directories, *space.mounts)
        if each.startswith(f'{root}/') and each.count('/') == level
    }
    found = []
    for path in (*sorted(below), *paths):
        filesystem, inner = space.resolve(path)
        if filesystem.is_directory(inner):
            found.append(f'{path}\n')
    return Outcome(stdout=''.join(found))
