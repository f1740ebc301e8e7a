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

"""An operator's own authorities: right ones, and all kinds of wrong ones."""

import dataclasses
import datetime
import os
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import policy

_YEAR = datetime.timedelta(days=365)


@dataclasses.dataclass(frozen=True)
class Signer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        """The certificate."""
        return encoding.pem(self.certificate)

    def below(self, name: str = 'intermediate', **changes: Any) -> 'Signer':
        """Make one that this one signs."""
        return make(name, self, **changes)


def make(
    name: str = 'root',
    above: Signer | None = None,
    *,
    key: Any = None,
    ca: bool | None = True,
    path_length: int | None = None,
    usage: x509.KeyUsage | None = encoding.AUTHORITY_USAGE,
    start: datetime.timedelta = -_YEAR,
    end: datetime.timedelta = _YEAR,
    algorithm: hashes.HashAlgorithm | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Signer:
    """Make an authority as people make them with openssl.

    :param above: who signs it; None for itself
    :param ca: what its basic constraints say; None for none
    :param start: from now
    :param end: from now
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name.from_rfc4514_string(f'CN={name},O=Operator')
    now = policy.now()
    builder = x509.CertificateBuilder(
        above.certificate.subject if above else subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        now + start,
        now + end,
    )
    wanted = list(extensions)
    if ca is not None:
        constraints = x509.BasicConstraints(ca, path_length if ca else None)
        wanted.append((constraints, True))
    if usage is not None:
        wanted.append((usage, True))
    wanted.append(
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if above:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            above.key.public_key()
        )
        wanted.append((identifier, False))
    for extension, critical in wanted:
        builder = builder.add_extension(extension, critical=critical)
    signing = above.key if above else key
    return Signer(builder.sign(signing, algorithm or hashes.SHA256()), key)


@dataclasses.dataclass(frozen=True)
class Files:
    """Files as ``ca import`` takes them.

    :ivar chain: '' if there is none
    """

    certificate: str
    key: str
    chain: str = ''


def write(
    directory: str,
    issuing: Signer,
    *above: Signer,
    key: Any = None,
    passphrase: bytes | None = None,
    mode: int = 0o600,
) -> Files:
    """Write an authority, and those above it into a file of their own.

    :param key: another one than its own
    """
    files = Files(
        os.path.join(directory, 'own.pem'),
        os.path.join(directory, 'own.key'),
        os.path.join(directory, 'chain.pem') if above else '',
    )
    for path, text in (
        (files.certificate, issuing.pem),
        (files.key, keys.pem(key or issuing.key, passphrase)),
        (files.chain, ''.join(each.pem for each in above)),
    ):
        if path:
            with open(path, 'w', encoding='ascii') as stream:
                stream.write(text)
    os.chmod(files.key, mode)
    return files
