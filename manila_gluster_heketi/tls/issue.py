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

"""Certificates for nodes and clients, and the files that they go into."""

import contextlib
import dataclasses
import os
from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import csr
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import policy

# What GlusterFS calls its files, in a directory that its build decides.
CERTIFICATE_FILE = 'glusterfs.pem'
KEY_FILE = 'glusterfs.key'
AUTHORITY_FILE = 'glusterfs.ca'
_DIRECTORY_MODE = 0o700


class Kind(model.Text):
    """Whom a certificate is for. Persisted: never rename, never reuse."""

    NODE = 'node'
    CLIENT = 'client'
    ENDPOINT = 'endpoint'


# A node serves bricks, and its self-heal and quota daemons are clients of
# other nodes' bricks. A tenant's client never serves. Our own handshakes look
# at that; GlusterFS does not (its socket.c sets X509_PURPOSE_ANY), so a stolen
# key of a client could pose as a brick to those who trust the same authority.
_USAGES = {
    Kind.NODE: (
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ),
    Kind.CLIENT: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    Kind.ENDPOINT: (ExtendedKeyUsageOID.SERVER_AUTH,),
}

# For GlusterFS the endpoint has this name; with its space it is one that no
# access list can have, so that its key opens no share.
_ENDPOINT_NAME = 'gluster-heketi enrolment'


@dataclasses.dataclass(frozen=True, slots=True)
class Bundle:
    """What its owner needs to speak TLS, in PEM.

    :ivar key_pem: '' if the key never left its owner
    :ivar record: what the store keeps
    """

    certificate_pem: str
    key_pem: str = dataclasses.field(repr=False)
    ca_pem: str
    record: model.Certificate

    def files(self) -> tuple[tuple[str, str, int], ...]:
        """List name, text and mode of the files, the secret one first.

        A certificate without its key is of no use, so the key is written
        before it.
        """
        key = (KEY_FILE, self.key_pem, keystore.SECRET_MODE)
        return (
            *((key,) if self.key_pem else ()),
            (CERTIFICATE_FILE, self.certificate_pem, keystore.PUBLIC_MODE),
            (AUTHORITY_FILE, self.ca_pem, keystore.PUBLIC_MODE),
        )


def issue_node(
    authority: ca.Authority,
    cluster_id: str,
    days: int = policy.NODE_DAYS,
    *,
    asked_by: str = '',
) -> Bundle:
    """Issue a key and a certificate for a node of a cluster.

    All nodes of a cluster share a common name, each has a key of its own.

    :param days: how long it holds, at most as long as the authority
    :param asked_by: who had it issued, for the record
    :raises InvalidCommonName: the identity of the cluster is not plain
    :raises InvalidInput: ``days`` is less than 1
    :raises TlsError: the authority has expired
    """
    owner = _Owner(
        Kind.NODE,
        policy.node_name(cluster_id),
        subject_id=cluster_id,
        asked_by=asked_by,
    )
    return _issue(authority, owner, days, keys.KeyType.EC_P256)


def issue_client(
    authority: ca.Authority,
    common_name: str,
    days: int = policy.CLIENT_DAYS,
    *,
    key_type: keys.KeyType = keys.KeyType.EC_P256,
    share_id: str = '',
    asked_by: str = '',
) -> Bundle:
    """Issue a key and a certificate for a tenant's client.

    :param days: how long it holds, at most as long as the authority
    :param share_id: the share that it is for, if it is for one, and
    :param asked_by: who had it issued, both for the record
    :raises InvalidCommonName: it would not be one name in auth.ssl-allow
    :raises InvalidInput: ``days`` is less than 1
    :raises TlsError: the authority has expired
    """
    name = policy.check_common_name(common_name)
    owner = _Owner(Kind.CLIENT, name, share_id=share_id, asked_by=asked_by)
    return _issue(authority, owner, days, key_type)


def issue_endpoint(
    authority: ca.Authority, host: str, days: int, *, asked_by: str = ''
) -> Bundle:
    """Issue a key and a certificate for the endpoint for enrolment.

    :param host: the name or address that clients know it by
    :param days: how long it holds, at most as long as the authority
    :param asked_by: who had it issued, for the record
    :raises TlsError: the authority has expired
    """
    owner = _Owner(Kind.ENDPOINT, _ENDPOINT_NAME, host=host, asked_by=asked_by)
    return _issue(authority, owner, days, keys.KeyType.EC_P256)


def sign_csr(
    authority: ca.Authority,
    csr_pem: str,
    common_name: str,
    days: int = policy.CLIENT_DAYS,
    *,
    share_id: str = '',
    asked_by: str = '',
) -> Bundle:
    """Certify the key of a client that keeps it to itself.

    Nothing but the key is taken from the request: the name is the caller's
    to decide, and extensions asked for are not granted.

    :param days: how long it holds, at most as long as the authority
    :param share_id: the share that it is for, if it is for one, and
    :param asked_by: who had it issued, both for the record
    :raises InvalidCommonName: it would not be one name in auth.ssl-allow
    :raises InvalidInput: the text is no request, is not signed with its own
        key, the key is too weak, or ``days`` is less than 1
    :raises TlsError: the authority has expired
    """
    name = policy.check_common_name(common_name)
    key = csr.requested_key(csr_pem)
    owner = _Owner(Kind.CLIENT, name, share_id=share_id, asked_by=asked_by)
    return _bundle(authority, owner, _certify(authority, owner, days, key))


