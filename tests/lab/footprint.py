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

"""What is on the nodes of the lab: seen, compared, and swept away.

Tests compare what they see before and after. So what they look at is all
that the project ever makes on a node, and none of what goes on by itself.
"""

import dataclasses
import hashlib
import pathlib
import re
import subprocess
from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import names
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import nodes

_SECONDS = 120

# Each process takes a guest long, so there are few. tail writes the header
# "==> FILE <==" before each file, which the others are given to match.
# dmsetup counts the chunks of thin pools, which lvs rounds to 0.01 %.
LOOK = """
exec 2>/dev/null
shopt -s nullglob
tail -vn +1 /proc/mounts /etc/fstab /etc/glusterfs/glusterd.vol* \\
    /usr/lib/ssl/glusterfs.* /var/lib/glusterd/peers/* \\
    /var/lib/gluster-heketi/node.json /var/lib/glusterd/secure-access
echo '==> volumes <=='
lvs --noheadings --units b -o vg_name,lv_name,lv_size
echo '==> devices <=='
pvs --noheadings --units b -o pv_name,vg_name,pv_free
echo '==> chunks <=='
dmsetup status --target thin-pool
echo '==> files <=='
find /var/lib/gluster-heketi/mounts /var/lib/glusterd/vols -mindepth 1 \\
    -maxdepth 2
echo '==> glusterd <=='
systemctl is-active glusterd
exit 0
"""

# glusterd goes first: it would otherwise answer for what is being removed,
# and a cluster whose peers disagree could not be told to remove anything.
_SWEEP = """
systemctl stop glusterd
cd /var/lib/glusterd
rm -rf vols/* peers/* snaps/* glustershd/* quotad/* bitd/* scrub/*
root=/var/lib/gluster-heketi
awk -v root="$root/" 'index($2, root) == 1 {print $2}' /proc/mounts |
xargs -r -n1 umount -l
awk -v root="$root/" 'index($2, root) != 1' /etc/fstab >/etc/fstab.swept
mv /etc/fstab.swept /etc/fstab
rm -rf "$root"
for group in $(vgs --noheadings -o vg_name @gluster-heketi); do
    disks=$(pvs --noheadings -o pv_name -S vg_name="$group")
    vgremove -qq -ff -y "$group" && pvremove -qq -ff -y $disks
done
rm -f /usr/lib/ssl/glusterfs.pem /usr/lib/ssl/glusterfs.key
rm -f /usr/lib/ssl/glusterfs.ca /var/lib/glusterd/secure-access
old=/etc/glusterfs/glusterd.vol.before-gluster-heketi
if [ -e "$old" ]; then mv "$old" /etc/glusterfs/glusterd.vol; fi
systemctl start glusterd
sync
systemctl is-active glusterd || { echo glusterd does not start >&2; exit 1; }
"""


@dataclasses.dataclass(frozen=True)
class Footprint:
    """What a node had at one moment.

    :ivar volumes: logical volumes, as "GROUP NAME SIZE"
    :ivar devices: of LVM, as "PATH GROUP FREE"
    :ivar chunks: of thin pools, as "POOL USED/ALL"
    :ivar mounts: of XFS, as "DEVICE PATH"
    :ivar directories: where bricks are mounted
    :ivar gluster: names of Gluster volumes
    :ivar peers: how many
    :ivar files: digests of glusterd's configuration, of certificates and of
        the record that the node has of itself
    """

    volumes: tuple[str, ...]
    devices: tuple[str, ...]
    chunks: tuple[str, ...]
    mounts: tuple[str, ...]
    fstab: tuple[str, ...]
    directories: tuple[str, ...]
    gluster: tuple[str, ...]
    peers: int
    files: tuple[str, ...]
    daemon: tuple[str, ...]

    @property
    def bricks(self) -> tuple[str, ...]:
        """The logical volumes that are bricks."""
        return tuple(each for each in self.volumes if ' brick_' in each)


def run_on(
    lab: layout.Lab, node: str, script: str, user: str = 'root'
) -> subprocess.CompletedProcess[str]:
    """Run a shell script on a node."""
    return subprocess.run(
        [*nodes.ssh_argv(lab, node, user), script],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


def answer(lab: layout.Lab, node: str, script: str) -> str:
    """Run a shell script that must succeed; give what it printed."""
    return answers(lab, script, [node])[node]


def answers(
    lab: layout.Lab, script: str, chosen: Sequence[str] = ()
) -> dict[str, str]:
    """Run a script on all nodes, or some, at once; give what each printed."""
    # Without threads of ours, which a process that ends can't start.
    running = {
        name: subprocess.Popen(
            [*nodes.ssh_argv(lab, name), script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in chosen or [node.name for node in lab.nodes]
    }
    printed = {}
    for name, process in running.items():
        stdout, stderr = process.communicate(timeout=_SECONDS)
        if process.returncode:
            raise AssertionError(f'{name}: {script}: {stderr}')
        printed[name] = stdout.strip()
    return printed


def look(
    lab: layout.Lab, chosen: Sequence[str] = ()
) -> dict[str, Footprint]:
    """See what is on the nodes, all or some."""
    return {
        name: parse(text)
        for name, text in answers(lab, LOOK, chosen).items()
    }


def sweep(lab: layout.Lab) -> None:
    """Make all nodes as if they were new, whatever state they are in.

    What is on a device that is not in a volume group of ours stays.
    """
    for status in nodes.status(lab):
        if not status.linked:
            nodes.set_link(lab, status.node, up=True)
    off = [s.node.name for s in nodes.status(lab) if not s.running]
    nodes.start(lab, off)
    answers(lab, _SWEEP)


def parse(text: str) -> Footprint:
    """Read what :data:`LOOK` prints."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if header := re.fullmatch('==> (.*) <==', line):
            current = found.setdefault(header[1], [])
        elif line.strip():
            current.append(' '.join(line.split()))
    paths = found['files']
    return Footprint(
        volumes=_sorted(found['volumes']),
        devices=_sorted(found['devices']),
        chunks=_sorted(
            _chunks(line)
            for line in found['chunks']
            if ' thin-pool ' in line  # "No devices found" else.
        ),
        mounts=_sorted(
            ' '.join(line.split()[:2])
            for line in found['/proc/mounts']
            if line.split()[2] == 'xfs'
        ),
        fstab=_sorted(found['/etc/fstab']),
        directories=_sorted(
            path for path in paths if f'/{names.lv_name("")}' in path
        ),
        gluster=_sorted(
            path.rpartition('/')[2] for path in paths if _is_volume(path)
        ),
        peers=sum(path.startswith('/var/lib/glusterd/') for path in found),
        files=_sorted(
            f'{path} {_digest(lines)}'
            for path, lines in found.items()
            if path.startswith(('/etc/glusterfs/', '/usr/lib/ssl/'))
            or path in (names.NODE_RECORD, names.SECURE_ACCESS)
        ),
        daemon=tuple(found['glusterd']),
    )


def _sorted(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(lines))


def _chunks(line: str) -> str:
    """Take the count from "POOL: START LENGTH thin-pool ID META DATA".

    While a pool has volumes its own name ends otherwise.
    """
    words = line.split()
    return f'{words[0].removesuffix(":").removesuffix("-tpool")} {words[6]}'


def _is_volume(path: str) -> bool:
    return str(pathlib.PurePath(path).parent) == '/var/lib/glusterd/vols'


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:12]
