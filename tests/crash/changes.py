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

import copy
import dataclasses
import datetime
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.tls import policy
from tests.functional.deployment import Deployment

_SHARE = 'share-1'
_BYSTANDER = 'bystander'
_RENEWAL_DAYS = 20


@dataclasses.dataclass(frozen=True)
class Change:
    """A change of a deployment.

    :ivar act: asks for it; asked again once it is done, it does nothing
    :ivar is_done: tells whether it is in force
    :ivar hosts: how a deployment is made for it
    :ivar prepare: what has to be there before
    :ivar has_bystander: there is a volume that has nothing to do with it
    :ivar is_one: it is one operation, so that it is done or undone
    :ivar grows: what is undone of it keeps the room reserved that bricks may
        have grown by
    """

    name: str
    act: Callable[[Deployment], object]
    is_done: Callable[[Deployment], bool]
    hosts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    prepare: Callable[[Deployment], object] = lambda d: d.load()
    has_bystander: bool = True
    is_one: bool = True
    grows: bool = False


def bystander(d: Deployment) -> None:
    """Make a volume that nothing is to happen to, with data in it."""
    volume = d.create(_BYSTANDER, gigabytes=1)
    d.service.change_access(_BYSTANDER, add=['tess'])
    d.gluster(volume).used_bytes = 4711


def untouched(d: Deployment) -> Any:
    """Look at everything of the bystander."""
    volume = d.service.volume(_BYSTANDER)
    bricks = d.bricks(volume)
    found = []
    for brick in bricks:
        for name in d.hosts:
            lv = d.cluster.host(name).disks.volume_at(
                f'/dev/{brick.vg_name}/{brick.lv_name}'
            )
            if lv is not None:
                found.append((name, lv.uuid, lv.size_bytes))
    return copy.deepcopy(
        (volume, bricks, found, dataclasses.asdict(d.gluster(volume)))
    )


def _volume(d: Deployment) -> Any:
    return d.service.find_volume(_SHARE)


def _size(gigabytes: int) -> Callable[[Deployment], bool]:
    return lambda d: d.service.volume(_SHARE).size_bytes == gigabytes * GIB


def _extend(gigabytes: int) -> Callable[[Deployment], object]:
    return lambda d: d.service.extend_volume(_SHARE, gigabytes * GIB)


def _shrink(d: Deployment) -> None:
    d.service.shrink_volume(_SHARE, 2 * GIB)


def _delete(d: Deployment) -> None:
    try:
        d.service.delete_volume(_SHARE)
    except exceptions.NotFound:
        # Manila takes a share that is gone for deleted.
        return


def _add_node(d: Deployment) -> object:
    return d.load(d.document())


def _load_three(d: Deployment) -> object:
    return d.load(d.document('gl1', 'gl2', 'gl3'))


def _with_disks(count: int) -> Callable[[Deployment], object]:
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
    d.create(_SHARE, durability='replicate:2')


def _half_rotated(d: Deployment) -> None:
    _with_mirror(d)
    d.service.rotations.rotate(RotationPhase.TRUST_NEW)


def _secure(wanted: bool) -> Callable[[Deployment], object]:
    return lambda d: d.service.secure_access.switch(
        'c1', wanted, interrupt_mounts=True
    )


def _is_secure(wanted: bool) -> Callable[[Deployment], bool]:
    return lambda d: d.service.cluster_named('c1').secure_access is wanted


def _three_secure(d: Deployment) -> None:
    _load_three(d)
    _secure(True)(d)


def _all_secure(d: Deployment) -> None:
    d.load()
    _secure(True)(d)


def _devices(d: Deployment, count: int) -> bool:
    clusters = d.service.clusters()
    return bool(clusters) and len(clusters[0].devices) == count


def _creation(durability: str, where: str = '', **hosts: Any) -> Change:
    return Change(
        f'create {durability}{where}',
        lambda d: d.create(_SHARE, durability=durability),
        lambda d: _volume(d) is not None,
        hosts,
    )


