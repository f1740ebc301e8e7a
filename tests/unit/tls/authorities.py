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

"""Authorities in memory, for tests of what they issue."""

import functools
import tempfile
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509 import verification

from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue


@functools.cache
def authority(name: str = 'ours') -> ca.Authority:
    """Make an authority; the same name gives the same one."""
    with tempfile.TemporaryDirectory(prefix=name) as directory:
        return ca.Authority.load_or_create(directory)


def certificate(bundle: issue.Bundle) -> x509.Certificate:
    """Read the certificate of a bundle."""
    return x509.load_pem_x509_certificate(bundle.certificate_pem.encode())


def store(bundle: issue.Bundle) -> verification.Store:
    """Trust whom the owner of a bundle trusts."""
    return verification.Store(
        [x509.load_pem_x509_certificate(bundle.ca_pem.encode())]
    )


def request(key: Any, name: str = 'CN=mallory') -> str:
    """Write a request that asks for more than is granted."""
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name.from_rfc4514_string(name))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(
            key,
            None
            if isinstance(key, ed25519.Ed25519PrivateKey)
            else hashes.SHA256(),
        )
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()
