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


"""Volumes: what Gluster has of them, and how they are set."""

from collections.abc import Iterator
from collections.abc import Set

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.model import VolumeState
from manila_gluster_heketi.operations import step
from manila_gluster_heketi.operations.truth import mend_steps
from manila_gluster_heketi.operations.truth import pools
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.scene import Scene
from manila_gluster_heketi.tls import access

_TLS = ('client.ssl', 'server.ssl')


def compare(scene: Scene, overtaken: Set[str]) -> Iterator[Finding]:
    """Find what differs.

    :param overtaken: identities of clusters that the store is too old for to
        be right about their volumes: who was denied since would be let in
        again
    """
    for volume in scene.volumes():
        pool = scene.pool(volume.cluster_id)
        if volume.state is not VolumeState.READY:
            yield _finding(
                volume, Code.VOLUME_HALF_WAY, VolumeState.READY, volume.state
            )
        # Of a creation that is held, what is there says how it ended.
        is_there = volume.state is VolumeState.READY or (
            volume.id in scene.motion.held
        )
        if pool is not None and is_there:
            is_old = volume.cluster_id in overtaken
            yield from _Volume(scene, volume, pool, is_old).compare()
    for cluster_id in scene.ledger.clusters:
        pool = scene.pool(cluster_id)
        if pool is not None:
            yield from _unknown(scene, pool)


def _finding(
    volume: model.Volume, code: Code, expected: object, found: object
) -> Finding:
    name = f'volume {volume.name}'
    return Finding(code, '', name, str(expected), str(found))


def _unknown(scene: Scene, pool: pools.PoolView) -> Iterator[Finding]:
    for info in pool.volumes.values():
        volume_id = info.options.get(names.OPTION_VOLUME_ID)
        known = scene.ledger.all_volumes.keys() | scene.motion.ids
        if volume_id is not None and volume_id not in known:
            yield Finding(
                Code.VOLUME_UNKNOWN,
                '',
                f'volume {info.name}',
                'none',
                f'{info.status.lower()}, with the id {volume_id}',
            )


class _Volume:
    """The comparison of one volume."""

    def __init__(
        self,
        scene: Scene,
        volume: model.Volume,
        pool: pools.PoolView,
        is_old: bool,
    ) -> None:
        self._scene = scene
        self._volume = volume
        self._pool = pool
        self._is_old = is_old

    def compare(self) -> Iterator[Finding]:
        """Find what differs."""
        name = self._volume.name
        info = self._pool.volumes.get(name)
        if info is None:
            # What some nodes know, the others missed: that is told of them.
            known = self._scene.known.get(self._volume.cluster_id, ())
            if name not in known:
                yield self._finding(Code.VOLUME_MISSING, 'a volume', 'none')
            return
        identity = info.options.get(names.OPTION_VOLUME_ID, self._volume.id)
        if identity != self._volume.id:
            yield self._finding(
                Code.VOLUME_OTHER, f'id {self._volume.id}', f'id {identity}'
            )
            return
        yield from self._shape(info)
        yield from self._quota()
        yield from self._access(info)
        yield from self._marks(info)

    def _shape(self, info: gluster_xml.VolumeInfo) -> Iterator[Finding]:
        if not self._pool.runs(info.name):
            yield self._finding(
                Code.VOLUME_STOPPED, 'started', info.status.lower()
            )
        durability = pools.durability_of(info)
        if durability != self._volume.durability:
            yield self._finding(
                Code.VOLUME_KIND, self._volume.durability, durability
            )
        ledger = self._scene.ledger
        bricks = sorted(
            ledger.bricks[self._volume.id],
            key=lambda b: (b.set_index, b.position),
        )
        addresses = tuple(map(ledger.address_of, bricks))
        if addresses != info.addresses:
            yield self._finding(
                Code.VOLUME_BRICKS,
                ', '.join(addresses),
                ', '.join(info.addresses),
            )

    def _quota(self) -> Iterator[Finding]:
        volume = self._volume
        if not self._pool.runs(volume.name) or (
            volume.id not in self._scene.quotas
        ):
            return
        found = self._scene.quotas[volume.id]
        if found == volume.size_bytes:
            return
        wanted = f'{volume.size_bytes} bytes'
        if isinstance(found, exceptions.HostError):
            yield self._finding(Code.VOLUME_QUOTA, wanted, found.what)
            return
        hosts = self._scene.gluster_hosts(volume)
        yield self._finding(
            Code.VOLUME_QUOTA,
            wanted,
            'none' if found is None else f'{found} bytes',
            mend_steps.RestoreQuota(
                host=hosts[0],
                hosts=hosts,
                name=volume.name,
                quota_bytes=volume.size_bytes,
            ),
        )

    def _access(self, info: gluster_xml.VolumeInfo) -> Iterator[Finding]:
        volume, revoked = self._volume, self._scene.ledger.revoked
        clients = tuple(n for n in volume.access if n not in revoked)
        wanted = access.allow_value(
            volume.cluster_id, clients, volume=volume.name
        )
        value = info.options.get(access.OPTION, '')
        found = value or 'unset, which lets everybody in'
        listed = set(value.split(','))
        if not revoked.isdisjoint({*listed, *volume.access}):
            back = ', '.join(sorted(revoked & {*listed, *volume.access}))
            yield self._finding(
                Code.VOLUME_REVOKED,
                wanted,
                f'{found}; of these or of those on record, revoked: {back}',
                self._withdrawing(clients, wanted),
            )
        elif listed != set(wanted.split(',')):
            yield self._finding(
                Code.VOLUME_ACCESS,
                wanted,
                found,
                self._setting({access.OPTION: wanted}),
            )
        plain = [name for name in _TLS if info.options.get(name) != 'on']
        if plain:
            yield self._finding(
                Code.VOLUME_OPEN, f'{", ".join(plain)} on', 'off'
            )

    def _marks(self, info: gluster_xml.VolumeInfo) -> Iterator[Finding]:
        wanted = marks.volume_options(self._volume)
        found = {
            name: value
            for name, value in info.options.items()
            if name.startswith(names.OPTION_PREFIX)
        }
        if found == wanted:
            return
        # An option can't be set to nothing.
        mendable = set(found) <= set(wanted)
        yield self._finding(
            Code.VOLUME_MARKS,
            _said(wanted),
            _said(found),
            *([self._setting(wanted)] if mendable else []),
        )

    def _setting(self, options: dict[str, str]) -> step.Step:
        hosts = self._scene.gluster_hosts(self._volume)
        return mend_steps.SetOptions(
            host=hosts[0], hosts=hosts, name=self._volume.name, options=options
        )

    def _withdrawing(self, clients: tuple[str, ...], value: str) -> step.Step:
        hosts = self._scene.gluster_hosts(self._volume)
        return mend_steps.WithdrawNames(
            host=hosts[0],
            hosts=hosts,
            name=self._volume.name,
            names=clients,
            value=value,
        )

    def _finding(
        self, code: Code, expected: object, found: object, *steps: step.Step
    ) -> Finding:
        remedy = None
        if steps and not self._is_old:
            remedy = self._scene.mend_volume(self._volume, *steps)
        return Finding(
            code,
            '',
            f'volume {self._volume.name}',
            str(expected),
            str(found),
            remedy,
        )


def _said(options: dict[str, str]) -> str:
    return (
        ', '.join(
            f'{name.removeprefix(names.OPTION_PREFIX)}={value}'
            for name, value in sorted(options.items())
        )
        or 'none'
    )
