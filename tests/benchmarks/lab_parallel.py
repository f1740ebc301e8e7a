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

"""Eight shares asked for at once, against eight bare scripts at once.

Run it with ``python -m tests.benchmarks.lab_parallel --lab NAME``. All make
the same kind of volume on the same nodes, whose processors are the limit.
"""

import concurrent.futures
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeVar

from manila_gluster_heketi.sizes import GIB
from tests.benchmarks import _floor
from tests.benchmarks import _lab

_AT_ONCE = 8

_In = TypeVar('_In')
_Out = TypeVar('_Out')


class Bench:
    """What takes turns, and how long it took."""

    def __init__(self, given: _lab.Arguments) -> None:
        self.service = _lab.service(given.lab)
        self._floor = _floor.Floor(given.lab, self.service)
        self._pool = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)
        self.times: dict[str, list[float]] = {}

    def ours(self) -> None:
        """Create and delete through the service."""
        specs = [_lab.spec() for _ in range(_AT_ONCE)]
        self._at_once('create, ours', self.service.create_volume, specs)
        shares = [spec.share_id for spec in specs]
        self._at_once('delete, ours', self.service.delete_volume, shares)

    def floor(self) -> None:
        """Create and delete by scripts."""
        sizes = [GIB] * _AT_ONCE
        volumes = self._at_once('create, floor', self._floor.create, sizes)
        self._at_once('delete, floor', self._floor.delete, volumes)

    def _at_once(
        self, name: str, call: Callable[[_In], _Out], over: Sequence[_In]
    ) -> list[_Out]:
        began = time.perf_counter()
        results = list(self._pool.map(call, over))
        self.times.setdefault(name, []).append(time.perf_counter() - began)
        return results


def main() -> None:
    """Measure and print."""
    given = _lab.arguments('tests.benchmarks.lab_parallel', runs=2)
    bench = Bench(given)
    resident = _lab.spec()
    bench.service.create_volume(resident)
    for number in range(given.runs):
        for measure in (bench.floor, bench.ours)[:: -1 if number % 2 else 1]:
            measure()
    bench.service.delete_volume(resident.share_id)
    report = _lab.Report(f'{_AT_ONCE} volumes at once, replica 3, 1 GiB')
    median = {
        name: report.times(name, values)
        for name, values in sorted(bench.times.items())
    }
    for verb in ('create', 'delete'):
        ratio = median[f'{verb}, ours'] / median[f'{verb}, floor']
        report.figure(f'{verb}, ours / floor', ratio, 'goal: at most 1.2')
    report.finish(given.json)


if __name__ == '__main__':
    main()
