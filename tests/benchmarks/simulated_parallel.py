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

"""Eight shares at once against eight in a row, where hosts take real time.

Run it with ``python -m tests.benchmarks.simulated_parallel``. The hosts are
simulated and have as many processors as it takes, unlike a lab: what is left
is what this software itself makes wait.
"""

import concurrent.futures
import json
import tempfile

from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests.benchmarks import _lab

_AT_ONCE = 8
_HOSTS = 6
_DISK_BYTES = 100 * GIB
#: What a host in a machine room takes; one second for gluster is what a
#: volume's own lock makes wait, other volumes go on.
_LATENCY = cluster.Latency(
    {'ssh': 0.005, 'lvm lvcreate': 0.3, 'lvm lvremove': 0.3}
    | {'mkfs.xfs': 0.1, 'gluster volume': 1.0}
)


def _cluster() -> cluster.SimulatedCluster:
    return cluster.SimulatedCluster(
        HostSpec(f'h{n}', f'10.0.0.{n}', {'/dev/vdb': _DISK_BYTES})
        for n in range(1, _HOSTS + 1)
    )


def _document() -> str:
    nodes = [
        {
            'node': {
                'hostnames': {
                    'manage': [f'h{n}'],
                    'storage': [f'10.0.0.{n}'],
                },
                'zone': n % 3 + 1,
            },
            'devices': ['/dev/vdb'],
        }
        for n in range(1, _HOSTS + 1)
    ]
    return json.dumps({'clusters': [{'nodes': nodes}]})


def measure(service: Service) -> tuple[float, float]:
    """Time as many creations in a row, and at once."""
    specs = [_lab.spec() for _ in range(2 * _AT_ONCE)]

    def row() -> None:
        for each in specs[:_AT_ONCE]:
            service.create_volume(each)

    def at_once() -> None:
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(service.create_volume, specs[_AT_ONCE:]))

    times = _lab.seconds(row), _lab.seconds(at_once)
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        shares = [each.share_id for each in specs]
        list(pool.map(service.delete_volume, shares))
    return times


def main() -> None:
    """Measure and print."""
    given = _lab.parser('tests.benchmarks.simulated_parallel', 2).parse_args()
    hosts = _cluster()
    with tempfile.TemporaryDirectory() as state:
        service = Service(_lab.settings(state), hosts)
        service.prepare()
        service.load_topology(_document())
        hosts.latency = _LATENCY
        times = [measure(service) for _ in range(given.runs)]
        service.store.close()
    report = _lab.Report(f'{_AT_ONCE} volumes on simulated hosts')
    in_a_row = report.times('in a row', [row for row, _ in times])
    at_once = report.times('at once', [once for _, once in times])
    report.figure(
        'at once / in a row',
        at_once / in_a_row,
        f'goal: at most 0.2; {1 / _AT_ONCE} is the least',
    )
    report.finish(given.json)


if __name__ == '__main__':
    main()
