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

"""Which clients the next phase of a rotation would lock out."""

from collections.abc import Iterable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.operations import rotate_authority
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import standing

KIND = 'rotation of the certificate authority'
_NAMED = 5


def of_the_old_one(
    tx: Transaction, rotation: model.Rotation
) -> tuple[model.Certificate, ...]:
    """List certificates that the new authority did not sign.

    Those of clients, which hold and were not revoked.
    """
    new = _new(rotation)
    return tuple(c for c in _holding(tx) if c.issuer != new)


def check(
    tx: Transaction, rotation: model.Rotation, direction: RotationDirection
) -> None:
    """See whether the next phase locks nobody out.

    :raises OldCertificatesHold: it does
    """
    next_phase = rotate_authority.beside(rotation, direction)
    forward = direction is RotationDirection.FORWARD
    linked = standing.link(rotation) is not None
    if forward and next_phase is RotationPhase.TRUST_NEW:
        _refuse(
            rotation,
            of_the_old_one(tx, rotation),
            'nodes are about to trust the new authority alone',
        )
    elif forward and next_phase is RotationPhase.RE_SIGN and not linked:
        # Those that were issued since it began come with both.
        _refuse(
            rotation,
            (
                c
                for c in of_the_old_one(tx, rotation)
                if c.issued_at is None or c.issued_at < rotation.started_at
            ),
            'GlusterFS would not follow a link from the old authority to the '
            'new one, so that clients need both as their glusterfs.ca before '
            'nodes are signed anew',
        )
    elif next_phase is RotationPhase.TRUST_OLD and not linked:
        new = _new(rotation)
        _refuse(
            rotation,
            (c for c in _holding(tx) if c.issuer == new),
            'nodes are about to trust the old authority alone',
        )


def _refuse(
    rotation: model.Rotation, left: Iterable[model.Certificate], reason: str
) -> None:
    last = {c.common_name: c.not_after for c in left}
    if not last:
        return
    names = sorted(last)
    more = len(names) - _NAMED
    raise exceptions.OldCertificatesHold(
        kind=KIND,
        identity=rotation.number,
        reason=reason,
        count=len(names),
        until=f'{max(last.values()):%Y-%m-%d %H:%M} UTC',
        names=', '.join(names[:_NAMED])
        + (f' and {more} more' if more > 0 else ''),
    )


def _holding(tx: Transaction) -> list[model.Certificate]:
    now = policy.now()
    # The last to end comes last.
    return [
        c
        for c in certificates.all(tx)
        if c.kind == issue.Kind.CLIENT.value
        and c.revoked_at is None
        and c.not_after > now
    ]


def _new(rotation: model.Rotation) -> str:
    return reading.fingerprint(reading.certificates(rotation.new_pem)[0])
