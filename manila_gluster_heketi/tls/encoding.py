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

"""How keys, names and usages are written in certificates."""

import ipaddress
import re

from cryptography import x509
from cryptography.hazmat.primitives import serialization

#: Signatures alone: key exchange is ephemeral in TLS 1.3 and in the
#: TLS 1.2 that elliptic curve keys allow.
END_ENTITY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)

_HOST_LABEL = r'[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?'
_HOST_NAME = re.compile(rf'{_HOST_LABEL}(\.{_HOST_LABEL})*')


def pem(certificate: x509.Certificate) -> str:
    """Write a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def common_name(name: str) -> x509.Name:
    """Make a subject that is a common name alone."""
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])


def alternative_name(name: str) -> x509.SubjectAlternativeName:
    """Repeat the common name in a form that RFC 5280 allows for it."""
    if _HOST_NAME.fullmatch(name):
        return x509.SubjectAlternativeName([x509.DNSName(name)])
    return x509.SubjectAlternativeName([x509.DirectoryName(common_name(name))])


def host_name(host: str) -> x509.SubjectAlternativeName:
    """Write the name or the address of a host."""
    name: x509.GeneralName
    try:
        name = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = x509.DNSName(host)
    return x509.SubjectAlternativeName([name])
