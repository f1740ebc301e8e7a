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

"""Other certificates for all nodes of a lab with ten volumes, and another CA.

Run it with ``python -m tests.benchmarks.lab_rotation --lab NAME``. The volumes
have three copies of which none is written to; what takes the time are the
nodes.
"""

import time

from manila_gluster_heketi.model import RotationPhase
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import MIB
from tests.benchmarks import _lab

_VOLUMES = 10
_SIZE = 256 * MIB
_PHASES = (
    RotationPhase.TRUST_BOTH,
    RotationPhase.RE_SIGN,
    RotationPhase.TRUST_NEW,
)


def rotate(service: Service, times: dict[str, list[float]]) -> None:
    """Rotate, and note how long each phase took."""
    began = before = time.perf_counter()
    for phase in (*_PHASES, None):
        # Clients of other benchmarks may have certificates; none is at work.
        service.rotations.rotate(phase, force=True)
        now = time.perf_counter()
        name = phase.value if phase else 'destroy-old'
        times.setdefault(name, []).append(now - before)
        before = now
    times.setdefault('all', []).append(before - began)


def renew(service: Service) -> None:
    """Give each node a new certificate, one after the other."""
    for row in service.node_certificates.renew(every=True):
        if not row.is_good:
            raise SystemExit(f'{row.host}: {row.outcome} {row.detail}')


def main() -> None:
    """Measure and print."""
    given = _lab.arguments('tests.benchmarks.lab_rotation', runs=3)
    service = _lab.service(given.lab)
    specs = [_lab.spec(_SIZE) for _ in range(_VOLUMES)]
    times: dict[str, list[float]] = {}
    nodes = len(service.nodes())
    renewals = []
    try:
        for each in specs:
            service.create_volume(each)
        for _ in range(given.runs):
            renewals.append(_lab.seconds(lambda: renew(service)) / nodes)
            rotate(service, times)
    finally:
        for each in specs:
            if service.find_volume(each.share_id):
                service.delete_volume(each.share_id)
    table = _lab.Report(
        f'Renewal and rotation, {nodes} nodes, {_VOLUMES} volumes'
    )
    renewal = table.times('renewal of a node', renewals)
    for name, values in times.items():
        median = table.times(name, values)
    table.figure('renewal of a node, s', renewal, 'goal: at most 2')
    table.figure('rotation, s', median, 'goal: at most 60')
    table.finish(given.json)


if __name__ == '__main__':
    main()
