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


"""What happens to nodes and stores behind our back, one thing at a time.

Each function here damages a deployment; the table at the end says what
``check`` calls it and whether ``check --repair`` makes it undone.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi.executor.simulated.block import LogicalVolume
from manila_gluster_heketi.executor.simulated.files import File
from manila_gluster_heketi.executor.simulated.gluster_state import Pool
from manila_gluster_heketi.executor.simulated.gluster_state import Volume
from manila_gluster_heketi.executor.simulated.host import Host
from manila_gluster_heketi.hostcmd import lvm
from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.hostcmd import mounts
from manila_gluster_heketi.hostcmd import xfs
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations.truth.codes import Code
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls.ca import Authority
from tests.functional.deployment import Deployment
from tests.functional.interference import fail
from tests.functional.interference import on
from tests.functional.interference import says

SHARE = 'share-1'
HOST = 'gl2'
_OTHER = 'f' * 32
_TLS = '/usr/lib/ssl'
_DEVICE = {'id': _OTHER, 'path': '/dev/vdc', 'state': 'online', 'tags': {}}


@dataclasses.dataclass(frozen=True)
class Damage:
    """One thing that happened.

    :ivar codes: what is found of it
    :ivar is_mended: all of it is as it was after a repair
    """

    do: Callable[[Deployment], None]
    codes: tuple[Code, ...]
    is_mended: bool = False

    @property
    def __name__(self) -> str:
        """What ddt calls the test after."""
        return self.do.__name__


# --- where things are -----------------------------------------------------


def host(d: Deployment):
    """Give the host that is damaged."""
    return d.cluster.host(HOST)


def brick(d: Deployment) -> model.Brick:
    """Give the brick of the share on that host."""
    [found] = [
        each
        for each in d.bricks(d.service.volume(SHARE))
        if each.vg_name in host(d).disks.groups
    ]
    return found


def group(d: Deployment):
    """Give the volume group of that brick."""
    [found] = host(d).disks.groups.values()
    return found


def lv(d: Deployment) -> LogicalVolume:
    """Give the logical volume of that brick."""
    return group(d).volumes[brick(d).lv_name]


def gluster(d: Deployment) -> Volume:
    """Give the share's volume as Gluster has it."""
    return d.gluster(d.service.volume(SHARE))


def pool(d: Deployment) -> Pool:
    """Give the trusted pool of that host."""
    return d.cluster.pool(HOST)


def _files(d: Deployment) -> dict[str, File]:
    return host(d).space.root.files


def edit_fstab(d: Deployment, old: str, new: str) -> None:
    """Replace a part of fstab."""
    text = _files(d)[names.FSTAB].content
    assert old in text
    _files(d)[names.FSTAB] = File(text.replace(old, new), 0o644)


# --- nodes ----------------------------------------------------------------


def the_network_is_cut(d: Deployment) -> None:
    d.cluster.cut_network(HOST)


def secure_access_by_hand(d: Deployment) -> None:
    _files(d)[names.SECURE_ACCESS] = File('', 0o644)


def lvm_fails(d: Deployment) -> None:
    concerns = on(HOST, says('pvs'))

    def broken(name: str, command: Command) -> None:
        if concerns(name, command):
            fail('Input/output error')(name, command)

    d.executor.before = broken


def the_record_is_gone(d: Deployment) -> None:
    del _files(d)[names.NODE_RECORD]


def the_record_is_half_written(d: Deployment) -> None:
    text = _files(d)[names.NODE_RECORD].content
    _files(d)[names.NODE_RECORD] = File(text[:40], 0o644)


def the_record_is_old(d: Deployment) -> None:
    text = _files(d)[names.NODE_RECORD].content
    assert '"zone": 2' in text
    _files(d)[names.NODE_RECORD] = File(
        text.replace('"zone": 2', '"zone": 7'), 0o644
    )


def the_record_names_another_device(d: Deployment) -> None:
    edit_record(d, HOST, lambda record: record['devices'].append(_DEVICE))


def edit_record(
    d: Deployment, name: str, edit: Callable[[dict[str, Any]], object]
) -> None:
    """Change what a host says of itself."""
    files = d.cluster.host(name).space.root.files
    record = json.loads(files[names.NODE_RECORD].content)
    edit(record)
    files[names.NODE_RECORD] = File(json.dumps(record), 0o644)


def glusterd_is_stopped(d: Deployment) -> None:
    host(d).glusterd_runs = False


