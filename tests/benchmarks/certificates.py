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

"""How fast certificates are issued.

One thread, so the rate is that of one core. The goal is for certificates; a
key of RSA takes as long to make as it takes, and the tenant's machine makes
it when there is a request.
"""

import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls.keys import KeyType

SECONDS = 2.0
#: Certificates per second and core.
GOAL = 200


def main() -> None:
    """Issue certificates of all kinds and print the rates."""
    with tempfile.TemporaryDirectory() as directory:
        authority = ca.Authority.load_or_create(directory)
    for name, make, has_goal in _makers(authority):
        rate = _rate(make)
        goal = ''
        if has_goal:
            goal = f'goal {GOAL}: ' + ('met' if rate >= GOAL else 'MISSED')
        print(f'{name:<24} {rate:8.0f} certificates/s on one core  {goal}')


def _makers(
    authority: ca.Authority,
) -> Iterator[tuple[str, Callable[[], object], bool]]:
    cluster = model.new_id()
    yield 'node, ec-p256', lambda: issue.issue_node(authority, cluster), True
    for kind in KeyType:
        yield (
            f'client, {kind.value}',
            lambda kind=kind: issue.issue_client(
                authority, 'alice', key_type=kind
            ),
            kind is KeyType.EC_P256,
        )
    for kind in KeyType:
        request = _request(kind)
        yield (
            f'request, {kind.value}',
            lambda request=request: issue.sign_csr(
                authority, request, 'alice'
            ),
            True,
        )


def _request(kind: KeyType) -> str:
    """Make what a tenant sends who keeps the key."""
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name.from_rfc4514_string('CN=alice'))
        .sign(keys.make(kind), hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _rate(make: Callable[[], object]) -> float:
    """Count how often something can be done in a second."""
    count = 0
    start = time.perf_counter()
    while (taken := time.perf_counter() - start) < SECONDS:
        make()
        count += 1
    return count / taken


if __name__ == '__main__':
    main()
