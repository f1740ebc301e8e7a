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

"""Where the time of gluster's own commands goes.

Run it with ``python -m tests.benchmarks.gluster_costs --lab NAME``. Variants
take turns on the same bricks; what each command took is read from the node's
own clock.
"""

import dataclasses
import statistics

from manila_gluster_heketi.sizes import GIB
from tests.benchmarks import _floor
from tests.benchmarks import _lab

_HOOKS = '/var/lib/glusterd/hooks'
_CLOCK = """\
set -e
at() { read -r up _ </proc/uptime; echo "$1 $up"; }
volume() { gluster --mode=script volume "$@" >/dev/null; }
at begin
"""
_TLS = ('client.ssl', 'server.ssl', 'auth.ssl-allow')
_CREATE = ('create', 'create {name} replica 3 {bricks}')
_SET = ('set', 'set {name} {options}')
_START = ('start', 'start {name}')
_QUOTA = (
    ('quota enable', 'quota {name} enable'),
    ('quota limit', 'quota {name} limit-usage / 1GB'),
)
_NOW = (_CREATE, _SET, _START, *_QUOTA)

Steps = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """A way to make a volume.

    :ivar hooks: whether glusterd finds its hook scripts
    :ivar away: run on a node that has no brick of the volume
    """

    name: str
    steps: Steps
    hooks: bool = True
    away: bool = False


_VARIANTS = (
    Variant('as it is', _NOW),
    Variant('without hook scripts', _NOW, hooks=False),
    Variant(
        'TLS options alone',
        (_CREATE, ('set', 'set {name} {tls}'), _START, *_QUOTA),
    ),
    Variant('on a node without a brick', _NOW, away=True),
    Variant('without quota', (_CREATE, _SET, _START)),
)


class Bench:
    """Bricks that volumes are made on, one after the other."""

    def __init__(self, floor: _floor.Floor) -> None:
        self._floor = floor
        self._bricks = floor.bricks(4 * GIB)
        self._node = self._bricks.bricks[0].node
        used = [brick.node for brick in self._bricks.bricks]
        self._away = next(n for n in floor.lab.nodes if n not in used)
        self._count = 0

    def close(self) -> None:
        """Remove the bricks."""
        self._floor.destroy_bricks(self._bricks)

    def make(self, variant: Variant) -> dict[str, float]:
        """Make a volume and remove it; say what each command took."""
        self._count += 1
        node = self._away if variant.away else self._node
        name = f'costs-{self._count}'
        options = self._floor.options(name)
        script = _CLOCK
        for step, words in variant.steps:
            command = words.format(
                name=name,
                # Directories beside the one that the bricks have.
                bricks=self._floor.addresses(self._bricks).replace(
                    '/brick', f'/{name}'
                ),
                options=_floor.words(options),
                tls=_floor.words({key: options[key] for key in _TLS}),
            )
            script += f'volume {command}\nat {step.replace(" ", "-")}\n'
        self._set_hooks(variant.hooks)
        try:
            output = self._floor.run(node, script)
        finally:
            self._set_hooks(True)
            self._floor.remove(node, name)
        return _laps(output)

    def _set_hooks(self, wanted: bool) -> None:
        """Let glusterd find its hook scripts: it runs what is executable."""
        mode = '+x' if wanted else '-x'
        for node in self._floor.lab.nodes:
            self._floor.run(
                node, f'find {_HOOKS} -type f -exec chmod {mode} {{}} +'
            )


def _laps(output: str) -> dict[str, float]:
    marks = [line.split() for line in output.splitlines()]
    laps = {
        name: float(up) - float(before)
        for (_, before), (name, up) in zip(marks, marks[1:])
    }
    laps['total'] = float(marks[-1][1]) - float(marks[0][1])
    return laps


def main() -> None:
    """Measure and print."""
    given = _lab.arguments('tests.benchmarks.gluster_costs', runs=2)
    service = _lab.service(given.lab)
    # Daemons that the first volume would start are not what is measured.
    resident = _lab.spec()
    service.create_volume(resident)
    bench = Bench(_floor.Floor(given.lab, service))
    laps: dict[str, dict[str, list[float]]] = {}
    try:
        for _ in range(given.runs):
            for variant in _VARIANTS:
                of_variant = laps.setdefault(variant.name, {})
                for step, taken in bench.make(variant).items():
                    of_variant.setdefault(step, []).append(taken)
    finally:
        bench.close()
        service.delete_volume(resident.share_id)
    report = _lab.Report('What gluster commands take, by variant')
    total = statistics.median(laps[_VARIANTS[0].name]['total'])
    for name, steps in laps.items():
        for step, values in steps.items():
            report.times(f'{name}: {step}', values)
        ratio = statistics.median(steps['total']) / total
        report.figure(f'{name} / {_VARIANTS[0].name}', ratio)
    report.finish(given.json)


if __name__ == '__main__':
    main()