def _with_share(
    name: str,
    act: Callable[[Deployment], object],
    is_done: Callable[[Deployment], bool],
    gigabytes: int = 4,
    *more: Callable[[Deployment], object],
    durability: str = 'replicate:3',
    **hosts: Any,
) -> Change:
    def prepare(d: Deployment) -> None:
        d.load()
        d.create(_SHARE, gigabytes=gigabytes, durability=durability)
        for each in more:
            each(d)

    return Change(name, act, is_done, hosts, prepare)


LOAD = Change(
    'load a topology',
    lambda d: d.load(),
    lambda d: _devices(d, 3),
    {},
    lambda d: None,
    has_bystander=False,
    is_one=False,
)
ADD_NODE = Change(
    'add a node',
    _add_node,
    lambda d: _devices(d, 4),
    {'nodes': 4},
    _load_three,
    is_one=False,
)
ADD_DEVICES = Change(
    'add devices',
    _with_disks(2),
    lambda d: _devices(d, 6),
    {'disks': 2},
    _with_disks(1),
)
CREATE_DISTRIBUTE = _creation('distribute')
CREATE_REPLICA_2 = _creation('replicate:2')
CREATE_REPLICA_3 = _creation('replicate:3')
CREATE_ARBITER = _creation('arbiter')
CREATE_DISPERSE = _creation('disperse:4+2', nodes=6)
CREATE_ELSEWHERE = _creation('replicate:3', ' of five hosts', nodes=5)
EXTEND_QUOTA = _with_share(
    'extend the quota', _extend(4), _size(4), 4, _shrink
)
EXTEND_IN_PLACE = dataclasses.replace(
    _with_share('extend in place', _extend(8), _size(8)), grows=True
)
EXTEND_BY_SETS = _with_share(
    'extend by sets', _extend(8), _size(8), disks=2, disk_bytes=7 * GIB
)
EXTEND_ELSEWHERE = _with_share(
    'extend on other hosts', _extend(8), _size(8), nodes=6, disk_bytes=7 * GIB
)
SHRINK = _with_share('shrink', _shrink, _size(2))
DELETE = _with_share('delete', _delete, lambda d: _volume(d) is None)
ACCESS = _with_share(
    'change access',
    lambda d: d.service.change_access(_SHARE, names=['alice', 'bob']),
    lambda d: d.service.volume(_SHARE).access == ('alice', 'bob'),
    2,
    lambda d: d.service.change_access(_SHARE, names=['alice', 'carol']),
)
REVOKE = dataclasses.replace(
    _with_share(
        'revoke a name',
        lambda d: d.service.revocation.revoke('carol'),
        lambda d: d.service.volume(_SHARE).access == ('alice',),
        2,
        lambda d: d.service.change_access(_SHARE, names=['alice', 'carol']),
    ),
    # The ban comes before the operation, and stays.
    is_one=False,
)
RENEW_CERTIFICATE = Change(
    'renew a certificate',
    _renew('gl2'),
    lambda d: _renewed(d, 'gl2'),
    {},
    _with_old_certificates('gl2'),
)
RENEW_CERTIFICATES = Change(
    'renew all certificates',
    _renew(),
    lambda d: _renewed(d, *d.hosts),
    {},
    _with_old_certificates('gl1', 'gl2', 'gl3'),
    is_one=False,
)
# Two nodes have each pair of neighbours that three have.
ROTATE = Change(
    'rotate the authority',
    _rotate,
    _rotated(RotationDirection.FORWARD),
    {'nodes': 2},
    _with_mirror,
    has_bystander=False,
    is_one=False,
)
ROTATE_BACK = Change(
    'rotate the authority back',
    lambda d: d.service.rotations.back(),
    _rotated(RotationDirection.BACK),
    {'nodes': 2},
    _half_rotated,
    has_bystander=False,
    is_one=False,
)
SECURE = Change(
    'switch secure-access on',
    _secure(True),
    _is_secure(True),
)
INSECURE = Change(
    'switch secure-access off',
    _secure(False),
    _is_secure(False),
    {},
    _all_secure,
)
ADD_SECURE_NODE = dataclasses.replace(
    ADD_NODE, name='add a node with secure-access', prepare=_three_secure
)
