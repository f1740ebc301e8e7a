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

"""How long it takes to load four new nodes with eight devices.

Run it with ``python -m tests.benchmarks.lab_topology``. Each run needs disks
that were never used, so it makes a lab of its own and removes it again. As
root, outside any lab.
"""

import os
import statistics
import subprocess
import sys
import time

from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.lab import nodes
from tests.benchmarks import _lab

_MODULE = 'tests.benchmarks.lab_topology'
_INSIDE = 'GLUSTER_HEKETI_BENCHMARK_LOAD'


def load(lab: layout.Lab) -> None:
    """Load the lab's nodes and print the seconds that it took."""
    began = time.perf_counter()
    _lab.service(lab)
    print(time.perf_counter() - began)


def measure(spec: layout.LabSpec) -> tuple[float, float]:
    """Make a lab and load its nodes; give the seconds of both."""
    began = time.perf_counter()
    lab = nodes.up(spec)
    booted = time.perf_counter() - began
    try:
        done = subprocess.run(
            network.entered(lab, [sys.executable, '-m', _MODULE]),
            env={**os.environ, _INSIDE: lab.name},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    finally:
        nodes.down(lab, purge=True)
    return booted, float(done.stdout)


def main() -> None:
    """Measure and print."""
    if name := os.environ.get(_INSIDE):
        load(layout.Lab.load(name))
        return
    parser = _lab.parser(_MODULE, runs=2)
    parser.add_argument('--name', default='bench-fresh', help='of the lab')
    parser.add_argument('--subnet', default='10.193.92.0/24')
    given = parser.parse_args()
    spec = layout.LabSpec(name=given.name, subnet=given.subnet)
    lab = layout.Lab.plan(spec)
    if lab.exists:
        # It may be one that somebody works with.
        parser.error(f'{lab.directory} is there; remove that lab first')
    measured = [measure(spec) for _ in range(given.runs)]
    report = _lab.Report('A fresh lab: 4 nodes, 8 devices')
    report.times('lab up', [booted for booted, _ in measured])
    loads = [loaded for _, loaded in measured]
    report.times('topology load', loads)
    report.figure(
        'topology load, s', statistics.median(loads), 'goal: at most 20'
    )
    report.finish(given.json)


if __name__ == '__main__':
    main()