def the_node_was_detached(d: Deployment) -> None:
    detach(d, host(d))


def detach(d: Deployment, where: Host) -> None:
    """Have a host be in a trusted pool of its own."""
    left = d.cluster.pool(where.name)
    left.members.remove(left.member(where))
    d.cluster._world.leave(where)


def the_node_missed_a_creation(d: Deployment) -> None:
    miss(d, HOST, gluster(d).name)


def the_node_missed_a_deletion(d: Deployment) -> None:
    old = Volume('old', durability.DISTRIBUTE, ['10.0.0.1:/srv/old'])
    miss(d, HOST, 'old', old)


def miss(
    d: Deployment, name: str, volume: str, known: Volume | None = None
) -> None:
    """Have a host miss what became of a volume.

    :param known: what it knew before; None if nothing
    """
    d.cluster.pool(name).leave_behind(d.cluster.host(name), volume, known)


def all_glusterds_are_stopped(d: Deployment) -> None:
    for name in d.hosts:
        d.cluster.host(name).glusterd_runs = False


# --- devices --------------------------------------------------------------


def the_disk_is_gone(d: Deployment) -> None:
    unmounted(d)
    host(d).disks.drop(group(d))


def the_group_has_no_tags(d: Deployment) -> None:
    group(d).tags = ()


def the_group_is_another(d: Deployment) -> None:
    group(d).tags = marks.device_tags(_OTHER)


def the_disk_was_exchanged(d: Deployment) -> None:
    group(d).pv_uuid = 'another'


def the_pool_is_gone(d: Deployment) -> None:
    del group(d).volumes['pool']


def the_pool_has_grown(d: Deployment) -> None:
    group(d).volumes['pool'].size_bytes += 4 * MIB


def a_device_was_forgotten(d: Deployment) -> None:
    d.cluster.run_batch(
        HOST,
        [lvm.vg_create(f'vg_{_OTHER}', '/dev/vdc', marks.device_tags(_OTHER))],
    )


# --- bricks ---------------------------------------------------------------


def the_brick_is_gone(d: Deployment) -> None:
    unmounted(d)
    del group(d).volumes[brick(d).lv_name]


def the_brick_has_no_tags(d: Deployment) -> None:
    lv(d).tags = ()


def the_brick_has_the_tags_of_an_older_release(d: Deployment) -> None:
    lv(d).tags = lv(d).tags[:3]


def the_brick_is_another(d: Deployment) -> None:
    lv(d).tags = tuple(
        each.replace(brick(d).id, _OTHER) for each in lv(d).tags
    )


def the_brick_is_in_another_pool(d: Deployment) -> None:
    lv(d).pool = 'pool2'


def unmounted(d: Deployment) -> None:
    unmount(host(d))


def unmount(where: Host) -> None:
    """Take the mounts of a host away."""
    for volume in where.space.mounts.values():
        volume.mount_path = ''
    where.space.mounts.clear()


def something_else_is_mounted(d: Deployment) -> None:
    other = LogicalVolume('vg_other', 'data', MIB, 'pool', ())
    host(d).space.mounts[brick(d).mount_path] = other


def the_line_in_fstab_is_gone(d: Deployment) -> None:
    text = _files(d)[names.FSTAB].content
    [line] = [s for s in text.splitlines() if brick(d).mount_path in s]
    edit_fstab(d, f'{line}\n', '')


def fstab_has_another_device(d: Deployment) -> None:
    edit_fstab(d, f'/dev/{brick(d).vg_name}', '/dev/vg_other')


def the_directory_is_gone(d: Deployment) -> None:
    tree = lv(d).filesystem
    assert tree is not None
    tree.directories.discard('/brick')


def the_brick_is_too_small(d: Deployment) -> None:
    tree = lv(d).filesystem
    assert tree is not None
    lv(d).size_bytes -= 64 * MIB
    tree.size_bytes -= 64 * MIB


def the_file_system_is_too_small(d: Deployment) -> None:
    tree = lv(d).filesystem
    assert tree is not None
    tree.size_bytes -= 64 * MIB


def the_brick_is_larger(d: Deployment) -> None:
    tree = lv(d).filesystem
    assert tree is not None
    lv(d).size_bytes += 64 * MIB
    tree.size_bytes += 64 * MIB


