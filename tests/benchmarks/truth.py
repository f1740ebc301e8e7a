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


"""How long a large store takes to be compared with its nodes, and rebuilt.

Run it with ``python -m tests.benchmarks.truth``. It makes a cluster of 1,000
simulated nodes with 10,000 bricks, which takes some minutes, and then checks
it as it is, checks and mends it after some bricks lost their mounts, and
rebuilds its store. The hosts answer at once, so that the time is our own, the
simulation of 1,000 hosts included.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable

from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.service.truth import Report
from manila_gluster_heketi.sizes import GIB
from tests.benchmarks import _lab

_NODES = 1000
_BRICKS = 10_000
_COPIES = 3
_DISK_BYTES = 400 * GIB
_UNMOUNTED = 100
_ZONES = 10
_WORKERS = 4


def _hosts(nodes: int) -> list[str]:
    return [f'node-{number:04}' for number in range(nodes)]


def _document(nodes: int) -> str:
    entries = [
        {
            'node': {
                'hostnames': {'manage': [host], 'storage': [host]},
                'zone': number % _ZONES + 1,
                'tags': {'rack': str(number % 40)},
            },
            'devices': ['/dev/vdb'],
        }
        for number, host in enumerate(_hosts(nodes))
    ]
    return json.dumps({'clusters': [{'name': 'large', 'nodes': entries}]})


def _fill(service: Service, bricks: int) -> None:
    specs = [_lab.spec() for _ in range(-(-bricks // _COPIES))]
    with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(service.create_volume, specs))


def _unmount(hosts: cluster.SimulatedCluster, names: list[str]) -> int:
    """Take one mount away on each host."""
    count = 0
    for name in names:
        space = hosts.host(name).space
        for path, volume in tuple(space.mounts.items())[:1]:
            volume.mount_path = ''
            del space.mounts[path]
            count += 1
    return count


class _Timed:
    """Seconds of a call, on the wall and of the processor."""

    def __init__(self, call: Callable[[], object]) -> None:
        wall, processor = time.perf_counter(), time.process_time()
        self.result = call()
        self.wall = time.perf_counter() - wall
        self.processor = time.process_time() - processor


def _clean(report: object) -> Report:
    assert isinstance(report, Report)
    if not report.is_clean:
        raise AssertionError(str(report.checked[:3]))
    return report


def _forget(state: str) -> None:
    for name in os.listdir(state):
        if name.startswith('store.sqlite'):
            os.unlink(os.path.join(state, name))


def measure(
    service: Service, hosts: cluster.SimulatedCluster, state: str
) -> dict[str, _Timed]:
    """Time everything once."""
    found = {'check': _Timed(service.truth.check)}
    checked = _clean(found['check'].result)
    names = [node.manage_host for node in service.nodes()]
    lost = _unmount(hosts, names[:_UNMOUNTED])
    found[f'check and mend {lost} mounts'] = _Timed(service.truth.repair)
    _clean(found[f'check and mend {lost} mounts'].result)
    service.store.close()
    _forget(state)
    anew = Service(service.settings, hosts)
    anew.prepare()
    found['rebuild'] = _Timed(lambda: anew.truth.rebuild(names[:1]))
    again = _clean(anew.truth.check())
    assert (checked.nodes, checked.bricks) == (again.nodes, again.bricks)
    anew.store.close()
    return found


def main() -> None:
    """Measure and print."""
    reader = argparse.ArgumentParser(prog='python -m tests.benchmarks.truth')
    reader.add_argument('--nodes', type=int, default=_NODES)
    reader.add_argument('--bricks', type=int, default=_BRICKS)
    reader.add_argument('--json', type=pathlib.Path, metavar='FILE')
    given = reader.parse_args()
    hosts = cluster.SimulatedCluster(
        HostSpec(host, host, {'/dev/vdb': _DISK_BYTES})
        for host in _hosts(given.nodes)
    )
    with tempfile.TemporaryDirectory() as state:
        # There are more than a cluster may have by default.
        settings = _lab.settings(state, cluster_volumes_max='0')
        service = Service(settings, hosts)
        service.prepare()
        made = _Timed(lambda: service.load_topology(_document(given.nodes)))
        filled = _Timed(lambda: _fill(service, given.bricks))
        found = measure(service, hosts, state)
    report = _lab.Report(f'{given.nodes} nodes, {given.bricks} bricks')
    for name, timed in (
        ('load of the topology', made),
        ('creation of the volumes', filled),
        *found.items(),
    ):
        report.figure(f'{name}, s', timed.wall)
        report.figure(f'{name}, s of processor', timed.processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.figure('most memory, simulated hosts included, MiB', peak)
    report.finish(given.json)


if __name__ == '__main__':
    main()
