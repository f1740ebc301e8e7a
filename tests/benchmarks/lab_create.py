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

"""Making, growing and deleting one volume, against bare scripts.

Run it with ``python -m tests.benchmarks.lab_create --lab NAME``. Floor and
ours take turns, and each goes first every other time, so that a ratio is of
figures that were measured under the same load.
"""

import dataclasses
import statistics
import time

from manila_gluster_heketi import model
from manila_gluster_heketi.executor import openssh
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests.benchmarks import _floor
from tests.benchmarks import _lab

_QUOTA = 'gluster --mode=script volume quota {name} limit-usage / {size}'


@dataclasses.dataclass(slots=True)
class Bench:
    """What was measured so far, in seconds."""

    service: Service
    floor: _floor.Floor
    times: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    connections: list[int] = dataclasses.field(default_factory=list)
    batches: list[int] = dataclasses.field(default_factory=list)

    def ours(self, spec: model.VolumeSpec) -> None:
        """Create through the service."""
        counted = _statistics(self.service)
        before = dataclasses.replace(counted)
        with self._timed('create, ours'):
            self.service.create_volume(spec)
        self.connections.append(counted.connections - before.connections)
        self.batches.append(counted.batches - before.batches)

    def round(self, ours_first: bool) -> None:
        """Create, extend and delete one volume of each kind."""
        spec = _lab.spec()
        if ours_first:
            self.ours(spec)
        with self._timed('create, floor'):
            volume = self.floor.create()
        if not ours_first:
            self.ours(spec)
        with self._timed('one quota call'):
            self.floor.run(
                volume.bricks[0].node,
                _QUOTA.format(name=volume.name, size=2 * GIB),
            )
        with self._timed('extend in place, ours'):
            self.service.extend_volume(spec.share_id, 2 * GIB)
        if ours_first:
            self._delete(spec)
        with self._timed('delete, floor'):
            self.floor.delete(volume)
        if not ours_first:
            self._delete(spec)

    def _delete(self, spec: model.VolumeSpec) -> None:
        with self._timed('delete, ours'):
            self.service.delete_volume(spec.share_id)

    def _timed(self, name: str) -> '_Stopwatch':
        return _Stopwatch(self.times.setdefault(name, []))


class _Stopwatch:
    def __init__(self, times: list[float]) -> None:
        self._times = times
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *exc_info: object) -> None:
        self._times.append(time.perf_counter() - self._began)


def _statistics(service: Service) -> openssh.Statistics:
    assert isinstance(service.executor, openssh.OpenSshExecutor)
    return service.executor.statistics


def report(bench: Bench) -> _lab.Report:
    """Put medians, ratios and counts into a table."""
    table = _lab.Report('One volume, replica 3, 1 GiB, TLS and quota')
    median = {
        name: table.times(name, values)
        for name, values in sorted(bench.times.items())
    }
    for verb in ('create', 'delete'):
        ratio = median[f'{verb}, ours'] / median[f'{verb}, floor']
        table.figure(f'{verb}, ours / floor', ratio, 'goal: at most 1.2')
    table.figure(
        'extend in place, less one quota call, s',
        median['extend in place, ours'] - median['one quota call'],
        'goal: at most 1',
    )
    table.figure(
        'new SSH connections per create', max(bench.connections), 'goal: 0'
    )
    table.figure(
        'round trips per create',
        statistics.median(bench.batches),
        'goal: at most 5, one per node and two',
    )
    return table


def main() -> None:
    """Measure and print."""
    given = _lab.arguments('tests.benchmarks.lab_create', runs=5)
    service = _lab.service(given.lab)
    # The first volume of a cluster also starts daemons, and the last one
    # ends them: neither is what a volume costs.
    resident = _lab.spec()
    service.create_volume(resident)
    bench = Bench(service, _floor.Floor(given.lab, service))
    for number in range(given.runs):
        bench.round(ours_first=number % 2 == 1)
    service.delete_volume(resident.share_id)
    report(bench).finish(given.json)


if __name__ == '__main__':
    main()