def there_is_an_orphan(d: Deployment) -> None:
    """Make all of a brick but its row."""
    row = orphan(d)
    device = f'/dev/{row.vg_name}/{row.lv_name}'
    d.cluster.run_batch(
        HOST,
        [
            lvm.brick_create(
                row.vg_name,
                row.pool_name,
                row.lv_name,
                row.size_bytes,
                marks.brick_tags(row),
            ),
            xfs.make(device),
            mounts.make_directory(row.mount_path),
            mounts.fstab_add(device, row.mount_path),
            mounts.mount(device, row.mount_path),
            mounts.make_directory(row.brick_path),
        ],
    )


def orphan(d: Deployment) -> model.Brick:
    """Say what the orphan is like."""
    device_id = brick(d).device_id
    return dataclasses.replace(
        brick(d),
        id=_OTHER,
        volume_id='e' * 32,
        lv_name=names.lv_name(_OTHER),
        mount_path=names.mount_path(device_id, _OTHER),
        brick_path=names.brick_path(device_id, _OTHER),
        size_bytes=512 * MIB,
    )


def fstab_has_a_line_too_many(d: Deployment) -> None:
    row = orphan(d)
    d.cluster.run_batch(
        HOST, [mounts.fstab_add('/dev/vg_gone/lv', row.mount_path)]
    )


def there_is_an_empty_mount_point(d: Deployment) -> None:
    d.cluster.run_batch(HOST, [mounts.make_directory(orphan(d).mount_path)])


def there_is_a_full_directory(d: Deployment) -> None:
    there_is_an_empty_mount_point(d)
    _files(d)[f'{orphan(d).mount_path}/precious'] = File('', 0o644)


# --- volumes --------------------------------------------------------------


def the_volume_is_gone(d: Deployment) -> None:
    pool(d).drop(gluster(d).name)


def the_volume_is_stopped(d: Deployment) -> None:
    gluster(d).status = 'Stopped'


def the_bricks_are_in_another_order(d: Deployment) -> None:
    gluster(d).addresses.reverse()


def the_volume_has_a_foreign_brick(d: Deployment) -> None:
    gluster(d).addresses[2] = '10.0.0.3:/srv/other'


def the_volume_is_of_another_kind(d: Deployment) -> None:
    gluster(d).durability = durability.ARBITER


def the_quota_is_another(d: Deployment) -> None:
    gluster(d).quota_bytes = 7 * MIB


def there_is_no_limit(d: Deployment) -> None:
    gluster(d).quota_bytes = None


def the_quota_is_off(d: Deployment) -> None:
    for name in ('quota', 'quota-deem-statfs', 'inode-quota'):
        del gluster(d).options[f'features.{name}']


def somebody_else_may_mount(d: Deployment) -> None:
    gluster(d).options['auth.ssl-allow'] += ',mallory'


def somebody_may_not_mount(d: Deployment) -> None:
    allowed = gluster(d).options['auth.ssl-allow'].split(',')
    gluster(d).options['auth.ssl-allow'] = allowed[0]


def a_revoked_name_is_back(d: Deployment) -> None:
    d.service.revocation.revoke('mallory')
    gluster(d).options['auth.ssl-allow'] += ',mallory'


def everybody_may_mount(d: Deployment) -> None:
    del gluster(d).options['auth.ssl-allow']


def tls_is_off(d: Deployment) -> None:
    gluster(d).options['server.ssl'] = 'off'


def the_options_of_an_older_release(d: Deployment) -> None:
    for name in (names.OPTION_DURABILITY, names.OPTION_SPREAD):
        del gluster(d).options[name]


def the_share_is_another(d: Deployment) -> None:
    gluster(d).options[names.OPTION_SHARE_ID] = 'another'


def an_option_too_many(d: Deployment) -> None:
    gluster(d).options[names.OPTION_TAGS] = 'disk=ssd'


def the_volume_is_another(d: Deployment) -> None:
    gluster(d).options[names.OPTION_VOLUME_ID] = _OTHER


def a_volume_was_forgotten(d: Deployment) -> None:
    ghost = Volume('ghost', durability.DISTRIBUTE, ['10.0.0.1:/srv/ghost'])
    ghost.options[names.OPTION_VOLUME_ID] = _OTHER
    pool(d).volumes['ghost'] = ghost


def the_volume_is_condemned(d: Deployment) -> None:
    with d.service.store.write() as tx:
        volume = volumes.by_share(tx, SHARE)
        assert volume is not None
        volumes.update_volume(
            tx,
            dataclasses.replace(volume, state=model.VolumeState.CONDEMNED),
        )


# --- certificates ---------------------------------------------------------


