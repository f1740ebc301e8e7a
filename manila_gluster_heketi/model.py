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

"""What the project speaks about: frozen values, nothing else.

Sizes are bytes, always in fields named ``*_bytes``. Identities are 32
lower-case hex digits, as Heketi's.
"""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping

from manila_gluster_heketi import sizes
from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.spread import Spread


def new_id() -> str:
    """Make an identity: 32 lower-case hex digits."""
    return uuid.uuid4().hex


class Text(str, enum.Enum):
    """An enumeration of strings that prints as its value."""

    def __str__(self) -> str:
        return str(self.value)


class EntryState(Text):
    """Whether new bricks may be placed on a node or device."""

    ONLINE = 'online'
    OFFLINE = 'offline'


class VolumeState(Text):
    """Where a volume is in its life.

    A CONDEMNED volume no longer belongs to anybody: its deletion or roll-back
    is not complete on every host yet, so its bricks still hold their space.
    """

    CREATING = 'creating'
    READY = 'ready'
    CONDEMNED = 'condemned'


class OpState(Text):
    """Where an operation is; legal moves: ``operations.states``."""

    RUNNING = 'running'
    DONE = 'done'
    UNDOING = 'undoing'
    UNDONE = 'undone'
    STUCK = 'stuck'
    ABANDONED = 'abandoned'


class StepState(Text):
    """Where a step of an operation is."""

    PLANNED = 'planned'
    DOING = 'doing'
    DONE = 'done'
    UNDONE = 'undone'
    UNDO_FAILED = 'undo-failed'


class OpKind(Text):
    """What an operation does. Persisted: never rename, never reuse."""

    NODE_ADD = 'node-add'
    DEVICE_ADD = 'device-add'
    NODE_REMOVE = 'node-remove'
    DEVICE_REMOVE = 'device-remove'
    VOLUME_CREATE = 'volume-create'
    VOLUME_RESIZE = 'volume-resize'
    VOLUME_DELETE = 'volume-delete'
    ACCESS_UPDATE = 'access-update'
    REPAIR = 'repair'
    NODE_CERTIFICATE = 'node-certificate'
    CA_ROTATION = 'ca-rotation'
    SECURE_ACCESS = 'secure-access'


