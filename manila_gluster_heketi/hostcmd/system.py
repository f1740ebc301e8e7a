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

"""Files, services, programs and clocks of a host."""

import dataclasses
import posixpath
import re

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import shell
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard
from manila_gluster_heketi.hostcmd.command import Tolerance

GLUSTERD = 'glusterd'

# Debian's unit gives what does not end 300 s before it is killed.
_RESTART_SECONDS = 360

# One call for all: a program that is missing is an answer, not a failure.
_VERSIONS = """\
show() { printf '== %s\\n' "$1"; shift; "$@" 2>&1; }
show gluster gluster --version
show lvm lvm version
show mkfs.xfs mkfs.xfs -V
show thin_check thin_check -V
show systemctl systemctl --version
show openssl openssl version
exit 0
"""

# umask gives the file its mode before there is anything in it. dd copies,
# and syncs, in one process.
_WRITE = """\
umask "$2"
temporary=$1.$$.new
dd of="$temporary" conv=fsync status=none &&
mv -f -- "$temporary" "$1" && sync "${1%/*}" && exit 0
rm -f -- "$temporary"
exit 1
"""

# The transport knows its paths from OpenSSL's build: /usr/lib/ssl on Debian,
# /etc/ssl or /etc/pki/tls elsewhere.
_TLS_DIRECTORY = """\
xlators=$(glusterfs --print-xlatordir) &&
exec grep -aoE -m1 '/[A-Za-z0-9/_.+-]*/glusterfs[.]pem' \
"${xlators%/xlator}/rpc-transport/socket.so"
"""

# A power cut must not leave an empty or half a copy: it would be put back.
_SET_PING = (
    shell.REPLACE_FILE
    + """\
new="    option ping-timeout $2"
while IFS= read -r line; do
[ "$line" = "$new" ] && exit 0
done <"$1"
kept=$1.before-gluster-heketi
[ -e "$kept" ] || {
cp -p -- "$1" "$kept.new" && sync "$kept.new" && mv -f -- "$kept.new" "$kept"
} || { rm -f -- "$kept.new"; exit 1; }
replace "$1" sed -E -e '/^[ \\t]*option[ \\t]+ping-timeout[ \\t]/d' \
-e "s/^end-volume/$new\\\\n&/"
"""
)

_RESTORE_PING = """\
mv -f -- "$1.before-gluster-heketi" "$1" && sync "${1%/*}"
"""

# Without the sync a power cut could bring back a key that was taken away.
_REMOVE = """\
rm -f -- "$1" && sync "${1%/*}"
"""

# Debian's unit allows for 6 starts of glusterd an hour: the next one would end
# it for good, were they not counted anew.
_RESTART = """\
systemctl reset-failed "$1"
systemctl restart "$1"
"""

