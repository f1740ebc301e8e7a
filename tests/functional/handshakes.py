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
        files = there.space.root.files
        path = f'{there.tls_directory}/{issue.CERTIFICATE_FILE}'
        found = reading.certificates(
            files[path].content if path in files else ''
        )
        [authority] = reading.certificates(ca_pem)
        refuses = port in self.refusing
        if (
            refuses
            or not found
            or not reading.is_issued_by(found[0], authority)
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
