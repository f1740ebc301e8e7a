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

"""How exact a quota is, and what it costs writers, by its timeouts.

Run it with ``python -m tests.benchmarks.quota_curve --lab NAME``.

A brick asks the quota daemon how much a volume holds: below the soft limit
once in ``features.soft-timeout`` seconds, above it once in
``features.hard-timeout``. Until it asks again, a writer may go too far; and
each question makes a write wait. A tenant's client, mounted with TLS, writes
as fast as it can until it is refused.
"""

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time

from manila_gluster_heketi.executor import base
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.model import Volume
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.tls import issue
from tests.benchmarks import _lab

_TENANT = 'alice'
_LIMIT_MIB = 200
_SHARE_MIB = 1024
# Gluster's own soft timeout is 60 s.
_DRAIN_SECONDS = 120.0

# Soft and hard timeout in seconds, soft limit in percent; Gluster's defaults
# come first.
_SETTINGS = (
    (60, 5, 80),
    (10, 1, 80),
    (5, 1, 80),
    (2, 1, 80),
    (2, 1, 50),
    (5, 0, 80),
    (2, 0, 80),
    (0, 0, 80),
)
_WRITERS = (1, 4)

_PROBE = """
dd if=/dev/zero of=probe bs=1M count=1 conv=fsync
status=$?
rm -f probe
exit $status
"""

# Prints when each MiB was accepted, and the error that ended it.
_WRITER = """
import json, os, sys, time
block = os.urandom(1 << 20)
begin, times, error = time.monotonic(), [], ''
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
try:
    for _ in range(int(sys.argv[2])):
        os.write(file, block)
        times.append(time.monotonic() - begin)
    os.fsync(file)
except OSError as refused:
    error = refused.strerror
try:
    os.close(file)
except OSError as refused:
    error = error or refused.strerror
print(json.dumps([times, error]))
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What writers got until they were refused.

    :ivar stored_mib: what the files hold afterwards
    :ivar below_mib_s: throughput up to the soft limit
    :ivar above_mib_s: throughput from there to the limit
    """

    stored_mib: float
    below_mib_s: float
    above_mib_s: float
    errors: frozenset[str]


class Bench:
    """One volume and a tenant who may mount it."""

    def __init__(
        self, given: _lab.Arguments, service: Service, share_mib: int
    ) -> None:
        self.lab = given.lab
        self.service = service
        spec = _lab.spec(share_mib * MIB)
        self.volume: Volume = service.create_volume(spec)
        service.change_access(spec.share_id, add=[_TENANT])
        self._identity = tempfile.TemporaryDirectory()
        issue.write_bundle(service.clients.issue(_TENANT), self._identity.name)
        self._host = service.export_hosts(self.volume)[0]

    def close(self) -> None:
        """Delete the volume."""
        self.service.delete_volume(self.volume.share_id)
        self._identity.cleanup()

    def set(self, soft: int, hard: int, soft_percent: int) -> None:
        """Set timeouts and soft limit."""
        options = {
            'features.soft-timeout': str(soft),
            'features.hard-timeout': str(hard),
            'features.default-soft-limit': f'{soft_percent}%',
        }
        self._gluster(gluster.volume_set(self.volume.name, options))

    def limit(self, mib: int) -> None:
        """Set the quota."""
        self._gluster(gluster.quota_limit(self.volume.name, mib * MIB))

    def write(self, writers: int, limit_mib: int, soft_mib: int) -> Outcome:
        """Write until all writers are refused, then remove the files."""
        most = 2 * _SHARE_MIB
        with client.Client(self.lab, self._export(), self._identity.name) as c:
            self._await_room(c)
            running = [
                c.start(
                    [sys.executable, '-c', _WRITER, f'f{n}', str(most)],
                    stdout=subprocess.PIPE,
                )
                for n in range(writers)
            ]
            answers = [json.loads(each.communicate()[0]) for each in running]
            # What write-behind still held is refused when files are closed.
            stored = c.run(
                ['sh', '-c', 'sync -f .; stat -c %b f*'],
                timeout=120,
                check=True,
            )
            c.run(['sh', '-c', 'rm -f f*'], timeout=120, check=True)
        self._drain()
        times = sorted(t for accepted, _ in answers for t in accepted)
        return Outcome(
            stored_mib=sum(map(int, stored.stdout.split())) * 512 / MIB,
            below_mib_s=_rate(times, 0, soft_mib),
            above_mib_s=_rate(times, soft_mib, limit_mib),
            errors=frozenset(error for _, error in answers),
        )

    def _await_room(self, tenant: client.Client) -> None:
        """Wait until the bricks have seen it too: they look now and then."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while tenant.run(['sh', '-c', _PROBE]).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError('bricks still refuse to write')
            time.sleep(1)

    def _drain(self) -> None:
        """Wait until Gluster has seen that the files are gone."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self._used_bytes() > MIB:
            if time.monotonic() > deadline:
                raise RuntimeError('the quota does not see removed files')
            time.sleep(1)

    def _used_bytes(self) -> int:
        [answer] = self._gluster(gluster.quota_list(self.volume.name))
        return gluster_xml.quota_limits('', answer.stdout)[0].used_bytes

    def _gluster(self, command: Command) -> tuple[base.Result, ...]:
        return self.service.executor.run_batch(self._host, [command])

    def _export(self) -> str:
        return f'{self._host}:/{self.volume.name}'


