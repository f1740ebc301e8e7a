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

"""Gluster's remote procedures, called without any of Gluster's programs.

Gluster speaks ONC RPC version 2 (RFC 5531) over TCP with its own programs,
whose numbers and arguments are those of rpc/xdr in its source.
"""

import contextlib
import dataclasses
import itertools
import socket
import ssl
import struct

_SECONDS = 10.0
_LAST_FRAGMENT = 1 << 31
_CALL, _REPLY = 0, 1
_VERSION = 2
_ACCEPTED = 0
# What a server makes of a call that it accepts, RFC 5531, section 9.
_SUCCESS = 0

_numbers = itertools.count(1)


class Closed(Exception):
    """The server closed the connection, or sent what is no answer."""


@dataclasses.dataclass(frozen=True)
class Procedure:
    """One procedure of one program."""

    program: int
    version: int
    number: int


#: Lists the programs that a server has.
DUMP = Procedure(123451501, 1, 1)
#: Locks a volume for a transaction of a peer.
PEER_LOCK = Procedure(1238433, 3, 1)
_SET_VOLUME = 9


class Xdr:
    """Reads values as RFC 4506 writes them.

    :raises Closed: there are fewer bytes than that
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self) -> int:
        """Read a signed number of 4 bytes."""
        return int(struct.unpack('>i', self._take(4))[0])

    def long(self) -> int:
        """Read an unsigned number of 8 bytes."""
        return int(struct.unpack('>Q', self._take(8))[0])

    def opaque(self) -> bytes:
        """Read bytes with their length before them."""
        length = self.number()
        return self._take(length + -length % 4)[:length]

    def _take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._data):
            raise Closed('the answer ends too soon')
        taken, self._data = self._data[:length], self._data[length:]
        return taken


def number(value: int) -> bytes:
    """Write a number of 4 bytes."""
    return struct.pack('>i', value)


def opaque(value: bytes) -> bytes:
    """Write bytes, or a string, with their length before them."""
    return number(len(value)) + value + bytes(-len(value) % 4)


def call(
    host: str,
    port: int,
    procedure: Procedure,
    arguments: bytes = b'',
    *,
    sealed: bool = False,
) -> Xdr:
    """Call a procedure without telling who we are.

    :param sealed: in TLS, without a certificate
    :raises Closed: there is no answer, or a refusal
    """
    call_number = next(_numbers)
    head = struct.pack(
        '>10I',
        call_number,
        _CALL,
        _VERSION,
        procedure.program,
        procedure.version,
        procedure.number,
        *(0, 0),  # No credentials,
        *(0, 0),  # and no verifier.
    )
    message = head + arguments
    mark = struct.pack('>I', _LAST_FRAGMENT | len(message))
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(connect(host, port, sealed))
            connection.sendall(mark + message)
            answer = Xdr(_receive(connection))
        except OSError as error:
            raise Closed(str(error)) from error
    if (answer.number(), answer.number()) != (call_number, _REPLY):
        raise Closed('no answer to this call')
    if answer.number() != _ACCEPTED:
        raise Closed('denied')
    answer.number()
    answer.opaque()
    outcome = answer.number()
    if outcome != _SUCCESS:
        raise Closed(f'accept status {outcome}')
    return answer


def connect(host: str, port: int, sealed: bool) -> socket.socket:
    """Connect; in TLS without a certificate if ``sealed``.

    :raises OSError: there is nobody, or no handshake
    """
    plain = socket.create_connection((host, port), _SECONDS)
    if not sealed:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain)
    except OSError:
        plain.close()
        raise


def programs(host: str, port: int, *, sealed: bool = False) -> frozenset[str]:
    """List the programs that a server has.

    :raises Closed: it does not tell
    """
    answer = call(host, port, DUMP, bytes(8), sealed=sealed)
    answer.long()
    answer.number()
    answer.number()
    found = set()
    while answer.number():
        found.add(answer.opaque().decode())
        answer.long()
        answer.long()
    return frozenset(found)


def lock(host: str, port: int, peer: bytes, volume: str) -> bool:
    """Ask glusterd for the lock of a volume; tell whether we have it.

    :param peer: who we say to be
    :raises Closed: it does not even answer
    """
    key, value = b'volname', volume.encode() + b'\0'
    options = (
        number(1) + number(len(key)) + number(len(value)) + key + b'\0' + value
    )
    answer = call(
        host,
        port,
        PEER_LOCK,
        _characters(peer)
        + _characters(bytes(16))
        + number(_SET_VOLUME)
        + opaque(options),
    )
    for _ in range(2 * 16):
        answer.number()
    answer.opaque()
    return answer.number() == 0


def _characters(values: bytes) -> bytes:
    """Write an array of characters, as Gluster does: 4 bytes for each."""
    return b''.join(map(number, values))


def _receive(connection: socket.socket) -> bytes:
    """Receive one message, of any number of fragments."""
    message = b''
    while True:
        mark = int.from_bytes(_exactly(connection, 4), 'big')
        message += _exactly(connection, mark & ~_LAST_FRAGMENT)
        if mark & _LAST_FRAGMENT:
            return message


def _exactly(connection: socket.socket, length: int) -> bytes:
    received = b''
    while len(received) < length:
        part = connection.recv(length - len(received))
        if not part:
            raise Closed('it closed the connection')
        received += part
    return received
