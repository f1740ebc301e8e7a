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

from manila_gluster_heketi import exceptions
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


def _refused(csr_pem: str, reason: str) -> exceptions.InvalidInput:
    # The text is not shown: somebody may have given us a key by mistake.
    return exceptions.InvalidInput(
        field='certificate signing request',
        value=f'{len(csr_pem)} characters',
        reason=reason,
    )
