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

"""Bricks of simulated hosts, which have no port to connect to."""

from collections.abc import Callable
from collections.abc import Sequence

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor.simulated.cluster import SimulatedCluster
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import reading

#: Is told the address, and what the brick would answer; answers or raises.
Answer = Callable[
    [str, distribute.HandshakeResult], distribute.HandshakeResult
]


def truly(
    address: str, result: distribute.HandshakeResult
) -> distribute.HandshakeResult:
    """Answer as a brick does."""
    return result


def accepts(
    trusted: Sequence[x509.Certificate], shown: Sequence[x509.Certificate]
) -> bool:
    """Tell whether GlusterFS takes a certificate.

    :param shown: that certificate, and what comes with it; one more between
        it and who is trusted is followed
    """
    if not shown:
        return False
    leaf, *more = shown
    return any(
        reading.is_issued_by(leaf, each)
        or any(
            reading.is_issued_by(leaf, link)
            and reading.is_issued_by(link, each)
            for link in more
        )
        for each in trusted
    )


class Bricks:
    """Answers handshakes from the files that hosts have by then.

    :ivar answer: how
    :ivar asked: addresses, in order
    :ivar refusing: ports that take no connection of ours
    """

    def __init__(self, cluster: SimulatedCluster, names: list[str]) -> None:
        self._cluster = cluster
        self._names = names
        self.answer: Answer = truly
        self.asked: list[str] = []
        self.refusing: set[int] = set()

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
    ) -> distribute.HandshakeResult:
        """See :func:`distribute.verify_handshake`."""
        self.asked.append(host)
        hosts = map(self._cluster.host, self._names)
        [there] = [each for each in hosts if each.storage == host]
        if not there.answers_peers or not there.serves_controller:
            raise exceptions.PortUnreachable(
                host=f'{host}:{port}', reason='timed out'
            )
        found, trusted = (
            reading.certificates(file.content if file else '')
            for file in (
                there.space.root.files.get(f'{there.tls_directory}/{name}')
                for name in (issue.CERTIFICATE_FILE, issue.AUTHORITY_FILE)
            )
        )
        shown = reading.certificates(bundle.certificate_pem)
        if (
            port in self.refusing
            or not accepts(reading.certificates(ca_pem), found)
            or not accepts(trusted, shown)
        ):
            raise exceptions.HostError(
                host=f'{host}:{port}', reason='no TLS connection'
            )
        return self.answer(
            host,
            distribute.HandshakeResult(
                tls_version='TLSv1.3',
                cipher='TLS_AES_256_GCM_SHA384',
                common_name=reading.name_of(found[0]),
                serial=reading.serial_of(found[0]),
                not_after=found[0].not_valid_after_utc,
            ),
        )
