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

"""What ``gluster volume`` does on simulated hosts (glusterfs 10.3)."""

import re
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from manila_gluster_heketi.durability import ARBITER
from manila_gluster_heketi.durability import DISTRIBUTE
from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.durability import Kind
from manila_gluster_heketi.durability import disperse
from manila_gluster_heketi.durability import replicate
from manila_gluster_heketi.executor.simulated import bricks
from manila_gluster_heketi.executor.simulated import gluster_answers
from manila_gluster_heketi.executor.simulated import transactions
from manila_gluster_heketi.executor.simulated.gluster_state import Crashed
from manila_gluster_heketi.executor.simulated.gluster_state import Refused
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.outcome import UnknownCommand
from manila_gluster_heketi.executor.simulated.transactions import Scene

_KNOWN_OPTION = re.compile(
    r'(auth|client|cluster|features|network|nfs|performance|server|ssl'
    r'|storage|transport|user)\.[a-z0-9.-]+'
)
_NAME = re.compile(r'[A-Za-z0-9_-]+')
_FATAL_BYTES = 4094
_NOT_DISTRIBUTED = (
    'Volume {} is not a distribute volume or contains only 1 brick.\n'
    'Not performing rebalance'
)


Work = Callable[[Scene, Sequence[str]], str]


def _create(scene: Scene, words: Sequence[str]) -> str:
    name = words[2]
    durability, addresses = _sets(words[3:])
    if not _NAME.fullmatch(name) or name == 'all':
        raise Refused(f'"{name}" cannot be the name of a volume.')
    if name in scene.volumes:
        raise Refused(f'Volume {name} already exists')
    transactions.require_agreement(scene, name)
    bricks.check(scene, addresses)
    if len(addresses) % durability.bricks_per_set:
        raise Refused('Failed to create volume files')
    bricks.check_spread(scene, addresses, durability)
    volume = Volume(name, durability, addresses)
    bricks.mark(scene, addresses, volume)
    scene.add(volume)
    return (
        f'volume create: {name}: success: please start the volume to access '
        'data\n'
    )


def _sets(words: Sequence[str]) -> tuple[Durability, list[str]]:
    """Read what the sets are, and their bricks."""
    if words[0] == 'replica' and words[2] == 'arbiter':
        if (words[1], words[3]) != ('3', '1'):
            raise UnknownCommand(words)
        return ARBITER, list(words[4:])
    if words[0] == 'replica':
        return replicate(int(words[1])), list(words[2:])
    if words[0] == 'disperse-data':
        if words[2] != 'redundancy':
            raise UnknownCommand(words)
        return disperse(int(words[1]), int(words[3])), list(words[4:])
    return DISTRIBUTE, list(words)