def the_authority_is_gone(d: Deployment) -> None:
    d.service.truth._settings = dataclasses.replace(
        d.service.truth._settings, ca_directory='/nonexistent'
    )


def the_node_trusts_another(d: Deployment) -> None:
    other = Authority.load_or_create(f'{d.directory}/other')
    _files(d)[f'{_TLS}/glusterfs.ca'] = File(other.certificate_pem, 0o644)


def the_certificate_is_gone(d: Deployment) -> None:
    del _files(d)[f'{_TLS}/glusterfs.pem']


def the_key_is_gone(d: Deployment) -> None:
    del _files(d)[f'{_TLS}/glusterfs.key']


def the_key_is_spoilt(d: Deployment) -> None:
    _files(d)[f'{_TLS}/glusterfs.key'] = File('no key\n', 0o600)


def the_authorities_are_gone(d: Deployment) -> None:
    del _files(d)[f'{_TLS}/glusterfs.ca']


def the_key_is_of_another_certificate(d: Deployment) -> None:
    other = d.cluster.host('gl1').space.root.files
    _files(d)[f'{_TLS}/glusterfs.key'] = other[f'{_TLS}/glusterfs.key']


def the_certificate_is_of_another_authority(d: Deployment) -> None:
    authority = Authority.load_or_create(f'{d.directory}/other')
    trusted = _files(d)[f'{_TLS}/glusterfs.ca']
    _deploy(d, authority, _cluster_id(d))
    _files(d)[f'{_TLS}/glusterfs.ca'] = trusted


def the_certificate_has_another_name(d: Deployment) -> None:
    _deploy(d, d.service._authority(), _OTHER)


def the_certificate_is_about_to_expire(d: Deployment) -> None:
    _deploy(d, d.service._authority(), _cluster_id(d), days=3)


def the_certificate_is_not_on_record(d: Deployment) -> None:
    serial = d.serials()[HOST]
    table = schema.certificates
    with d.service.store.write() as tx:
        tx.change(table.delete().where(table.c.serial == serial))


def the_key_can_be_read(d: Deployment) -> None:
    key = _files(d)[f'{_TLS}/glusterfs.key']
    _files(d)[f'{_TLS}/glusterfs.key'] = File(key.content, 0o640)


def the_clock_is_wrong(d: Deployment) -> None:
    d.cluster.host(HOST).clock_offset_seconds = -600


def _cluster_id(d: Deployment) -> str:
    return d.service.cluster_named('c1').id


def _deploy(
    d: Deployment, authority: Authority, cluster_id: str, days: int = 365
) -> None:
    bundle = issue.issue_node(authority, cluster_id, days)
    d.cluster.run_batch(HOST, distribute.deploy_commands(bundle, _TLS))


