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

"""Scripts that glusterd itself runs on each node after a command.

Facts from glusterfs 10.3: it runs every executable file there whose name
begins with S, in the order of their names and on all nodes that took part. It
does not wait for those in ``post``; its own two after ``add-brick`` take some
seconds.
"""

from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command

# XFS writes a new directory and its attributes up to 30 s later. A brick that
# loses them in a power cut is one that Gluster never starts again. Done here
# it costs no connection, and happens even if who asked for the volume is gone.
_FLUSH = f"""\
#!/bin/sh
# Installed by gluster-heketi: writes new bricks to their disks at once, so
# that they survive a power cut.
for word; do
    case $word in --volname=*) volume=${{word#*=}} ;; esac
done
for brick in {names.GLUSTERD_STATE}/vols/"${{volume:?}}"/bricks/*; do
    while IFS='=' read -r key path; do
        case $key=$path in path={names.MOUNT_ROOT}/*) ;; *) continue ;; esac
        [ -d "$path" ] && sync --file-system -- "$path"
    done <"$brick"
done
exit 0
"""


def install() -> tuple[Command, ...]:
    """Have new bricks flushed; a second run changes nothing."""
    return tuple(
        command
        for path in names.FLUSH_HOOKS
        for command in (
            system.write_file(path, _FLUSH),
            Command(('chmod', '0755', '--', path)),
        )
    )


def remove() -> tuple[Command, ...]:
    """Take the scripts away again; those that are not there are fine."""
    return tuple(system.remove_file(path) for path in names.FLUSH_HOOKS)
