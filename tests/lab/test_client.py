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

"""The lab's client itself: what it sees, and that it leaves nothing behind."""

import pathlib
import subprocess
import time

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.sizes import MIB
from tests.lab import site

_CUT_OFF_SECONDS = 15
_END_SECONDS = 5


class ClientTest(site.SiteCase):
    """Clients of one volume that alice may mount."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        service = cls.site.service
        share = model.new_id()
        spec = model.VolumeSpec(share, f'client-{share}', 400 * MIB)
        cls.volume = service.create_volume(spec)
        cls.addClassCleanup(service.delete_volume, share)
        service.change_access(share, add=['alice'])
        cls.export = f'{service.export_hosts(cls.volume)[0]}:/{spec.name}'

    def client(self, name: str = 'alice') -> client.Client:
        made = client.Client(
            self.site.lab, self.export, self.site.identity(name)
        )
        self.addCleanup(made.unmount)
        return made

    def mounts(self) -> list[str]:
        """List this host's own mounts of the volume."""
        found = pathlib.Path('/proc/self/mounts').read_text().splitlines()
        return [line for line in found if self.volume.name in line]

    def on_host(self) -> list[str]:
        """List what this host has of the volume: mounts and processes."""
        found = self.mounts()
        for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
            try:
                line = path.read_bytes().replace(b'\0', b' ').decode()
            except (OSError, UnicodeDecodeError):
                continue
            # The guests' processes are not seen from here.
            if line.startswith('/usr/sbin/glusterfs '):
                found.append(line)
        return [line for line in found if self.volume.name in line]

    def test_host_sees_no_mount_and_two_clients_share_files(self) -> None:
        with self.client() as one, self.client() as other:
            self.assertTrue(one.mounted and other.mounted)
            one.run(['tee', 'file'], text='hello', check=True)
            seen = other.run(['cat', 'file'], check=True)
            self.assertEqual('hello', seen.stdout)
            self.assertEqual([], self.mounts())
        self.assertEqual([], self.on_host())

    def test_unmount_ends_programs(self) -> None:
        with self.client() as mounted:
            program = mounted.start(['sleep', '1000'])
        self.assertEqual(-9, program.wait(_END_SECONDS))
        self.assertEqual([], self.on_host())
        self.assertRaises(exceptions.LabError, mounted.run, ['ls'])

    def test_ends_with_python(self) -> None:
        mounted = self.client()
        mounted.mount()
        # As the kernel does when Python is killed.
        assert mounted._holder and mounted._holder.stdin
        mounted._holder.stdin.close()
        self.assert_ends()

    def assert_ends(self) -> None:
        """GlusterFS ends by itself, but takes a moment."""
        end = time.monotonic() + _END_SECONDS
        while self.on_host() and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual([], self.on_host())

    def test_program_that_takes_too_long_is_killed(self) -> None:
        with self.client() as mounted:
            self.assertRaises(
                subprocess.TimeoutExpired,
                mounted.run,
                ['sleep', '100'],
                timeout=0.5,
            )

    def test_cut_off_client_cannot_write_to_the_host(self) -> None:
        share = self.volume.share_id
        self.site.service.change_access(share, add=['carol'])
        with self.client('carol') as mounted:
            self.site.service.change_access(share, remove=['carol'])
            self.assertTrue(mounted.wait_unmounted(_CUT_OFF_SECONDS))
            written = mounted.run(['touch', 'file'])
            self.assertIn('Read-only file system', written.stderr)

    def test_refusal_says_what_gluster_logged(self) -> None:
        error = self.assertRaises(
            exceptions.LabMountFailed, self.client('mallory').mount
        )
        self.assertIn('Authentication failed', error.what)
        self.assert_ends()