ALL = (
    Damage(the_network_is_cut, (Code.NODE_SILENT,)),
    Damage(lvm_fails, (Code.NODE_UNREADABLE,)),
    Damage(the_record_is_gone, (Code.NODE_RECORD,), True),
    Damage(the_record_is_half_written, (Code.NODE_RECORD,), True),
    Damage(the_record_is_old, (Code.NODE_RECORD,), True),
    Damage(the_record_names_another_device, (Code.NODE_KNOWS_MORE,)),
    Damage(glusterd_is_stopped, (Code.NODE_NO_PEER,)),
    Damage(the_node_was_detached, (Code.NODE_NO_PEER,)),
    Damage(the_node_missed_a_creation, (Code.NODE_MISSED,)),
    Damage(the_node_missed_a_deletion, (Code.NODE_MISSED,)),
    Damage(all_glusterds_are_stopped, (Code.POOL_SILENT,)),
    Damage(the_disk_is_gone, (Code.DEVICE_MISSING,)),
    Damage(the_group_has_no_tags, (Code.DEVICE_MARKS,), True),
    Damage(the_group_is_another, (Code.DEVICE_OTHER,)),
    Damage(the_disk_was_exchanged, (Code.DEVICE_OTHER,)),
    Damage(the_pool_is_gone, (Code.POOL_MISSING,)),
    Damage(the_pool_has_grown, (Code.POOL_SIZE,)),
    Damage(a_device_was_forgotten, (Code.DEVICE_UNKNOWN,)),
    Damage(the_brick_is_gone, (Code.BRICK_MISSING,)),
    Damage(the_brick_has_no_tags, (Code.BRICK_MARKS,), True),
    Damage(
        the_brick_has_the_tags_of_an_older_release, (Code.BRICK_MARKS,), True
    ),
    Damage(the_brick_is_another, (Code.BRICK_OTHER,)),
    Damage(the_brick_is_in_another_pool, (Code.BRICK_OTHER,)),
    Damage(unmounted, (Code.BRICK_NOT_MOUNTED,), True),
    Damage(something_else_is_mounted, (Code.BRICK_HIDDEN,)),
    Damage(the_line_in_fstab_is_gone, (Code.BRICK_NOT_AT_BOOT,), True),
    Damage(fstab_has_another_device, (Code.BRICK_OTHER_AT_BOOT,)),
    Damage(the_directory_is_gone, (Code.BRICK_DIRECTORY,)),
    Damage(the_brick_is_too_small, (Code.BRICK_SMALLER,), True),
    Damage(
        the_file_system_is_too_small, (Code.BRICK_FILE_SYSTEM_SMALLER,), True
    ),
    Damage(the_brick_is_larger, (Code.BRICK_LARGER,)),
    Damage(there_is_an_orphan, (Code.BRICK_ORPHAN,)),
    Damage(fstab_has_a_line_too_many, (Code.MOUNT_STALE,), True),
    Damage(there_is_an_empty_mount_point, (Code.DIRECTORY_STALE,), True),
    Damage(there_is_a_full_directory, (Code.DIRECTORY_STALE,)),
    Damage(the_volume_is_gone, (Code.VOLUME_MISSING,)),
    Damage(the_volume_is_stopped, (Code.VOLUME_STOPPED,)),
    Damage(the_bricks_are_in_another_order, (Code.VOLUME_BRICKS,)),
    Damage(the_volume_has_a_foreign_brick, (Code.VOLUME_BRICKS,)),
    Damage(the_volume_is_of_another_kind, (Code.VOLUME_KIND,)),
    Damage(the_quota_is_another, (Code.VOLUME_QUOTA,), True),
    Damage(there_is_no_limit, (Code.VOLUME_QUOTA,), True),
    Damage(the_quota_is_off, (Code.VOLUME_QUOTA,), True),
    Damage(somebody_else_may_mount, (Code.VOLUME_ACCESS,), True),
    Damage(somebody_may_not_mount, (Code.VOLUME_ACCESS,), True),
    Damage(everybody_may_mount, (Code.VOLUME_ACCESS,), True),
    Damage(tls_is_off, (Code.VOLUME_OPEN,)),
    Damage(the_options_of_an_older_release, (Code.VOLUME_MARKS,), True),
    Damage(the_share_is_another, (Code.VOLUME_MARKS,), True),
    Damage(an_option_too_many, (Code.VOLUME_MARKS,)),
    Damage(the_volume_is_another, (Code.VOLUME_OTHER, Code.VOLUME_UNKNOWN)),
    Damage(a_volume_was_forgotten, (Code.VOLUME_UNKNOWN,)),
    Damage(the_volume_is_condemned, (Code.VOLUME_HALF_WAY,)),
    Damage(a_revoked_name_is_back, (Code.VOLUME_REVOKED,), True),
    Damage(the_authority_is_gone, (Code.AUTHORITY_MISSING,)),
    Damage(the_node_trusts_another, (Code.AUTHORITY_OTHER,)),
    Damage(the_certificate_is_gone, (Code.CERTIFICATE_BAD,), True),
    Damage(the_key_is_gone, (Code.CERTIFICATE_BAD,), True),
    Damage(the_key_is_spoilt, (Code.CERTIFICATE_BAD,), True),
    Damage(the_authorities_are_gone, (Code.CERTIFICATE_BAD,), True),
    Damage(the_key_is_of_another_certificate, (Code.CERTIFICATE_BAD,), True),
    Damage(
        the_certificate_is_of_another_authority, (Code.CERTIFICATE_BAD,), True
    ),
    Damage(the_certificate_has_another_name, (Code.CERTIFICATE_NAME,), True),
    Damage(
        the_certificate_is_not_on_record, (Code.CERTIFICATE_UNKNOWN,), True
    ),
    Damage(the_key_can_be_read, (Code.CERTIFICATE_KEY_OPEN,), True),
    Damage(the_clock_is_wrong, (Code.NODE_CLOCK,)),
    Damage(secure_access_by_hand, (Code.NODE_SECURE_ACCESS,)),
    Damage(
        the_certificate_is_about_to_expire, (Code.CERTIFICATE_EXPIRES,), True
    ),
)
