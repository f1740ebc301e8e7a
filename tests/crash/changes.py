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

"""Every change that can be asked for, each with where it begins."""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import OpKind
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.tls import policy
from tests.crash.change import Change
from tests.functional.deployment import Deployment

SHARE = 'share-1'
_RENEWAL_DAYS = 20
_LOAD_KINDS = frozenset({OpKind.NODE_ADD, OpKind.DEVICE_ADD})
_RESIZE = frozenset({OpKind.VOLUME_RESIZE})
_ACCESS = frozenset({OpKind.ACCESS_UPDATE})
_CERTIFICATE = frozenset({OpKind.NODE_CERTIFICATE})
_ROTATION = frozenset({OpKind.CA_ROTATION, OpKind.NODE_CERTIFICATE})
_SECURE_ACCESS = frozenset({OpKind.SECURE_ACCESS})


def _volume(d: Deployment) -> Any:
    return d.service.find_volume(SHARE)


def _size(gigabytes: int) -> Callable[[Deployment], bool]:
    return lambda d: d.service.volume(SHARE).size_bytes == gigabytes * GIB


def _extend(gigabytes: int) -> Callable[[Deployment], object]:
    return lambda d: d.service.extend_volume(SHARE, gigabytes * GIB)


def _shrink(d: Deployment) -> None:
    d.service.shrink_volume(SHARE, 2 * GIB)


def _delete(d: Deployment) -> None:
    try:
        d.service.delete_volume(SHARE)
    except exceptions.NotFound:
        # Manila takes a share that is gone for deleted.
        return


def _add_node(d: Deployment) -> object:
    return d.load(d.document())


def load_three(d: Deployment) -> object:
    """Load gl1, gl2 and gl3."""
    return d.load(d.document('gl1', 'gl2', 'gl3'))


def with_disks(count: int) -> Callable[[Deployment], object]:
    """Load so many devices of each node."""

    def load(d: Deployment) -> object:
        document = d.document()
        for node in document['clusters'][0]['nodes']:
            node['devices'] = d.disks[:count]
        return d.load(document)

    return load


def _renewed(d: Deployment, *hosts: str) -> bool:
    return not any(map(_is_old, map(d.certificate, hosts)))


def _is_old(certificate: x509.Certificate) -> bool:
    left = certificate.not_valid_after_utc - policy.now()
    return left < datetime.timedelta(days=_RENEWAL_DAYS)


def _with_old_certificates(*hosts: str) -> Callable[[Deployment], None]:
    def prepare(d: Deployment) -> None:
        d.load()
        for host in hosts:
            d.age_certificate(host)

    return prepare


def _renew(*hosts: str) -> Callable[[Deployment], None]:
    """Renew; a node that was not renewed is an error of that."""

    def act(d: Deployment) -> None:
        for row in d.service.node_certificates.renew(
            hosts, within_days=_RENEWAL_DAYS
        ):
            if not row.is_good:
                raise exceptions.HostError(host=row.host, reason=row.detail)

    return act


def _rotate(d: Deployment) -> None:
    """Rotate; asked once more it would begin anew."""
    if not _rotated(RotationDirection.FORWARD)(d):
        d.service.rotations.rotate()


def _rotated(direction: RotationDirection) -> Callable[[Deployment], bool]:
    """Tell whether all have one authority, and nobody has the other key."""

    def is_done(d: Deployment) -> bool:
        rotation = d.service.authority.rotation()
        if rotation is None or rotation.ended_at is None:
            return False
        ahead = direction is RotationDirection.FORWARD
        only = rotation.new_pem if ahead else rotation.old_pem
        place = d.service.authority.place()
        return (
            rotation.direction is direction
            and place.read_next() is None
            and place.read().certificate_pem == only
            and {*map(d.trusted, d.hosts)} == {only}
        )

    return is_done


def _with_mirror(d: Deployment) -> None:
    d.load()
    d.create(SHARE, durability='replicate:2')


def _half_rotated(d: Deployment) -> None:
    _with_mirror(d)
    d.service.rotations.rotate(RotationPhase.TRUST_NEW)


def _secure(wanted: bool) -> Callable[[Deployment], object]:
    return lambda d: d.service.secure_access.switch(
        'c1', wanted, interrupt_mounts=True
    )


def _is_secure(wanted: bool) -> Callable[[Deployment], bool]:
    return lambda d: d.service.cluster_named('c1').secure_access is wanted


def three_secure(d: Deployment) -> None:
    """Load three nodes, and switch management encryption on."""
    load_three(d)
    _secure(True)(d)


def _all_secure(d: Deployment) -> None:
    d.load()
    _secure(True)(d)


def has_devices(d: Deployment, count: int) -> bool:
    """Tell whether the cluster has so many devices."""
    return any(
        each.cluster.name == 'c1' and len(each.devices) == count
        for each in d.service.clusters()
    )


def _creation(durability: str, where: str = '', **hosts: Any) -> Change:
    return Change(
        f'create {durability}{where}',
        lambda d: d.create(SHARE, durability=durability),
        lambda d: _volume(d) is not None,
        frozenset({OpKind.VOLUME_CREATE}),
        hosts,
    )


