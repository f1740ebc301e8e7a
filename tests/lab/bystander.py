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

"""A volume that nothing is to happen to, and the client who uses it."""

from collections.abc import Iterator
from typing import Any

from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.store import volumes
from tests.lab.site import Site

_SHARE = 'bystander'
_NAME = 'tess'
_BYTES = 400 * MIB
_FILL = (
    'dd if=/dev/urandom of=data bs=1M count=16 conv=fsync status=none && '
    'sha256sum <data'
)
# What this host keeps in its memory would tell nothing.
_USE = (
    'dd if=data bs=1M iflag=direct status=none | sha256sum && '
    'date >>diary && sync diary'
)


class Bystander:
    """A volume with data, mounted from now on.

    :ivar hosts: with its bricks
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        service = site.service
        self._volume = service.create_volume(
            model.VolumeSpec(_SHARE, f'manila-{_SHARE}', _BYTES)
        )
        service.change_access(_SHARE, names=[_NAME])
        self.hosts = [
            brick.partition(':')[0] for brick in service.bricks(self._volume)
        ]
        self._client = client.Client(
            site.lab,
            f'{self.hosts[0]}:/{self._volume.name}',
            site.identity(_NAME),
        )
        self._client.mount()
        self._data = self._run(_FILL)
        self._before = self._look()

    def remove(self) -> None:
        """Unmount and delete it."""
        self.unmount()
        self._site.service.delete_volume(_SHARE)

    def unmount(self) -> None:
        """End the use of it."""
        self._client.unmount()

    def complaints(self) -> Iterator[str]:
        """Say what has happened to it after all."""
        if self._run(_USE) != self._data:
            yield 'the data of the bystander is not what was written'
        now = self._look()
        for what, before in self._before.items():
            if now[what] != before:
                yield f'the bystander had {before}, and has {now[what]}'

    def _run(self, script: str) -> str:
        done = self._client.run(['sh', '-c', script], check=True)
        return done.stdout

    def _look(self) -> dict[str, Any]:
        service = self._site.service
        with service.store.read() as tx:
            bricks = volumes.bricks(tx, self._volume.id)
        return {
            'row': service.volume(_SHARE),
            'bricks': bricks,
            'volume': self._in_gluster(),
        }

    def _in_gluster(self) -> tuple[gluster_xml.VolumeInfo, ...]:
        """Ask a host with a brick: others may be in no pool just now."""
        site = self._site.service.engine.site
        return site.ask_gluster(
            self.hosts,
            gluster.volume_info(self._volume.name),
            gluster_xml.volumes,
        )