def check_directory(directory: str, *, has_key: bool, overwrite: bool) -> None:
    """See whether a bundle may be written there, before one is issued.

    A directory that is not there can be made later.

    :param has_key: the bundle will have a key
    :raises InvalidInput: a file is there and ``overwrite`` is false, or it
        is no directory that can be written
    """
    names = (CERTIFICATE_FILE, AUTHORITY_FILE, *((KEY_FILE,) * has_key))
    if not overwrite:
        _refuse_existing(names, directory)
    if os.path.lexists(directory) and not os.path.isdir(directory):
        raise exceptions.InvalidInput(
            field='directory', value=directory, reason='it is no directory'
        )
    if os.path.isdir(directory) and not os.access(directory, os.W_OK):
        raise exceptions.InvalidInput(
            field='directory', value=directory, reason='it can not be written'
        )


def make_directory(directory: str) -> None:
    """Make a directory for a bundle, if it is not there.

    :raises InvalidInput: it can't be made
    """
    try:
        os.makedirs(directory, mode=_DIRECTORY_MODE, exist_ok=True)
    except OSError as error:
        raise exceptions.InvalidInput(
            field='directory', value=directory, reason=error.strerror
        ) from error


def write_bundle(
    bundle: Bundle, directory: str, *, overwrite: bool = False
) -> tuple[str, ...]:
    """Write glusterfs.key, .pem and .ca into a directory; give their paths.

    The key has mode 0600 from its first byte. All files are complete on disk
    before the first one gets its name.

    :raises InvalidInput: a file is there and ``overwrite`` is false, or the
        directory can't be written
    """
    staged: list[tuple[str, str]] = []
    try:
        if not overwrite:
            names = [name for name, _, _ in bundle.files()]
            _refuse_existing(names, directory)
        for name, text, mode in bundle.files():
            path = os.path.join(directory, name)
            staged.append((keystore.temporary(path), path))
            keystore.write_new(staged[-1][0], text, mode)
        for temporary, path in staged:
            keystore.place(temporary, path, overwrite=overwrite)
        keystore.sync_directory(directory)
    except OSError as error:
        raise exceptions.InvalidInput(
            field='directory', value=directory, reason=error.strerror
        ) from error
    finally:
        for temporary, _ in staged:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return tuple(path for _, path in staged)


def _refuse_existing(names: Iterable[str], directory: str) -> None:
    for name in names:
        if os.path.lexists(os.path.join(directory, name)):
            raise exceptions.InvalidInput(
                field='directory',
                value=directory,
                reason=f'{name} is there already',
            )


@dataclasses.dataclass(frozen=True, slots=True)
class _Owner:
    """Whom a certificate is for, and what the store keeps of that."""

    kind: Kind
    name: str
    subject_id: str = ''
    share_id: str = ''
    asked_by: str = ''
    host: str = ''

    @property
    def alternative_name(self) -> x509.SubjectAlternativeName:
        """What those look at who connect to a host."""
        if self.host:
            return encoding.host_name(self.host)
        return encoding.alternative_name(self.name)


def _issue(
    authority: ca.Authority,
    owner: _Owner,
    days: int,
    key_type: keys.KeyType,
) -> Bundle:
    key = keys.make(key_type)
    certificate = _certify(authority, owner, days, key.public_key())
    return _bundle(authority, owner, certificate, keys.pem(key))


def _certify(
    authority: ca.Authority,
    owner: _Owner,
    days: int,
    key: policy.CertifiableKey,
) -> x509.Certificate:
    # It may have expired since it was read.
    authority.check_time()
    start, end = policy.validity(days, authority.not_after)
    subject = encoding.common_name(owner.name)
    return authority.sign(
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        .add_extension(encoding.END_ENTITY_USAGE, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(_USAGES[owner.kind]), critical=False
        )
        .add_extension(owner.alternative_name, critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key), critical=False
        )
    )


def _bundle(
    authority: ca.Authority,
    owner: _Owner,
    certificate: x509.Certificate,
    key_pem: str = '',
) -> Bundle:
    is_node = owner.kind is Kind.NODE
    return Bundle(
        certificate_pem=authority.presented_pem(certificate),
        key_pem=key_pem,
        ca_pem=authority.node_trust_pem if is_node else authority.trust_pem,
        record=model.Certificate(
            serial=f'{certificate.serial_number:x}',
            common_name=owner.name,
            kind=owner.kind.value,
            not_after=certificate.not_valid_after_utc,
            subject_id=owner.subject_id,
            share_id=owner.share_id,
            asked_by=owner.asked_by,
            issued_at=policy.now(),
            issuer=authority.fingerprint,
        ),
    )
