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

"""Names that live longer than a process: on hosts, in Gluster, in stores.

They are API. ``tests/unit/test_names.py`` pins them.
"""

MOUNT_ROOT = '/var/lib/gluster-heketi/mounts'
RUN_DIRECTORY = '/run/gluster-heketi'
NODE_RECORD = '/var/lib/gluster-heketi/node.json'
FSTAB = '/etc/fstab'
FSTAB_LOCK = '/run/lock/gluster-heketi-fstab'
GLUSTERD_VOL = '/etc/glusterfs/glusterd.vol'
GLUSTERD_STATE = '/var/lib/glusterd'
SECURE_ACCESS = f'{GLUSTERD_STATE}/secure-access'
FLUSH_HOOKS = tuple(
    f'{GLUSTERD_STATE}/hooks/1/{event}/post/S05gluster-heketi-flush.sh'
    for event in ('create', 'add-brick')
)
KEPT_CERTIFICATE = 'glusterfs.before-renewal'
KEPT_IDENTITY = 'glusterfs.before-enrolment'
POOL = 'pool'
TAG = 'gluster-heketi'
TAG_DEVICE = 'gluster-heketi.device.'
TAG_BRICK = 'gluster-heketi.brick.'
TAG_VOLUME = 'gluster-heketi.volume.'
TAG_SET = 'gluster-heketi.set.'
TAG_POSITION = 'gluster-heketi.position.'
OPTION_PREFIX = 'user.gluster-heketi.'
OPTION_VOLUME_ID = 'user.gluster-heketi.volume-id'
OPTION_SHARE_ID = 'user.gluster-heketi.share-id'
OPTION_DURABILITY = 'user.gluster-heketi.durability'
OPTION_SPREAD = 'user.gluster-heketi.spread'
OPTION_TAGS = 'user.gluster-heketi.tags'
OPTION_AVERAGE_FILE = 'user.gluster-heketi.average-file-bytes'
OPTION_LIMIT = 4000
VOLUME_NAME_LIMIT = 63
SSL_ALLOW_LIMIT = 4000


def vg_name(device_id: str) -> str:
    """Name the volume group of a device."""
    return f'vg_{device_id}'


def lv_name(brick_id: str) -> str:
    """Name the logical volume of a brick."""
    return f'brick_{brick_id}'


def device_path(device_id: str) -> str:
    """Say below which directory the bricks of a device are mounted."""
    return f'{MOUNT_ROOT}/{vg_name(device_id)}'


def mount_path(device_id: str, brick_id: str) -> str:
    """Say where a brick's file system is mounted."""
    return f'{device_path(device_id)}/{lv_name(brick_id)}'


def brick_path(device_id: str, brick_id: str) -> str:
    """Say which directory Gluster gets; a mount point itself is refused."""
    return f'{mount_path(device_id, brick_id)}/brick'


def node_common_name(cluster_id: str) -> str:
    """Name all nodes of a cluster: one name keeps auth.ssl-allow short."""
    return f'gluster-heketi-node-{cluster_id}'