def _with_share(
    name: str,
    act: Callable[[Deployment], object],
    is_done: Callable[[Deployment], bool],
    kinds: frozenset[OpKind],
    gigabytes: int = 4,
    *more: Callable[[Deployment], object],
    durability: str = 'replicate:3',
    **hosts: Any,
) -> Change:
    def prepare(d: Deployment) -> None:
        d.load()
        d.create(SHARE, gigabytes=gigabytes, durability=durability)
        for each in more:
            each(d)

    return Change(name, act, is_done, kinds, hosts, prepare)


LOAD = Change(
    'load a topology',
    load_three,
    lambda d: has_devices(d, 3),
    _LOAD_KINDS,
    {'nodes': 4},
    # Another cluster has the bystander.
    lambda d: d.load(d.document('gl4', name='c2')),
    bystander='distribute',
    is_one=False,
)
ADD_NODE = Change(
    'add a node',
    _add_node,
    lambda d: has_devices(d, 4),
    _LOAD_KINDS,
    {'nodes': 4},
    load_three,
    is_one=False,
)
ADD_DEVICES = Change(
    'add devices',
    with_disks(2),
    lambda d: has_devices(d, 6),
    frozenset({OpKind.DEVICE_ADD}),
    {'disks': 2},
    with_disks(1),
)
CREATE_DISTRIBUTE = _creation('distribute')
CREATE_REPLICA_2 = _creation('replicate:2')
CREATE_REPLICA_3 = _creation('replicate:3')
CREATE_ARBITER = _creation('arbiter')
CREATE_DISPERSE = _creation('disperse:4+2', nodes=6)
CREATE_ELSEWHERE = _creation('replicate:3', ' of five hosts', nodes=5)
EXTEND_QUOTA = _with_share(
    'extend the quota', _extend(4), _size(4), _RESIZE, 4, _shrink
)
EXTEND_IN_PLACE = dataclasses.replace(
    _with_share('extend in place', _extend(8), _size(8), _RESIZE), grows=True
)
EXTEND_BY_SETS = _with_share(
    'extend by sets',
    _extend(8),
    _size(8),
    _RESIZE,
    disks=2,
    disk_bytes=7 * GIB,
)
SHRINK = _with_share('shrink', _shrink, _size(2), _RESIZE)
DELETE = _with_share(
    'delete',
    _delete,
    lambda d: _volume(d) is None,
    frozenset({OpKind.VOLUME_DELETE}),
)
EXTEND_ELSEWHERE = _with_share(
    'extend on other hosts',
    _extend(8),
    _size(8),
    _RESIZE,
    nodes=6,
    disk_bytes=7 * GIB,
)
ACCESS = _with_share(
    'change access',
    lambda d: d.service.change_access(SHARE, names=['alice', 'bob']),
    lambda d: d.service.volume(SHARE).access == ('alice', 'bob'),
    _ACCESS,
    2,
    lambda d: d.service.change_access(SHARE, names=['alice', 'carol']),
)
REVOKE = dataclasses.replace(
    _with_share(
        'revoke a name',
        lambda d: d.service.revocation.revoke('carol'),
        lambda d: d.service.volume(SHARE).access == ('alice',),
        _ACCESS,
        2,
        lambda d: d.service.change_access(SHARE, names=['alice', 'carol']),
    ),
    # The ban comes before the operation, and stays.
    is_one=False,
)
RENEW_CERTIFICATE = Change(
    'renew a certificate',
    _renew('gl2'),
    lambda d: _renewed(d, 'gl2'),
    _CERTIFICATE,
    {},
    _with_old_certificates('gl2'),
)
RENEW_CERTIFICATES = Change(
    'renew all certificates',
    _renew(),
    lambda d: _renewed(d, *d.hosts),
    _CERTIFICATE,
    {},
    _with_old_certificates('gl1', 'gl2', 'gl3'),
    is_one=False,
)
# Two nodes have each pair of neighbours that three have.
ROTATE = Change(
    'rotate the authority',
    _rotate,
    _rotated(RotationDirection.FORWARD),
    _ROTATION,
    {'nodes': 2},
    _with_mirror,
    bystander='replicate:2',
    is_one=False,
)
ROTATE_BACK = Change(
    'rotate the authority back',
    lambda d: d.service.rotations.back(),
    _rotated(RotationDirection.BACK),
    _ROTATION,
    {'nodes': 2},
    _half_rotated,
    bystander='replicate:2',
    is_one=False,
)
SECURE = Change(
    'switch secure-access on',
    _secure(True),
    _is_secure(True),
    _SECURE_ACCESS,
)
INSECURE = Change(
    'switch secure-access off',
    _secure(False),
    _is_secure(False),
    _SECURE_ACCESS,
    {},
    _all_secure,
)
ADD_SECURE_NODE = dataclasses.replace(
    ADD_NODE, name='add a node with secure-access', prepare=three_secure
)
