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

"""A node's key and certificate: kept, put back, and looked at."""

import dataclasses
import posixpath
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import shell
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard
from manila_gluster_heketi.hostcmd.command import Tolerance

LOGS = '/var/log/glusterfs'

# Files are replaced, never written into, so a second link keeps the old one:
# it needs no room, has mode and owner, and comes back on a full disk too.
_KEEP = """\
directory=$1 kept=$1/$2
shift 2
rm -rf -- "$kept" "$kept.new" && mkdir -m 700 -- "$kept.new" || exit
for file do
[ -e "$directory/$file" ] || continue
ln -- "$directory/$file" "$kept.new/$file" && continue
rm -rf -- "$kept.new"
exit 1
done
mv -- "$kept.new" "$kept" && sync "$kept" "$directory"
"""

# mv refuses two names of one file: what was not replaced stays as it is.
_RESTORE = """\
directory=$1 kept=$1/$2
shift 2
for file do
path=$directory/$file
if [ "$kept/$file" -ef "$path" ]; then
continue
elif [ -e "$kept/$file" ]; then
rm -f -- "$path.old" && ln -- "$kept/$file" "$path.old" &&
mv -f -- "$path.old" "$path" || exit
else
rm -f -- "$path" || exit
fi
done
sync "$directory"
"""

_DISCARD = """\
rm -rf -- "$1/$2" "$1/$2.new" && sync "$1"
"""

# The daemons tell nobody but their logs. A name is that of a connection,
# behind the number of the graph; each start of a daemon begins anew.
_REFUSED = """\
for daemon in glustershd quotad; do
[ -r "$1/$daemon.log" ] || continue
tail -c 4194304 -- "$1/$daemon.log" | awk -v daemon="$daemon" '
/: Started running / { for (each in refused) delete refused[each] }
/: sending AUTH_FAILED event|: Connected, attached to remote volume/ {
  if (!match($0, /[0-9]+-[^ ]+-client-[0-9]+: /)) next
  name = substr($0, RSTART, RLENGTH - 2)
  sub(/^[0-9]+-/, "", name)
  if ($0 ~ /AUTH_FAILED/) refused[name] = 1; else delete refused[name]
}
END { for (each in refused) print daemon, each }'
done
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Permission:
    """Who may read a file.

    :ivar mode: its nine lowest bits and those above them
    :ivar uid: of its owner
    """

    mode: int
    uid: int

    @property
    def is_secret(self) -> bool:
        """Whether nobody but root may do anything with the file."""
        return not self.mode & 0o077 and self.uid == 0

    def __str__(self) -> str:
        return f'{self.mode:04o}, owner {self.uid}'


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Refused:
    """A daemon that a brick refused once; it never tries again by itself.

    :ivar daemon: 'glustershd' or 'quotad'
    :ivar volume: Gluster's name of the volume
    """

    daemon: str
    volume: str


def keep(
    directory: str, files: Sequence[str], *, kept: str = names.KEPT_CERTIFICATE
) -> Command:
    """Keep files beside, in one step; those kept before are dropped.

    A second run keeps what is there by then.

    :param files: names in the directory; one that is not there is noted so
    :param kept: what the directory is called that they are kept in
    """
    return Command(shell.script(_KEEP, 'keep_files', directory, kept, *files))


def restore(
    directory: str, files: Sequence[str], *, kept: str = names.KEPT_CERTIFICATE
) -> Command:
    """Put back what :func:`keep` kept, each file in one step.

    Files that were not there are removed. What is kept stays, so that this
    can be repeated; if nothing is kept, nothing changes.
    """
    return Command(
        shell.script(_RESTORE, 'restore_files', directory, kept, *files),
        guard=Guard(Condition.EXISTS, posixpath.join(directory, kept)),
    )


def discard(
    directory: str, *, kept: str = names.KEPT_CERTIFICATE
) -> Command:
    """Remove what :func:`keep` kept; that there is nothing is fine."""
    return Command(shell.script(_DISCARD, 'discard_files', directory, kept))


def certificate(path: str) -> Command:
    """Print a certificate as the host's own OpenSSL reads it.

    Of a file that is none nothing is printed; one that is not there is
    skipped.
    """
    return Command(
        ('openssl', 'x509', '-in', path),
        reads_only=True,
        guard=Guard(Condition.EXISTS, path),
        tolerated=(Tolerance(1, ''),),
    )


def permission(path: str) -> Command:
    """Ask who may read a file; one that is not there is skipped."""
    return Command(
        ('stat', '-L', '-c', '%a %u', '--', path),
        reads_only=True,
        guard=Guard(Condition.EXISTS, path),
    )


def parse_permission(host: str, output: str) -> Permission:
    """Read the answer to :func:`permission`.

    :raises OutputNotUnderstood: it is no mode and user
    """
    try:
        mode, uid = output.split()
        return Permission(int(mode, 8), int(uid))
    except ValueError as error:
        raise exceptions.OutputNotUnderstood(
            host=host, command='stat', output=output, reason=str(error)
        ) from error


def refused_daemons() -> Command:
    """Ask which daemons a brick refused since they were started."""
    return Command(
        shell.script(_REFUSED, 'refused_daemons', LOGS), reads_only=True
    )


def parse_refused(output: str) -> tuple[Refused, ...]:
    """Read the answer to :func:`refused_daemons`, each volume once.

    A volume that was deleted since may be among them.
    """
    return tuple(sorted(set(_refused(output.splitlines()))))


def _refused(lines: Iterable[str]) -> Iterable[Refused]:
    for line in lines:
        daemon, _, connection = line.partition(' ')
        volume = connection.rpartition('-client-')[0]
        if volume:
            yield Refused(daemon, volume)
