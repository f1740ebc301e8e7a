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

"""Getting certificates to nodes, and seeing what a brick presents."""

import contextlib
import dataclasses
import datetime
import posixpath
import socket
import ssl
import tempfile
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import NameOID

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keystore


@dataclasses.dataclass(frozen=True, slots=True)
class HandshakeResult:
    """What a server presented in a handshake that succeeded.

    :ivar tls_version: such as 'TLSv1.3'
    :ivar serial: of the certificate, in hexadecimal as in the store
    """

    tls_version: str
    cipher: str
    common_name: str
    serial: str
    not_after: datetime.datetime


class Handshake(Protocol):
    """How a brick is connected to: :func:`verify_handshake`, or its answer."""

    def __call__(
        self,
        host: str,
        port: int,
        ca_pem: str,
        bundle: issue.Bundle,
        cluster_id: str,
        timeout: float = 10.0,
        *,
        settle: float = 1.0,
    ) -> HandshakeResult:
        """Connect, see :func:`verify_handshake`."""


def deploy_commands(
    bundle: issue.Bundle, directory: str
) -> tuple[Command, ...]:
    """List the commands that give a node its certificate.

    GlusterFS reads the files anew for each connection, so nothing has to be
    restarted. Each file is replaced in one step, the key first; a connection
    made between key and certificate fails, and Gluster repeats it.

    :param directory: where glusterfs on that host looks for them
    """
    return tuple(
        system.write_file(
            posixpath.join(directory, name),
            text,
            mode,
            sensitive=mode == keystore.SECRET_MODE,
        )
        for name, text, mode in bundle.files()
    )


def paths(directory: str) -> tuple[str, str, str]:
    """Say where a node has its key, its certificate and its authorities."""
    key, certificate, authorities = (
        posixpath.join(directory, name)
        for name in (
            issue.KEY_FILE,
            issue.CERTIFICATE_FILE,
            issue.AUTHORITY_FILE,
        )
    )
    return key, certificate, authorities


def remove_commands(directory: str) -> tuple[Command, ...]:
    """List the commands that take a node's certificate away again."""
    return tuple(map(system.remove_file, paths(directory)))


def verify_handshake(
    host: str,
    port: int,
    ca_pem: str,
    bundle: issue.Bundle,
    cluster_id: str,
    timeout: float = 10.0,
    *,
    settle: float = 1.0,
) -> HandshakeResult:
    """Connect to a brick as a client would and look at its certificate.

    :param ca_pem: the authority that the server's certificate must be of
    :param bundle: the certificate and key to present
    :param cluster_id: whose nodes' common name the server must have
    :param timeout: seconds for connecting and for each step after it
    :param settle: seconds to wait for a refusal: in TLS 1.3 a server judges
        the client's certificate after the client's side of the handshake has
        ended (RFC 8446, section 4.4.2.4)
    :raises PortUnreachable: no TCP connection
    :raises HostError: the server's certificate is of another authority or
        cluster; it offers less than TLS 1.2; it refuses ours
    """
    address = f'{host}:{port}'
    context = client_context(ca_pem, bundle)
    plain = _connect(host, port, timeout)
    try:
        with plain, context.wrap_socket(plain) as sealed:
            result = _result(sealed)
            _check_name(address, result.common_name, cluster_id)
            sealed.settimeout(settle)
            _await_refusal(sealed)
    except OSError as error:
        raise exceptions.HostError(
            host=address, reason=f'no TLS connection: {error}'
        ) from error
    return result


def _connect(host: str, port: int, timeout: float) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout)
    except OSError as error:
        raise exceptions.PortUnreachable(
            host=f'{host}:{port}', reason=str(error)
        ) from error


def client_context(ca_pem: str, bundle: issue.Bundle) -> ssl.SSLContext:
    """Set up TLS 1.2 or later as a client of one authority.

    Host names are not checked: a node's certificate has the name of its
    cluster, as GlusterFS wants it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.load_verify_locations(cadata=ca_pem)
    # Python's ssl reads keys from files alone.
    with tempfile.TemporaryDirectory() as directory:
        key, certificate, _ = issue.write_bundle(bundle, directory)
        context.load_cert_chain(certificate, key)
    return context


def _check_name(address: str, found: str, cluster_id: str) -> None:
    wanted = names.node_common_name(cluster_id)
    if found != wanted:
        raise exceptions.HostError(
            host=address,
            reason=f'it presents a certificate of {found!r} in place of '
            f'{wanted!r}',
        )


def _await_refusal(sealed: ssl.SSLSocket) -> None:
    # A brick that accepts us waits for us to speak.
    with contextlib.suppress(TimeoutError):
        if not sealed.recv(1):
            raise ConnectionError('it closed the connection')


def _result(sealed: ssl.SSLSocket) -> HandshakeResult:
    der = sealed.getpeercert(binary_form=True)
    cipher = sealed.cipher()
    # Both are there once a handshake that verifies has succeeded.
    assert der is not None and cipher is not None
    certificate = x509.load_der_x509_certificate(der)
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return HandshakeResult(
        tls_version=sealed.version() or '',
        cipher=cipher[0],
        common_name=','.join(str(name.value) for name in found),
        serial=f'{certificate.serial_number:x}',
        not_after=certificate.not_valid_after_utc,
    )
