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
"""What operations cost beside what hosts do, and how many a process makes.

Run it with ``python -m tests.benchmarks.operations``. The hosts are simulated,
in the same process, and answer at once unless it says otherwise; the store is
a file of SQLite. It measures

* one creation after the other: the time in which no host is at work, which is
  that of placing, of the store and of the journal;
* creations by eight threads of one process, as ``manila-share`` has them, on
  1,000 nodes, with the most memory that was used, simulation included;
* recovery of what a process that died has left at every point of its changes,
  with the time that hosts of a lab take.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import pathlib
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

from manila_gluster_heketi import model
from manila_gluster_heketi.executor import base
from manila_gluster_heketi.executor import inject
from manila_gluster_heketi.executor.inject_rules import Act
from manila_gluster_heketi.executor.inject_rules import Rule
from manila_gluster_heketi.executor.inject_rules import When
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import journal
from tests.benchmarks import _lab

_NODES = 1000
_FEW_NODES = 12
_ZONES = 10
_DISK_BYTES = 400 * GIB
_WORKERS = 8
_CREATIONS = 500
_INTERRUPTED = 100


class Busy:
    """Hosts, and for how long any of them was at work.

    :ivar seconds: in which at least one batch ran
    :ivar processor: seconds of the processor that all batches took
    """

    def __init__(self, inner: base.Executor) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._running = 0
        self._begun = 0.0
        self.seconds = 0.0
        self.processor = 0.0

    def run_batch(
        self, host: str, batch: Sequence[Command]
    ) -> tuple[base.Result, ...]:
        """See :class:`base.Executor`."""
        with self._lock:
            if not self._running:
                self._begun = time.perf_counter()
            self._running += 1
        processor = time.thread_time()
        try:
            return self._inner.run_batch(host, batch)
        finally:
            processor = time.thread_time() - processor
            with self._lock:
                self.processor += processor
                self._running -= 1
                if not self._running:
                    self.seconds += time.perf_counter() - self._begun


def _hosts(count: int) -> cluster.SimulatedCluster:
    return cluster.SimulatedCluster(
        HostSpec(f'node-{n:04}', f'node-{n:04}', {'/dev/vdb': _DISK_BYTES})
        for n in range(count)
    )


def _document(count: int) -> str:
    nodes = [
        {
            'node': {
                'hostnames': {
                    'manage': [f'node-{n:04}'],
                    'storage': [f'node-{n:04}'],
                },
                'zone': n % _ZONES + 1,
            },
            'devices': ['/dev/vdb'],
        }
        for n in range(count)
    ]
    return json.dumps({'clusters': [{'nodes': nodes}]})


@contextlib.contextmanager
def _service(
    nodes: int, directory: str | None
) -> Iterator[tuple[Service, cluster.SimulatedCluster, Busy]]:
    """Give a service whose nodes are loaded."""
    hosts = _hosts(nodes)
    busy = Busy(hosts)
    with tempfile.TemporaryDirectory(dir=directory) as state:
        service = Service(_lab.settings(state), busy)
        service.prepare()
        service.load_topology(_document(nodes))
        yield service, hosts, busy
        service.store.close()


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one creation.

    :ivar alone: in which no host was at work
    :ivar processor: of the process, without the simulation of the hosts
    """

    wall: float
    alone: float
    processor: float


def _cost(busy: Busy, call: Callable[[], object]) -> Cost:
    hosts, simulation = busy.seconds, busy.processor
    processor = time.process_time()
    wall = _lab.seconds(call)
    processor = time.process_time() - processor
    processor -= busy.processor - simulation
    alone = wall - (busy.seconds - hosts)
    return Cost(1000 * wall, 1000 * alone, 1000 * processor)


