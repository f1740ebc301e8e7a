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

"""Mounts, mount points and their lines in fstab.

Others edit fstab too, so it is changed under a lock of our own, lines are
appended or taken out one at a time, and the file is never left half-written.
"""

from collections.abc import Sequence

from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import shell
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard
from manila_gluster_heketi.hostcmd.command import Tolerance

#: nouuid: a snapshot has the same UUID as its origin.
OPTIONS = 'rw,inode64,noatime,nouuid'

#: nofail: a host must boot without a brick whose disk died.
FSTAB_OPTIONS = f'{OPTIONS},nofail'

_LOCK_SECONDS = 60

# read costs no process, unlike grep. After the loop $line is what follows the
# last newline: a file that does not end with one must not swallow our line.
# A disk that fills up takes a part of it: that must not stay, because nobody
# would find it again.
_ADD = """\
while IFS= read -r line; do
case $line in "$2 $3 "*) exit 0 ;; esac
done <"$1"
case $line in "$2 $3 "*) exit 0 ;; '') end= ;; *) end='
' ;; esac
printf '%s%s %s %s\\n' "$end" "$2" "$3" "$4" >>"$1" && sync "$1" && exit 0
while IFS= read -r line; do :; done <"$1"
case "$2 $3 $4" in ${line:+"$line"*}) truncate -s "-${#line}" "$1" ;; esac
exit 1
"""

# The second field is compared as a word, not as a pattern. The shell does it
# alone: a process costs more than going through the file.
_REMOVE = (
    shell.REPLACE_FILE
    + """\
wanted=$2
found=
while read -r _ at _; do
[ "$at" = "$wanted" ] && { found=1; break; }
done <"$1"
[ -z "$found" ] && exit 0
set -f
others() {
while IFS= read -r line || [ -n "$line" ]; do
set -- $line
case ${1-} in
'#'*) ;;
*) [ "${2-}" = "$wanted" ] && continue ;;
esac
printf '%s\\n' "$line" || return
done
}
replace "$1" others
"""
)

# What is no directory is no path of ours; a pattern that matches nothing
# stays as it is and is none either.
_DIRECTORIES = """\
root=$1; shift
for path in "$root"/*/* "$@"; do
[ -d "$path" ] && printf '%s\\n' "$path"
done
exit 0
"""


def make_directory(path: str) -> Command:
    """Make a directory and those above it; a second run changes nothing."""
    return Command(
        ('mkdir', '-p', '--', path), guard=Guard(Condition.MISSING, path)
    )


def remove_directory(path: str) -> Command:
    """Remove an empty directory; one that is not there is fine."""
    return Command(('rmdir', '--', path), guard=Guard(Condition.EXISTS, path))


def mount(device: str, mount_path: str) -> Command:
    """Mount a brick; a second run finds it mounted."""
    return Command(
        ('mount', '-t', 'xfs', '-o', OPTIONS, '--', device, mount_path),
        guard=Guard(Condition.NOT_MOUNTED, mount_path),
    )


def unmount(mount_path: str) -> Command:
    """Unmount a brick; one that is not mounted is fine.

    Fails while a process has files open there: stop the volume first.
    """
    return Command(
        ('umount', '--', mount_path),
        guard=Guard(Condition.MOUNTED, mount_path),
        tolerated=(
            Tolerance(32, 'not mounted'),
            Tolerance(32, 'no mount point specified'),
        ),
    )


def fstab_add(device: str, mount_path: str) -> Command:
    """Have a brick mounted at boot; a second run changes nothing."""
    text = f'xfs {FSTAB_OPTIONS} 0 0'
    return _locked(
        shell.script(_ADD, 'fstab_add', names.FSTAB, device, mount_path, text)
    )


def fstab_remove(mount_path: str) -> Command:
    """Take a brick out of fstab; one that is not in it is fine.

    Comments and all other lines stay as they are.
    """
    return _locked(
        shell.script(_REMOVE, 'fstab_remove', names.FSTAB, mount_path)
    )


def directories(paths: Sequence[str]) -> Command:
    """List which of these directories are there, and all mount points.

    The shell looks by itself: no process for each path.
    """
    return Command(
        shell.script(_DIRECTORIES, 'directories', names.MOUNT_ROOT, *paths),
        reads_only=True,
    )


def _locked(argv: tuple[str, ...]) -> Command:
    return Command(
        ('flock', '-w', str(_LOCK_SECONDS), names.FSTAB_LOCK, *argv)
    )
