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

"""A host of a tenant gets an identity, for a token."""

import dataclasses
import datetime

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.tenant import identity as identities
from manila_gluster_heketi.tenant.endpoint import Answer
from manila_gluster_heketi.tenant.endpoint import Endpoint
from manila_gluster_heketi.tenant.identity import Identity
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import tokens

_MOUNT_POINT = '/mnt'


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What a host has got.

    :ivar mount: the command that mounts the share
    """

    common_name: str
    share_id: str
    serial: str
    not_after: datetime.datetime
    directory: str
    mount: str


def enrol(
    text: str,
    endpoint: Endpoint,
    directory: str,
    *,
    common_name: str = '',
    share_id: str = '',
    overwrite: bool = False,
) -> Outcome:
    """Make a key, have it certified, and install both with the authority.

    If the share's cluster has management encryption, this host gets the file
    for that as well.

    Nothing is sent until all that can be seen here is right. The key stays
    here. What is cut short, here or on the way, is done again by the same
    call.

    :param text: the token
    :param directory: where glusterfs of this host looks
    :param common_name: what the token must be for; '' for whatever it is
    :param share_id: likewise
    :param overwrite: replace an identity that is there
    :raises InvalidToken: the text is no token
    :raises TokenRefused: it is not for this name or share
    :raises EnrolmentRefused: the endpoint refused it
    :raises EnrolmentFailed: the endpoint is not reached, is not the token's,
        or gave nothing that can be used; the token may be used again, here
    :raises InvalidInput: there is an identity, or the directory can't be
        written; what was there is there
    """
    token = tokens.peek(text)
    _check_wanted(token, common_name, share_id)
    identity = Identity(directory, token.id)
    identity.prepare(overwrite=overwrite)
    authority = endpoint.authority(token.authority)
    key = identity.key()
    request = csr.make(key, token.common_name)
    try:
        answer = endpoint.enrol(authority, text, request, share_id)
    except exceptions.EnrolmentRefused:
        identity.forget_key()
        raise
    bundle = _bundle(endpoint, answer, token, key, authority)
    if answer.secure_access:
        # First: what comes after the end of the installation can't be done
        # again.
        identities.expect_tls()
    identity.install(bundle)
    return Outcome(
        common_name=token.common_name,
        share_id=token.share_id,
        serial=bundle.record.serial,
        not_after=bundle.record.not_after,
        directory=directory,
        mount=_mount(answer),
    )


def _check_wanted(
    token: tokens.Token, common_name: str, share_id: str
) -> None:
    for wanted, found, what in (
        (common_name, token.common_name, 'name'),
        (share_id, token.share_id, 'share'),
    ):
        if wanted and wanted != found:
            raise exceptions.TokenRefused(
                common_name=token.common_name,
                share_id=token.share_id,
                reason=f'it is not for {what} {wanted!r}',
            )


def _bundle(
    endpoint: Endpoint,
    answer: Answer,
    token: tokens.Token,
    key: keys.SigningKey,
    authority: x509.Certificate,
) -> issue.Bundle:
    """See that what came is what was asked for."""
    found = reading.certificates(answer.certificate_pem)
    trusted = reading.certificates(answer.authorities_pem)
    # Behind it, while the authority is rotated, the old one vouches for it.
    if (
        not found
        or not all(
            any(reading.is_issued_by(link, each) for each in trusted)
            for link in found[1:]
        )
        or found[0].public_key() != key.public_key()
        or reading.name_of(found[0]) != token.common_name
        or not reading.is_issued_by(found[0], authority)
        or authority not in trusted
    ):
        raise endpoint.failed('what it gave is no certificate for our key')
    return issue.Bundle(
        certificate_pem=answer.certificate_pem,
        key_pem=keys.pem(key),
        ca_pem=answer.authorities_pem,
        record=model.Certificate(
            serial=reading.serial_of(found[0]),
            common_name=token.common_name,
            kind=issue.Kind.CLIENT.value,
            not_after=found[0].not_valid_after_utc,
            share_id=token.share_id,
        ),
    )


def _mount(answer: Answer) -> str:
    first, *others = answer.servers
    options: tuple[str, ...] = ()
    if others:
        options = ('-o', f'backup-volfile-servers={":".join(others)}')
    return ' '.join(
        (
            'mount',
            '-t',
            'glusterfs',
            *options,
            f'{first}:/{answer.volume}',
            _MOUNT_POINT,
        )
    )
