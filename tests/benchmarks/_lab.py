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

"""A Service on a lab, for the benchmarks that need real GlusterFS."""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from collections.abc import Sequence

from oslo_config import cfg

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.lab import layout
from manila_gluster_heketi.lab import network
from manila_gluster_heketi.lab import topology
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB

_INSIDE = 'GLUSTER_HEKETI_BENCHMARK_INSIDE'


@dataclasses.dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line of a benchmark says.

    :ivar runs: how often each thing is measured
    :ivar json: file for the figures; None: the table alone
    """

    lab: layout.Lab
    runs: int
    json: pathlib.Path | None


def parser(module: str, runs: int) -> argparse.ArgumentParser:
    """Give what all these benchmarks understand.

    :param runs: how often by default
    """
    made = argparse.ArgumentParser(prog=f'python -m {module}')
    made.add_argument('--runs', type=int, default=runs, metavar='N')
    made.add_argument(
        '--json', type=pathlib.Path, metavar='FILE', help='write figures'
    )
    return made


def arguments(module: str, runs: int) -> Arguments:
    """Read the command line, and go into the lab's network."""
    reader = parser(module, runs)
    reader.add_argument('--lab', default='bench', help='a lab that is up')
    given = reader.parse_args()
    lab = layout.Lab.load(given.lab)
    if os.environ.get(_INSIDE) != lab.namespace:
        # This process is replaced by one that sees the nodes.
        argv = [sys.executable, '-m', module, *sys.argv[1:]]
        os.environ[_INSIDE] = lab.namespace
        entered = network.entered(lab, argv)
        os.execvp(entered[0], entered)  # noqa: S606
    return Arguments(lab, given.runs, given.json)


def service(lab: layout.Lab) -> Service:
    """Give a service with its state in the lab's directory, nodes loaded."""
    made = Service(
        settings(
            lab.directory / 'benchmarks',
            ssh_private_key=str(lab.identity_file),
            ssh_config_file='/dev/null',
        )
    )
    made.prepare()
    if not made.nodes():
        load_topology(made, lab)
    return made


def load_topology(made: Service, lab: layout.Lab) -> None:
    """Load all nodes and devices of the lab."""
    made.load_topology(json.dumps(topology.topology_document(lab)), lab.name)


def settings(state: str | pathlib.Path, **values: str) -> Settings:
    """Give the default settings, but for the place of the state.

    :param values: options without their prefix
    """
    config = cfg.ConfigOpts()
    config([], default_config_files=[], default_config_dirs=[])
    opts.register_opts(config)
    chosen = {
        'state_path': str(state),
        'store_connection': f'sqlite:///{state}/store.sqlite',
        **values,
    }
    for name, value in chosen.items():
        config.set_override(f'gluster_heketi_{name}', value, group=GROUP)
    return Settings.from_group(config[GROUP])


def spec(size_bytes: int = GIB, kind: str = 'replicate:3') -> model.VolumeSpec:
    """Ask for a volume of a share that is not there yet."""
    share = model.new_id()
    return model.VolumeSpec(
        share_id=share,
        name=f'share-{share}',
        size_bytes=size_bytes,
        durability=durability.parse(kind),
    )


def seconds(call: Callable[[], object]) -> float:
    """Time a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@dataclasses.dataclass(slots=True)
class Report:
    """Figures as a table for people, and as JSON for programs."""

    title: str
    rows: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    figures: dict[str, object] = dataclasses.field(default_factory=dict)

    def times(self, name: str, values: Sequence[float]) -> float:
        """Add measured seconds; give their median."""
        median = statistics.median(values)
        low, high = min(values), max(values)
        self.figures[name] = [round(value, 3) for value in values]
        self.rows.append(
            (name, f'{median:.2f} s', f'{low:.2f} to {high:.2f} s')
        )
        return median

    def figure(self, name: str, value: float, goal: str = '') -> None:
        """Add one number, and what it should be."""
        self.figures[name] = round(value, 3)
        self.rows.append((name, f'{value:.2f}', goal))

    def finish(self, json_file: pathlib.Path | None) -> None:
        """Print the table and the load of the host; write the JSON."""
        load = os.getloadavg()[0]
        print(f'{self.title} (load average {load:.1f})')
        for name, value, rest in self.rows:
            print(f'  {name:<44} {value:>9}  {rest}')
        if json_file is not None:
            document = {'load': load, **self.figures}
            json_file.write_text(json.dumps(document, indent=2) + '\n')
