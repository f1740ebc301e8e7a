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

"""What there is to know of nodes' certificates: one round trip each."""

import dataclasses
import time
from collections.abc import Mapping
from collections.abc import Sequence

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.hostcmd import system
from manila_gluster_heketi.hostcmd import tls_files
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.operations import clocks
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import reading


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a host says of its certificate.

    :ivar certificate: None if there is none that OpenSSL can read
    :ivar authorities: those that it trusts
    :ivar public_key: of its key, in PEM; '' without a key
    :ivar permission: of its key; None without one
    :ivar clock_offset_seconds: its clock minus ours, at least; 0 if they may
        agree
    :ivar refused: daemons that a brick refused since they were started
    """

    host: str
    certificate: x509.Certificate | None
    authorities: tuple[x509.Certificate, ...]
    public_key: str
    permission: tls_files.Permission | None
    clock_offset_seconds: float
    refused: tuple[tls_files.Refused, ...]

    @property
    def has_wrong_clock(self) -> bool:
        """Whether a new certificate might not be valid yet there, or still."""
        return clocks.is_wrong(self.clock_offset_seconds)

    @property
    def authority_names(self) -> tuple[str, ...]:
        """Common names of the authorities that it trusts."""
        return tuple(map(reading.name_of, self.authorities))

    def trusts(self, *authorities: x509.Certificate) -> bool:
        """Tell whether one of these is among those that it trusts."""
        return any(each in self.authorities for each in authorities)


Outcome = Facts | exceptions.HostError


def look(
    executor: base.Executor, nodes: Sequence[model.Node]
) -> dict[str, Outcome]:
    """Look at nodes, all at once; an error of one is its outcome.

    :returns: by the name that SSH goes to
    """
    return look_in(
        executor, {node.manage_host: node.tls_directory for node in nodes}
    )


def look_in(
    executor: base.Executor, directories: Mapping[str, str]
) -> dict[str, Outcome]:
    """Look at hosts, all at once; an error of one is its outcome.

    :param directories: where glusterfs reads its certificate, by host
    """
    began = time.time()
    outcomes = parallel.run_on_hosts(
        executor, {host: _batch(d) for host, d in directories.items()}
    )
    ended = time.time()
    return {
        host: _facts(host, outcome, began, ended)
        for host, outcome in outcomes.items()
    }


def _batch(directory: str) -> list[Command]:
    key, certificate, authorities = distribute.paths(directory)
    return [
        system.clock(),
        tls_files.certificate(certificate),
        system.read_file(authorities),
        system.public_key(key),
        tls_files.permission(key),
        tls_files.refused_daemons(),
    ]


def _facts(
    host: str, outcome: parallel.Outcome, began: float, ended: float
) -> Outcome:
    if isinstance(outcome, exceptions.HostError):
        return outcome
    clock, certificate, authorities, key, permission, refused = outcome
    try:
        return Facts(
            host=host,
            certificate=next(
                iter(reading.certificates(certificate.stdout)), None
            ),
            authorities=tuple(reading.certificates(authorities.stdout)),
            public_key=key.stdout.strip(),
            permission=None
            if permission.skipped
            else tls_files.parse_permission(host, permission.stdout),
            clock_offset_seconds=clocks.offset(
                system.parse_clock(host, clock.stdout), began, ended
            ),
            refused=tls_files.parse_refused(refused.stdout),
        )
    except exceptions.HostError as error:
        return error
