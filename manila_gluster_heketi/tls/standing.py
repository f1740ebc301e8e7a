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

"""Which authority signs, and whom it trusts, in each phase of a rotation."""

import contextlib
import dataclasses

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.model import RotationDirection
from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import chain as chains
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import passphrases
from manila_gluster_heketi.tls import places
from manila_gluster_heketi.tls import policy

_OLD_SIGNS = frozenset({RotationPhase.TRUST_OLD, RotationPhase.TRUST_BOTH})
_NODES_TRUST_BOTH = frozenset(
    {RotationPhase.TRUST_BOTH, RotationPhase.RE_SIGN}
)
_LINKED = frozenset({RotationPhase.RE_SIGN, RotationPhase.TRUST_NEW})


def signer(rotation: model.Rotation) -> x509.Certificate:
    """Tell whose certificates are issued now."""
    if rotation.ended_at is not None:
        forward = rotation.direction is RotationDirection.FORWARD
        return _first(rotation.new_pem if forward else rotation.old_pem)
    if rotation.phase in _OLD_SIGNS:
        return _first(rotation.old_pem)
    return _first(rotation.new_pem)


def authority(
    place: places.Place,
    passphrase: passphrases.Source,
    rotation: model.Rotation,
) -> ca.Authority:
    """Read the authority that signs now, and say what goes with it.

    :raises AuthorityElsewhere: the place has another one
    :raises PassphraseError: its key can't be opened
    :raises TlsError: it is spoilt or has expired
    """
    if rotation.ended_at is not None:
        return _after(place, passphrase, rotation)
    phase = rotation.phase
    secret = passphrase()
    found = ca.Authority.of(
        place.name, _pair_of(place, signer(rotation)), secret
    )
    if phase in (RotationPhase.TRUST_OLD, RotationPhase.DESTROY_OLD):
        return dataclasses.replace(found, is_rotating=True)
    old_signs = phase in _OLD_SIGNS
    other = rotation.new_pem if old_signs else rotation.old_pem
    successor = None
    if phase is RotationPhase.TRUST_BOTH:
        # Another host may have it alone; without it less is verified.
        with contextlib.suppress(exceptions.AuthorityElsewhere):
            pair = _pair_of(place, _first(rotation.new_pem))
            successor = ca.Authority.of(place.name, pair, secret)
    return dataclasses.replace(
        found,
        link=link(rotation) if phase in _LINKED else None,
        beside=chains.read(other),
        nodes_trust_beside=phase in _NODES_TRUST_BOTH,
        successor=successor,
        is_rotating=True,
    )


def _after(
    place: places.Place,
    passphrase: passphrases.Source,
    rotation: model.Rotation,
) -> ca.Authority:
    """Read the only one there is; not one that another has followed."""
    pair = place.read()
    wanted = signer(rotation)
    both = {_first(rotation.old_pem), _first(rotation.new_pem)}
    # An operator may have put a third one there since.
    if _first(pair.certificate_pem) in both - {wanted}:
        raise _elsewhere(place, wanted)
    return ca.Authority.of(place.name, pair, passphrase())


def require_new(place: places.Place, rotation: model.Rotation) -> None:
    """See whether the new authority is kept in a place.

    :raises AuthorityElsewhere: it is not
    """
    _pair_of(place, _first(rotation.new_pem))


def _pair_of(
    place: places.Place, certificate: x509.Certificate
) -> keystore.Pair:
    """Find the pair of an authority, whichever of the two it is there.

    The one that is to come first: while it takes its place it is in both.
    """
    following = place.read_next()
    if following and _first(following.certificate_pem) == certificate:
        return following
    pair = place.read()
    if _first(pair.certificate_pem) != certificate:
        raise _elsewhere(place, certificate)
    return pair


def _elsewhere(
    place: places.Place, wanted: x509.Certificate
) -> exceptions.AuthorityElsewhere:
    return exceptions.AuthorityElsewhere(
        path=place.name, fingerprint=ca.fingerprint(wanted)
    )


def link(rotation: model.Rotation) -> x509.Certificate | None:
    """Give the link, unless it has expired: nobody would accept it then."""
    if not rotation.link_pem:
        return None
    found = _first(rotation.link_pem)
    return found if policy.now() < found.not_valid_after_utc else None


def new_rotation(
    number: int,
    old: ca.Authority,
    new: ca.Authority,
    link: x509.Certificate | None,
) -> model.Rotation:
    """Say how a rotation begins."""
    return model.Rotation(
        number=number,
        phase=RotationPhase.TRUST_BOTH,
        direction=RotationDirection.FORWARD,
        old_pem=old.trust_pem,
        new_pem=new.trust_pem,
        link_pem=encoding.pem(link) if link else '',
        started_at=policy.now(),
    )


def _first(text: str) -> x509.Certificate:
    return chains.read(text)[0]