def _rate(times: list[float], first: int, last: int) -> float:
    """Give MiB/s from one MiB to another, if writers got so far."""
    last = min(last, len(times) - 1)
    if last <= first:
        return 0.0
    return (last - first) / (times[last] - times[first])


def curve(bench: Bench, runs: int, report: _lab.Report) -> None:
    """Measure all settings with a quota far below what the bricks hold."""
    bench.limit(_LIMIT_MIB)
    measured: dict[tuple[int, int, int, int], list[Outcome]] = {}
    for _ in range(runs):
        for soft, hard, percent in _SETTINGS:
            bench.set(soft, hard, percent)
            for writers in _WRITERS:
                measured.setdefault((soft, hard, percent, writers), []).append(
                    bench.write(
                        writers, _LIMIT_MIB, _LIMIT_MIB * percent // 100
                    )
                )
    for (soft, hard, percent, writers), outcomes in measured.items():
        name = f'{soft}/{hard} s, soft limit {percent} %, {writers} writers'
        stored = statistics.median(o.stored_mib for o in outcomes)
        below = statistics.median(o.below_mib_s for o in outcomes)
        above = statistics.median(o.above_mib_s for o in outcomes)
        report.rows.append(
            (
                name,
                f'{stored - _LIMIT_MIB:+.0f} MiB',
                f'{below:5.1f} MiB/s, above the soft limit {above:5.1f} MiB/s',
            )
        )
        report.figures[name] = [
            (o.stored_mib, o.below_mib_s, o.above_mib_s) for o in outcomes
        ]


def bound(bench: Bench, report: _lab.Report, share_mib: int) -> None:
    """Measure what the bricks let through when the quota does not look."""
    bench.limit(share_mib)
    bench.set(*_SETTINGS[0])
    outcome = bench.write(4, share_mib, share_mib)
    over = outcome.stored_mib - share_mib
    report.rows.append(
        (
            f'laxest timeouts, share of {share_mib} MiB, no headroom',
            f'{over:+.0f} MiB',
            f'{100 * over / share_mib:+.1f} %, '
            + ', '.join(sorted(outcome.errors)),
        )
    )
    report.figures['bound'] = over


def main() -> None:
    """Measure and print."""
    given = _lab.arguments('tests.benchmarks.quota_curve', runs=1)
    service = _lab.service(given.lab)
    report = _lab.Report(f'What passes a quota of {_LIMIT_MIB} MiB')
    bench = Bench(given, service, _SHARE_MIB)
    try:
        curve(bench, given.runs, report)
        bound(bench, report, _SHARE_MIB)
    finally:
        bench.close()
    report.finish(given.json)


if __name__ == '__main__':
    main()