# The same; a reboot, which starts the service too, takes the note away.
_RESTART_ONCE = """\
[ -e "$1" ] && exit 0
systemctl reset-failed "$2"
systemctl restart "$2" || exit
mkdir -p -m 700 "${1%/*}" && : >"$1"
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the programs that a storage node needs; '' if missing."""

    gluster: str
    lvm: str
    xfs: str
    thin_check: str
    systemctl: str
    openssl: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are empty."""
        return tuple(
            field.name
            for field in dataclasses.fields(self)
            if not getattr(self, field.name)
        )


def versions() -> Command:
    """Ask for the versions of the programs that a node needs."""
    return Command(shell.script(_VERSIONS, 'versions'), reads_only=True)


def parse_versions(output: str) -> Versions:
    """Read the answer to :func:`versions`."""
    found = {}
    for part in output.split('== ')[1:]:
        program, _, said = part.partition('\n')
        match = re.search(r'\d+(\.\d+)+', said)
        found[program] = match.group() if match else ''
    return Versions(
        gluster=found.get('gluster', ''),
        lvm=found.get('lvm', ''),
        xfs=found.get('mkfs.xfs', ''),
        thin_check=found.get('thin_check', ''),
        systemctl=found.get('systemctl', ''),
        openssl=found.get('openssl', ''),
    )


def service_start(name: str = GLUSTERD) -> Command:
    """Start a service; one that runs is left alone."""
    return Command(
        ('systemctl', 'start', name), timeout_seconds=_RESTART_SECONDS
    )


def service_restart(name: str = GLUSTERD) -> Command:
    """Restart a service.

    With glusterd may go its bricks: they run in its control group, and
    Debian's unit (glusterfs 10.3) has systemd end all that is in it.
    """
    return Command(
        shell.script(_RESTART, 'restart', name),
        timeout_seconds=_RESTART_SECONDS,
    )


def service_restart_once(reason: str, name: str = GLUSTERD) -> Command:
    """Restart a service, but not again for the same reason.

    :param reason: a word; the host knows it until it reboots
    """
    note = f'{names.RUN_DIRECTORY}/restarted-{reason}'
    return Command(
        shell.script(_RESTART_ONCE, 'restart_once', note, name),
        timeout_seconds=_RESTART_SECONDS,
    )


def service_is_active(name: str = GLUSTERD) -> Command:
    """Fail unless a service runs."""
    return Command(
        ('systemctl', 'is-active', '--quiet', name), reads_only=True
    )


def set_ping_timeout(seconds: int) -> Command:
    """Have glusterd notice a dead peer; it counts from its next start.

    With glusterd's own 0 a peer that lost power stays connected for minutes
    and every transaction hangs. The file as it was is kept beside it, once. A
    second run changes nothing.
    """
    return Command(
        shell.script(
            _SET_PING, 'set_ping_timeout', names.GLUSTERD_VOL, str(seconds)
        )
    )


def restore_ping_timeout() -> Command:
    """Take :func:`set_ping_timeout` back; without it, nothing changes."""
    return Command(
        shell.script(
            _RESTORE_PING, 'restore_ping_timeout', names.GLUSTERD_VOL
        ),
        guard=Guard(
            Condition.EXISTS, f'{names.GLUSTERD_VOL}.before-gluster-heketi'
        ),
    )


def write_file(
    path: str, content: str, mode: int = 0o644, *, sensitive: bool = False
) -> Command:
    """Write a file in one step: readers see the old or the new one.

    A second run writes it again.

    :param content: text that ends with a newline
    :param mode: without execute permission
    :param sensitive: the content is a secret
    """
    umask = f'{0o777 & ~mode:04o}'
    return Command(
        shell.script(_WRITE, 'write_file', path, umask),
        stdin=content,
        sensitive=sensitive,
    )


def remove_file(path: str) -> Command:
    """Remove a file; one that is not there is fine."""
    return Command(
        shell.script(_REMOVE, 'remove_file', path),
        guard=Guard(Condition.EXISTS, path),
    )


def read_file(path: str) -> Command:
    """Print a file; one that is not there is skipped, not empty."""
    return Command(
        ('cat', '--', path),
        reads_only=True,
        guard=Guard(Condition.EXISTS, path),
    )


def public_key(path: str) -> Command:
    """Print the public part of a private key, which stays where it is.

    Of a file that is no key nothing is printed; one that is not there is
    skipped.
    """
    return Command(
        ('openssl', 'pkey', '-in', path, '-pubout'),
        reads_only=True,
        guard=Guard(Condition.EXISTS, path),
        tolerated=(Tolerance(1, ''),),
    )


def tls_directory() -> Command:
    """Ask where glusterfs on this host reads its certificate from."""
    return Command(
        shell.script(_TLS_DIRECTORY, 'tls_directory'), reads_only=True
    )


def parse_tls_directory(host: str, output: str) -> str:
    """Read the answer to :func:`tls_directory`.

    :raises OutputNotUnderstood: it is no path
    """
    path = output.strip()
    if not path.startswith('/') or '\n' in path:
        raise exceptions.OutputNotUnderstood(
            host=host,
            command='glusterfs --print-xlatordir',
            output=output,
            reason='not a path',
        )
    return posixpath.dirname(path)


def clock() -> Command:
    """Ask for the time: certificates need clocks that agree."""
    return Command(('date', '+%s.%N'), reads_only=True)


def parse_clock(host: str, output: str) -> float:
    """Read the answer to :func:`clock`.

    :returns: seconds since 1970, UTC
    :raises OutputNotUnderstood: it is no number
    """
    try:
        return float(output)
    except ValueError as error:
        raise exceptions.OutputNotUnderstood(
            host=host, command='date', output=output, reason=str(error)
        ) from error


def sync() -> Command:
    """Write what the host holds back to its disks."""
    return Command(('sync',), reads_only=True)
