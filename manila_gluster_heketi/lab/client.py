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

"""A tenant's client: a volume mounted with the tenant's own certificate.

GlusterFS looks for its certificate in one directory of the machine, so each
client lives in a mount namespace of its own, with the tenant's directory in
that place. The host's mounts and files are left alone, and any number of
tenants can be on this host at once.
"""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.lab import power

#: Where Debian's GlusterFS looks for its certificate: OpenSSL's OPENSSLDIR.
CERTIFICATE_DIRECTORY = '/usr/lib/ssl'
#: Where the client's commands see the volume.
MOUNT_POINT = '/mnt/share'

_MOUNT_SECONDS = 60
_UNMOUNT_SECONDS = 20.0
_POLL_SECONDS = 0.02
# The first ones say why; GlusterFS goes on trying.
_ERRORS_SHOWN = 3
_MOUNTED = 'MOUNTED'

# It holds the mount for as long as its standard input is open: so nothing
# stays behind when Python dies. A client that is refused unmounts itself;
# then its commands must not write to this host instead, so there is a
# read-only file system underneath.
_HOLD = """
set -e
mount --bind -- "$1" "$2"
mount -t tmpfs none "${3%/*}"
mkdir -- "$3"
mount -o remount,ro "${3%/*}"
[ -z "$8" ] || { mount -t tmpfs none "${8%/*}" && : >"$8"; }
timeout "$4" mount -t glusterfs -o "$5" -- "$6" "$3"
echo "$7"
read -r _ || :
umount -- "$3" || umount --lazy -- "$3"
"""


class ProgramFailed(subprocess.CalledProcessError):
    """A program on a client's host failed, and said why."""

    def __str__(self) -> str:
        return f'{super().__str__()} {self.stderr}'


class Client:
    """A volume mounted in a lab's network, with a tenant's identity.

    A context manager: mounted inside, gone after it.

    :param export: HOST:/VOLUME, as the share's export location has it
    :param identity: directory with glusterfs.pem, .key and .ca; None for a
        client that has no certificate
    :param options: for mount.glusterfs, such as ``ro``
    :param secure_access: it has the file for clusters with management
        encryption
    """

    def __init__(
        self,
        lab: layout.Lab,
        export: str,
        identity: str | pathlib.Path | None,
        options: Sequence[str] = (),
        *,
        secure_access: bool = False,
    ) -> None:
        self.lab = lab
        self.export = export
        self._identity = identity
        self._options = tuple(options)
        self._secure_access = secure_access
        self._work: tempfile.TemporaryDirectory[str] | None = None
        self._holder: subprocess.Popen[str] | None = None
        self._namespace: int | None = None

    def __enter__(self) -> 'Client':
        self.mount()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.unmount()

    def mount(self) -> None:
        """Mount the volume.

        :raises LabMountFailed: the client was refused, or can't be reached;
            with what GlusterFS logged
        :raises LabError: the lab is down
        """
        if self._holder is not None:
            raise exceptions.LabError(
                lab=self.lab.name, reason=f'{self.export} is in use already'
            )
        self._work = tempfile.TemporaryDirectory(prefix='gluster-lab-client-')
        (self._directory / 'none').mkdir()
        self._holder = subprocess.Popen(
            self._command_line(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._holder.stdout is not None
        said = []
        for line in self._holder.stdout:
            if line.strip() == _MOUNTED:
                self._namespace = os.open(
                    f'/proc/{self._holder.pid}/ns/mnt', os.O_RDONLY
                )
                return
            said.append(line.strip())
        errors = [line for line in self.log().splitlines() if '] E [' in line]
        self.unmount()
        raise exceptions.LabMountFailed(
            lab=self.lab.name,
            export=self.export,
            reason=' '.join(said) or 'it was killed',
            log=' '.join(errors[:_ERRORS_SHOWN]) or 'nothing',
        )

    def unmount(self) -> None:
        """Unmount the volume and end all programs that were started in it."""
        if self._holder is None or self._work is None:
            return
        assert self._holder.stdin and self._holder.stdout
        self._holder.stdin.close()
        try:
            self._holder.wait(_UNMOUNT_SECONDS)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()
        self._end_programs()
        self._holder.stdout.close()
        self._holder = None
        self._work.cleanup()
        self._work = None

    def _end_programs(self) -> None:
        """End what runs in the namespace: GlusterFS itself if it hangs."""
        if self._namespace is None:
            return
        # Its number is not used again while it is open here.
        ours = os.fstat(self._namespace)
        for entry in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                theirs = (entry / 'ns' / 'mnt').stat()
            except OSError:  # It ended meanwhile.
                continue
            if os.path.samestat(theirs, ours):
                power.kill(int(entry.name), signal.SIGKILL)
        os.close(self._namespace)
        self._namespace = None

    @property
    def mounted(self) -> bool:
        """Whether the mount stands; a client that is cut off loses it."""
        if self._holder is None:
            return False
        try:
            # Looking at the mount itself could hang.
            text = pathlib.Path(f'/proc/{self._holder.pid}/mounts').read_text()
        except OSError:
            return False
        return f' {MOUNT_POINT} fuse.glusterfs ' in text

    def wait_unmounted(self, seconds: float) -> bool:
        """Wait until the mount is gone; tell whether it is."""
        deadline = time.monotonic() + seconds
        while self.mounted and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return not self.mounted

    def run(
        self,
        argv: Sequence[str],
        timeout: float = 60.0,
        check: bool = False,
        text: str = '',
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this host with the volume as its directory.

        :param text: the program's standard input
        :raises subprocess.TimeoutExpired: it was killed
        :raises ProgramFailed: if ``check``
        """
        done = subprocess.run(
            self._entered(argv),
            capture_output=True,
            text=True,
            input=text,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise ProgramFailed(
                done.returncode, done.args, done.stdout, done.stderr
            )
        return done

    def start(
        self, argv: Sequence[str], **kwargs: Any
    ) -> 'subprocess.Popen[Any]':
        """Start a program as :meth:`run` does, and leave it running.

        :param kwargs: as for :class:`subprocess.Popen`
        """
        return subprocess.Popen(self._entered(argv), **kwargs)

    def log(self) -> str:
        """Return what the GlusterFS client has logged."""
        if self._work is None:
            return ''
        path = self._directory / 'log'
        return path.read_text(errors='replace') if path.exists() else ''

    @property
    def _directory(self) -> pathlib.Path:
        assert self._work is not None
        return pathlib.Path(self._work.name)

    def _command_line(self) -> list[str]:
        options = [f'log-file={self._directory}/log', *self._options]
        return network.entered(
            self.lab,
            [
                'unshare',
                '--mount',
                '--propagation=private',
                '--',
                'sh',
                '-c',
                _HOLD,
                'hold',
                str(self._identity or self._directory / 'none'),
                CERTIFICATE_DIRECTORY,
                MOUNT_POINT,
                str(_MOUNT_SECONDS),
                ','.join(options),
                self.export,
                _MOUNTED,
                names.SECURE_ACCESS if self._secure_access else '',
            ],
        )

    def _entered(self, argv: Sequence[str]) -> list[str]:
        if self._holder is None:
            raise exceptions.LabError(
                lab=self.lab.name, reason=f'{self.export} is not mounted'
            )
        return [
            'nsenter',
            f'--target={self._holder.pid}',
            '--mount',
            '--net',
            '--',
            'sh',
            '-c',
            f'cd {MOUNT_POINT} && exec "$@"',
            'client',
            *argv,
        ]