def measure_alone(report: _lab.Report, directory: str | None) -> None:
    """Create one volume after the other."""
    with _service(_FEW_NODES, directory) as (service, _, busy):
        costs = [
            _cost(busy, lambda: service.create_volume(_lab.spec()))
            for _ in range(_CREATIONS // 2)
        ]
    for name in ('wall', 'alone', 'processor'):
        found = sorted(getattr(each, name) for each in costs)
        goal = '' if name == 'wall' else 'goal: at most 15'
        median = statistics.median(found)
        report.figure(f'a creation, {name}, median ms', median, goal)
        ninth = found[len(found) * 9 // 10]
        report.figure(f'a creation, {name}, 9 of 10 within ms', ninth)


def _peak() -> float:
    """Say how many MiB this process had at most since it was forgotten."""
    status = pathlib.Path('/proc/self/status').read_text()
    [line] = (n for n in status.splitlines() if n.startswith('VmHWM:'))
    return int(line.split()[1]) / 1024


def _forget_peak() -> None:
    pathlib.Path('/proc/self/clear_refs').write_text('5')


def measure_many(report: _lab.Report, directory: str | None) -> None:
    """Create volumes by many threads on many nodes."""
    with _service(_NODES, directory) as (service, _, busy):
        specs = [_lab.spec() for _ in range(_CREATIONS)]
        report.figure('most memory while nodes were loaded, MiB', _peak())
        _forget_peak()
        began, simulation = time.process_time(), busy.processor
        with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
            seconds = _lab.seconds(
                lambda: list(pool.map(service.create_volume, specs))
            )
        processor = time.process_time() - began
        simulation = busy.processor - simulation
        peak = _peak()
    report.figure('creations a second', _CREATIONS / seconds, 'goal: 50')
    each = 1000 / _CREATIONS
    report.figure('processor each, ms', processor * each)
    report.figure('of that for the simulation, ms', simulation * each)
    report.figure(
        'most memory while they were made, MiB', peak, 'goal: at most 300'
    )


def measure_recovery(report: _lab.Report, directory: str | None) -> None:
    """Interrupt changes at every point; recover them all."""
    with _service(_FEW_NODES, directory) as (service, hosts, _):
        for number in range(_INTERRUPTED):
            _interrupt(service, hosts, number)
        left = service.operations()
        with service.store.write() as tx:
            for each in left:
                journal.renew_lease(tx, each.id, each.owner, each.started_at)
        hosts.latency = cluster.Latency()
        seconds = _lab.seconds(lambda: _recover(service))
    report.figure('operations interrupted', len(left))
    report.figure('recovery of them, s', seconds, 'goal: at most 60')


def _interrupt(
    service: Service, hosts: cluster.SimulatedCluster, number: int
) -> None:
    """Have a process die in the midst of a change."""
    spec = _lab.spec()
    commands, change = _CHANGES[number % len(_CHANGES)]
    if change is not _create:
        service.create_volume(spec)
    injector = inject.Injector(hosts, kill=inject.play_dead)
    point = number // len(_CHANGES) % commands
    injector.arm(Rule(Act.KILL, skip=point, when=When.AFTER))
    dying = Service(service.settings, injector)
    try:
        change(dying, spec)
    except inject.Killed:
        return
    finally:
        dying.store.close()
    raise AssertionError(f'{change} has not {point + 1} commands')


def _create(service: Service, spec: model.VolumeSpec) -> None:
    service.create_volume(spec)


def _extend(service: Service, spec: model.VolumeSpec) -> None:
    service.extend_volume(spec.share_id, 3 * GIB)


def _access(service: Service, spec: model.VolumeSpec) -> None:
    service.change_access(spec.share_id, names=['alice'])


def _delete(service: Service, spec: model.VolumeSpec) -> None:
    service.delete_volume(spec.share_id)


# With how many commands each has, at least.
_CHANGES: tuple[
    tuple[int, Callable[[Service, model.VolumeSpec], None]], ...
] = ((20, _create), (7, _extend), (1, _access), (10, _delete))


def _recover(service: Service) -> None:
    for each in service.recover():
        if each.error:
            raise AssertionError(each.error)


def main() -> None:
    """Measure and print."""
    reader = argparse.ArgumentParser(
        prog='python -m tests.benchmarks.operations'
    )
    reader.add_argument('--json', type=pathlib.Path, metavar='FILE')
    reader.add_argument(
        '--directory', help='for the store; a disk that is slow shows'
    )
    given = reader.parse_args()
    report = _lab.Report('operations on simulated hosts')
    measure_many(report, given.directory)
    measure_alone(report, given.directory)
    measure_recovery(report, given.directory)
    report.finish(given.json)


if __name__ == '__main__':
    main()