@dataclasses.dataclass(frozen=True, slots=True)
class Cluster:
    """A trusted storage pool.

    :ivar generation: counts the changes of its nodes, devices and bricks
    :ivar shape_generation: the generation at the last change that was not
        of bricks alone
    :ivar secure_access: glusterd speaks TLS alone, with peers and clients
    """

    id: str
    name: str
    generation: int = 0
    shape_generation: int = 0
    secure_access: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A storage host.

    :ivar manage_host: where SSH goes
    :ivar storage_host: what gluster peers and clients connect to
    :ivar host_key: the SSH host key line on record, '' if not yet seen
    :ivar tls_directory: where glusterfs on that host reads its certificate
    """

    id: str
    cluster_id: str
    manage_host: str
    storage_host: str
    zone: int
    state: EntryState = EntryState.ONLINE
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    host_key: str = ''
    tls_directory: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Device:
    """A block device with one volume group and one thin pool.

    :ivar total_bytes: data size of the thin pool
    :ivar extent_bytes: extent size of the volume group
    """

    id: str
    node_id: str
    path: str
    vg_name: str
    pool_name: str
    total_bytes: int
    extent_bytes: int
    state: EntryState = EntryState.ONLINE
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pv_uuid: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Brick:
    """A thin logical volume with XFS, one part of a brick set.

    Names and paths are stored, never derived: adopted, cloned and restored
    bricks have others.

    :ivar size_bytes: virtual size of the logical volume
    :ivar set_index: which set of its volume, from 0
    :ivar position: which brick of its set, from 0
    """

    id: str
    volume_id: str
    device_id: str
    set_index: int
    position: int
    size_bytes: int
    vg_name: str
    pool_name: str
    lv_name: str
    mount_path: str
    brick_path: str


@dataclasses.dataclass(frozen=True, slots=True)
class BrickSet:
    """Bricks that hold the same data, in order of position."""

    index: int
    bricks: tuple[Brick, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class VolumeSpec:
    """What is asked for.

    :ivar share_id: the caller's key; a repeat finds the first volume
    :ivar size_bytes: what the share may hold (the quota)
    :ivar headroom_bytes: capacity beyond the quota for later extension
    :ivar cluster_id: only this cluster; '' for any
    :ivar tags: an expression that the tags of each device meet; '' for any
    :ivar average_file_bytes: what is expected: it sizes arbiters
    """

    share_id: str
    name: str
    size_bytes: int
    durability: Durability = Durability()
    spread: Spread = Spread()
    headroom_bytes: int = 0
    cluster_id: str = ''
    tags: str = ''
    average_file_bytes: int = sizes.AVERAGE_FILE_BYTES


@dataclasses.dataclass(frozen=True, slots=True)
class Volume:
    """A Gluster volume that is one share.

    :ivar size_bytes: the quota
    :ivar capacity_bytes: the tenant's data that its bricks can hold; more on
        their record was reserved for a growth that was given up
    :ivar access: common names in auth.ssl-allow beside the nodes' own
    :ivar tags: as in its :class:`VolumeSpec`; so that growing meets it too
    :ivar average_file_bytes: likewise
    """

    id: str
    cluster_id: str
    share_id: str
    name: str
    size_bytes: int
    capacity_bytes: int
    durability: Durability
    spread: Spread
    state: VolumeState
    access: tuple[str, ...] = ()
    tags: str = ''
    average_file_bytes: int = sizes.AVERAGE_FILE_BYTES


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceCapacity:
    """A device with where it stands and what is left of it."""

    device: Device
    node: Node
    used_bytes: int

    @property
    def name(self) -> str:
        """HOST:PATH, as people name it on the command line."""
        return f'{self.node.manage_host}:{self.device.path}'

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of the node, and of the device, which go before."""
        return {**self.node.tags, **self.device.tags}

    @property
    def free_bytes(self) -> int:
        """Pool bytes that no brick has reserved."""
        return max(0, self.device.total_bytes - self.used_bytes)


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster as the allocator sees it, at one generation."""

    cluster: Cluster
    devices: tuple[DeviceCapacity, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as the journal keeps it; ``params`` is JSON-able."""

    index: int
    kind: str
    host: str
    params: Mapping[str, object]
    state: StepState = StepState.PLANNED
    error: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """A journaled change.

    :ivar subject: id of what it changes
    :ivar owner: the process that holds the lease
    :ivar lease_until: UTC; when others may take it over
    :ivar epoch: grows when hosts shall not go on with what they were told
    :ivar last_command: what a host was told last, half a minute ago or less
    :ivar held: it was open in a copy of the store that was put back, so that
        only an operator may say what becomes of it
    :ivar error: why it failed; or what may be left on hosts
    :ivar started_at: UTC; None if it is not on record yet
    :ivar finished_at: UTC; None while it is open
    """

    id: str
    kind: OpKind
    subject: str
    cluster_id: str
    state: OpState
    owner: str
    lease_until: datetime.datetime
    steps: tuple[StepRecord, ...] = ()
    epoch: int = 0
    last_command: str = ''
    held: bool = False
    error: str = ''
    started_at: datetime.datetime | None = dataclasses.field(
        default=None, compare=False
    )
    finished_at: datetime.datetime | None = dataclasses.field(
        default=None, compare=False
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that our authority issued (never its key).

    :ivar subject_id: of the node that it is for; of its cluster if an early
        release issued it; '' for a client
    :ivar share_id: the share that it was issued for; '' for any
    :ivar asked_by: who had it issued: a user, or a part of this project
    :ivar issued_at: None if an older release did
    :ivar revoked_at: None if it is not
    :ivar issuer: SHA-256 fingerprint of the authority that signed it; '' if
        an older release recorded it
    """

    serial: str
    common_name: str
    kind: str
    not_after: datetime.datetime
    subject_id: str = ''
    share_id: str = ''
    asked_by: str = ''
    issued_at: datetime.datetime | None = None
    revoked_at: datetime.datetime | None = None
    issuer: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class RevokedName:
    """A client's common name that must have access to nothing.

    :ivar reason: in somebody's words; '' if nobody said
    :ivar revoked_by: the user who asked for it
    """

    common_name: str
    revoked_at: datetime.datetime
    reason: str = ''
    revoked_by: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Enrolment:
    """A right to one certificate, given as a token (which is not kept).

    :ivar rule_id: the access rule that it was given for; '' for none
    :ivar expires_at: in whole seconds, as the token has it
    :ivar used_at: None if it has not been
    :ivar voided_at: None if it was not withdrawn
    :ivar serial: of the certificate that was issued last; '' if none was
    :ivar key_digest: SHA-256 of the public key that it was used for, in
        hexadecimal; '' if it has not been used
    """

    id: str
    share_id: str
    common_name: str
    rule_id: str
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    used_at: datetime.datetime | None = None
    voided_at: datetime.datetime | None = None
    serial: str = ''
    key_digest: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class StoredAuthority:
    """A certificate authority that the store has, its key encrypted.

    :ivar generation: 1 for the first one
    :ivar certificate_pem: its certificate, and those above it up to the root
    :ivar created_at: UTC
    """

    generation: int
    certificate_pem: str
    key_pem: str = dataclasses.field(repr=False)
    created_at: datetime.datetime


class RotationPhase(Text):
    """How far a change of authority is. Persisted: never rename.

    They are neighbours in this order: nodes that are at two neighbouring ones
    accept each other.
    """

    TRUST_OLD = 'trust-old'
    TRUST_BOTH = 'trust-both'
    RE_SIGN = 're-sign'
    TRUST_NEW = 'trust-new'
    DESTROY_OLD = 'destroy-old'


class RotationDirection(Text):
    """Which authority it will be. Persisted: never rename, never reuse."""

    FORWARD = 'forward'
    BACK = 'back'


@dataclasses.dataclass(frozen=True, slots=True)
class Rotation:
    """A change from one certificate authority to another.

    :ivar number: 1 for the first one of a store
    :ivar phase: what nodes are brought to, or are at
    :ivar old_pem: certificate of the old one, and those above it
    :ivar new_pem: certificate of the new one, and those above it
    :ivar link_pem: certificate of the new one, signed by the old one; '' if
        nobody would accept it
    :ivar ended_at: UTC; None while it is under way
    """

    number: int
    phase: RotationPhase
    direction: RotationDirection
    old_pem: str
    new_pem: str
    link_pem: str
    started_at: datetime.datetime
    ended_at: datetime.datetime | None = None
