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

"""Certificate signing requests: whose key we are asked to certify."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import policy


def requested_key(csr_pem: str) -> policy.CertifiableKey:
    """Take the public key out of a request.

    :raises InvalidInput: the text is no request, is not signed with its own
        key, or the key is too weak
    """
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        key = policy.strong_key(request.public_key())
        genuine = request.is_signature_valid
    except policy.WeakKey as weak:
        raise _refused(csr_pem, str(weak)) from weak
    except (ValueError, UnsupportedAlgorithm):
        raise _refused(csr_pem, 'it is none that we can read') from None
    if not genuine:
        raise _refused(csr_pem, 'it is not signed with its own key')
    return key


def requested_name(csr_pem: str) -> str:
    """Say which common name a request is for; '' if it does not say.

    :raises InvalidInput: the text is no request, or it has several names
    """
    try:
        subject = x509.load_pem_x509_csr(csr_pem.encode()).subject
    except ValueError:
        raise _refused(csr_pem, 'it is none that we can read') from None
    found = subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    if len(found) > 1:
        raise _refused(csr_pem, 'it has more than one common name')
    return str(found[0].value) if found else ''


def make(key: keys.SigningKey, common_name: str) -> str:
    """Write a request, in PEM, signed with the key that it is for."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(encoding.common_name(common_name))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def _refused(csr_pem: str, reason: str) -> exceptions.InvalidInput:
    # The text is not shown: somebody may have given us a key by mistake.
    return exceptions.InvalidInput(
        field='certificate signing request',
        value=f'{len(csr_pem)} characters',
        reason=reason,
    )
