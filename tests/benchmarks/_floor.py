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

"""The floor: what bare scripts need for the same volume.

One shell script for each node, all at once, and one script of gluster
commands on one node, over SSH connections that are open already. Nothing is
checked, recorded or undone: no software that makes the same volume by the
same commands can be quicker.
"""

import concurrent.futures
import dataclasses
import itertools
import subprocess
import threading
from collections.abc import Mapping

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import sizes
from manila_gluster_heketi import spread
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.operations import volume_options
from manila_gluster_heketi.service import Service

_MAKE_BRICK = """\
set -e
lvcreate -qq -y -V {size}b -T {vg}/{pool} -n {name}
mkfs.xfs -q -K -i size=1024,maxpct=100 -n size=8192 /dev/{vg}/{name}
mkdir -p {path}
mount -o {options} /dev/{vg}/{name} {path}
mkdir {path}/brick
echo /dev/{vg}/{name} {path} xfs {options} 0 0 >>/etc/fstab
"""

_DESTROY_BRICK = """\
set -e
umount {path}
sed -i '\\,{path},d' /etc/fstab
lvremove -qq -y {vg}/{name}
rmdir {path}
"""

_MAKE_VOLUME = """\
set -e
gluster --mode=script volume create {name} replica 3 {bricks}
gluster --mode=script volume set {name} {options}
gluster --mode=script volume start {name}
gluster --mode=script volume quota {name} enable
gluster --mode=script volume quota {name} limit-usage / {quota}
"""

_REMOVE_VOLUME = """\
set -e
gluster --mode=script volume stop {name} force
gluster --mode=script volume delete {name}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class _Brick:
    node: layout.LabNode
    device: model.Device


@dataclasses.dataclass(frozen=True, slots=True)
class FloorVolume:
    """A volume that was made by bare scripts."""

    name: str
    bricks: tuple[_Brick, ...]


class Floor:
    """Makes and removes volumes by bare scripts; safe for threads.

    :param service: knows the volume groups; nothing is recorded in it
    """

    def __init__(self, lab: layout.Lab, service: Service) -> None:
        self.lab = lab
        (self._snapshot,) = service.clusters()
        self._timeouts = service.settings.quota_timeouts
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._sockets = lab.directory / 'benchmarks' / 'floor'
        self._sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        for node in lab.nodes:
            # The lasting connection keeps standard error open.
            subprocess.run(self._ssh(node, 'true'), check=True)

    def create(self, size_bytes: int = sizes.GIB) -> FloorVolume:
        """Make a replicated volume with TLS and quota, like ours."""
        volume = self.bricks(size_bytes)
        self.run(
            volume.bricks[0].node,
            _MAKE_VOLUME.format(
                name=volume.name,
                bricks=self.addresses(volume),
                options=words(self.options(volume.name)),
                quota=size_bytes,
            ),
        )
        return volume

    def delete(self, volume: FloorVolume) -> None:
        """Remove a volume and its bricks."""
        self.remove(volume.bricks[0].node, volume.name)
        self.destroy_bricks(volume)

    def remove(self, node: layout.LabNode, name: str) -> None:
        """Stop and delete a volume, by gluster alone."""
        self.run(node, _REMOVE_VOLUME.format(name=name))

    def bricks(self, size_bytes: int) -> FloorVolume:
        """Make the bricks alone."""
        with self._lock:
            number = next(self._numbers)
        # A run that was interrupted may have left its own behind.
        name = f'floor-{model.new_id()[:12]}'
        volume = FloorVolume(name, self._place(number))
        self._on_all(volume, _MAKE_BRICK, size_bytes)
        return volume

    def destroy_bricks(self, volume: FloorVolume) -> None:
        """Remove the bricks of a volume that is gone."""
        self._on_all(volume, _DESTROY_BRICK, 0)

    def addresses(self, volume: FloorVolume) -> str:
        """List bricks as ``volume create`` wants them."""
        return ' '.join(
            f'{brick.node.address}:{_path(volume)}/brick'
            for brick in volume.bricks
        )

    def options(self, name: str) -> dict[str, str]:
        """List the options that a volume of ours would have."""
        cluster = self._snapshot.cluster.id
        volume = model.Volume(
            id=model.new_id(),
            cluster_id=cluster,
            share_id=model.new_id(),
            name=name,
            size_bytes=sizes.GIB,
            capacity_bytes=sizes.GIB,
            durability=durability.replicate(3),
            spread=spread.Spread(),
            state=model.VolumeState.CREATING,
        )
        return volume_options.born_with(volume, self._timeouts, {})

    def run(self, node: layout.LabNode, script: str) -> str:
        """Run a script on a node; fail if it does."""
        done = subprocess.run(
            self._ssh(node, 'sh -s'),
            input=script,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f'{node.name}: {done.stdout} {done.stderr}')
        return done.stdout

    def _ssh(self, node: layout.LabNode, command: str) -> list[str]:
        argv = ['ssh', '-F', str(self.lab.ssh_config)]
        for option in (
            'ControlMaster=auto',
            f'ControlPath={self._sockets}/%n',
            'ControlPersist=600',
        ):
            argv += ['-o', option]
        return [*argv, node.name, command]

    def _place(self, number: int) -> tuple[_Brick, ...]:
        """Use nodes, and devices of a node, in turn."""
        nodes = self.lab.nodes
        chosen = [nodes[(number + turn) % len(nodes)] for turn in range(3)]
        return tuple(
            _Brick(node, self._device(node, number)) for node in chosen
        )

    def _device(self, node: layout.LabNode, number: int) -> model.Device:
        devices = [
            each.device
            for each in self._snapshot.devices
            if each.node.manage_host == node.address
        ]
        return devices[number // len(self.lab.nodes) % len(devices)]

    def _on_all(
        self, volume: FloorVolume, template: str, size_bytes: int
    ) -> None:
        def act(brick: _Brick) -> None:
            size = sizes.brick_bytes_for(
                max(size_bytes, 1), brick.device.extent_bytes
            )
            self.run(
                brick.node,
                template.format(
                    name=volume.name,
                    size=size,
                    vg=brick.device.vg_name,
                    pool=brick.device.pool_name,
                    path=_path(volume),
                    options=mounts.FSTAB_OPTIONS,
                ),
            )

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(act, volume.bricks))


def _path(volume: FloorVolume) -> str:
    return f'/srv/{volume.name}'


def words(options: Mapping[str, str]) -> str:
    """Write options as ``volume set`` wants them."""
    return ' '.join(f'{key} {value}' for key, value in options.items())