def _set(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    chosen = dict(zip(words[3::2], words[4::2], strict=True))
    for name, value in chosen.items():
        if not _KNOWN_OPTION.fullmatch(name):
            raise Refused(f'option : {name} does not exist')
        if not value:
            raise Refused('empty value')
        # Seen at 4094 bytes of a value of auth.ssl-allow.
        if len(value) >= _FATAL_BYTES:
            scene.host.glusterd_runs = False
            raise Crashed
    volume.options.update(chosen)
    return 'volume set: success\n'


def _start(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    force = words[3:] == ('force',)
    if volume.status == 'Started' and not force:
        raise Refused(f'Volume {volume.name} already started')
    if force:
        if not scene.is_alone:
            scene.pool.agree_on(volume.name)
            volume = scene.volume(volume.name)
    else:
        transactions.require_agreement(scene, volume.name)
    for address in volume.addresses:
        host = scene.addresses[address.partition(':')[0]]
        path = bricks.path_of(address)
        if scene.works_with(host) and not host.space.exists(path):
            raise Refused(
                f'Pre Validation failed on {host.storage}. Failed to find '
                f'brick directory {path} for volume {volume.name}. Reason : '
                'No such file or directory'
            )
    volume.status = 'Started'
    return f'volume start: {volume.name}: success\n'


def _stop(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if words[3:] != ('force',):
        raise UnknownCommand(words)
    # Forced: whether it is started is not looked at.
    transactions.require_agreement(scene, volume.name, status=False)
    volume.status = 'Stopped'
    return f'volume stop: {volume.name}: success\n'


def _delete(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if volume.status == 'Started':
        raise Refused(
            f'Volume {volume.name} has been started.Volume needs to be '
            'stopped before deletion.'
        )
    transactions.require_all(scene)
    transactions.require_agreement(scene, volume.name)
    scene.drop(volume.name)
    return f'volume delete: {volume.name}: success\n'


def _add_brick(scene: Scene, words: Sequence[str]) -> str:
    name = words[2]
    if name not in scene.volumes:
        raise Refused(f'Unable to get volinfo for volume name {name}')
    volume = scene.volume(name)
    durability, addresses = _sets(words[3:])
    # What dispersed sets are, can't be said again.
    if volume.durability.kind is Kind.DISPERSE and durability == DISTRIBUTE:
        durability = volume.durability
    if durability != volume.durability:
        raise UnknownCommand(words)
    if len(addresses) % durability.bricks_per_set:
        raise Refused('Operation failed')
    bricks.check(scene, addresses)
    bricks.check_spread(scene, addresses, durability)
    bricks.mark(scene, addresses, volume)
    volume.addresses += addresses
    return 'volume add-brick: success\n'


def _remove_brick(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    stage, addresses = words[-1], words[3:-1]
    if stage not in ('start', 'stop', 'commit'):
        raise UnknownCommand(words)
    if volume.durability != DISTRIBUTE and volume.sets == 1:
        raise Refused(
            'Removing bricks from replicate configuration is not allowed '
            'without reducing replica count explicitly.'
        )
    for address in addresses:
        if address not in volume.addresses:
            raise Refused(
                f'Incorrect brick {address} for volume {volume.name}'
            )
    if len(addresses) == len(volume.addresses):
        raise Refused('Deleting all the bricks of the volume is not allowed')
    if stage == 'commit':
        for address in addresses:
            volume.addresses.remove(address)
    return f'volume remove-brick {stage}: success\n'


def _remove_brick_status(scene: Scene, words: Sequence[str]) -> str:
    if words[-1] != 'status':
        raise UnknownCommand(words)
    scene.volume(words[2])
    return gluster_answers.brick_removal()


def _rebalance_stop(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if volume.sets == 1:
        raise Refused(_NOT_DISTRIBUTED.format(volume.name))
    return f'volume rebalance: {volume.name}: success\n'


def _quota_enable(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if volume.status != 'Started':
        raise Refused(
            'Volume is stopped, start volume before executing quota command.'
        )
    if volume.has_quota:
        raise Refused('Quota is already enabled')
    for name in ('', '-deem-statfs'):
        volume.options[f'features.quota{name}'] = 'on'
    volume.options['features.inode-quota'] = 'on'
    return 'volume quota : success\n'


def _quota_limit(scene: Scene, words: Sequence[str]) -> str:
    volume = _with_quota(scene, words[2])
    if words[4] != '/':
        raise UnknownCommand(words)
    volume.quota_bytes = int(words[5])
    return 'volume quota : success\n'


def _quota_list(scene: Scene, words: Sequence[str]) -> str:
    if words[4:] != ('/',):
        raise UnknownCommand(words)
    return gluster_answers.quota(_with_quota(scene, words[2]))


def _with_quota(scene: Scene, name: str) -> Volume:
    volume = scene.volume(name)
    if not volume.has_quota:
        raise Refused('Quota is disabled, please enable quota')
    return volume


def _rebalance_start(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if volume.sets == 1:
        raise Refused(_NOT_DISTRIBUTED.format(volume.name))
    volume.was_rebalanced = True
    return f'volume rebalance: {volume.name}: success: Rebalance has been\n'


def _rebalance_status(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if volume.sets == 1:
        raise Refused(_NOT_DISTRIBUTED.format(volume.name))
    if not volume.was_rebalanced:
        raise Refused(f'Rebalance not started for volume {volume.name}.')
    return gluster_answers.rebalance()


def _info(scene: Scene, words: Sequence[str]) -> str:
    if words[2] == 'all':
        return gluster_answers.info(tuple(scene.volumes.values()))
    return gluster_answers.info((scene.volume(words[2]),))


def _list(scene: Scene, words: Sequence[str]) -> str:
    return gluster_answers.listing(tuple(scene.volumes))


def _get(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if words[3] not in volume.options:
        raise Refused('Did you mean io-cache or nl-cache?')
    return gluster_answers.option(words[3], volume.options[words[3]])


def _status(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if volume.status != 'Started':
        raise Refused(f'Volume {volume.name} is not started')
    healers = {
        'localhost' if host is scene.host else host.storage: (
            gluster_answers.HEALER not in host.stopped_daemons
        )
        for host in (scene.host, *scene.peers())
    }
    return gluster_answers.status(
        volume.name, bricks.online(scene, volume), healers
    )


def _heal(scene: Scene, words: Sequence[str]) -> str:
    volume = scene.volume(words[2])
    if words[3:] != ('info', 'summary'):
        raise UnknownCommand(words)
    return gluster_answers.heal(
        [
            (address, scene.sees(scene.addresses[address.partition(':')[0]]))
            for address in volume.addresses
        ]
    )


#: Asked in XML, without a lock.
QUESTIONS: Mapping[str, Work] = {
    'get': _get,
    'heal': _heal,
    'info': _info,
    'list': _list,
}

#: Asked in XML, under the volume's lock.
LOCKING_QUESTIONS: Mapping[str, Work] = {
    'quota list': _quota_list,
    'rebalance status': _rebalance_status,
    'remove-brick': _remove_brick_status,
    'status': _status,
}


def _new_version(change: Work) -> Work:
    """Have peers know which of two records of a volume is the newer one."""

    def work(scene: Scene, words: Sequence[str]) -> str:
        text = change(scene, words)
        volume = scene.volumes.get(words[2])
        if volume is not None:
            volume.version += 1
        return text

    return work


_CHANGES: Mapping[str, Work] = {
    'add-brick': _add_brick,
    'create': _create,
    'delete': _delete,
    'quota enable': _quota_enable,
    'rebalance start': _rebalance_start,
    'rebalance stop': _rebalance_stop,
    'remove-brick': _remove_brick,
    'set': _set,
    'start': _start,
    'stop': _stop,
}

#: Under the volume's lock.
CHANGES: Mapping[str, Work] = {
    **{verb: _new_version(change) for verb, change in _CHANGES.items()},
    # The bricks keep what the limit is, peers only that there is one.
    'quota limit-usage': _quota_limit,
}
