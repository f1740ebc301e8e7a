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


"""What keeps a script that was given up from running beside its successor.

Whoever waits for a host may die or lose patience; the script goes on, or has
not even begun. So each batch of an operation says its epoch, which grows when
the operation is taken over or turns to undoing. On the host a file has the
newest epoch that was seen, and a lock is held for as long as a script runs:
a newer one first raises the epoch, so that the older one ends after the
command that it is at, and then waits for its lock. One that comes late finds
a newer epoch and does nothing. Both files are gone after a reboot, as is
everything that ran.
"""

from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import command

#: Seconds. Longer than what a command of ours that does not hang may take:
#: Gluster's lock is held for 180 s at most.
PATIENCE = 200

#: Where the files are; not on a disk.
DIRECTORY = names.RUN_DIRECTORY

#: What ``done_with`` tells in place of the number of a command.
WORD = 'fence'
LATE = 'late'
BUSY = 'busy'

# A file of each operation stays: those of a week ago serve nobody any more.
# An epoch is written over the older one, which is not longer. To empty the
# file first would lose both where there is no room for what comes then.
_PROLOGUE = """\
fence={path}
epoch={epoch}
refuse() {{
done_with fence "$1"
exit 0
}}
is_late() {{
seen=
read -r seen <"$fence"
[ "${{seen:--1}}" -gt "$epoch" ]
}}
raise() {{
flock 8 || return
is_late && refuse late
printf '%s\\n' "$epoch" 1<>"$fence"
}}
[ -d {directory} ] || mkdir -p -m 700 {directory}
[ -e "$fence" ] || find {directory} -type f -mtime +7 -delete
true 9>>"$fence.lock" 8>>"$fence" || refuse "$?"
is_late && refuse late
[ "${{seen:--1}}" -eq "$epoch" ] || raise 8>>"$fence" || refuse "$?"
exec 9>>"$fence.lock"
flock -w {patience} 9 || refuse busy
"""

#: Before each command; a new one may have come.
CHECK = 'is_late && refuse late\n'

#: What runs on may not hold the lock: mount helpers do, for one.
LET_GO = ' 9>&-'


def prologue(fence: command.Fence, directory: str) -> str:
    """Write what comes before the first command."""
    return _PROLOGUE.format(
        path=command.quote((f'{directory}/{fence.operation}',)),
        directory=command.quote((directory,)),
        epoch=fence.epoch,
        patience=PATIENCE,
    )
